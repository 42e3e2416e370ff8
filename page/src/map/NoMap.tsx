/** Stands in for the map where the browser cannot draw it. */

import { FilterField } from "../panels/slots";
import { selectTopic } from "../state/actions";
import { tree } from "../state/store";
import { branches } from "./topic-colours";
import { grouped } from "../state/numbers";

const MOST = 24;

export function NoMap() {
  const shown = tree.value ? branches(tree.value, MOST) : [];
  return (
    <div class="no-map">
      <p role="note" class="serif">
        This browser has no WebGL 2, so the map cannot be drawn. Topics, search, passages and
        selections work as usual.
      </p>
      <FilterField />
      <h2 class="caption">Largest topics</h2>
      <ul aria-label="Largest topics">
        {shown.map((topic) => (
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
