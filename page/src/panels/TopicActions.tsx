/** Slot: what can be done with the selected topic, under its row in the tree. */

export function TopicActions(_props: { topic: number }) {
  return null;
}
