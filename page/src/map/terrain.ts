/** The lie of the land: how densely passages lie, as a height that contours can follow. */

import type { TilePoints } from "../data/types";
import type { Bounds } from "./camera";

export interface Terrain {
  /** Cells a side. */
  cells: number;
  /** What the grid covers: more than the map, so that coasts close. */
  bounds: Bounds;
  /**
   * Height of every cell, rows from south to north, 0..1: the share of passages that lie where it
   * is less dense. So the contour at 0.5 holds half of all passages.
   */
  heights: Float32Array;
}

const CELLS = 224;
const BEYOND = 0.16;
/** Reach of one passage: standard deviation of the blur in map units at 8192 points. */
const REACH = 0.03;

function blurred(field: Float32Array, cells: number, sigma: number): Float32Array {
  const radius = Math.ceil(3 * sigma);
  const kernel = Float32Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-((i - radius) ** 2) / (2 * sigma ** 2)),
  );
  const total = kernel.reduce((sum, v) => sum + v, 0);
  let from = field;
  for (const step of [1, cells]) {
    const into = new Float32Array(from.length);
    for (let a = 0; a < cells; a++)
      for (let b = 0; b < cells; b++) {
        const value = from[step === 1 ? a * cells + b : b * cells + a]!;
        if (value === 0) continue;
        for (let k = Math.max(-radius, -b); k <= Math.min(radius, cells - 1 - b); k++)
          into[step === 1 ? a * cells + b + k : (b + k) * cells + a]! +=
            (value * kernel[k + radius]!) / total;
      }
    from = into;
  }
  return from;
}

/** Makes the land from the points of the root tile, an even sample of all passages. */
export function raise(points: TilePoints, map: Bounds): Terrain | null {
  const n = points.x.length;
  if (n === 0) return null;
  const side = map[2] - map[0];
  const margin = BEYOND * side;
  const bounds: Bounds = [map[0] - margin, map[1] - margin, map[2] + margin, map[3] + margin];
  const cell = (side + 2 * margin) / CELLS;
  const field = new Float32Array(CELLS * CELLS);
  const column = (offset: number) =>
    Math.min(CELLS - 1, Math.floor((margin + (offset / 65535) * side) / cell));
  const cellOf = (i: number) => column(points.y[i]!) * CELLS + column(points.x[i]!);
  for (let i = 0; i < n; i++) field[cellOf(i)]! += 1;
  // Fewer points reach further, by Scott's rule in two dimensions: n ** (-1/6).
  const sigma = ((REACH * (side / 2) * (8192 / n) ** (1 / 6)) / cell);
  const heights = blurred(field, CELLS, Math.max(1, sigma));
  const densities = Float32Array.from({ length: n }, (_, i) => heights[cellOf(i)]!).sort();
  // Density -> share of passages below it, in steps fine enough for contours.
  const STEPS = 64;
  const at = Array.from({ length: STEPS + 1 }, (_, q) =>
    densities[Math.min(n - 1, Math.round((q / STEPS) * (n - 1)))]!,
  );
  // Few passages are all equally dense: their land must not shrink to a point.
  at[1] = Math.min(at[1]!, 0.3 * at[STEPS]!) || 1e-9;
  const low = at[1];
  for (let i = 0; i < heights.length; i++) {
    const d = heights[i]!;
    if (d < low) {
      heights[i] = d / low / STEPS;
      continue;
    }
    let a = 1;
    let b = STEPS;
    while (b - a > 1) {
      const middle = (a + b) >> 1;
      if (at[middle]! <= d) a = middle;
      else b = middle;
    }
    const span = at[b]! - at[a]!;
    heights[i] = (a + (span > 0 ? Math.min(1, (d - at[a]!) / span) : 0)) / STEPS;
  }
  return { cells: CELLS, bounds, heights };
}

/** Half floats: what every WebGL 2 can filter. Values must lie in 0..1. */
export function toHalf(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(1);
  const real = new Float32Array(bits.buffer);
  return Uint16Array.from(values, (value) => {
    if (value < 6.2e-5) return 0;
    real[0] = value;
    const word = bits[0]!;
    return (((word >>> 23) - 112) << 10) | ((word >>> 13) & 0x3ff);
  });
}
