/** Slot: the filter, above the map. */

export function FilterField() {
  return null;
}
