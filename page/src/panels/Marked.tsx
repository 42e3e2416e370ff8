/** A text with the words of the query marked; pieces are text nodes, whatever they hold. */

import { computed } from "@preact/signals";
import { keysOf, marked } from "../data/words";
import { query } from "../state/store";

/** The words looked for now. */
export const queryKeys = computed<ReadonlySet<string>>(() => keysOf(query.value));

export function Marked({ text }: { text: string }) {
  return (
    <>
      {marked(text, queryKeys.value).map((piece, i) =>
        piece.marked ? <mark key={i}>{piece.text}</mark> : piece.text,
      )}
    </>
  );
}
