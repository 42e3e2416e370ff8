import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { also, columnText, equals } from "../src/panels/filter-text";
import { suggest, type Column } from "../src/panels/filter-suggest";

const columns: Column[] = [
  { name: "label", kind: "category" },
  { name: "year", kind: "number" },
  { name: "Upper Case", kind: "text" },
  { name: "tags", kind: "list" },
];
const bits = fc.constantFrom(..."'\"(),=<> \n\\😀é1", "label", "year ", " IN ", " AND ", " NOT ", " BETWEEN ", " IS ");
const values = (column: string) =>
  column === "label"
    ? [
        { value: "sci.space", detail: "985" },
        { value: "it's", detail: "3" },
      ]
    : null;
const labels = (text: string) => suggest(text, columns, values).items.map(({ label }) => label);
const taken = (text: string, n = 0) => {
  const { from, items } = suggest(text, columns, values);
  return text.slice(0, from) + items[n]!.insert;
};

describe("suggest", () => {
  it("begins with columns, those that start so first", () => {
    expect(labels("")).toEqual(["label", "year", "Upper Case", "tags"]);
    expect(labels("a")).toEqual(["label", "year", "Upper Case", "tags"]);
    expect(labels("ye")).toEqual(["year"]);
    expect(taken("upp")).toBe('"Upper Case" ');
    expect(taken('"Upp')).toBe('"Upper Case" ');
  });
  it("goes on with the operators of the column's kind", () => {
    expect(labels("year ")[0]).toBe(">=");
    expect(labels("tags h")).toEqual(["HAS", "HAS ANY", "HAS ALL"]);
    expect(taken("label i")).toBe("label IN (");
    expect(labels("nothing ")).toEqual([]);
  });
  it("knows values, and quotes them", () => {
    expect(taken("label = ")).toBe("label = 'sci.space' ");
    expect(taken("label = 'it")).toBe("label = 'it''s' ");
    expect(taken("label =spa")).toBe("label ='sci.space' ");
    expect(suggest("year >= ", columns, values).column).toBe("year");
  });
  it("writes lists", () => {
    expect(taken("label IN (")).toBe("label IN ('sci.space'");
    expect(taken("label IN ('sci.space'")).toBe("label IN ('sci.space', ");
    expect(taken("label IN ('sci.space'", 1)).toBe("label IN ('sci.space') ");
    expect(taken("label IN ('sci.space', ")).toBe("label IN ('sci.space', 'sci.space'");
  });
  it("joins tests", () => {
    expect(labels("year >= 3 ")).toEqual(["AND", "OR"]);
    expect(labels("(year BETWEEN 3 AND 4 ")).toEqual(["AND", "OR", ")"]);
    expect(labels("label IS NULL o")).toEqual(["OR"]);
    expect(labels("year >= 3 AND ye")).toEqual(["year"]);
  });
  it("never fails, whatever is typed", () => {
    fc.assert(
      fc.property(fc.string({ unit: bits }), (text) => {
        const { from, items } = suggest(text, columns, values);
        expect(from).toBeLessThanOrEqual(text.length);
        expect(items.length).toBeLessThanOrEqual(8);
      }),
    );
  });
});

describe("filter text", () => {
  it("quotes names and values", () => {
    expect(columnText("in")).toBe('"in"');
    expect(columnText('a "b"')).toBe('"a ""b"""');
    expect(equals("label", "it's")).toBe("label = 'it''s'");
    expect(equals("ok", true)).toBe("ok = TRUE");
  });
  it("adds tests", () => {
    expect(also("", "a = 1")).toBe("a = 1");
    expect(also("a = 1", "a = 1")).toBe("a = 1");
    expect(also("a = 1 or b = 2", "c = 3")).toBe("(a = 1 or b = 2) AND c = 3");
  });
});
