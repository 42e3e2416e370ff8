/** Slot: the search field in the header. */

import { useSignal, useSignalEffect } from "@preact/signals";
import { query } from "../state/store";
import { search } from "../state/actions";

export function SearchBox() {
  const text = useSignal(query.value);
  useSignalEffect(() => {
    text.value = query.value;
  });
  return (
    <form
      role="search"
      class="find"
      onSubmit={(event) => {
        event.preventDefault();
        search(text.value);
      }}
    >
      <input
        id="search"
        class="field"
        type="search"
        dir="auto"
        aria-label="Search passages"
        placeholder="Search by meaning or by words"
        value={text}
        onInput={(event) => (text.value = event.currentTarget.value)}
      />
    </form>
  );
}
