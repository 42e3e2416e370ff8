/** Slot: what the search found, in the right panel. */

import { hits, hoveredPassage, query } from "../state/store";
import { openPassage } from "../state/actions";

export function Results() {
  const found = hits.value;
  if (!found) return <p class="hint">Searching for {query}</p>;
  if (!found.length) return <p class="empty">Nothing was found. Fewer words may find more.</p>;
  return (
    <ol aria-label="Hits">
      {found.map((hit) => (
        <li key={hit.passage}>
          <button
            class="button quiet"
            onClick={() => openPassage(hit.passage, [hit.x, hit.y])}
            onPointerEnter={() => (hoveredPassage.value = hit.passage)}
            onPointerLeave={() => (hoveredPassage.value = null)}
          >
            <bdi dir="auto">{hit.text.slice(0, 120)}</bdi>
          </button>
        </li>
      ))}
    </ol>
  );
}
