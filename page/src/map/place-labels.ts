/** Chooses which names fit on the map: the greedy way of cartographers, steady while one moves. */

import type { TopicTree, TreeTopic } from "../data/tree";

export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

export interface Candidate {
  id: number;
  /** Middle of the name on the screen, and its size. */
  x: number;
  y: number;
  width: number;
  height: number;
  weight: number;
  /** Was there before: it stays if it can. */
  shown: boolean;
}

/** Space kept free around a name, in pixels. */
export const AIR = 5;
/** A name that is there gives way only to one that weighs this much more. */
const STEADY = 1.6;

export const boxOf = ({ x, y, width, height }: Omit<Candidate, "id" | "weight" | "shown">): Box => ({
  left: x - width / 2 - AIR,
  right: x + width / 2 + AIR,
  top: y - height / 2 - AIR,
  bottom: y + height / 2 + AIR,
});

export const meet = (a: Box, b: Box): boolean =>
  a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

/** Gives the candidates that are shown: none meets another or an obstacle, all lie on the sheet. */
export function placeLabels(
  candidates: Candidate[],
  sheet: Box,
  obstacles: Box[],
  most: number,
): Candidate[] {
  const rank = ({ weight, shown }: Candidate) => (shown ? weight * STEADY : weight);
  const order = [...candidates].sort((a, b) => rank(b) - rank(a) || a.id - b.id);
  const taken = [...obstacles];
  const placed: Candidate[] = [];
  for (const candidate of order) {
    if (placed.length >= most) break;
    const box = boxOf(candidate);
    if (box.left < sheet.left || box.right > sheet.right) continue;
    if (box.top < sheet.top || box.bottom > sheet.bottom) continue;
    if (taken.some((other) => meet(box, other))) continue;
    taken.push(box);
    placed.push(candidate);
  }
  return placed;
}

/** Radius on the screen from which a topic is worth a name, and above which its parts speak. */
const SMALLEST = 11;
const LARGEST = 0.21;

/**
 * Gives the topics whose names suit a scale (pixels per unit): parents when far, children when
 * near. A topic that is nearly all one child leaves the name to that child.
 */
export function suited(
  tree: TopicTree,
  scale: number,
  across: number,
  shown: ReadonlySet<number>,
): TreeTopic[] {
  const found: TreeTopic[] = [];
  for (const topic of tree.byId.values()) {
    const radius = topic.spread * scale;
    const steady = shown.has(topic.id) ? 1.2 : 1;
    if (radius * steady < SMALLEST && topic.parent !== null) continue;
    if (topic.children.length) {
      if (radius > LARGEST * across * steady) continue;
      if (topic.children[0]!.size > 0.85 * topic.size) continue;
      // Half of everything is no place.
      if (topic.size > 0.5 * tree.passages && tree.byId.size > 3) continue;
    }
    found.push(topic);
  }
  return found;
}
