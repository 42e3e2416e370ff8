/** What is marked on the map: hits, the open passage, the one pointed at in a list. */

import { computed, effect, signal } from "@preact/signals";
import type { Point } from "../data/types";
import * as store from "../state/store";
import type { Mark } from "./marks";
import { palette } from "./palette";

/** Where the open passage lies; fetched when it is not among the hits. */
const openPlace = signal<{ passage: number; at: Point } | null>(null);

export function followOpenPassage(): () => void {
  return effect(() => {
    const number = store.passage.value;
    if (number === null || !store.atlas.value) return;
    if (openPlace.peek()?.passage === number) return;
    store
      .source()
      .passage(number)
      .then(
        ({ x, y }) => (openPlace.value = { passage: number, at: [x, y] }),
        () => (openPlace.value = null),
      );
  });
}

export const marks = computed<Mark[]>(() => {
  const { hit: colour } = palette(store.dark.value);
  const found: Mark[] = [];
  const pointed = store.hoveredPassage.value;
  const hits = store.hits.value ?? [];
  // The best hits have rings and come last, over the dots of the others.
  for (let i = hits.length - 1; i >= 0; i--) {
    const { x, y, passage } = hits[i]!;
    const strong = i < 10 ? 1 : 0.75;
    const radius = passage === pointed ? 11 : i < 10 ? 7.5 : 4;
    found.push({ x, y, radius, colour, opacity: strong });
  }
  const open = openPlace.value;
  if (store.passage.value !== null && open?.passage === store.passage.value)
    found.push({ x: open.at[0], y: open.at[1], radius: 12, colour, opacity: 1 });
  return found;
});
