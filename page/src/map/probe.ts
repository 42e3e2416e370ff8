/** What tests and measurements read: `window.__isogloss`. */

import { view } from "../state/store";
import { flying } from "./camera";
import type { LoadedTile } from "./tile-store";

export interface Probe {
  view: { x: number; y: number; zoom: number };
  pointsDrawn: number;
  tilesWanted: number;
  tilesLoaded: number;
  pending: number;
  /** Milliseconds after navigation; null: not yet. */
  firstPaint: number | null;
  allPoints: number | null;
  frames: number;
  /** When the last frames were drawn, milliseconds after navigation. */
  frameTimes: number[];
  labels: number;
  /** Part of the points drawn in the last frame: less than 1 while a slow machine moves the map. */
  detail: number;
  /** The view that is wanted is drawn, whole, and no flight is under way. */
  readonly still: boolean;
}

const state: Probe = {
  view: view.value,
  pointsDrawn: 0,
  tilesWanted: 0,
  tilesLoaded: 0,
  pending: 0,
  firstPaint: null,
  allPoints: null,
  frames: 0,
  frameTimes: [],
  labels: 0,
  detail: 1,
  get still() {
    const here = state.tilesWanted > 0 && state.tilesLoaded === state.tilesWanted;
    return here && state.pending === 0 && state.detail === 1 && state.view === view.value && !flying();
  },
};

declare global {
  interface Window {
    __isogloss: Probe;
  }
}

export const probe = {
  state,
  tiles(wanted: number, loaded: LoadedTile[], pending: number): void {
    state.tilesWanted = wanted;
    state.tilesLoaded = loaded.length;
    state.pending = pending;
  },
  frame(drawn: LoadedTile[], detail: number): void {
    const now = performance.now();
    state.frames += 1;
    state.frameTimes.push(now);
    if (state.frameTimes.length > 600) state.frameTimes.splice(0, 300);
    state.view = view.value;
    state.detail = detail;
    state.pointsDrawn = drawn.reduce((sum, { points }) => sum + points.passage.length, 0);
    if (state.pointsDrawn > 0) state.firstPaint ??= now;
    if (state.tilesWanted > 0 && state.tilesLoaded === state.tilesWanted && state.pending === 0)
      state.allPoints ??= now;
  },
};

if (typeof window !== "undefined") window.__isogloss = state;
