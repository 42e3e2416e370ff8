/** Gives every topic a colour: a hue for its branch, a shade for its place in it. */

import { computed } from "@preact/signals";
import type { TopicTree, TreeTopic } from "../data/tree";
import { dark, tree } from "../state/store";
import { shade, toHex, type Rgb } from "./colour";
import { palette, type Palette } from "./palette";

/**
 * The branches that get a hue of their own: the top-level topics, and where those are few, the
 * largest of them opened until there are as many branches as hues.
 */
export function branches(topics: TopicTree, most: number): TreeTopic[] {
  const cut = [...topics.roots];
  for (;;) {
    const openable = cut
      .filter((topic) => topic.children.length > 0)
      .sort((a, b) => b.size - a.size || a.id - b.id);
    const next = openable.find((topic) => cut.length - 1 + topic.children.length <= most);
    if (!next || next.size < topics.passages / (most * 2)) break;
    cut.splice(cut.indexOf(next), 1, ...next.children);
  }
  return cut;
}

export function colourTopics(topics: TopicTree, colours: Palette): Map<number, Rgb> {
  const given = new Map<number, Rgb>();
  const hues = colours.hues;
  branches(topics, hues.length).forEach((branch, i) => {
    const hue = hues[i % hues.length]!;
    const paint = (topic: TreeTopic, low: number, high: number) => {
      const at = (low + high) / 2;
      given.set(topic.id, shade(hue, at * 0.2, at * 0.5));
      const width = (high - low) / Math.max(1, topic.children.length);
      topic.children.forEach((child, k) => paint(child, low + k * width, low + (k + 1) * width));
    };
    paint(branch, -0.5, 0.5);
  });
  // What lies above the branches has no hue of its own: the one of its largest part.
  const above = (topic: TreeTopic): Rgb => {
    const own = given.get(topic.id) ?? (topic.children[0] ? above(topic.children[0]) : colours.none);
    given.set(topic.id, own);
    return own;
  };
  for (const topic of topics.byId.values()) above(topic);
  return given;
}

export const topicColours = computed<Map<number, Rgb>>(() =>
  tree.value ? colourTopics(tree.value, palette(dark.value)) : new Map(),
);

export function topicColour(id: number | null): string {
  const rgb = id === null ? undefined : topicColours.value.get(id);
  return toHex(rgb ?? palette(dark.value).none);
}
