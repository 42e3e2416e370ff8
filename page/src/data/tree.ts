/** The topic tree with what is asked of it often. */

import type { Topic, TopicsReply } from "./types";

export interface TreeTopic extends Topic {
  children: TreeTopic[];
  /** Leaves at or below it, itself if it is one. */
  leaves: number[];
  /** Which of the top-level topics it hangs below: their order by size. */
  branch: number;
}

/** What no rename changes, where it is known: size, words and the passages that stand for it. */
const marks = ({ size, keywords, exemplars }: Topic): string =>
  keywords.length && exemplars.length ? JSON.stringify([size, keywords, exemplars]) : "";
const named = ({ label, size }: Topic): string => JSON.stringify([label, size]);

/**
 * Finds a topic of one tree in another, whose numbers may be others.
 *
 * @returns Its number there if it is certainly the same (by name and size, else by size, words and
 *   exemplars, and no other topic of either tree has these), else null.
 */
export function sameTopic(before: TopicTree, after: TopicTree, id: number | null): number | null {
  const topic = before.get(id);
  if (!topic) return null;
  for (const of of [named, marks]) {
    const wanted = of(topic);
    const alike = (tree: TopicTree) => [...tree.byId.values()].filter((one) => of(one) === wanted);
    const [found, ...others] = alike(after);
    if (wanted && found && !others.length && alike(before).length === 1) return found.id;
  }
  return null;
}

/** Says whether every number means the same topic in both. */
export const sameTree = (a: TopicTree, b: TopicTree): boolean =>
  a.byId.size === b.byId.size &&
  [...a.byId.values()].every((topic) => {
    const other = b.get(topic.id);
    return other !== undefined && named(other) === named(topic) && other.parent === topic.parent;
  });

export class TopicTree {
  readonly byId = new Map<number, TreeTopic>();
  readonly roots: TreeTopic[] = [];
  readonly unassigned: number;
  readonly passages: number;
  /** One more than the largest leaf id: the length of tables indexed by leaf. */
  readonly span: number;

  constructor(reply: TopicsReply) {
    this.unassigned = reply.unassigned;
    this.passages = reply.passages;
    for (const topic of reply.topics)
      this.byId.set(topic.id, { ...topic, children: [], leaves: [], branch: 0 });
    for (const topic of this.byId.values()) {
      const parent = topic.parent === null ? undefined : this.byId.get(topic.parent);
      (parent ? parent.children : this.roots).push(topic);
    }
    const bySize = (a: TreeTopic, b: TreeTopic) => b.size - a.size || a.id - b.id;
    this.roots.sort(bySize);
    const stack = this.roots.map((topic, branch) => ({ topic, branch }));
    const order: TreeTopic[] = [];
    while (stack.length) {
      const { topic, branch } = stack.pop()!;
      topic.branch = branch;
      topic.children.sort(bySize);
      order.push(topic);
      for (const child of topic.children) stack.push({ topic: child, branch });
    }
    for (const topic of order.reverse())
      topic.leaves = topic.children.length
        ? topic.children.flatMap((child) => child.leaves)
        : [topic.id];
    this.span = Math.max(-1, ...this.byId.keys()) + 1;
  }

  get(id: number | null | undefined): TreeTopic | undefined {
    return id === null || id === undefined ? undefined : this.byId.get(id);
  }

  /** Topics that hold passages themselves, and groups of topics. */
  get counts(): { topics: number; groups: number } {
    const groups = [...this.byId.values()].filter(({ children }) => children.length).length;
    return { topics: this.byId.size - groups, groups };
  }

  label(id: number | null | undefined): string {
    return this.get(id)?.label ?? "no topic";
  }

  /** Itself and what it hangs below, from the root down. */
  path(id: number | null | undefined): TreeTopic[] {
    const way: TreeTopic[] = [];
    for (let topic = this.get(id); topic; topic = this.get(topic.parent)) way.unshift(topic);
    return way;
  }
}
