import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { brief, categoryColour, isSkewed, onScale, stepOf, STEPS } from "../src/map/colouring";
import { along, contrast, fromHex, fromLab, shade, toHex, toLab, type Rgb } from "../src/map/colour";
import type { AttributeSummary } from "../src/data/types";
import { DARK, LIGHT } from "../src/map/palette";

const channel = fc.integer({ min: 0, max: 255 });

/** What is seen without one kind of cone (Machado et al. 2009, severity 1), linear sRGB. */
const BLIND = {
  protan: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
  deutan: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
  tritan: [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
};

const linear = (v: number) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
const gamma = (c: number) => 255 * (c <= 0.0031308 ? 12.92 * c : 1.055 * c ** (1 / 2.4) - 0.055);

const seen = (rgb: Rgb, matrix: number[][]): Rgb =>
  matrix.map((row) => gamma(Math.min(1, Math.max(0, row.reduce((sum, m, i) => sum + m * linear(rgb[i]!), 0))))) as Rgb;

const apart = (a: Rgb, b: Rgb) => {
  const [x, y] = [toLab(a), toLab(b)];
  return Math.hypot(x[0] - y[0], x[1] - y[1], x[2] - y[2]);
};

describe("colours", () => {
  it("survive the way to OKLab and back", () => {
    fc.assert(
      fc.property(channel, channel, channel, (r, g, b) => {
        const back = fromLab(toLab([r, g, b]));
        [r, g, b].forEach((v, i) => expect(back[i]).toBeCloseTo(v, 1));
      }),
    );
    expect(toHex(fromHex("#3b2f8f"))).toBe("#3b2f8f");
  });

  it.each([["light", LIGHT], ["dark", DARK]] as const)("stay apart for colour-blind eyes: %s", (_name, colours) => {
    for (const matrix of Object.values(BLIND))
      colours.hues.forEach((one, i) =>
        colours.hues.slice(i + 1).forEach((other, k) => {
          const distance = apart(seen(one, matrix), seen(other, matrix));
          expect(distance, `hues ${i} and ${i + 1 + k}: ${distance.toFixed(3)}`).toBeGreaterThan(0.08);
        }),
      );
  });

  it.each([["light", LIGHT], ["dark", DARK]] as const)("stand out from the land: %s", (_name, colours) => {
    for (const hue of colours.hues) expect(contrast(hue, colours.land.low)).toBeGreaterThan(2);
    expect(contrast(colours.hit, colours.land.low)).toBeGreaterThan(4.5);
  });

  it("of a scale grow darker or lighter one way", () => {
    for (const colours of [LIGHT, DARK]) {
      const lightness = Array.from({ length: 21 }, (_, i) => toLab(along(colours.scale, i / 20))[0]);
      const signs = lightness.slice(1).map((v, i) => Math.sign(v - lightness[i]!));
      expect(new Set(signs).size).toBe(1);
    }
  });

  it("of categories differ for the first fifty, and are grey for none", () => {
    for (const colours of [LIGHT, DARK]) {
      expect(new Set(Array.from({ length: 45 }, (_, i) => toHex(categoryColour(i, colours)))).size).toBe(45);
      expect(categoryColour(-1, colours)).toEqual(colours.none);
    }
  });

  it("keep their channels in range when shaded", () => {
    fc.assert(
      fc.property(channel, channel, channel, fc.double({ min: -0.5, max: 0.5, noNaN: true }), (r, g, b, by) => {
        for (const v of shade([r, g, b], by, by)) expect(v >= 0 && v <= 255 && Number.isInteger(v)).toBe(true);
      }),
    );
  });

  it("spread a skewed attribute by rank, an even one as it is", () => {
    const even = { quantiles: Array.from({ length: 21 }, (_, i) => i / 20) } as AttributeSummary;
    expect(isSkewed(even)).toBe(false);
    expect(onScale(even, 0.37)).toBe(0.37);
    const skewed = { quantiles: [0, 0, 0, ...Array.from({ length: 17 }, (_, i) => (i + 1) / 1e5), 1] } as AttributeSummary;
    expect(isSkewed(skewed)).toBe(true);
    expect(onScale(skewed, 0)).toBeCloseTo(1 / 20);
    expect(onScale(skewed, 8 / 1e5)).toBeCloseTo(10 / 20);
    expect(onScale(skewed, 1)).toBe(1);
    const values = Array.from({ length: 50 }, (_, i) => onScale(skewed, (i / 49) ** 6));
    expect(values).toEqual(values.toSorted((a, b) => a - b));
  });

  it("steps and ends of a scale", () => {
    expect([stepOf(0), stepOf(0.999), stepOf(1), stepOf(NaN)]).toEqual([0, STEPS - 1, STEPS - 1, -1]);
    expect(["1,234,567", "2019", "0.5"]).toContain(brief(2019));
    expect(brief("1987-02-26T15:01:01Z")).toBe("1987-02-26");
    expect(brief(null)).toBe("–");
  });
});
