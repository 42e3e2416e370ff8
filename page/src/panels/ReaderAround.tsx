/** The document around a passage: what stands before and after, more on demand. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { wasCancelled } from "../data/source";
import type { DocumentAround } from "../data/types";
import { excerpt } from "../data/words";
import { afterFailure } from "../state/actions";
import { announce, edition, hoveredPassage, source } from "../state/store";
import { Marked, queryKeys } from "./Marked";
import { follow } from "./trail";
import { grouped } from "../state/numbers";

type Near = DocumentAround["passages"][number];

const AT_FIRST = 2;
const MORE = 10;

export function ReaderAround({ number }: { number: number }) {
  const shown = useSignal<Near[]>([]);
  const of = useSignal(0);
  const busy = useSignal(false);
  useEffect(() => {
    const control = new AbortController();
    shown.value = [];
    of.value = 0;
    source()
      .document(number, AT_FIRST, AT_FIRST, control.signal)
      .then(
        (reply) => {
          shown.value = reply.passages;
          of.value = reply.of;
        },
        (error: unknown) => {
          if (!wasCancelled(error)) void afterFailure(error);
        },
      );
    return () => control.abort();
  }, [number, edition.value]);

  const more = async (back: boolean) => {
    const edge = back ? shown.value[0] : shown.value.at(-1);
    if (!edge || busy.value) return;
    busy.value = true;
    try {
      const reply = await source().document(edge.passage, back ? MORE : 0, back ? 0 : MORE);
      const known = new Set(shown.value.map(({ passage }) => passage));
      const fresh = reply.passages
        .filter(({ passage }) => !known.has(passage))
        .map((near) => ({ ...near, current: near.passage === number }));
      shown.value = back ? [...fresh, ...shown.value] : [...shown.value, ...fresh];
      announce(`${fresh.length} more passages of the document`);
    } catch (error) {
      if (!wasCancelled(error)) await afterFailure(error);
    }
    busy.value = false;
  };

  const first = shown.value[0];
  const last = shown.value.at(-1);
  if (!first || !last || of.value < 2) return null;
  const current = shown.value.find((near) => near.current);
  return (
    <section class="reader-part" aria-label="Its document">
      <h3 class="caption">
        In its document
        {current && (
          <span class="caption-note number">
            passage {current.position + 1} of {grouped(of.value)}
          </span>
        )}
      </h3>
      {first.position > 0 && (
        <button type="button" class="link small" onClick={() => void more(true)}>
          Earlier passages
        </button>
      )}
      <ol class="around" start={first.position + 1}>
        {shown.value.map((near) => (
          <li key={near.passage} aria-current={near.current ? "true" : undefined}>
            {near.current ? (
              <p class="around-text wraps" dir="auto">
                {excerpt(near.text, queryKeys.value, 140)}
              </p>
            ) : (
              <button
                type="button"
                class="around-text wraps"
                dir="auto"
                onClick={() => follow(near.passage)}
                onPointerEnter={() => (hoveredPassage.value = near.passage)}
                onPointerLeave={() => (hoveredPassage.value = null)}
              >
                <Marked text={excerpt(near.text, queryKeys.value, 220)} />
              </button>
            )}
          </li>
        ))}
      </ol>
      {last.position < of.value - 1 && (
        <button type="button" class="link small" onClick={() => void more(false)}>
          Later passages
        </button>
      )}
    </section>
  );
}
