/** Slot: the passages of the selection, in the drawer. */

import { selection } from "../state/store";

export function SelectionTable() {
  if (!selection.value) return <p class="empty">Draw around points on the map (key L).</p>;
  return <p class="empty">The passages of the selection come here.</p>;
}
