import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cutPart, isHardWrapped, joinLines } from "../src/panels/text-parts";

const full = "these words fill a line of old mail up to where it ends at";

describe("parts of a long text", () => {
  it("end at a line, else at a word, else anywhere", () => {
    expect(cutPart("one\ntwo three")).toEqual(["one\n", "two three"]);
    expect(cutPart("one two")).toEqual(["one ", "two"]);
    expect(cutPart("x".repeat(5000))).toEqual(["x".repeat(5000), ""]);
  });
  it("lose nothing", () => {
    const strings = fc.string({ unit: fc.constantFrom("a", " ", "\n", "😀", "word ".repeat(500)) });
    fc.assert(
      fc.property(strings, (text) => {
        expect(cutPart(text).join("")).toBe(text);
      }),
    );
  });
});

describe("lines broken by hand", () => {
  it("are known by their even length", () => {
    expect(isHardWrapped(`${full}\n${full}\n${full}`)).toBe(true);
    expect(isHardWrapped("a list\nof short\nlines\nas in a poem")).toBe(false);
    expect(isHardWrapped(`${full.repeat(4)}\n${full.repeat(4)}\n${full.repeat(4)}`)).toBe(false);
  });
  it("are joined, paragraphs and quotes are not", () => {
    expect(joinLines(`${full}\nthe next\nshort`)).toBe(`${full} the next\nshort`);
    expect(joinLines(`${full}\n\n${full}`)).toBe(`${full}\n\n${full}`);
    expect(joinLines(`${full}\n> quoted`)).toBe(`${full}\n> quoted`);
    expect(joinLines(`    ${full}\ngoes on\n    ${full}`)).toBe(`    ${full} goes on\n    ${full}`);
  });
});
