import { describe, expect, it } from "vitest";
import { TopicTree } from "../src/data/tree";
import type { Topic } from "../src/data/types";
import { candidates } from "../src/panels/topic-pick";

const topic = (id: number, parent: number | null, path: number[], size: number, label: string): Topic => ({
  id, parent, path, size, label, depth: path.length - 1, keywords: [label], exemplars: [], place: [0, 0], spread: 1,
});

// 10 holds 0 and 1; 11 holds 2.
const tree = new TopicTree({
  passages: 9, unassigned: 0, version: 1,
  topics: [
    topic(10, null, [10], 5, "sports"),
    topic(11, null, [11], 4, "science"),
    topic(0, 10, [10, 0], 3, "hockey"),
    topic(1, 10, [10, 1], 2, "Béisbol"),
    topic(2, 11, [11, 2], 4, "space"),
  ],
});
const names = (id: number, typed = "") => candidates(tree, id, typed).map(({ label }) => label);

describe("candidates for a merge", () => {
  it("leaves out itself, what holds it and what it holds; nearest in the tree first", () => {
    expect(names(0)).toEqual(["Béisbol", "space", "science"]);
    expect(names(10)).toEqual(["space", "science"]);
  });
  it("looks for all words, without accents or case", () => {
    expect(names(0, "beis")).toEqual(["Béisbol"]);
    expect(names(0, "sp ace")).toEqual(["space"]);
    expect(names(0, "none")).toEqual([]);
  });
});
