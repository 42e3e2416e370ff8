/** Where one is on the map, in words: the way through the topic tree to what is in view. */

import { selectTopic } from "../state/actions";
import { around, topic, tree } from "../state/store";

export function Around() {
  const way = tree.value?.path(around.value) ?? [];
  if (!way.length) return null;
  return (
    <nav class="around" aria-label="In view">
      <ol>
        {way.map(({ id, label }) => (
          <li key={id}>
            <button
              type="button"
              aria-pressed={topic.value === id}
              onClick={() => selectTopic(topic.value === id ? null : id)}
            >
              <bdi dir="auto">{label}</bdi>
            </button>
          </li>
        ))}
      </ol>
    </nav>
  );
}
