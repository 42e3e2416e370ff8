/** Stands in for the map where the browser cannot draw it. */

import { selectTopic } from "../state/actions";
import { tree } from "../state/store";
import { grouped } from "../state/numbers";

export function NoMap() {
  return (
    <div class="no-map">
      <p role="note">
        This browser has no WebGL 2, so the map cannot be drawn. Topics, search, passages and
        selections work as usual.
      </p>
      <ul aria-label="Largest topics">
        {tree.value?.roots.map((topic) => (
          <li key={topic.id}>
            <button class="button quiet" onClick={() => selectTopic(topic.id)}>
              <bdi dir="auto">{topic.label}</bdi>
              <span class="hint number">{grouped(topic.size)}</span>
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
