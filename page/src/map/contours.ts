/** The land as plain shapes: what can be drawn fast while the map moves. */

import type { Terrain } from "./terrain";

/** The coast's height, and the contours': the same as in the land's shader. */
export const COAST = 0.024;
export const CONTOURS = [0.25, 0.5, 0.75];

export interface Shapes {
  /** Triangles of the land, corners in 0..65535 of the terrain's bounds. */
  land: Uint16Array<ArrayBuffer>;
  /** Ends of the coast's lines. */
  coast: Uint16Array<ArrayBuffer>;
  contours: Uint16Array<ArrayBuffer>;
}

type Corner = [number, number];

/** Where the height crosses a level between two neighbours. */
const cross = (a: Corner, b: Corner, ha: number, hb: number, level: number): Corner => {
  const t = (level - ha) / (hb - ha);
  return [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t];
};

/** Marching squares (Lorensen and Cline 1987, in the plane): one cell's part above a level. */
function cell(corners: Corner[], heights: number[], level: number): { face: Corner[]; cuts: Corner[] } {
  const face: Corner[] = [];
  const cuts: Corner[] = [];
  for (let i = 0; i < 4; i++) {
    const j = (i + 1) % 4;
    const above = heights[i]! >= level;
    if (above) face.push(corners[i]!);
    if (above !== heights[j]! >= level) {
      const place = cross(corners[i]!, corners[j]!, heights[i]!, heights[j]!, level);
      face.push(place);
      cuts.push(place);
    }
  }
  return { face, cuts };
}

export function shapes({ cells, heights }: Terrain): Shapes {
  const land: number[] = [];
  const coast: number[] = [];
  const contours: number[] = [];
  // A cell's height is that of its middle, as the graphics card reads it.
  const unit = 65535 / cells;
  const corner = (x: number, y: number): Corner => [(x + 0.5) * unit, (y + 0.5) * unit];
  const fan = (face: Corner[]) => {
    for (let i = 2; i < face.length; i++) land.push(...face[0]!, ...face[i - 1]!, ...face[i]!);
  };
  for (let y = 0; y + 1 < cells; y++) {
    let run = -1;
    const finish = (x: number) => {
      if (run >= 0) fan([corner(run, y), corner(x, y), corner(x, y + 1), corner(run, y + 1)]);
      run = -1;
    };
    for (let x = 0; x + 1 < cells; x++) {
      const at = y * cells + x;
      const high = [heights[at]!, heights[at + 1]!, heights[at + cells + 1]!, heights[at + cells]!];
      const low = Math.min(...high);
      const top = Math.max(...high);
      if (low >= COAST) run = run < 0 ? x : run;
      else finish(x);
      if (top < COAST) continue;
      const corners = [corner(x, y), corner(x + 1, y), corner(x + 1, y + 1), corner(x, y + 1)];
      if (low < COAST) {
        const { face, cuts } = cell(corners, high, COAST);
        fan(face);
        for (const cut of cuts.slice(0, cuts.length & ~1)) coast.push(...cut);
      }
      for (const level of CONTOURS)
        if (low < level && top >= level) {
          const { cuts } = cell(corners, high, level);
          for (const cut of cuts.slice(0, cuts.length & ~1)) contours.push(...cut);
        }
    }
    finish(cells - 1);
  }
  return {
    land: Uint16Array.from(land, Math.round),
    coast: Uint16Array.from(coast, Math.round),
    contours: Uint16Array.from(contours, Math.round),
  };
}
