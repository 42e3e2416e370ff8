/** Slot: undo and redo, in the header. */

export function EditTools() {
  return null;
}
