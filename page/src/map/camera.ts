/** Moves the view: at once, or in a short flight. */

import type { Point } from "../data/types";
import { atlas, mapSize, view, type View } from "../state/store";
import { calm } from "../state/theme";

export type Bounds = [number, number, number, number];

/** Pixels left free around what is fitted. */
const MARGIN = 28;
/** A map of a few points is mostly their surroundings: these are wanted, too. */
const FEW = 40;
const FEW_MARGIN = 90;

function usualMargin({ width, height }: { width: number; height: number }): number {
  const few = (atlas.value?.passages ?? Infinity) <= FEW;
  return few ? Math.min(FEW_MARGIN, Math.min(width, height) / 4) : MARGIN;
}
const FLIGHT = 520;

export const bounds = (): Bounds => atlas.value?.map.bounds ?? [-1, -1, 1, 1];

export function fitted(box: Bounds, size: { width: number; height: number }, margin = usualMargin(size)): View {
  const width = Math.max(1, size.width - 2 * margin);
  const height = Math.max(1, size.height - 2 * margin);
  const across = Math.max(box[2] - box[0], 1e-9);
  const up = Math.max(box[3] - box[1], 1e-9);
  return {
    x: (box[0] + box[2]) / 2,
    y: (box[1] + box[3]) / 2,
    zoom: Math.log2(Math.min(width / across, height / up)),
  };
}

/** How far one may zoom: from half the fitted size to where single points stand apart. */
export function zoomRange(): [number, number] {
  const fit = fitted(bounds(), mapSize.value).zoom;
  const deepest = atlas.value?.map.tiles.reduce((most, { z }) => Math.max(most, z), 0) ?? 0;
  return [fit - 1, fit + deepest + 7];
}

/** Keeps a view's zoom in range and its middle on the sheet. */
export function held(next: View): View {
  const [low, high] = zoomRange();
  const [x0, y0, x1, y1] = bounds();
  return {
    x: Math.min(x1, Math.max(x0, next.x)),
    y: Math.min(y1, Math.max(y0, next.y)),
    zoom: Math.min(high, Math.max(low, next.zoom)),
  };
}

export const toScreen = (x: number, y: number, from: View = view.value): Point => {
  const scale = 2 ** from.zoom;
  const { width, height } = mapSize.value;
  return [width / 2 + (x - from.x) * scale, height / 2 - (y - from.y) * scale];
};

export const toMap = (left: number, top: number, from: View = view.value): Point => {
  const scale = 2 ** from.zoom;
  const { width, height } = mapSize.value;
  return [from.x + (left - width / 2) / scale, from.y - (top - height / 2) / scale];
};

/** The view after zooming by `steps` (powers of two) about a place of the screen. */
export function zoomedAbout(from: View, left: number, top: number, steps: number): View {
  const [low, high] = zoomRange();
  const zoom = Math.min(high, Math.max(low, from.zoom + steps));
  const [x, y] = toMap(left, top, from);
  const { width, height } = mapSize.value;
  const scale = 2 ** zoom;
  return { x: x - (left - width / 2) / scale, y: y + (top - height / 2) / scale, zoom };
}

let flight = 0;
/** Where a flight will end: a second key press goes on from there. */
let goal: View | null = null;

/** Ends a flight where it is: the hand takes over. */
export function settle(): void {
  cancelAnimationFrame(flight);
  flight = 0;
  goal = null;
}

export const flying = (): boolean => flight !== 0;

export function flyTo(next: View, duration = FLIGHT, ease: "both" | "out" = "both"): void {
  settle();
  const to = held(next);
  const from = view.value;
  if (calm() || duration <= 0) {
    view.value = to;
    return;
  }
  goal = to;
  const start = performance.now();
  const step = (now: number) => {
    const t = Math.min(1, (now - start) / duration);
    const eased =
      ease === "out" ? 1 - (1 - t) ** 3 : t < 0.5 ? 4 * t ** 3 : 1 - (2 - 2 * t) ** 3 / 2;
    const zoom = from.zoom + (to.zoom - from.zoom) * eased;
    // Moves in step with the scale, so that the target never runs off the screen.
    const a = 2 ** -from.zoom;
    const b = 2 ** -to.zoom;
    const along = Math.abs(a - b) < 1e-12 ? eased : (a - 2 ** -zoom) / (a - b);
    view.value = {
      x: from.x + (to.x - from.x) * along,
      y: from.y + (to.y - from.y) * along,
      zoom,
    };
    flight = t < 1 ? requestAnimationFrame(step) : 0;
    if (t < 1) return;
    view.value = to;
    goal = null;
  };
  flight = requestAnimationFrame(step);
}

export const flyToBounds = (box: Bounds): void => flyTo(fitted(box, mapSize.value));

export const fitAll = (): void => flyToBounds(bounds());

export function zoomBy(steps: number): void {
  const from = goal ?? view.value;
  flyTo({ ...from, zoom: from.zoom + steps }, 200);
}

/** Moves by parts of the map's size. */
export function panBy(across: number, up: number): void {
  const from = goal ?? view.value;
  const scale = 2 ** from.zoom;
  const { width, height } = mapSize.value;
  flyTo(
    { x: from.x + (across * width) / scale, y: from.y + (up * height) / scale, zoom: from.zoom },
    160,
  );
}
