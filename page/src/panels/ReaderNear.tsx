/** The passages nearest to one by meaning. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { wasCancelled } from "../data/source";
import type { Hit } from "../data/types";
import { message } from "../state/actions";
import { edition, source } from "../state/store";
import { HitItem } from "./Results";
import { follow } from "./trail";

const K = 8;

export function ReaderNear({ number }: { number: number }) {
  const near = useSignal<Hit[] | null>(null);
  const failure = useSignal<string | null>(null);
  useEffect(() => {
    const control = new AbortController();
    near.value = null;
    failure.value = null;
    source()
      .neighbours(number, K, null, control.signal)
      .then(
        ({ hits }) => (near.value = hits),
        (error: unknown) => {
          if (!wasCancelled(error)) failure.value = message(error);
        },
      );
    return () => control.abort();
  }, [number, edition.value]);
  return (
    <section class="reader-part" aria-label="Nearest passages" aria-busy={near.value === null}>
      <h3 class="caption">Nearest passages</h3>
      {failure.value && <p class="hint wraps">{failure.value}</p>}
      {near.value?.length === 0 && <p class="hint">There are no others.</p>}
      <ol class="hits near">
        {near.value?.map((hit) => (
          <HitItem key={hit.passage} hit={hit} open={() => follow(hit.passage, [hit.x, hit.y])} />
        ))}
      </ol>
    </section>
  );
}
