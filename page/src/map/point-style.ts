/** How large and how opaque points are, by how many of them are in view. */

import { share, type Size, type Tile, type TileIndex } from "./tiles";
import type { View } from "../state/store";

export interface PointStyle {
  /** Diameter of a point that stands for one passage, css pixels. */
  size: number;
  opacity: number;
  dim: number;
}

/** Part of the map that is ink when all points lie apart. */
const INK = 0.13;
export const SMALLEST = 1.6;
export const LARGEST = 7.5;

const clamp = (low: number, value: number, high: number): number =>
  Math.min(high, Math.max(low, value));

/** Diameter of a point that stands for `weight` passages: its area grows with them. */
export const sizeOf = (size: number, weight: number): number =>
  clamp(SMALLEST, size * Math.sqrt(weight), LARGEST);

/** Few points are large; many are small and let light through. */
export function styleFor(passages: number, points: number, area: number): PointStyle {
  const size = Math.sqrt((INK * area) / Math.max(1, passages));
  const typical = sizeOf(Math.sqrt((INK * area) / Math.max(1, points)), 1);
  return { size, opacity: clamp(0.5, 0.42 + 0.09 * typical, 0.92), dim: 0.14 };
}

export interface Drawing {
  style: PointStyle;
  /** Diameter of the points of every tile. */
  sizes: Map<string, number>;
}

/** So that neighbouring tiles of unlike depth hold equally much ink, and no seam is seen. */
export function drawing(index: TileIndex, tiles: Tile[], view: View, size: Size): Drawing {
  const drawn = new Set(tiles.map(({ key }) => key));
  const weights = new Map(tiles.map((tile) => [tile.key, index.weight(tile, drawn)]));
  let passages = 0;
  let points = 0;
  for (const tile of tiles) {
    const seen = tile.points * share(tile, view, size);
    points += seen;
    passages += seen * weights.get(tile.key)!;
  }
  const style = styleFor(passages, points, size.width * size.height);
  const sizes = new Map(tiles.map(({ key }) => [key, sizeOf(style.size, weights.get(key)!)]));
  return { style, sizes };
}
