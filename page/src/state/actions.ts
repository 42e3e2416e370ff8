/** What a user can do, each in one place: panels and map call these. */

import { batch, effect, untracked } from "@preact/signals";
import { fitted, flyTo, flyToBounds, toScreen } from "../map/camera";
import { SourceError, wasCancelled } from "../data/source";
import type { Hit, Point } from "../data/types";
import * as store from "./store";
import { counted } from "./numbers";
import { lookAgain, message, openAtlas } from "./versions";

export { message, openAtlas };

/** Opens a passage in the reader; flies there if it is out of sight. */
export function openPassage(number: number, place?: Point): void {
  batch(() => {
    store.passage.value = number;
    store.side.value = "reader";
  });
  if (place) reveal(place);
}

/** Moves the map only if a place is not well in view. */
export function reveal([x, y]: Point, atLeast = -Infinity): void {
  const { width, height } = store.mapSize.value;
  const [left, top] = toScreen(x, y);
  const edge = 60;
  const inside = left > edge && top > edge && left < width - edge && top < height - edge;
  const zoom = Math.max(store.view.value.zoom, atLeast);
  if (!inside || zoom > store.view.value.zoom) flyTo({ x, y, zoom });
}

export function closePassage(): void {
  batch(() => {
    store.passage.value = null;
    store.side.value = store.hits.value ? "results" : null;
  });
}

/** Selects a topic (its passages stay lit, the rest dims); null takes it back. */
export function selectTopic(id: number | null, fly = true): void {
  store.topic.value = id;
  const topic = store.tree.value?.get(id);
  if (!topic) return;
  store.announce(`${topic.label}: ${counted(topic.size, "passage")}`);
  if (fly) flyToTopic(id!);
}

export function flyToTopic(id: number): void {
  const topic = store.tree.value?.get(id);
  if (!topic) return;
  const [x, y] = topic.place;
  const r = Math.max(topic.spread * 1.7, 0.02);
  flyToBounds([x - r, y - r, x + r, y + r]);
}

export function setWhere(filter: string): void {
  store.where.value = filter.trim();
}

export function colourBy(name: string | null): void {
  batch(() => {
    store.colourBy.value = name;
    store.isolated.value = null;
  });
  store.announce(`Coloured by ${name ?? "topic"}`);
}

/** The legend's click: only this code, and back to all with the second click. */
export function isolate(code: number, add = false): void {
  const now = store.isolated.value;
  if (add && now) {
    const rest = now.includes(code) ? now.filter((c) => c !== code) : [...now, code];
    store.isolated.value = rest.length ? rest : null;
  } else store.isolated.value = now?.length === 1 && now[0] === code ? null : [code];
}

export function setPolygon(polygon: Point[] | null): void {
  batch(() => {
    store.polygon.value = polygon;
    store.tool.value = "pan";
    if (polygon) store.drawer.value = "selection";
    else if (store.drawer.value === "selection") store.drawer.value = null;
  });
  store.announce(polygon ? "Area selected; its passages are listed below" : "Selection cleared");
}

/** Asks for passages, also once more for the same; an empty query ends the search. */
export function search(query: string, mode = store.searchMode.value): void {
  batch(() => {
    store.asked.value += 1;
    store.query.value = query.trim();
    store.searchMode.value = mode;
    if (query.trim()) store.side.value = "results";
    else if (store.side.value === "results") store.side.value = null;
  });
}

/** How many hits a search asks for and the map lights up. */
export const HITS = 100;

/** Keeps the hits what query, mode, filter and topic ask for. */
export function followSearch(): void {
  let running: AbortController | null = null;
  effect(() => {
    const query = store.query.value;
    const mode = store.searchMode.value;
    const where = store.where.value;
    const within = store.topic.value;
    void store.edition.value;
    void store.asked.value;
    running?.abort();
    if (!store.atlas.value) return;
    if (!query) {
      store.hits.value = null;
      store.searched.value = null;
      store.searchFailure.value = null;
      store.searching.value = false;
      return;
    }
    running = new AbortController();
    store.searching.value = true;
    untracked(() => void ask(query, mode, where, within, running!.signal));
  });
}

async function ask(
  query: string,
  mode: typeof store.searchMode.value,
  where: string,
  topic: number | null,
  signal: AbortSignal,
): Promise<void> {
  try {
    const request = { query, mode, k: HITS, where: where || null, topic };
    const { hits, strategy, seconds } = await store.source().search(request, signal);
    if (signal.aborted) return;
    batch(() => {
      store.hits.value = hits;
      store.searched.value = { strategy, seconds };
      store.searchFailure.value = null;
      store.searching.value = false;
    });
    store.announce(`${counted(hits.length, "passage")} found for ${query}`);
  } catch (error) {
    if (wasCancelled(error) || signal.aborted) return;
    batch(() => {
      store.hits.value = [];
      store.searched.value = null;
      store.searchFailure.value = message(error);
      store.searching.value = false;
    });
    store.announce(message(error));
  }
}

/** Flies to where all hits are in view. */
export function showHits(hits: Hit[]): void {
  if (!hits.length) return;
  const xs = hits.map((hit) => hit.x);
  const ys = hits.map((hit) => hit.y);
  const view = fitted(
    [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)],
    store.mapSize.value,
    80,
  );
  flyTo({ ...view, zoom: Math.min(view.zoom, store.view.value.zoom + 3) });
}

/** Escape: takes back the last thing that covers or narrows the map. */
export function stepBack(): void {
  if (store.helpOpen.value) store.helpOpen.value = false;
  else if (store.tool.value === "lasso") store.tool.value = "pan";
  else if (store.passage.value !== null) closePassage();
  else if (store.polygon.value) setPolygon(null);
  else if (store.isolated.value) store.isolated.value = null;
  else if (store.topic.value !== null) selectTopic(null);
  else if (store.query.value) search("");
  else if (store.drawer.value) store.drawer.value = null;
}

/** Says what failed; a page that is behind the atlas takes the change over first. */
export async function afterFailure(error: unknown): Promise<void> {
  if (wasCancelled(error)) return;
  const stale = error instanceof SourceError && error.kind === "stale";
  try {
    if (stale && (await lookAgain())) return;
  } catch {
    // Gone meanwhile: what failed first is what is told.
  }
  store.tell(message(error), "error");
}
