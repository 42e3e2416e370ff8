/** What the table lists: the area drawn, the topic and the filter together; without any, all. */

import { computed } from "@preact/signals";
import type { Selection } from "../data/types";
import { polygon, topic, tree, where } from "../state/store";

export const listed = computed<Selection>(() => ({
  polygon: polygon.value,
  topic: topic.value,
  where: where.value || null,
}));

export const isNarrowed = computed(
  () => polygon.value !== null || topic.value !== null || where.value !== "",
);

/** Says by what passages were selected. */
export const narrowedBy = computed<string>(() => {
  const parts: string[] = [];
  if (polygon.value) parts.push("in the area drawn");
  if (topic.value !== null) parts.push(`in “${tree.value?.label(topic.value) ?? "the topic"}”`);
  if (where.value) parts.push("that pass the filter");
  return parts.join(", ");
});
