/** Fetches the atlas, and again when it was changed: here, in another window, by another command. */

import { batch } from "@preact/signals";
import { SourceError } from "../data/source";
import { sameTopic, sameTree, TopicTree } from "../data/tree";
import type { AtlasInfo, TopicsReply } from "../data/types";
import { topicsCounted, counted } from "./numbers";
import * as store from "./store";

export const CHANGED = "The atlas was changed elsewhere; this page now shows it as it is.";

const TRIES = 5;

export const message = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

interface Fetched {
  info: AtlasInfo;
  topics: TopicsReply;
}

/** Atlas and topics of one version. */
async function fetched(): Promise<Fetched> {
  const source = store.source();
  for (let turn = 1; ; turn++) {
    const [info, topics] = await Promise.all([source.atlas(), source.topics()]);
    if (!source.live || String(info.version) === String(topics.version)) return { info, topics };
    if (turn === TRIES) throw new SourceError("the atlas changes all the time", "stale");
    await new Promise((done) => setTimeout(done, 100 * turn));
  }
}

/** Trees that were shown, by their versions: what numbers in older steps of the history mean. */
const known = new Map<string, TopicTree>();
const KEPT = 8;

/** Gives the number now of a topic that had one in an earlier version; null where that is unsure. */
export function topicNow(id: number | null, version: number | string): number | null {
  const before = known.get(String(version));
  const tree = store.tree.value;
  if (id === null || !tree || String(version) === String(store.atlas.value?.version)) return id;
  if (!before) return null;
  return sameTree(before, tree) ? id : sameTopic(before, tree, id);
}

/** Shows what was fetched; `more` sets within the same batch what depends on it. */
function show({ info, topics }: Fetched, more: (tree: TopicTree) => void): void {
  const tree = new TopicTree(topics);
  store.source().follow?.(info.version, changedElsewhere);
  known.delete(String(info.version));
  known.set(String(info.version), tree);
  for (const old of known.keys()) {
    if (known.size <= KEPT) break;
    known.delete(old);
  }
  batch(() => {
    const again = store.atlas.value !== null;
    more(tree);
    store.atlas.value = info;
    store.tree.value = tree;
    store.hoveredTopic.value = null;
    if (again) store.edition.value += 1;
    store.fatal.value = null;
  });
  document.title = `${info.name} · Isogloss`;
}

/** Opens the atlas when the page does. */
export async function openAtlas(): Promise<void> {
  try {
    const found = await fetched();
    let unknown: number | null = null;
    show(found, (tree) => {
      const wanted = store.topic.value;
      if (wanted === null || tree.get(wanted)) return;
      unknown = wanted;
      store.topic.value = null;
    });
    const counts = topicsCounted(store.tree.value!.counts);
    store.announce(`${found.info.name}: ${counted(found.info.passages, "passage")}, ${counts}`);
    if (unknown !== null) {
      const before = store.notice.value;
      const text = `There is no topic ${unknown} in this atlas.`;
      store.tell(before ? `${before.text} ${text}` : text);
    }
  } catch (error) {
    if (store.atlas.value) store.tell(message(error), "error");
    else store.fatal.value = message(error);
  }
}

/** Shows the atlas after an edit of this page: which topic is which now is known. */
export async function afterEdit(
  version: number | string,
  topics: { old: number; new: number | null }[],
): Promise<void> {
  const found = await fetched();
  // Another edit came in between: the numbers are not those of the answer.
  if (String(found.info.version) !== String(version)) return takeOver(found);
  const was = store.topic.value;
  show(found, (tree) => {
    const now = topics.find(({ old }) => old === was)?.new ?? null;
    store.topic.value = tree.get(now) ? now : null;
  });
}

/** Shows an atlas that was changed elsewhere; keeps only what certainly is the same. */
function takeOver(found: Fetched): void {
  const before = store.tree.value;
  const bounds = store.atlas.value?.map.bounds;
  show(found, (tree) => {
    const same = before !== null && sameTree(before, tree);
    if (before && !same) {
      store.topic.value = sameTopic(before, tree, store.topic.value);
      // A filter that names a topic by its number would ask for another one.
      if (namesTopics(store.where.value)) store.where.value = "";
    }
    if (!same || store.colourBy.value !== null) store.isolated.value = null;
    if (String(bounds) !== String(found.info.map.bounds)) store.polygon.value = null;
    store.hits.value = null;
    store.hoveredPassage.value = null;
    // What is not shown yet cannot be compared with what its number means now.
    if (store.passage.value !== null && store.opened.value?.passage !== store.passage.value) {
      store.passage.value = null;
      store.side.value = store.query.value ? "results" : null;
    }
    store.foreign.value += 1;
  });
  store.tell(CHANGED);
}

/** Says whether a filter asks for the column `topic`. */
export const namesTopics = (where: string): boolean =>
  /(^|[^\p{L}\p{N}_])topic($|[^\p{L}\p{N}_])/iu.test(where.replace(/'(?:[^']|'')*'/g, "''"));

/** What tells versions apart, also where an atlas was built anew and counts from the start. */
const stamp = ({ name, version, passages, documents, topics, map }: AtlasInfo): string =>
  JSON.stringify([name, version, passages, documents, topics, map]);

let looking: Promise<boolean> | null = null;

/** Looks whether the atlas was changed, and takes that over; says whether it was. */
export function lookAgain(): Promise<boolean> {
  looking ??= look().finally(() => (looking = null));
  return looking;
}

async function look(): Promise<boolean> {
  const now = store.atlas.value;
  if (!now) return false;
  const info = await store.source().atlas();
  // An edit of this page may have ended meanwhile.
  if (stamp(info) === stamp(store.atlas.value ?? now)) return false;
  takeOver(await fetched());
  return true;
}

/** For answers of another version: waits for an edit of this page, whose version it may be. */
export async function changedElsewhere(): Promise<boolean> {
  await store.ownEdit.value?.catch(() => {});
  try {
    return await lookAgain();
  } catch (error) {
    store.tell(message(error), "error");
    return false;
  }
}

/** True where the page shows the atlas as it is: numbers of topics may be sent. */
export async function isCurrent(): Promise<boolean> {
  if (!store.source().live) return true;
  await store.ownEdit.value?.catch(() => {});
  try {
    return !(await lookAgain());
  } catch (error) {
    store.tell(message(error), "error");
    return false;
  }
}
