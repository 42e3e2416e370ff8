/** How much is drawn while the map moves, so that it follows the hand on slow machines too. */

/** Milliseconds between frames: above the one less is drawn, below the other more. */
const SLOW = 36;
const FAST = 21;
const LEAST = 0.2;
/** After so long without a move the map is drawn whole. */
export const REST = 140;

export class Pace {
  /** Part of the points that is drawn while moving, 1 on machines that keep up. */
  detail = 1;
  private last = 0;
  private gap = 16;

  /** Tells of a frame drawn while the map moves. */
  frame(now: number): void {
    const gap = now - this.last;
    this.last = now;
    // A pause of the hand is no slow frame.
    if (gap > 400) return;
    this.gap += 0.35 * (gap - this.gap);
    if (this.gap > SLOW) this.detail = Math.max(LEAST, this.detail * 0.82);
    else if (this.gap < FAST) this.detail = Math.min(1, this.detail * 1.06);
  }
}
