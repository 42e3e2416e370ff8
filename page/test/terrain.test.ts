import { describe, expect, it } from "vitest";
import { COAST, shapes } from "../src/map/contours";
import { raise, toHalf } from "../src/map/terrain";

function cloud(n: number, centre: number) {
  let seed = 1;
  const draw = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  const x = Uint16Array.from({ length: n }, () => centre + 9000 * (draw() + draw() - 1));
  const y = Uint16Array.from({ length: n }, () => centre + 9000 * (draw() + draw() - 1));
  return { x, y, passage: new Uint32Array(n), topic: new Int32Array(n) };
}

describe("the land", () => {
  const points = cloud(4000, 20000);
  const land = raise(points, [-1, -1, 1, 1])!;

  it("holds half of the passages above its middle contour", () => {
    const cell = (offset: number) => {
      const at = (offset / 65535) * 2 - 1;
      return Math.floor(((at - land.bounds[0]) / (land.bounds[2] - land.bounds[0])) * land.cells);
    };
    let above = 0;
    for (let i = 0; i < 4000; i++)
      if (land.heights[cell(points.y[i]!) * land.cells + cell(points.x[i]!)]! >= 0.5) above += 1;
    expect(above / 4000).toBeGreaterThan(0.45);
    expect(above / 4000).toBeLessThan(0.55);
    expect(Math.max(...land.heights)).toBeLessThanOrEqual(1);
  });

  it("is sea far from all passages, and its coast closes", () => {
    expect(land.heights[0]).toBe(0);
    const { land: triangles, coast } = shapes(land);
    expect(triangles.length % 6).toBe(0);
    const ends = new Map<string, number>();
    for (let i = 0; i < coast.length; i += 2) {
      const key = `${coast[i]},${coast[i + 1]}`;
      ends.set(key, (ends.get(key) ?? 0) + 1);
    }
    // Every end of a line is the beginning of the next one.
    for (const count of ends.values()) expect(count % 2).toBe(0);
    expect(coast.length).toBeGreaterThan(40);
    expect(COAST).toBeLessThan(0.25);
  });

  it("is nothing without passages, and something with one", () => {
    expect(raise(cloud(0, 0), [-1, -1, 1, 1])).toBeNull();
    expect(raise(cloud(1, 30000), [-1, -1, 1, 1])!.heights.some((h) => h > COAST)).toBe(true);
  });

  it("goes to half floats and keeps its values", () => {
    const half = toHalf(Float32Array.of(0, 1, 0.5, 0.25, 1e-9));
    expect([...half]).toEqual([0, 0x3c00, 0x3800, 0x3400, 0]);
  });
});
