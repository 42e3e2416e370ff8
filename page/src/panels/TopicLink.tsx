/** A topic by its name: a click selects it and flies there. */

import { topicColour } from "../map/topic-colours";
import { selectTopic } from "../state/actions";
import { tree } from "../state/store";

export function TopicChip({ topic }: { topic: number | null | undefined }) {
  const found = tree.value?.get(topic);
  if (!found) return <span class="chip none">no topic</span>;
  return (
    <button
      type="button"
      class="chip"
      title={`Go to the topic: ${found.label}`}
      onClick={(event) => {
        event.stopPropagation();
        selectTopic(found.id);
      }}
    >
      <span class="chip-dot" style={{ background: topicColour(found.id) }} aria-hidden="true" />
      <bdi dir="auto">{found.label}</bdi>
    </button>
  );
}

/** The way from the root down to a topic, each step a link. */
export function TopicPath({ topic }: { topic: number | null }) {
  const way = tree.value?.path(topic) ?? [];
  if (!way.length) return <p class="hint">In no topic</p>;
  return (
    <nav class="path" aria-label="Topics of this passage">
      <ol>
        {way.map((step, i) => (
          <li key={step.id}>
            <button type="button" class="link" onClick={() => selectTopic(step.id)}>
              {i === way.length - 1 && (
                <span
                  class="chip-dot"
                  style={{ background: topicColour(step.id) }}
                  aria-hidden="true"
                />
              )}
              <bdi dir="auto">{step.label}</bdi>
            </button>
          </li>
        ))}
      </ol>
    </nav>
  );
}
