/** The text of a passage, in parts where it is long. */

import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { codePoints } from "../data/words";
import { wasCancelled } from "../data/source";
import type { Passage } from "../data/types";
import { afterFailure } from "../state/actions";
import { announce, source } from "../state/store";
import { Marked } from "./Marked";
import { cutPart, isHardWrapped, joinLines } from "./text-parts";
import { grouped } from "../state/numbers";

/** Code points of one part: what the server gives at once. */
const PART = 20_000;

export function ReaderText({ passage }: { passage: Passage }) {
  const loaded = codePoints(passage.text);
  const whole = loaded >= passage.text_length;
  const first = useMemo(
    () => (whole ? ([passage.text, ""] as [string, string]) : cutPart(passage.text)),
    [passage],
  );
  const parts = useSignal<string[]>([first[0]]);
  const rest = useSignal(first[1]);
  const got = useSignal(loaded);
  const busy = useSignal(false);
  const asTyped = useSignal(false);
  const wrapped = useMemo(() => isHardWrapped(passage.text), [passage]);
  const control = useMemo(() => new AbortController(), [passage]);
  useEffect(() => () => control.abort(), [control]);

  const more = async () => {
    busy.value = true;
    try {
      const reply = await source().passageText(
        passage.passage,
        got.value,
        PART,
        control.signal,
      );
      const count = codePoints(reply.text);
      got.value += count;
      const text = rest.value + reply.text;
      const last = count === 0 || got.value >= passage.text_length;
      const [shown, left] = last ? [text, ""] : cutPart(text);
      parts.value = [...parts.value, shown];
      rest.value = left;
      announce(`${grouped(got.value)} of ${grouped(passage.text_length)} characters shown`);
    } catch (error) {
      if (!wasCancelled(error)) await afterFailure(error);
    }
    busy.value = false;
  };

  if (!passage.text_length) return <p class="hint">This passage has no text.</p>;
  const left = passage.text_length - got.value;
  return (
    <>
      <div class="reading wraps" data-typed={asTyped.value}>
        {parts.value.map((part, i) => (
          <div key={i} class="reading-part" dir="auto">
            <Marked text={wrapped && !asTyped.value ? joinLines(part) : part} />
          </div>
        ))}
      </div>
      {wrapped && (
        <button
          type="button"
          class="link small"
          aria-pressed={asTyped}
          onClick={() => (asTyped.value = !asTyped.value)}
        >
          {asTyped.value ? "Let the lines flow" : "Show the lines as they were typed"}
        </button>
      )}
      {left > 0 && (
        <div class="reading-more">
          <button
            type="button"
            class="button"
            aria-disabled={busy}
            onClick={() => !busy.value && void more()}
          >
            {busy.value ? "Loading…" : `Show ${grouped(Math.min(PART, left))} more characters`}
          </button>
          <span class="hint number">
            {grouped(got.value)} of {grouped(passage.text_length)}
          </span>
        </div>
      )}
    </>
  );
}
