import { describe, expect, it } from "vitest";
import { bandPath, lastLabel, linePath, periodIn, periodLabel, runs, spanLabel, sparse, ticks, timeColumns, withPeriod, withoutPeriod } from "../src/panels/time-data";
import type { AtlasInfo } from "../src/data/types";

const period = (start: string, end: string) => ({ start, end, passages: 1 });
const march = period("1987-03-01", "1987-04-01");
const april = period("1987-04-01", "1987-05-01");

describe("the filter of a period", () => {
  it("is written, replaced and taken off", () => {
    const one = withPeriod("", "date", march, march, false);
    expect(one).toBe("date >= '1987-03-01' AND date < '1987-04-01'");
    const two = withPeriod(one, "date", march, april, false);
    expect(two).toBe("date >= '1987-03-01' AND date < '1987-05-01'");
    expect(withoutPeriod(two, "date")).toBe("");
  });
  it("keeps what else the filter says", () => {
    const mixed = withPeriod("a = 1 OR b = 2", "year", period("1990", "2000"), period("1990", "2000"), true);
    expect(mixed).toBe("(a = 1 OR b = 2) AND year >= 1990 AND year < 2000");
    expect(withoutPeriod(mixed, "year")).toBe("a = 1 OR b = 2");
    expect(withoutPeriod("a = 1 AND year >= 1990 AND year < 2000", "year")).toBe("a = 1");
    expect(withoutPeriod("year >= 1990 AND year < 2000 AND a = 1", "year")).toBe("a = 1");
    expect(withoutPeriod("(a = 1) OR (b = 2)", "year")).toBe("(a = 1) OR (b = 2)");
  });
  it("is found again", () => {
    const where = withPeriod("x = 'y'", "date", april, april, false);
    expect(periodIn(where, "date", [march, april])).toEqual([1, 1]);
    expect(periodIn("date > '1987'", "date", [march])).toBeNull();
  });
});

describe("the drawing", () => {
  it("leaves gaps where there is nothing", () => {
    const lines = runs([1, 2, null, 3], (i, value) => [i, value]);
    expect(lines).toEqual([[[0, 1], [1, 2]], [[3, 3]]]);
    expect(linePath(lines)).toBe("M0.0 1.0L1.0 2.0M3.0 3.0");
    expect(bandPath([[[0, 0], [1, 0]]], [[[0, 2], [1, 2]]])).toBe("M0.0 2.0L1.0 2.0L1.0 0.0L0.0 0.0Z");
  });
  it("has round ticks", () => {
    expect(ticks(0.31)).toEqual([0, 0.1, 0.2, 0.3]);
    expect(ticks(1213)).toEqual([0, 500, 1000]);
    expect(ticks(0)).toEqual([0]);
  });
  it("names periods by their unit", () => {
    expect(periodLabel("1987-02-01", "1 month")).toBe("Feb 1987");
    expect(periodLabel("1800-01-01", "10 years")).toBe("1800");
    expect(periodLabel("1987-02-26", "1 day")).toBe("26 Feb 1987");
    expect(periodLabel("1790", "10 years")).toBe("1790");
  });
});

describe("what a period is called", () => {
  it("names its last part, not where it begins", () => {
    const late = { start: "2023-11-01", end: "2024-01-01", passages: 9 };
    expect(spanLabel({ ...late, start: "2023-03-01" }, late, "2 months")).toBe("Mar 2023 to Dec 2023");
    expect(spanLabel(late, late, "2 months")).toBe("Nov 2023 to Dec 2023");
    expect(spanLabel(march, march, "1 month")).toBe("Mar 1987");
    expect(spanLabel({ start: "1990", end: "2000", passages: 1 }, { start: "2000", end: "2010", passages: 1 }, "10 years")).toBe("1990 to 2009");
    expect(lastLabel("2024-01-01T00:00:00", "1 hour")).toBe("31 Dec, 23:59");
    expect(lastLabel("0800-01-01", "100 years")).toBe("0799");
  });
  it("has no shares of a few passages, unless there are no others", () => {
    const of = (...counts: number[]) => sparse(counts.map((passages) => ({ start: "", end: "", passages })));
    expect(of(90, 4, 0, 5)).toEqual([false, true, true, false]);
    expect(of(1, 2)).toEqual([false, false]);
  });
});

describe("columns of times", () => {
  const info = (...attributes: [string, string, string][]) =>
    ({ attributes: attributes.map(([name, type, kind]) => ({ name, type, kind, distinct: null })) }) as unknown as AtlasInfo;
  it("are those of the type, else those named so", () => {
    const names = (found: AtlasInfo) => timeColumns(found).map(({ name }) => name);
    expect(names(info(["at", "timestamp[ms]", "time"], ["year", "int64", "number"]))).toEqual(["at"]);
    expect(names(info(["year", "int64", "number"], ["score", "int64", "number"]))).toEqual(["year"]);
    expect(names(info(["created_at", "string", "text"], ["update", "string", "text"]))).toEqual(["created_at"]);
  });
});
