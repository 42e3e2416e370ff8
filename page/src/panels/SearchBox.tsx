/** Slot: the search field in the header. */

import { useSignal, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import type { SearchMode } from "../data/types";
import { search } from "../state/actions";
import { query, searching, searchMode, source } from "../state/store";
import { Icon } from "../ui/Icon";
import { focusHit } from "./Results";

const MODES: [SearchMode, string][] = [
  ["hybrid", "Meaning and words"],
  ["vector", "Meaning"],
  ["text", "Words"],
];

export function SearchBox() {
  const text = useSignal(query.value);
  const field = useRef<HTMLInputElement>(null);
  useSignalEffect(() => {
    text.value = query.value;
  });
  // Without a server there is no encoder: words are all that can be compared.
  const live = source().live;
  const mode = live ? searchMode.value : "text";
  return (
    <form
      role="search"
      class="find"
      aria-busy={searching}
      onSubmit={(event) => {
        event.preventDefault();
        search(text.value);
      }}
    >
      <span class="find-glass" data-busy={searching}>
        <Icon name="search" size={16} />
      </span>
      <input
        ref={field}
        id="search"
        class="field"
        type="search"
        dir="auto"
        autocomplete="off"
        spellcheck={false}
        maxLength={10_000}
        aria-label="Search passages"
        aria-keyshortcuts="/"
        placeholder="Search"
        value={text}
        onInput={(event) => {
          text.value = event.currentTarget.value;
          // The browser's own cross empties the field: that ends the search.
          if (!text.value) search("");
        }}
        onKeyDown={(event) => {
          if (event.key === "ArrowDown" && focusHit(0)) event.preventDefault();
          else if (event.key === "Escape" && text.value !== query.value) {
            event.preventDefault();
            event.stopPropagation();
            text.value = query.value;
          } else if (event.key === "Escape" && !query.value) {
            event.stopPropagation();
            field.current?.blur();
          }
        }}
      />
      {live ? (
        <span class="find-mode">
          <Icon name="more" />
          <select
            aria-label="Search by"
            title="What is compared: meaning, words, or both"
            value={mode}
            onChange={(event) => search(text.value, event.currentTarget.value as SearchMode)}
          >
            {MODES.map(([value, label]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </select>
        </span>
      ) : (
        <span class="find-mode hint" title="The vectors stay in the atlas">
          Words only
        </span>
      )}
    </form>
  );
}
