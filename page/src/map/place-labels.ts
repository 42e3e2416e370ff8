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
  /** How far the name may lie from the densest place of its topic, pixels. */
  reach?: number;
  /** The topics that it hangs below, itself last. */
  path?: number[];
  /** Which of the places around it was taken the last time: the first to be tried. */
  slot?: number;
}

export interface Placed extends Candidate {
  slot: number;
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

/** Where a name may stand, in parts of its reach: in the middle, then ever farther around it. */
const SLOTS: [number, number][] = [
  [0, 0],
  ...[0.4, 0.75].flatMap((far): [number, number][] => [
    [0, -far],
    [0, far],
    [-far, 0],
    [far, 0],
  ]),
  [-0.55, -0.55],
  [0.55, -0.55],
  [-0.55, 0.55],
  [0.55, 0.55],
  [0, -1],
  [0, 1],
];

/** Says whether one is a part of the other. */
const kin = (a: Candidate, b: Candidate): boolean =>
  (a.path ?? []).includes(b.id) || (b.path ?? []).includes(a.id);

/** The places that may be tried for a name; away from its middle it must stay its topic's own. */
function* placesOf(candidate: Candidate, all: Candidate[]): Generator<Placed> {
  const { reach = 0, slot: before = 0 } = candidate;
  const order = [before, ...SLOTS.keys()].filter((slot, i) => i === 0 || slot !== before);
  for (const slot of order) {
    const [across, down] = SLOTS[slot] ?? SLOTS[0]!;
    const away = reach * Math.hypot(across, down);
    if (slot > 0 && away < 1) continue;
    const x = candidate.x + across * reach;
    const y = candidate.y + down * reach;
    const strays = (other: Candidate) =>
      other !== candidate && !kin(other, candidate) && Math.hypot(other.x - x, other.y - y) < away;
    if (slot === 0 || !all.some(strays)) yield { ...candidate, x, y, slot };
  }
}

/**
 * Gives the candidates that are shown, with where: none meets another or an obstacle, all lie on
 * the sheet. One that finds no room at its densest place looks for some around it.
 */
export function placeLabels(
  candidates: Candidate[],
  sheet: Box,
  obstacles: Box[],
  most: number,
): Placed[] {
  const rank = ({ weight, shown }: Candidate) => (shown ? weight * STEADY : weight);
  const order = [...candidates].sort((a, b) => rank(b) - rank(a) || a.id - b.id);
  const taken = [...obstacles];
  const placed: Placed[] = [];
  const fits = (box: Box) =>
    box.left >= sheet.left &&
    box.right <= sheet.right &&
    box.top >= sheet.top &&
    box.bottom <= sheet.bottom &&
    !taken.some((other) => meet(box, other));
  for (const candidate of order) {
    if (placed.length >= most) break;
    const near = (candidate.reach ?? 0) + candidate.height;
    const named = placed.some(
      (other) =>
        kin(candidate, other) && Math.hypot(other.x - candidate.x, other.y - candidate.y) < near,
    );
    for (const place of placesOf(candidate, candidates)) {
      // An island that has a name needs no second one beside it.
      if (place.slot > 0 && named) continue;
      const box = boxOf(place);
      if (!fits(box)) continue;
      taken.push(box);
      placed.push(place);
      break;
    }
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
