/** Which rows of the topic tree are seen, from what is open and what is looked for. */

import type { TopicTree, TreeTopic } from "../data/tree";

export interface Row {
  topic: TreeTopic;
  level: number;
  position: number;
  among: number;
  open: boolean;
}

const plain = (text: string): string =>
  text.normalize("NFKD").replace(/\p{M}/gu, "").toLocaleLowerCase();

/** Gives the topics that hold every word in their label or keywords, with all above them. */
export function matching(tree: TopicTree, text: string): Set<number> | null {
  const words = plain(text).split(/\s+/).filter(Boolean);
  if (!words.length) return null;
  const kept = new Set<number>();
  for (const topic of tree.byId.values()) {
    const hay = plain(`${topic.label} ${topic.keywords.join(" ")}`);
    if (!words.every((word) => hay.includes(word))) continue;
    for (const above of tree.path(topic.id)) kept.add(above.id);
  }
  return kept;
}

export function visibleRows(tree: TopicTree, open: Set<number>, kept: Set<number> | null): Row[] {
  const rows: Row[] = [];
  const add = (topics: TreeTopic[], level: number) => {
    const shown = kept ? topics.filter((topic) => kept.has(topic.id)) : topics;
    shown.forEach((topic, i) => {
      const opened = topic.children.length > 0 && (kept ? true : open.has(topic.id));
      rows.push({ topic, level, position: i + 1, among: shown.length, open: opened });
      if (opened) add(topic.children, level + 1);
    });
  };
  add(tree.roots, 1);
  return rows;
}

/** Opens from the top, largest first, until about `rows` rows are seen. */
export function openedAtFirst(tree: TopicTree, rows = 24): Set<number> {
  const open = new Set<number>();
  const queue = tree.roots.filter((topic) => topic.children.length);
  let seen = tree.roots.length;
  while (queue.length) {
    queue.sort((a, b) => b.size - a.size);
    const next = queue.shift()!;
    if (seen + next.children.length > rows) break;
    seen += next.children.length;
    open.add(next.id);
    queue.push(...next.children.filter((topic) => topic.children.length));
  }
  return open;
}
