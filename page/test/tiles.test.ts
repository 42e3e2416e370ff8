import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TileIndex, share, wantedTiles } from "../src/map/tiles";
import { drawing, LARGEST, sizeOf, SMALLEST } from "../src/map/point-style";
import type { TileInfo } from "../src/data/types";

const all = (levels: number, points = 8192): TileInfo[] =>
  Array.from({ length: levels }, (_, z) =>
    Array.from({ length: 4 ** z }, (_, i) => ({ z, x: i % 2 ** z, y: Math.floor(i / 2 ** z), points })),
  ).flat();

const index = new TileIndex({ bounds: [-1, -1, 1, 1], levels: 6, tiles: all(6) });
const size = { width: 1000, height: 800 };
const fit = Math.log2(800 / 2);

describe("tiles", () => {
  it("knows where a tile lies: rows grow upwards", () => {
    const tile = index.byKey.get("1/0/1")!;
    expect([tile.x0, tile.y0, tile.side]).toEqual([-1, 0, 1]);
  });

  it("wants the root and what is at least 256 pixels wide", () => {
    const keys = wantedTiles(index, { x: 0, y: 0, zoom: fit }, size).map((tile) => tile.key);
    expect(keys[0]).toBe("0/0/0");
    expect(keys.toSorted()).toEqual(["0/0/0", "1/0/0", "1/0/1", "1/1/0", "1/1/1"]);
  });

  it("draws small maps whole, whatever the size of their tiles", () => {
    const small = new TileIndex({ bounds: [-1, -1, 1, 1], levels: 3, tiles: all(3, 900) });
    expect(wantedTiles(small, { x: 0, y: 0, zoom: fit }, size)).toHaveLength(21);
    expect(wantedTiles(small, { x: 0, y: 0, zoom: 5 }, size)).toHaveLength(1);
  });

  it("lets a point stand for the passages that are not drawn", () => {
    const root = index.byKey.get("0/0/0")!;
    const children = index.children(root).map(({ key }) => key);
    expect(index.weight(root, new Set(["0/0/0", ...children]))).toBe(1);
    expect(index.weight(root, new Set(["0/0/0"]))).toBe(1 + 4 + 16 + 64 + 256 + 1024);
    const { sizes } = drawing(index, [root], { x: 0, y: 0, zoom: fit }, size);
    expect(sizes.get("0/0/0")).toBeGreaterThanOrEqual(SMALLEST);
    expect(sizeOf(1, 4)).toBe(2);
    expect(sizeOf(1, 1e9)).toBe(LARGEST);
  });

  it("has nothing to want in an empty map", () => {
    const none = new TileIndex({ bounds: [-1, -1, 1, 1], levels: 0, tiles: [] });
    expect(wantedTiles(none, { x: 0, y: 0, zoom: 8 }, size)).toEqual([]);
  });

  it("never wants what is out of view, deep before shallow, or more than the budget", () => {
    fc.assert(
      fc.property(
        fc.double({ min: -1, max: 1, noNaN: true }),
        fc.double({ min: -1, max: 1, noNaN: true }),
        fc.double({ min: 6, max: 16, noNaN: true }),
        (x, y, zoom) => {
          const view = { x, y, zoom };
          const tiles = wantedTiles(index, view, size, 256, 300_000);
          const levels = tiles.map((tile) => tile.z);
          expect(levels).toEqual(levels.toSorted((a, b) => a - b));
          expect(new Set(tiles.map((tile) => tile.key)).size).toBe(tiles.length);
          for (const tile of tiles.slice(1)) expect(share(tile, view, size)).toBeGreaterThan(0);
          expect(tiles.reduce((sum, tile) => sum + tile.points, 0)).toBeLessThanOrEqual(300_000);
          // Every tile comes with all above it: the union is what is drawn.
          const keys = new Set(tiles.map((tile) => tile.key));
          for (const { z, x: tx, y: ty } of tiles)
            if (z > 0) expect(keys.has(`${z - 1}/${tx >> 1}/${ty >> 1}`)).toBe(true);
        },
      ),
    );
  });
});
