/** Slot: one passage, in the right panel. */

import { useSignal, useSignalEffect } from "@preact/signals";
import { passage, source } from "../state/store";
import { afterFailure } from "../state/actions";
import type { Passage } from "../data/types";

export function Reader() {
  const shown = useSignal<Passage | null>(null);
  useSignalEffect(() => {
    const number = passage.value;
    if (number === null) return;
    source()
      .passage(number)
      .then((reply) => (shown.value = reply), afterFailure);
  });
  if (!shown.value) return <p class="hint">Opening…</p>;
  return (
    <article dir="auto" class="wraps" style={{ whiteSpace: "pre-wrap" }}>
      {shown.value.text}
    </article>
  );
}
