/** Keeps the address and the store the same, in both directions. */

import { batch, effect } from "@preact/signals";
import { bounds, fitted, held } from "../map/camera";
import { namesTopics, topicNow } from "./versions";
import * as store from "./store";
import { complaint, readAddress, writeAddress, type Address, type Place } from "./url";

/** A place of the address that waits for the map to have a size. */
let wanted: Place | null = null;

/** Gives the place to open at, once. */
export function takePlace(): Place | null {
  const place = wanted;
  wanted = null;
  return place;
}

const shorter = () => Math.min(store.mapSize.value.width, store.mapSize.value.height);

export const placeOf = (): Place | null => {
  const { x, y, zoom } = store.view.value;
  const side = shorter();
  return side > 0 ? { x, y, span: side / 2 ** zoom } : null;
};

/** The view of a place, kept to the map: addresses are typed by hand, too. */
export function viewOf(place: Place): store.View {
  const wanted = { x: place.x, y: place.y, zoom: Math.log2(Math.max(1, shorter()) / place.span) };
  const view = held(wanted);
  const off = Math.hypot(view.x - wanted.x, view.y - wanted.y) > place.span;
  // Far beyond what one can reach by hand there is nothing to see: the whole map is.
  if (off || Math.abs(view.zoom - wanted.zoom) > 1) return fitted(bounds(), store.mapSize.value);
  return view;
}

function current(): Address {
  return {
    place: placeOf(),
    colour: store.colourBy.value,
    isolated: store.isolated.value,
    topic: store.topic.value,
    passage: store.passage.value,
    query: store.query.value,
    mode: store.searchMode.value,
    where: store.where.value,
    polygon: store.polygon.value,
    theme: store.theme.value,
    drawer: store.drawer.value,
  };
}

function apply(address: Address): void {
  batch(() => {
    store.colourBy.value = address.colour;
    store.isolated.value = address.isolated;
    store.topic.value = address.topic;
    store.passage.value = address.passage;
    store.side.value =
      address.passage !== null ? "reader" : address.query ? "results" : null;
    store.query.value = address.query;
    store.searchMode.value = address.mode;
    store.where.value = address.where;
    store.polygon.value = address.polygon;
    store.theme.value = address.theme;
    store.drawer.value = address.drawer;
    if (address.place) {
      if (shorter() > 0) store.view.value = viewOf(address.place);
      else wanted = address.place;
    }
  });
}

/** All but the view: what a step back takes back. */
const steps = (address: Address): string => writeAddress({ ...address, place: null });

/** Reads the address into the store, then writes the store into the address. */
export function syncAddress(): void {
  const open = (version: number | string | null = null) => {
    const address = readAddress(location.hash);
    if (version !== null && store.atlas.value) {
      // A step of the history from before a change: its numbers are of then.
      const now = topicNow(address.topic, version);
      if (now !== address.topic && namesTopics(address.where)) address.where = "";
      address.topic = now;
    }
    apply(address);
    const wrong = complaint(location.hash);
    if (wrong) store.tell(wrong);
  };
  open();
  let last = steps(current());
  let timer = 0;
  const write = (push: boolean) => {
    const hash = writeAddress(current()) || location.pathname + location.search;
    if (hash === location.hash) return;
    const state = { version: store.atlas.peek()?.version ?? null };
    if (push) history.pushState(state, "", hash);
    else history.replaceState(state, "", hash);
  };
  window.addEventListener("popstate", (event) => {
    open((event.state as { version?: number | string | null } | null)?.version ?? null);
    last = steps(current());
    // Other numbers than those of the step, where the atlas was changed since.
    if (event.state) write(false);
  });
  effect(() => {
    const now = steps(current());
    clearTimeout(timer);
    const push = now !== last;
    last = now;
    // Moves are written when they come to rest; browsers limit how often one may write.
    if (push) write(true);
    else timer = window.setTimeout(() => write(false), 250);
  });
}
