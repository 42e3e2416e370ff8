/** Motion that goes on for a moment: the wheel's zoom, and a map let go of in a swing. */

import type { Point } from "../data/types";
import { view } from "../state/store";
import { calm } from "../state/theme";
import { flyTo, settle, zoomedAbout, zoomRange } from "./camera";

/** Powers of two for one pixel of the wheel. */
const SPEED = 0.0032;
/** Part of what is left that is gone after one sixtieth of a second. */
const EASE = 0.3;

export class WheelZoom {
  private left = 0;
  private at: Point = [0, 0];
  private before = 0;
  private due = 0;

  turn(event: WheelEvent, at: Point): void {
    settle();
    // Lines and pages for those who have them; pinching on a pad comes as a wheel with Control.
    const unit = event.deltaMode === 1 ? 18 : event.deltaMode === 2 ? 300 : 1;
    const delta = Math.max(-240, Math.min(240, event.deltaY * unit)) * (event.ctrlKey ? 3 : 1);
    const [low, high] = zoomRange();
    const room = (v: number) => Math.min(high - view.value.zoom, Math.max(low - view.value.zoom, v));
    this.left = room(this.left - delta * SPEED);
    this.at = at;
    if (calm()) {
      view.value = zoomedAbout(view.value, ...at, this.left);
      this.left = 0;
    } else if (!this.due) {
      this.before = performance.now();
      this.due = requestAnimationFrame(this.step);
    }
  }

  private readonly step = (now: number): void => {
    const frames = Math.max(0.5, Math.min(6, (now - this.before) / 16.7));
    this.before = now;
    const part = Math.abs(this.left) < 0.004 ? this.left : this.left * (1 - (1 - EASE) ** frames);
    this.left -= part;
    view.value = zoomedAbout(view.value, ...this.at, part);
    this.due = this.left ? requestAnimationFrame(this.step) : 0;
  };

  stop(): void {
    cancelAnimationFrame(this.due);
    this.due = 0;
    this.left = 0;
  }
}

/** How long a swing is looked at, and how far it carries, milliseconds. */
const SEEN = 90;
const CARRY = 130;
/** Pixels that are worth a glide. */
const LEAST = 14;

export class Swing {
  private seen: { x: number; y: number; time: number }[] = [];

  drag(): void {
    const time = performance.now();
    this.seen.push({ x: view.value.x, y: view.value.y, time });
    while (this.seen.length > 2 && time - this.seen[0]!.time > SEEN) this.seen.shift();
  }

  release(): void {
    const [first, last] = [this.seen[0], this.seen.at(-1)];
    this.seen = [];
    if (!first || !last || calm()) return;
    const now = performance.now();
    const lasted = last.time - first.time;
    if (lasted <= 0 || now - last.time > SEEN) return;
    const across = ((last.x - first.x) / lasted) * CARRY;
    const up = ((last.y - first.y) / lasted) * CARRY;
    if (Math.hypot(across, up) * 2 ** view.value.zoom < LEAST) return;
    flyTo({ x: view.value.x + across, y: view.value.y + up, zoom: view.value.zoom }, 420, "out");
  }
}
