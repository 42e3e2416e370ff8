/** The quadtree of tiles, and which of them a view wants. */

import type { AtlasInfo, TileInfo } from "../data/types";
import type { View } from "../state/store";

export interface Tile extends TileInfo {
  key: string;
  /** Lower left corner and side, in map coordinates. */
  x0: number;
  y0: number;
  side: number;
}

export const keyOf = (z: number, x: number, y: number): string => `${z}/${x}/${y}`;

export class TileIndex {
  readonly byKey = new Map<string, Tile>();
  readonly root: Tile | undefined;
  /** Points of a tile and of all below it. */
  private readonly totals = new Map<string, number>();

  constructor(map: AtlasInfo["map"]) {
    const [bx, by, ex] = map.bounds;
    for (const { z, x, y, points } of map.tiles) {
      if (points <= 0) continue;
      const side = (ex - bx) / 2 ** z;
      const key = keyOf(z, x, y);
      this.byKey.set(key, { z, x, y, points, key, side, x0: bx + x * side, y0: by + y * side });
    }
    this.root = this.byKey.get("0/0/0");
    for (const { z, x, y, points } of this.byKey.values())
      for (let up = 0; up <= z; up++) {
        const key = keyOf(z - up, x >> up, y >> up);
        this.totals.set(key, (this.totals.get(key) ?? 0) + points);
      }
  }

  /**
   * How many passages a point of this tile stands for: only itself where the tiles below it are
   * drawn too, else all of its square.
   */
  weight(tile: Tile, drawn: ReadonlySet<string>): number {
    if (this.children(tile).some(({ key }) => drawn.has(key))) return 1;
    return this.totals.get(tile.key)! / tile.points;
  }

  children({ z, x, y }: TileInfo): Tile[] {
    const found: Tile[] = [];
    for (const [i, j] of [
      [0, 0],
      [1, 0],
      [0, 1],
      [1, 1],
    ] as const) {
      const child = this.byKey.get(keyOf(z + 1, 2 * x + i, 2 * y + j));
      if (child) found.push(child);
    }
    return found;
  }
}

export interface Size {
  width: number;
  height: number;
}

/** Part of a tile's square that is in view, 0..1. */
export function share(tile: Tile, view: View, size: Size): number {
  const scale = 2 ** view.zoom;
  const halfWidth = size.width / 2 / scale;
  const halfHeight = size.height / 2 / scale;
  const across =
    Math.min(tile.x0 + tile.side, view.x + halfWidth) - Math.max(tile.x0, view.x - halfWidth);
  const up =
    Math.min(tile.y0 + tile.side, view.y + halfHeight) - Math.max(tile.y0, view.y - halfHeight);
  return across <= 0 || up <= 0 ? 0 : (across * up) / tile.side ** 2;
}

/** So many points are drawn even where tiles are small on the screen: small maps come whole. */
const FEW = 40_000;
/** No tile is worth its while below so many pixels. */
const TINY = 48;

/**
 * Gives the tiles a view wants, shallow ones first, near ones before far ones.
 *
 * A tile is wanted when it is in view and its side is at least `least` pixels on the screen, or
 * when points are few; the root always is. More than `budget` points are never wanted: the
 * deepest level is left out first.
 */
export function wantedTiles(
  index: TileIndex,
  view: View,
  size: Size,
  least = 256,
  budget = 1_500_000,
): Tile[] {
  const scale = 2 ** view.zoom;
  const chosen: Tile[] = [];
  let level = index.root ? [index.root] : [];
  let points = 0;
  while (level.length) {
    const far = (tile: Tile) =>
      Math.hypot(tile.x0 + tile.side / 2 - view.x, tile.y0 + tile.side / 2 - view.y);
    level.sort((a, b) => far(a) - far(b));
    for (const tile of level) {
      if (chosen.length && points + tile.points > budget) return chosen;
      chosen.push(tile);
      points += tile.points;
    }
    level = level
      .flatMap((tile) => index.children(tile))
      .filter((tile) => share(tile, view, size) > 0);
    const pixels = (level[0]?.side ?? 0) * scale;
    const more = level.reduce((sum, tile) => sum + tile.points, points);
    if (pixels < least && (pixels < TINY || more > FEW)) break;
  }
  return chosen;
}
