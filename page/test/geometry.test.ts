import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { area, inside, lassoed, rectangle, thinned } from "../src/map/geometry";
import { PickGrid } from "../src/map/grid";
import type { Point } from "../src/data/types";

const coordinate = fc.double({ min: -500, max: 500, noNaN: true });
const line = fc.array(fc.tuple(coordinate, coordinate), { minLength: 3, maxLength: 300 }) as fc.Arbitrary<Point[]>;

describe("lasso", () => {
  it("knows the area of a rectangle and what lies in it", () => {
    const box = rectangle([1, 2], [4, 6]);
    expect(area(box)).toBe(12);
    expect(inside(box, [2, 3])).toBe(true);
    expect(inside(box, [5, 3])).toBe(false);
  });

  it("counts a hole of a line that crosses itself as outside", () => {
    const star: Point[] = [[0, 3], [2, -3], [-3, 1], [3, 1], [-2, -3]];
    expect(inside(star, [0, 0])).toBe(false);
    expect(inside(star, [0, 2])).toBe(true);
  });

  it("thins a line: ends stay, nothing left out is far from it, straight lines become two points", () => {
    expect(thinned([[0, 0], [1, 0.01], [2, 0], [3, 0]], 0.5)).toEqual([[0, 0], [3, 0]]);
    fc.assert(
      fc.property(line, (points) => {
        const kept = thinned(points, 5);
        expect(kept[0]).toEqual(points[0]);
        expect(kept.at(-1)).toEqual(points.at(-1));
        for (const point of kept) expect(points).toContainEqual(point);
        expect(lassoed(points, 1, 50).length).toBeLessThanOrEqual(50);
      }),
    );
  });
});

describe("picking", () => {
  it("finds what looking at every point finds", () => {
    const steps = fc.array(fc.integer({ min: 0, max: 65535 }), { minLength: 2, maxLength: 400 });
    fc.assert(
      fc.property(steps, fc.integer({ min: 0, max: 65535 }), fc.integer({ min: 0, max: 65535 }), fc.integer({ min: 1, max: 30000 }), (values, px, py, radius) => {
        const n = values.length >> 1;
        const x = Uint16Array.from(values.slice(0, n));
        const y = Uint16Array.from(values.slice(n, 2 * n));
        const found = new PickGrid(x, y).nearest(px, py, radius);
        const distances = Array.from(x, (v, i) => Math.hypot(v - px, y[i]! - py));
        const least = Math.min(...distances);
        if (least > radius) expect(found).toBeNull();
        else expect(found!.distance).toBeCloseTo(least, 6);
      }),
    );
  });
});
