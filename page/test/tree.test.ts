import { describe, expect, it } from "vitest";
import { TopicTree } from "../src/data/tree";
import { deepest } from "../src/map/around";
import { LIGHT } from "../src/map/palette";
import { branches, colourTopics } from "../src/map/topic-colours";
import { matching, openedAtFirst, visibleRows } from "../src/tree/rows";
import { topicsReply } from "./made";

const tree = new TopicTree(topicsReply);

describe("topic tree", () => {
  it("puts the largest first and knows leaves and paths", () => {
    expect(tree.roots.map(({ id }) => id)).toEqual([10, 11, 4]);
    expect(tree.get(10)!.leaves.toSorted()).toEqual([0, 1]);
    expect(tree.path(3).map(({ id }) => id)).toEqual([11, 3]);
    expect(tree.path(99)).toEqual([]);
  });

  it("opens few hues into the largest branches", () => {
    expect(branches(tree, 9).map(({ id }) => id).toSorted()).toEqual([0, 1, 2, 3, 4]);
    expect(branches(tree, 3).map(({ id }) => id)).toEqual([10, 11, 4]);
  });

  it("gives every topic a colour, and parts of a branch shades of one hue", () => {
    const colours = colourTopics(tree, { ...LIGHT, hues: LIGHT.hues.slice(0, 3) });
    expect(colours.size).toBe(7);
    expect(colours.get(0)).not.toEqual(colours.get(1));
  });

  it("finds topics by words without accents, with what is above them", () => {
    expect([...matching(tree, "CAFE")!].toSorted((a, b) => a - b)).toEqual([3, 11]);
    expect(matching(tree, "  ")).toBeNull();
    expect(matching(tree, "nowhere")!.size).toBe(0);
  });

  it("lists rows with level and position as the tree pattern wants them", () => {
    const rows = visibleRows(tree, new Set([11]), null);
    expect(rows.map(({ topic, level, position, among }) => [topic.id, level, position, among])).toEqual([
      [10, 1, 1, 3],
      [11, 1, 2, 3],
      [2, 2, 1, 2],
      [3, 2, 2, 2],
      [4, 1, 3, 3],
    ]);
    expect(openedAtFirst(tree, 5)).toEqual(new Set([10]));
  });

  it("says where one is: the deepest topic with most of what is in view", () => {
    expect(deepest(tree, new Map([[0, 8], [1, 1], [4, 1]]))!.id).toBe(0);
    expect(deepest(tree, new Map([[0, 5], [1, 4], [4, 1]]))!.id).toBe(10);
    expect(deepest(tree, new Map([[0, 4], [2, 4], [4, 4]]))).toBeNull();
    expect(deepest(tree, new Map([[0, 2]]))).toBeNull();
  });
});
