/** Edits of the atlas: one at a time, of the version that is seen, with undo. */

import { computed, effect, signal, untracked } from "@preact/signals";
import { SourceError, wasCancelled } from "../data/source";
import type { Edit, EditReply, EditsReply } from "../data/types";
import { afterFailure } from "../state/actions";
import { shortened } from "../state/numbers";
import { atlas, edition, foreign, notice, ownEdit, source, tell } from "../state/store";
import { afterEdit } from "../state/versions";

/** What the server is doing, for people; null when nothing. */
export const working = signal<string | null>(null);
/** What undo and redo would do. */
export const steps = signal<Pick<EditsReply, "undo" | "redo">>({ undo: null, redo: null });

export const editable = computed(() => atlas.value?.editable === true && source().live);

/** Own edits that undo takes back next, and own undone ones that redo does again next. */
const own = { undo: 0, redo: 0 };
/** What was asked about before it is undone or redone. */
let confirmed: string | null = null;

const REFUSED = "because the atlas was changed elsewhere in the meantime";

/** Says that an edit did not happen; `kept` is what the user need not type again. */
const refusal = (not: string, kept: string): string =>
  `${not}, ${REFUSED}. This page now shows it as it is.${kept ? ` ${kept}` : ""}`;

interface Change {
  /** While it runs, when it is done, and when it was refused. */
  doing: string;
  done: string;
  not: string;
  kept?: string;
  ask: (version: number | string) => Promise<EditReply>;
}

async function change({ doing, done, not, kept = "", ask }: Change): Promise<boolean> {
  const info = atlas.value;
  if (!info || working.value) return false;
  working.value = doing;
  const run = async () => {
    const reply = await ask(info.version);
    await afterEdit(reply.version, reply.topics);
  };
  const running = run();
  ownEdit.value = running;
  try {
    await running;
    tell(done);
    return true;
  } catch (error) {
    await afterFailure(error);
    if (error instanceof SourceError && error.kind === "stale") tell(refusal(not, kept), "error");
    return false;
  } finally {
    ownEdit.value = null;
    working.value = null;
  }
}

export async function edit(
  doing: string,
  done: string,
  not: string,
  what: Edit,
  kept = "",
): Promise<boolean> {
  const ask = (version: number | string) => source().edit(version, what);
  const made = await change({ doing, done, not, kept, ask });
  if (made) Object.assign(own, { undo: own.undo + 1, redo: 0 });
  return made;
}

/** Says whether a step would undo or redo what this page neither did nor showed when it opened. */
export const isForeign = (way: "undo" | "redo"): boolean => foreign.value > 0 && own[way] === 0;

async function step(way: "undo" | "redo"): Promise<boolean> {
  const what = steps.value[way];
  if (what === null) return false;
  confirmed = null;
  const [doing, done, not] =
    way === "undo" ? ["Undoing", "Undone", "Nothing was undone"] : ["Redoing", "Done again", "Nothing was redone"];
  const ask = (version: number | string) => source()[way](version);
  const made = await change({
    doing: `${doing}: ${shortened(what, 80)}`,
    done: `${done}: ${shortened(what, 80)}`,
    not,
    ask,
  });
  const back = way === "undo" ? "redo" : "undo";
  if (made) Object.assign(own, { [way]: Math.max(0, own[way] - 1), [back]: own[back] + 1 });
  return made;
}

export const undo = (): Promise<boolean> => step("undo");
export const redo = (): Promise<boolean> => step("redo");

/** By key: an edit made elsewhere is asked about first, and done with the second press. */
export function byKey(way: "undo" | "redo"): void {
  const what = steps.value[way];
  if (what === null) return;
  const question = `${way === "undo" ? "Undo" : "Redo"}: ${shortened(what, 80)} (made elsewhere)?`;
  if (!isForeign(way) || (confirmed === question && notice.value?.text === question)) {
    void step(way);
    return;
  }
  confirmed = question;
  tell(question, "error", { label: way === "undo" ? "Undo it" : "Redo it", run: () => void step(way) });
}

effect(() => {
  if (foreign.value > 0) Object.assign(own, { undo: 0, redo: 0 });
});

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
