import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { codePoints, excerpt, keysOf, marked, slicePoints, stem, tellingKeys, wordsOf } from "../src/data/words";

// Half a pair of surrogates too: a text that was cut may end in one.
const strings = fc.string({ unit: fc.constantFrom(..."aeıß-_ \n<>&'é😀中ไทย٣", "\u0301", "\ud83d", "ing", "word ") });
const shown = (text: string, query: string) =>
  marked(text, keysOf(query))
    .map((piece) => (piece.marked ? `[${piece.text}]` : piece.text))
    .join("");

describe("words", () => {
  it("takes the forms of an English word for the same", () => {
    const same = [
      ["launch", "launches", "launched", "launching"],
      ["drive", "drives", "driving", "drived"],
      ["city", "cities"],
      ["hop", "hopped", "hopping"],
    ];
    for (const forms of same) expect(new Set(forms.map(stem)).size, forms.join()).toBe(1);
    expect(stem("bus")).toBe("bus");
    expect(stem("sing")).toBe("sing");
    expect(stem("red")).toBe("red");
  });
  it("cuts Japanese and Chinese into words", () => {
    expect(wordsOf("我喜欢音乐").length).toBeGreaterThan(1);
    expect(shown("東京の天気", "天気")).toBe("東京の[天気]");
  });
  it("reads accents and case as none", () => {
    expect(shown("Éclair, ECLAIRS; claire", "eclair")).toBe("[Éclair], [ECLAIRS]; claire");
  });
});

describe("marked", () => {
  it("marks words, not parts of words", () => {
    expect(shown("The launch of launchers relaunched", "launching")).toBe(
      "The [launch] of launchers relaunched",
    );
  });
  it("leaves markup as text", () => {
    expect(shown("<b>bold</b>", "b")).toBe("<[b]>bold</[b]>");
  });
  it("gives back the whole text for any query", () => {
    fc.assert(
      fc.property(strings, strings, (text, query) => {
        expect(marked(text, keysOf(query)).map((piece) => piece.text).join("")).toBe(text);
      }),
    );
  });
});

describe("excerpt", () => {
  it("starts near the first word of the query", () => {
    const text = `${"so much before ".repeat(60)}the shuttle flies ${"and after ".repeat(60)}`;
    const part = excerpt(text, keysOf("shuttle"), 120);
    expect(part).toContain("shuttle");
    expect(part.startsWith("… ")).toBe(true);
    expect(part.length).toBeLessThan(130);
  });
  it("keeps a short text whole and flat", () => {
    expect(excerpt(" one\n\n two\t", new Set())).toBe("one two");
  });
  it("does not cut a pair of surrogates", () => {
    for (let n = 50; n < 54; n++) expect(excerpt("😀".repeat(60), new Set(), n)).not.toMatch(/^\p{Surrogate}|\p{Surrogate} |\p{Surrogate}$/u);
  });
});

describe("code points", () => {
  it("counts and cuts as Python does", () => {
    fc.assert(
      fc.property(strings, fc.nat(8), fc.nat(8), (text, start, length) => {
        const points = [...text];
        expect(codePoints(text)).toBe(points.length);
        expect(slicePoints(text, start, length)).toBe(points.slice(start, start + length).join(""));
      }),
    );
  });
});

it("common words are marked only where a query has no others", () => {
  expect([...tellingKeys("the cost of a launch")].sort()).toEqual([...keysOf("cost launch")].sort());
  expect(tellingKeys("to be or not to be")).toEqual(keysOf("to be or not to be"));
});
