import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TopicTree } from "../src/data/tree";
import { boxOf, meet, placeLabels, suited, type Candidate } from "../src/map/place-labels";
import { topicsReply } from "./made";

const sheet = { left: 0, top: 0, right: 900, bottom: 700 };

const candidate = (id: number): fc.Arbitrary<Candidate> =>
  fc.record({
    id: fc.constant(id),
    x: fc.double({ min: -50, max: 950, noNaN: true }),
    y: fc.double({ min: -50, max: 750, noNaN: true }),
    width: fc.integer({ min: 10, max: 260 }),
    height: fc.integer({ min: 10, max: 60 }),
    weight: fc.integer({ min: 1, max: 10_000 }),
    shown: fc.boolean(),
  });

const many = fc.integer({ min: 0, max: 60 }).chain((n) =>
  fc.tuple(...Array.from({ length: n }, (_, id) => candidate(id))),
);

describe("names on the map", () => {
  it("never meet each other, an obstacle or the edge, and are no more than fit", () => {
    const obstacle = { left: 0, top: 600, right: 200, bottom: 700 };
    fc.assert(
      fc.property(many, fc.integer({ min: 0, max: 30 }), (candidates, most) => {
        const placed = placeLabels(candidates, sheet, [obstacle], most);
        expect(placed.length).toBeLessThanOrEqual(most);
        const boxes = placed.map(boxOf);
        boxes.forEach((box, i) => {
          expect(meet(box, obstacle)).toBe(false);
          expect(box.left >= 0 && box.top >= 0 && box.right <= 900 && box.bottom <= 700).toBe(true);
          for (const other of boxes.slice(i + 1)) expect(meet(box, other)).toBe(false);
        });
      }),
    );
  });

  it("prefers the heavier, but leaves what is there where the difference is small", () => {
    const at = { x: 300, y: 300, width: 100, height: 20 };
    const old = { ...at, id: 1, weight: 100, shown: true };
    const bit = { ...at, id: 2, weight: 120, shown: false };
    const lot = { ...at, id: 3, weight: 900, shown: false };
    expect(placeLabels([old, bit], sheet, [], 9).map(({ id }) => id)).toEqual([1]);
    expect(placeLabels([old, lot], sheet, [], 9).map(({ id }) => id)).toEqual([3]);
  });

  it("look for room around their place, but not on another's island", () => {
    const large = { id: 1, x: 300, y: 300, width: 200, height: 24, weight: 900, shown: false, reach: 60 };
    const small = { ...large, id: 2, x: 420, y: 300, weight: 100, reach: 40 };
    const placed = placeLabels([small, large], sheet, [], 9);
    expect(placed.map(({ id }) => id)).toEqual([1, 2]);
    expect(placed[0]).toMatchObject({ x: 300, y: 300, slot: 0 });
    const moved = placed[1]!;
    expect(Math.hypot(moved.x - 420, moved.y - 300)).toBeLessThanOrEqual(40.1);
    // The one that moved tries the same place first the next time.
    const again = placeLabels([{ ...small, slot: moved.slot }], sheet, [], 9);
    expect(again[0]!.slot).toBe(moved.slot);
    const near = placeLabels([{ ...small, x: 305, y: 302 }, large], sheet, [], 9);
    for (const { id, x, y } of near)
      if (id === 2) expect(Math.hypot(x - 300, y - 300)).toBeGreaterThanOrEqual(Math.hypot(x - 305, y - 302));
  });

  it("give an island one name, not those of its parts around it", () => {
    const whole = { id: 10, x: 300, y: 300, width: 120, height: 20, weight: 900, shown: false, reach: 50, path: [10] };
    const part = { ...whole, id: 1, x: 304, y: 304, weight: 500, reach: 40, path: [10, 1] };
    expect(placeLabels([whole, part], sheet, [], 9).map(({ id }) => id)).toEqual([10]);
    const far = { ...part, x: 600 };
    expect(placeLabels([whole, far], sheet, [], 9)).toHaveLength(2);
    const blocked = placeLabels([whole, far], sheet, [{ left: 590, right: 610, top: 300, bottom: 306 }], 9);
    expect(blocked).toHaveLength(2);
  });

  it("shows parents from afar and children near by", () => {
    const tree = new TopicTree(topicsReply);
    const ids = (scale: number) => suited(tree, scale, 800, new Set()).map(({ id }) => id);
    expect(ids(300)).toContain(10);
    expect(ids(300)).not.toContain(0);
    expect(ids(900)).toEqual(expect.arrayContaining([0, 1]));
    expect(ids(900)).not.toContain(10);
  });
});
