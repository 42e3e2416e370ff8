/** A ring around the topic pointed at or selected: where half of its passages lie. */

import { hoveredTopic, topic, tree, view } from "../state/store";
import { toScreen } from "./camera";
import { topicColour } from "./topic-colours";

export function TopicRing() {
  const shown = tree.value?.get(hoveredTopic.value ?? topic.value);
  if (!shown) return null;
  const [x, y] = toScreen(shown.place[0], shown.place[1]);
  const radius = Math.max(8, shown.spread * 2 ** view.value.zoom);
  if (radius > 4000) return null;
  return (
    <svg class="topic-ring" aria-hidden="true">
      <circle cx={x} cy={y} r={radius} stroke={topicColour(shown.id)} />
    </svg>
  );
}
