/** The right panel: hits, or one passage. */

import { Reader, Results } from "../panels/slots";
import { hits, passage, query, side } from "../state/store";
import { closePassage, search } from "../state/actions";
import { Icon } from "./Icon";

export function Side() {
  const reading = side.value === "reader" && passage.value !== null;
  const title = reading ? "Passage" : `Hits for “${query.value}”`;
  const close = () => (reading ? closePassage() : search(""));
  return (
    <aside class="side" aria-label={reading ? "Passage" : "Search results"}>
      <div class="panel-head">
        {reading && hits.value && (
          <button
            class="button quiet icon"
            aria-label="Back to the hits"
            title="Back to the hits"
            onClick={closePassage}
          >
            <Icon name="back" />
          </button>
        )}
        <h2>
          <bdi dir="auto">{title}</bdi>
        </h2>
        <button
          class="button quiet icon"
          aria-label={reading ? "Close the passage" : "End the search"}
          title="Close"
          onClick={close}
        >
          <Icon name="close" />
        </button>
      </div>
      <div class="panel-body" tabIndex={-1}>
        {reading ? <Reader /> : <Results />}
      </div>
    </aside>
  );
}
