/** A small tree: 10 over the leaves 0 and 1, 11 over 2 and 3, and 4 alone. */

import type { Topic, TopicsReply } from "../src/data/types";

const topic = (id: number, parent: number | null, size: number, x: number, spread: number): Topic => ({
  id,
  parent,
  depth: parent === null ? 0 : 1,
  size,
  label: `topic ${id}`,
  keywords: [`word${id}`, id === 3 ? "Café" : "tea"],
  exemplars: [],
  place: [x, 0],
  spread,
  path: parent === null ? [id] : [parent, id],
});

export const topicsReply: TopicsReply = {
  version: 1,
  passages: 1000,
  unassigned: 10,
  topics: [
    topic(0, 10, 250, -0.6, 0.03),
    topic(1, 10, 200, -0.4, 0.03),
    topic(2, 11, 200, 0.4, 0.03),
    topic(3, 11, 150, 0.6, 0.03),
    topic(4, null, 190, 0, 0.05),
    topic(10, null, 450, -0.5, 0.2),
    topic(11, null, 350, 0.5, 0.2),
  ],
};
