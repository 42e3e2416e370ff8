/** Shapes drawn by hand: thinned, closed, rectangles, what lies inside. */

import type { Point } from "../data/types";

/** Leaves out what a line can do without (Douglas and Peucker 1973). */
export function thinned(line: Point[], tolerance: number): Point[] {
  if (line.length < 3) return line;
  const keep = new Uint8Array(line.length);
  keep[0] = keep[line.length - 1] = 1;
  const spans: [number, number][] = [[0, line.length - 1]];
  while (spans.length) {
    const [from, to] = spans.pop()!;
    const [ax, ay] = line[from]!;
    const [bx, by] = line[to]!;
    const length = Math.hypot(bx - ax, by - ay);
    let far = 0;
    let at = -1;
    for (let i = from + 1; i < to; i++) {
      const [px, py] = line[i]!;
      const off =
        length === 0
          ? Math.hypot(px - ax, py - ay)
          : Math.abs((bx - ax) * (ay - py) - (ax - px) * (by - ay)) / length;
      if (off > far) {
        far = off;
        at = i;
      }
    }
    if (at >= 0 && far > tolerance) {
      keep[at] = 1;
      spans.push([from, at], [at, to]);
    }
  }
  return line.filter((_, i) => keep[i]);
}

export const rectangle = ([ax, ay]: Point, [bx, by]: Point): Point[] => [
  [ax, ay],
  [bx, ay],
  [bx, by],
  [ax, by],
];

/** Area of a polygon, whichever way it turns. */
export function area(polygon: Point[]): number {
  let twice = 0;
  polygon.forEach(([x, y], i) => {
    const [nx, ny] = polygon[(i + 1) % polygon.length]!;
    twice += x * ny - nx * y;
  });
  return Math.abs(twice) / 2;
}

/** Says whether a place lies in a polygon: even-odd, as the server counts. */
export function inside(polygon: Point[], [px, py]: Point): boolean {
  let odd = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [ax, ay] = polygon[i]!;
    const [bx, by] = polygon[j]!;
    if (ay > py !== by > py && px < ((bx - ax) * (py - ay)) / (by - ay) + ax) odd = !odd;
  }
  return odd;
}

/** No more corners than the server takes; tolerance grows until they are few enough. */
export function lassoed(line: Point[], tolerance: number, most = 200): Point[] {
  let wide = tolerance;
  let shape = thinned(line, wide);
  while (shape.length > most) {
    wide *= 1.7;
    shape = thinned(line, wide);
  }
  return shape;
}
