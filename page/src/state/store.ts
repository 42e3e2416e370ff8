/** Everything the page knows that more than one part of it needs. */

import { computed, signal } from "@preact/signals";
import type { Source } from "../data/source";
import type { TopicTree } from "../data/tree";
import type { AtlasInfo, AttributeSummary, Hit, Point, SearchMode, Selection } from "../data/types";

/** Middle of the map in map coordinates; `zoom` is log2 of pixels per unit. */
export interface View {
  x: number;
  y: number;
  zoom: number;
}

export type Theme = "auto" | "light" | "dark";
export type Side = "results" | "reader" | null;
export type Drawer = "selection" | "time" | null;

let theSource: Source | null = null;
export const setSource = (source: Source): void => {
  theSource = source;
};
/** The one source of the page; set before anything is drawn. */
export const source = (): Source => {
  if (!theSource) throw new Error("the page has no source yet");
  return theSource;
};

export const atlas = signal<AtlasInfo | null>(null);
export const tree = signal<TopicTree | null>(null);
/** A mistake that keeps the page from opening. */
export const fatal = signal<string | null>(null);

// What is looked at
export const view = signal<View>({ x: 0, y: 0, zoom: 8 });
/** Size of the map in css pixels. */
export const mapSize = signal({ width: 0, height: 0 });
/** Null: by topic. Else the name of an attribute. */
export const colourBy = signal<string | null>(null);
export const colourSummary = signal<AttributeSummary | null>(null);
/** Codes left lit by the legend; null: all. */
export const isolated = signal<number[] | null>(null);
export const topic = signal<number | null>(null);
export const hoveredTopic = signal<number | null>(null);
/** The topic that holds most of what is in view; null when there is no such. */
export const around = signal<number | null>(null);
export const passage = signal<number | null>(null);
/** A passage pointed at in a list or on the map. */
export const hoveredPassage = signal<number | null>(null);

// What is asked
export const where = signal("");
export const query = signal("");
export const searchMode = signal<SearchMode>("hybrid");
/** What the search found; null: no search. */
export const hits = signal<Hit[] | null>(null);
export const searching = signal(false);
/** What was done to find them, and how long it took; or why nothing could be found. */
export const searched = signal<{ strategy: string; seconds: number } | null>(null);
export const searchFailure = signal<string | null>(null);
/** How far the texts of a page without a server are read for the first search, 0..1. */
export const reading = signal<number | null>(null);
export const polygon = signal<Point[] | null>(null);

// How it is laid out
export const theme = signal<Theme>("auto");
export const dark = signal(false);
export const side = signal<Side>(null);
export const drawer = signal<Drawer>(null);
export const treeOpen = signal(true);
export const helpOpen = signal(false);
export const tool = signal<"pan" | "lasso">("pan");
/** False where WebGL 2 is missing: everything but the map works. */
export const canDraw = signal(true);

/** What is selected: lasso, topic and filter together. Null: nothing. */
export const selection = computed<Selection | null>(() => {
  if (!polygon.value) return null;
  return { polygon: polygon.value, topic: topic.value, where: where.value || null };
});

// What is said
export const announcement = signal("");
export interface Said {
  text: string;
  kind: "info" | "error";
  /** What can be done about it. */
  act?: { label: string; run: () => void };
}
export const notice = signal<Said | null>(null);

/** Says something to who listens to the page. */
export const announce = (text: string): void => {
  announcement.value = text;
};

/** Shows a line at the foot of the page for a while, and says it. */
export const tell = (text: string, kind: Said["kind"] = "info", act?: Said["act"]): void => {
  notice.value = { text, kind, ...(act ? { act } : {}) };
  announce(text);
};

/** Grows with every edit of the atlas: what was fetched before is stale. */
export const edition = signal(0);
/** Grows with every change of the atlas that this page did not make. */
export const foreign = signal(0);
/** An edit of this page that is under way. */
export const ownEdit = signal<Promise<unknown> | null>(null);
/** The passage that the reader shows. */
export const opened = signal<{ passage: number; id: string } | null>(null);
/** Grows when the same is searched for once more. */
export const asked = signal(0);
