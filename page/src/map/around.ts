/** Which topic one is looking at: the deepest that holds most of the points in view. */

import type { TopicTree, TreeTopic } from "../data/tree";

/** Part of the points in view that a topic must hold. */
const MOST = 0.6;
const FEWEST = 8;

/** `votes` counts points in view by leaf; -1 counts those of no topic. */
export function deepest(tree: TopicTree, votes: Map<number, number>): TreeTopic | null {
  let total = 0;
  for (const count of votes.values()) total += count;
  if (total < FEWEST) return null;
  const held = (topic: TreeTopic) =>
    topic.leaves.reduce((sum, leaf) => sum + (votes.get(leaf) ?? 0), 0);
  let found: TreeTopic | null = null;
  let among = tree.roots;
  for (;;) {
    const next = among.find((topic) => held(topic) >= MOST * total);
    if (!next) return found;
    found = next;
    among = next.children;
  }
}
