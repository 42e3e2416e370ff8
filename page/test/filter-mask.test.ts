import { describe, expect, it } from "vitest";
import { filterMask, moment, type FilterColumn } from "../src/data/filter-mask";

// The table of docs/filters.md, and what it says of it.
const columns = new Map<string, FilterColumn>([
  ["label", { type: "string", values: ["sci.space", "sci.med", null] }],
  ["year", { type: "int64", values: [1993, 1990, 1993] }],
  ["tags", { type: "list<item: string>", values: [["a", "b"], [], ["b"]] }],
  ["at", { type: "timestamp[ms]", values: ["1993-04-05T00:00:00", "1993-04-05T12:30:00.250", null] }],
  ["ok", { type: "bool", values: [true, false, null] }],
  ["Upper Case", { type: "string", values: ["50%", "it's", "😀"] }],
  ["topic", { type: "int32", values: [0, 1, -1], leaves: (n) => (n === 7 ? [0, 1] : [n]) }],
]);
const rows = (filter: string) => [...filterMask(filter, columns, 3).entries()].filter(([, on]) => on).map(([row]) => row);
const says = (filter: string) => {
  try {
    rows(filter);
    return "";
  } catch (error) {
    return (error as Error).message;
  }
};

describe("filters in a file", () => {
  it("answer as the documentation of the language says", () => {
    expect(rows("label = 'sci.space' AND year >= 1993")).toEqual([0]);
    expect(rows("NOT label = 'sci.space'")).toEqual([1]);
    expect(rows("label ilike 'SCI.%' or tags has 'b'")).toEqual([0, 1, 2]);
    expect(rows("tags HAS ALL ('a', 'b') OR year NOT IN (1993, 1994)")).toEqual([0, 1]);
  });
  it("leave what is missing out of both sides", () => {
    expect(rows("label != 'sci.med'")).toEqual([0]);
    expect(rows("label IS NULL")).toEqual([2]);
    expect(rows("label IS NOT NULL AND NOT ok = TRUE")).toEqual([1]);
    expect(rows("ok = FALSE OR year = 1993")).toEqual([0, 1, 2]);
  });
  it("compare numbers, moments and texts", () => {
    expect(rows("year BETWEEN 1990 AND 1992")).toEqual([1]);
    expect(rows("at >= '1993-04-05 12:30'")).toEqual([1]);
    expect(rows("at < '1993-04-05T12:30:00.25Z'")).toEqual([0]);
    expect(rows("tags HAS ANY ('a', 'x')")).toEqual([0]);
    expect(rows("\"Upper Case\" LIKE '50\\%'")).toEqual([0]);
    expect(rows("\"Upper Case\" = 'it''s'")).toEqual([1]);
    expect(rows("\"Upper Case\" LIKE '_'")).toEqual([2]);
    // U+FF5E stands below U+1F600, though UTF-16 has it the other way round.
    expect(rows("\"Upper Case\" > '～'")).toEqual([2]);
  });
  it("take an inner topic for all below it", () => {
    expect(rows("topic = 7")).toEqual([0, 1]);
    expect(rows("topic != 7")).toEqual([2]);
    expect(rows("topic IN (1)")).toEqual([1]);
  });
  it("say where a mistake is", () => {
    expect(says("yaer = 1")).toMatch(/^filter, column 1: no column 'yaer'/);
    expect(says("label = 3")).toBe("filter, column 9: column 'label' holds string: give a value such as 'x', not 3");
    expect(says("year >= ")).toBe("filter, column 9: expected a value, found the end");
    expect(says("label = 'a")).toBe("filter, column 9: the ' that opens here is not closed");
    expect(says("year = 1 year = 2")).toMatch(/^filter, column 10: expected AND, OR or the end/);
    expect(says("tags = 'a'")).toMatch(/not for lists/);
    expect(says(`${"(".repeat(20)}year = 1${")".repeat(20)}`)).toMatch(/deeper than 12/);
  });
  it("read moments with zones", () => {
    expect(moment("1970-01-01")).toBe(0n);
    expect(moment("1970-01-01 01:00:00+01:00")).toBe(0n);
    expect(moment("1970-01-01T00:00:00.000000001")).toBe(1n);
    expect(moment("1993-02-30")).toBeNull();
  });
});
