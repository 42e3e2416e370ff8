import { describe, expect, it } from "vitest";
import { cellShown } from "../src/panels/AttributeList";
import { equals, typedValue } from "../src/panels/filter-text";
import { counted, shortened, topicsCounted } from "../src/state/numbers";

describe("words for numbers", () => {
  it("agree with them", () => {
    expect(counted(1, "passage")).toBe("1 passage");
    expect(counted(1200, "passage")).toBe("1,200 passages");
    expect(topicsCounted({ topics: 6, groups: 4 })).toBe("6 topics in 4 groups");
    expect(topicsCounted({ topics: 1, groups: 0 })).toBe("1 topic");
  });
  it("cut long names between characters", () => {
    expect(shortened("a".repeat(40))).toBe("a".repeat(40));
    expect(shortened("🙂".repeat(50), 10)).toBe(`${"🙂".repeat(9)}…`);
  });
});

describe("a whole number too large for a script", () => {
  it("comes as text and is no text in a filter", () => {
    expect(equals("n", typedValue("9007199254740993", "int64"))).toBe("n = 9007199254740993");
    expect(equals("n", typedValue("9007199254740993", "string"))).toBe("n = '9007199254740993'");
  });
});

describe("cells of a table", () => {
  it("show dates as dates", () => {
    expect(cellShown("2020-01-31T00:00:00", "time")).toBe("2020-01-31");
    expect(cellShown("2020-01-31T00:00:00.000000+00:00", "time")).toBe("2020-01-31");
    expect(cellShown("2020-01-31T12:30:00", "time")).toBe("2020-01-31 12:30:00");
    expect(cellShown("MEET AT T12", "text")).toBe("MEET AT T12");
  });
  it("round fractions, and leave whole numbers alone", () => {
    expect(cellShown(0.1 + 0.2, "number")).toBe("0.3");
    expect(cellShown(1234.56789, "number")).toBe("1234.57");
    expect(cellShown(12345678, "number")).toBe("12345678");
    expect(cellShown("9007199254740993", "number")).toBe("9007199254740993");
    expect(cellShown(null, "number")).toBe("–");
  });
});
