/** Which topics another one may be merged with, by what is typed. */

import type { TopicTree, TreeTopic } from "../data/tree";

const plain = (text: string): string =>
  text.normalize("NFKD").replace(/\p{M}/gu, "").toLocaleLowerCase();

/** Topics that hold all words typed; neighbours in the tree first, then by size. */
export function candidates(tree: TopicTree, id: number, typed: string, most = 8): TreeTopic[] {
  const own = tree.get(id);
  if (!own) return [];
  const way = new Set(own.path);
  const words = plain(typed).split(/\s+/).filter(Boolean);
  const found = [...tree.byId.values()].filter((topic) => {
    // Neither itself, nor what holds it, nor what it holds.
    if (way.has(topic.id) || topic.path.includes(id)) return false;
    const hay = plain(`${topic.label} ${topic.keywords.join(" ")}`);
    return words.every((word) => hay.includes(word));
  });
  const near = (topic: TreeTopic) => topic.path.filter((above) => way.has(above)).length;
  found.sort((a, b) => near(b) - near(a) || b.size - a.size || a.id - b.id);
  return found.slice(0, most);
}
