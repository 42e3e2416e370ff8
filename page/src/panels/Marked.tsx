/** A text with the words of the query marked; pieces are text nodes, whatever they hold. */

import { computed } from "@preact/signals";
import { marked, tellingKeys } from "../data/words";
import { query } from "../state/store";

/** The words looked for now. */
export const queryKeys = computed<ReadonlySet<string>>(() => tellingKeys(query.value));

export function Marked({ text }: { text: string }) {
  return (
    <>
      {marked(text, queryKeys.value).map((piece, i) =>
        piece.marked ? <mark key={i}>{piece.text}</mark> : piece.text,
      )}
    </>
  );
}
