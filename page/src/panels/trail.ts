/** The way through passages by their neighbours and documents, so that one can go back. */

import { effect, signal } from "@preact/signals";
import type { Point } from "../data/types";
import { openPassage } from "../state/actions";
import { foreign, passage } from "../state/store";

/** Passages that were open before the present one, first first. */
export const trail = signal<number[]>([]);
let expected: number | null = null;

/** Opens a passage from within another one. */
export function follow(number: number, place?: Point): void {
  const from = passage.value;
  if (from === number) return;
  expected = number;
  if (from !== null) trail.value = [...trail.value, from];
  openPassage(number, place);
}

export function goBack(): void {
  const to = trail.value.at(-1);
  if (to === undefined) return;
  expected = to;
  trail.value = trail.value.slice(0, -1);
  openPassage(to);
}

// Numbers may mean other passages after a change elsewhere.
effect(() => {
  if (foreign.value > 0) trail.value = [];
});

// A passage that was opened from elsewhere begins a new way.
effect(() => {
  if (passage.value === expected) return;
  expected = passage.value;
  if (trail.peek().length) trail.value = [];
});
