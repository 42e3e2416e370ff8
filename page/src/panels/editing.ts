/** Edits of the atlas: one at a time, of the version that is seen, with undo. */

import { computed, effect, signal, untracked } from "@preact/signals";
import { wasCancelled } from "../data/source";
import type { Edit, EditReply, EditsReply } from "../data/types";
import { afterFailure, openAtlas } from "../state/actions";
import { atlas, edition, source, tell, topic } from "../state/store";

/** What the server is doing, for people; null when nothing. */
export const working = signal<string | null>(null);
/** What undo and redo would do. */
export const steps = signal<Pick<EditsReply, "undo" | "redo">>({ undo: null, redo: null });

export const editable = computed(() => atlas.value?.editable === true && source().live);

async function change(
  doing: string,
  done: string,
  ask: (version: number | string) => Promise<EditReply>,
): Promise<boolean> {
  if (!atlas.value || working.value) return false;
  working.value = doing;
  try {
    const reply = await ask(atlas.value.version);
    // What was selected stays so, by the number that it has now.
    const was = topic.value;
    const now = reply.topics.find(({ old }) => old === was)?.new ?? null;
    await openAtlas(was === null ? null : now);
    tell(done);
    return true;
  } catch (error) {
    await afterFailure(error);
    return false;
  } finally {
    working.value = null;
  }
}

export const edit = (doing: string, done: string, what: Edit): Promise<boolean> =>
  change(doing, done, (version) => source().edit(version, what));

export function undo(): Promise<boolean> {
  const { undo: what } = steps.value;
  return what === null
    ? Promise.resolve(false)
    : change(`Undoing: ${what}`, `Undone: ${what}`, (version) => source().undo(version));
}

export function redo(): Promise<boolean> {
  const { redo: what } = steps.value;
  return what === null
    ? Promise.resolve(false)
    : change(`Redoing: ${what}`, `Done again: ${what}`, (version) => source().redo(version));
}

/** Keeps what undo and redo would do. */
export function followEdits(): () => void {
  return effect(() => {
    void edition.value;
    if (!editable.value) return;
    const control = new AbortController();
    untracked(() =>
      source()
        .edits(control.signal)
        .then(
          (reply) => (steps.value = { undo: reply.undo, redo: reply.redo }),
          (error: unknown) => {
            if (!wasCancelled(error)) steps.value = { undo: null, redo: null };
          },
        ),
    );
    return () => control.abort();
  });
}
