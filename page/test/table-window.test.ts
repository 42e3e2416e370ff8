import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HIGHEST, PAGE, Pages, ROW, pagesOf, rowWindow, scrollTo } from "../src/panels/table-window";

describe("rowWindow", () => {
  it("draws what is seen and two rows more at each side", () => {
    const shown = rowWindow(10 * ROW, 5 * ROW, 1000);
    expect([shown.first, shown.end, shown.height]).toEqual([8, 17, 1000 * ROW]);
    expect(shown.top(10)).toBe(10 * ROW);
  });
  it("reaches the last of a million rows", () => {
    const rows = 1_000_000;
    const shown = rowWindow(HIGHEST, 300, rows);
    expect(shown.height).toBe(HIGHEST);
    expect(shown.end).toBe(rows);
    expect(shown.top(rows - 1) + ROW).toBeCloseTo(HIGHEST, 3);
  });
  it("shows a row after scrolling to it, in tables of any length", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3_000_000 }), fc.nat(), fc.double({ min: 0, max: 1, noNaN: true }), (rows, pick, part) => {
        const seen = 300;
        const row = pick % rows;
        const to = scrollTo(row, part * Math.min(rows * ROW, HIGHEST), seen, rows);
        const shown = rowWindow(to, seen, rows);
        expect(row).toBeGreaterThanOrEqual(shown.first);
        expect(row).toBeLessThan(shown.end);
        const above = shown.top(row) - Math.min(to, Math.max(0, shown.height - seen));
        expect(above).toBeGreaterThan(-1);
        expect(above + ROW).toBeLessThan(seen + 1);
      }),
    );
  });
  it("takes an empty table", () => {
    expect(rowWindow(0, 300, 0)).toMatchObject({ first: 0, end: 0, height: 0 });
  });
});

describe("pages", () => {
  it("names the pages of rows", () => {
    expect(pagesOf(0, 1)).toEqual([0]);
    expect(pagesOf(PAGE - 1, PAGE + 1)).toEqual([0, 1]);
    expect(pagesOf(5, 5)).toEqual([]);
  });
  it("keeps those used last", () => {
    const pages = new Pages<number>(2);
    pages.put(0, [0]);
    pages.put(1, [1]);
    expect(pages.missing(0, 1)).toEqual([]);
    pages.put(2, [2]);
    expect(pages.row(0)).toBe(0);
    expect(pages.row(PAGE)).toBeUndefined();
    expect(pages.missing(0, 3 * PAGE)).toEqual([1]);
  });
});
