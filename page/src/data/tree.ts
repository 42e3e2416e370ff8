/** The topic tree with what is asked of it often. */

import type { Topic, TopicsReply } from "./types";

export interface TreeTopic extends Topic {
  children: TreeTopic[];
  /** Leaves at or below it, itself if it is one. */
  leaves: number[];
  /** Which of the top-level topics it hangs below: their order by size. */
  branch: number;
}

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
