/** The colours points are drawn in, for paper and for ink. */

import { fromHex, type Rgb } from "./colour";

export interface Palette {
  /**
   * Hues in the order they are given out. Found by moving a muted scheme until the least distance
   * of any two, as seen with each kind of cone missing, was about 0.09 in OKLab (see the tests).
   */
  hues: Rgb[];
  /** What belongs to nothing. */
  none: Rgb;
  /** From low to high; lightness runs one way. */
  scale: Rgb[];
  hit: Rgb;
  /** Sea, lowland, upland and contour lines. */
  land: { sea: Rgb; low: Rgb; high: Rgb; line: Rgb };
}

export const LIGHT: Palette = {
  hues: ["#37258a", "#0ba3a0", "#dd5865", "#c3971e", "#5373d3", "#821b57", "#226310", "#a44d9f", "#797a08"].map(
    fromHex,
  ),
  none: fromHex("#a39d92"),
  scale: ["#f0c05a", "#d9804f", "#b24a63", "#6f2f6f", "#2b1f52"].map(fromHex),
  hit: fromHex("#b3261e"),
  land: {
    sea: fromHex("#e9e6dd"),
    low: fromHex("#f6f2e9"),
    high: fromHex("#fdfbf6"),
    line: fromHex("#a89a80"),
  },
};

export const DARK: Palette = {
  hues: ["#9e96d8", "#51f1ca", "#ef92a4", "#ffc78b", "#aecdff", "#d5579c", "#42b064", "#c062fc", "#bcbe22"].map(
    fromHex,
  ),
  none: fromHex("#68707b"),
  scale: ["#4a3f86", "#8c4a8f", "#cf5f78", "#f0945f", "#fbe08a"].map(fromHex),
  hit: fromHex("#ff8a5c"),
  land: {
    sea: fromHex("#0b0f14"),
    low: fromHex("#131920"),
    high: fromHex("#1b232c"),
    line: fromHex("#566576"),
  },
};

export const palette = (dark: boolean): Palette => (dark ? DARK : LIGHT);
