/** Finds the point nearest to a place among a tile's points, without the graphics card. */

const CELLS = 32;
const CELL = 65536 / CELLS;

export class PickGrid {
  private starts: Uint32Array | null = null;
  private order: Uint32Array | null = null;

  constructor(
    private readonly x: Uint16Array,
    private readonly y: Uint16Array,
  ) {}

  private build(): { starts: Uint32Array; order: Uint32Array } {
    if (this.starts && this.order) return { starts: this.starts, order: this.order };
    const n = this.x.length;
    const starts = new Uint32Array(CELLS * CELLS + 1);
    const cell = (i: number) => (this.y[i]! >> 11) * CELLS + (this.x[i]! >> 11);
    for (let i = 0; i < n; i++) starts[cell(i) + 1]! += 1;
    for (let c = 0; c < CELLS * CELLS; c++) starts[c + 1]! += starts[c]!;
    const next = starts.slice(0, CELLS * CELLS);
    const order = new Uint32Array(n);
    for (let i = 0; i < n; i++) order[next[cell(i)]!++] = i;
    this.starts = starts;
    this.order = order;
    return { starts, order };
  }

  /**
   * Gives the index of the nearest point within `radius` (tile units, 65535 a side) of (px, py)
   * for which `keep` holds, and how far it is.
   */
  nearest(
    px: number,
    py: number,
    radius: number,
    keep?: (index: number) => boolean,
  ): { index: number; distance: number } | null {
    const { starts, order } = this.build();
    const clamp = (v: number) => Math.min(CELLS - 1, Math.max(0, Math.floor(v / CELL)));
    let best = -1;
    let least = radius * radius;
    for (let cy = clamp(py - radius); cy <= clamp(py + radius); cy++)
      for (let cx = clamp(px - radius); cx <= clamp(px + radius); cx++) {
        const c = cy * CELLS + cx;
        for (let k = starts[c]!; k < starts[c + 1]!; k++) {
          const i = order[k]!;
          const d = (this.x[i]! - px) ** 2 + (this.y[i]! - py) ** 2;
          if (d <= least && (!keep || keep(i))) {
            least = d;
            best = i;
          }
        }
      }
    return best < 0 ? null : { index: best, distance: Math.sqrt(least) };
  }
}
