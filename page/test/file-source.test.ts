import { deflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { Blocks } from "../src/data/file-blocks";
import { csvCell } from "../src/data/file-export";
import { FileSource } from "../src/data/file";
import { WordIndex } from "../src/data/file-words";

const packed = (bytes: Uint8Array): string => deflateSync(bytes).toString("base64");
const json = (value: unknown): string => packed(new TextEncoder().encode(JSON.stringify(value)));

/** Arrays one after the other, each at a multiple of 8 bytes. */
function binary(arrays: Record<string, Uint8Array | Uint16Array | Uint32Array | Int32Array | Float32Array>) {
  const infos = [];
  const bytes: number[] = [];
  for (const [name, array] of Object.entries(arrays)) {
    while (bytes.length % 8) bytes.push(0);
    const type = array.constructor.name.replace("Array", "").toLowerCase();
    infos.push({ name, type, offset: bytes.length, length: array.length });
    bytes.push(...new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
  }
  return { infos, block: packed(Uint8Array.from(bytes)) };
}

const TEXTS = ["The launch of a shuttle", "Launches, launches and a launch", "<b>A hockey</b> game", "الفريق يلعب 😀"];
const points = binary({
  x: Uint16Array.of(0, 65535, 32768, 0),
  y: Uint16Array.of(0, 65535, 32768, 65535),
  passage: Uint32Array.of(3, 5, 8, 9),
  topic: Int32Array.of(0, 0, 1, -1),
  membership: Float32Array.of(1, 0.5, 0.25, 0),
  document: Uint32Array.of(1, 1, 2, 3),
  text_length: Uint32Array.from(TEXTS.map((text) => [...text].length)),
});
const neighbours = binary({
  row: Uint16Array.of(1, 2, 0, 65535, 1, 0, 65535, 65535),
  score: Uint8Array.of(255, 51, 255, 0, 51, 51, 0, 0),
});
const topic = (id: number, parent: number | null, path: number[], label: string) => ({
  id, parent, path, label, depth: path.length - 1, size: 2, keywords: [], exemplars: [], place: [0, 0], spread: 1,
});
const attributes = [
  { name: "year", type: "int64", kind: "number", distinct: 3 },
  { name: "label", type: "string", kind: "category", distinct: 2 },
];
const index = {
  format: "isogloss-page", format_version: 1, rows: 4, of: 9, where: null,
  atlas: {
    name: "made", passages: 4, documents: 3, topics: 2, version: 1, editable: false, attributes,
    map: { bounds: [-1, -1, 1, 1], levels: 1, tiles: [{ z: 0, x: 0, y: 0, points: 4 }] },
  },
  topics: { passages: 9, unassigned: 1, version: 1, topics: [topic(7, null, [7], "all"), topic(0, 7, [7, 0], "space"), topic(1, 7, [7, 1], "hockey")] },
  summaries: [{ name: "year", kind: "number", categories: [] }],
  blocks: {
    points: { arrays: points.infos },
    neighbours: { k: 2, arrays: neighbours.infos },
    ids: [{ name: "ids-0", first: 0, rows: 4 }],
    texts: [{ name: "texts-0", first: 0, rows: 3 }, { name: "texts-1", first: 3, rows: 1 }],
    attributes: [
      { name: "year", values: [{ name: "values-0-0", first: 0, rows: 1 }, { name: "values-0-1", first: 1, rows: 3 }], colour: null },
      { name: "label", values: [{ name: "values-1-0", first: 0, rows: 4 }], colour: null },
    ],
    spreads: {},
  },
};
const blocks: Record<string, string> = {
  index: json(index),
  points: points.block,
  neighbours: neighbours.block,
  "ids-0": json(["a", "b", "c,\"d\"", "e"]),
  "texts-0": json(TEXTS.slice(0, 3)),
  "texts-1": json(TEXTS.slice(3)),
  "values-0-0": json([1990]),
  "values-0-1": json([1991, null, 1993]),
  "values-1-0": json(["x", "x", "y", null]),
  spreads: json({ over: { year: { column: "year", periods: [] } }, by: {} }),
};
const made = (changed: Record<string, string> = {}) =>
  new FileSource(new Blocks((name) => changed[name] ?? blocks[name]!));
const numbers = (hits: { passage: number }[]) => hits.map(({ passage }) => passage);

describe("a file without a server", () => {
  it("gives the atlas, its topics and all points", async () => {
    const source = made();
    expect((await source.atlas()).of).toBe(9);
    expect((await source.topics()).topics).toHaveLength(3);
    const tile = await source.tile({ z: 0, x: 0, y: 0 });
    expect([...tile.passage]).toEqual([3, 5, 8, 9]);
    expect([...tile.topic]).toEqual([0, 0, 1, -1]);
  });
  it("finds words in any form, best first, within a filter and a topic", async () => {
    const source = made();
    expect(numbers((await source.search({ query: "launching" })).hits)).toEqual([5, 3]);
    expect(numbers((await source.search({ query: "launch", where: "year < 1991" })).hits)).toEqual([3]);
    expect(numbers((await source.search({ query: "launch hockey", topic: 1 })).hits)).toEqual([8]);
    expect(numbers((await source.search({ query: "launch game", topic: 7, k: 1 })).hits)).toHaveLength(1);
    expect(numbers((await source.search({ query: "يلعب" })).hits)).toEqual([9]);
    expect((await source.search({ query: "none" })).hits).toEqual([]);
  });
  it("reads passages, parts, documents and neighbours", async () => {
    const source = made();
    const passage = await source.passage(8);
    expect(passage).toMatchObject({ id: 'c,"d"', text: TEXTS[2], topic: 1, path: [7, 1], membership: 0.25 });
    expect(passage.attributes).toEqual({ year: null, label: "y" });
    expect(passage.x).toBeCloseTo(0, 4);
    expect((await source.passageText(9, 7, 6)).text).toBe([...TEXTS[3]!].slice(7, 13).join(""));
    const around = await source.document(5, 1, 1);
    expect(around.of).toBe(2);
    expect(around.passages.map(({ passage: n, current }) => [n, current])).toEqual([[3, false], [5, true]]);
    const near = await source.neighbours(3, 8, null);
    expect(near.hits.map(({ passage: n, score }) => [n, score])).toEqual([[5, 1], [8, 0.2]]);
    expect((await source.neighbours(5, 8, null)).hits).toHaveLength(1);
    expect(numbers((await source.neighbours(3, 8, "label = 'y'")).hits)).toEqual([8]);
    await expect(source.passage(4)).rejects.toThrow("passage 4 is not in this file");
  });
  it("selects by area, topic, filter and number, page by page", async () => {
    const source = made();
    const all = await source.selection({}, 0, 2);
    expect([all.count, numbers(all.rows), all.next]).toEqual([4, [3, 5], 2]);
    expect(all.topics).toEqual([{ topic: 0, count: 2 }, { topic: -1, count: 1 }, { topic: 1, count: 1 }]);
    const square: [number, number][] = [[-0.5, -0.5], [2, -0.5], [2, 2], [-0.5, 2]];
    expect(numbers((await source.selection({ polygon: square }, 0, 9)).rows)).toEqual([5, 8]);
    expect((await source.selection({ polygon: square, where: "label = 'x'" }, 0, 0)).count).toBe(1);
    expect((await source.selection({ topic: 7 }, 0, 0)).count).toBe(3);
    expect((await source.selection({ topic: -1 }, 0, 0)).count).toBe(1);
    expect((await source.selection({ passages: [9, 4] }, 0, 0)).count).toBe(1);
    await expect(source.selection({ where: "yaer = 1" }, 0, 0)).rejects.toThrow("no column 'yaer'");
  });
  it("writes CSV and JSON Lines", async () => {
    const source = made();
    const csv = await (await source.exportFile("csv", { topic: 1 })).text();
    expect(csv.split("\r\n")[0]).toBe("id,passage,text,topic,label_,membership,x,y,year,label".replace("label_", "topic_label"));
    expect(csv.split("\r\n")[1]).toMatch(/^"c,""d""",8,<b>A hockey<\/b> game,1,hockey,0.25,/);
    const lines = (await (await source.exportFile("jsonl", {})).text()).trim().split("\n").map((line) => JSON.parse(line) as { id: string });
    expect(lines.map(({ id }) => id)).toEqual(["a", "b", 'c,"d"', "e"]);
    expect(csvCell("a\nb")).toBe('"a\nb"');
  });
  it("gives stored figures, and says what it cannot do", async () => {
    const source = made();
    expect((await source.topicsOver("year")).column).toBe("year");
    await expect(source.topicsBy("label")).rejects.toThrow("no topics over 'label'");
    await expect(source.edit()).rejects.toThrow("cannot change the atlas");
    expect(source.exportAddress()).toBeNull();
  });
  it("says that a file is newer or broken", async () => {
    await expect(made({ index: json({ ...index, format_version: 2 }) }).atlas()).rejects.toThrow("format 2");
    await expect(made({ "texts-0": "AAAA" }).search({ query: "x" })).rejects.toThrow("block texts-0");
  });
  it("drops a search that is given up", async () => {
    const control = new AbortController();
    control.abort();
    await expect(made().search({ query: "launch" }, control.signal)).rejects.toThrow();
  });
});

describe("BM25", () => {
  it("gives the figures of the formula", () => {
    const words = new WordIndex();
    for (const text of ["a b", "a a c c", "d d d"]) words.add(text);
    // idf of a word in 2 of 3 texts: ln(1 + 1.5 / 2.5); lengths 2, 4; mean 3.
    const idf = Math.log(1.6);
    const expected = (count: number, length: number) =>
      (idf * count * 2.2) / (count + 1.2 * (0.25 + (0.75 * length) / 3));
    const found = words.search("a", 5);
    expect(found.map(({ row }) => row)).toEqual([1, 0]);
    expect(found[0]!.score).toBeCloseTo(expected(2, 4), 10);
    expect(found[1]!.score).toBeCloseTo(expected(1, 2), 10);
  });
});
