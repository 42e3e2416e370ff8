/** The colours points are drawn in, for paper and for ink. */

import { fromHex, type Rgb } from "./colour";

export interface Palette {
  /** Hues that stay apart for colour-blind eyes; after Paul Tol's "muted" scheme. */
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
  hues: ["#3b2f8f", "#2a9d8c", "#c9576b", "#c39a2e", "#4a9fd4", "#86215a", "#1f7a42", "#a64fa0", "#83842a"].map(
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
  hues: ["#9a93f5", "#45c4ae", "#f08c9a", "#e8d07a", "#79c8f5", "#d9659f", "#62bd74", "#d08ed6", "#b9ba55"].map(
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
