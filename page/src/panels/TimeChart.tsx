/** Slot: topics over time, in the drawer. */

export function TimeChart() {
  return <p class="empty">Topics over time come here.</p>;
}
