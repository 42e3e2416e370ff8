/** What the map is coloured by, with the legend that explains it. */

import { computed, effect, signal } from "@preact/signals";
import type { AttributeSummary } from "../data/types";
import { wasCancelled } from "../data/source";
import { message } from "../state/actions";
import { grouped } from "../state/numbers";
import * as store from "../state/store";
import { along, shade, toHex, type Rgb } from "./colour";
import type { Paint } from "./paint";
import { palette, type Palette } from "./palette";
import { branches, topicColours } from "./topic-colours";

export interface LegendItem {
  code: number;
  label: string;
  count: number | null;
  colour: string;
}

export interface Legend {
  title: string;
  items: LegendItem[];
  /** Colours from low to high, for numbers and times. */
  scale: { stops: string[]; low: string; middle: string | null; high: string } | null;
}

/** Into how many steps a scale is cut for isolating parts of it. */
export const STEPS = 8;

export const NULL_CODE = -1;
export const OTHER_CODE = -2;

/** Colour of a category by its rank; past the hues, lighter and darker turns of them. */
export function categoryColour(code: number, colours: Palette): Rgb {
  if (code < 0) return colours.none;
  const round = Math.floor(code / colours.hues.length);
  const hue = colours.hues[code % colours.hues.length]!;
  if (round === 0) return hue;
  const step = Math.ceil(round / 2) * (round % 2 ? 1 : -1);
  return shade(hue, 0.1 * Math.max(-2, Math.min(2, step)), 0.22 * step);
}

export const isScale = (summary: AttributeSummary): boolean =>
  summary.kind === "number" || summary.kind === "time";

/**
 * Where a value lies on the scale of colours: as it is, or by rank where nearly all values would
 * get one colour (its quantiles say so).
 */
export const isSkewed = ({ quantiles }: AttributeSummary): boolean =>
  quantiles.length > 2 && quantiles.at(-2)! - quantiles[1]! < 0.25;

export function onScale(summary: AttributeSummary, value: number): number {
  const { quantiles } = summary;
  if (!isSkewed(summary)) return value;
  const parts = quantiles.length - 1;
  // Equal quantiles lie together: a value gets the middle of its ranks.
  let below = quantiles.findIndex((q) => q >= value);
  if (below < 0) return 1;
  let above = below;
  while (above < parts && quantiles[above + 1]! <= value) above += 1;
  if (quantiles[below]! > value) {
    const from = quantiles[below - 1] ?? 0;
    return (below - 1 + (value - from) / (quantiles[below]! - from)) / parts;
  }
  return below === above ? below / parts : (below + above) / 2 / parts;
}

/** The step of a value in 0..1; -1 for none. */
export const stepOf = (value: number): number =>
  Number.isNaN(value) ? NULL_CODE : Math.min(STEPS - 1, Math.floor(value * STEPS));

/** A number or time in as few characters as tell it apart. */
export function brief(value: number | string | null): string {
  if (value === null) return "–";
  if (typeof value === "string") return value.slice(0, 10);
  const size = Math.abs(value);
  if (size >= 1e6 || (size > 0 && size < 1e-3)) return value.toExponential(1);
  const round = Number(value.toFixed(size < 10 ? 2 : 0));
  return size >= 1e4 ? grouped(round) : String(round);
}

/** The topic pointed at, once the pointer rests there: points are not repainted in passing. */
const pointed = signal<number | null>(null);

export function followPointer(): () => void {
  let timer = 0;
  return effect(() => {
    const id = store.hoveredTopic.value;
    clearTimeout(timer);
    timer = window.setTimeout(() => (pointed.value = id), id === null ? 60 : 120);
  });
}

function median({ low, high, quantiles }: AttributeSummary): string | null {
  const at = quantiles[quantiles.length >> 1];
  if (typeof low === "number" && typeof high === "number" && at !== undefined)
    return brief(low + at * (high - low));
  return null;
}

const usable = computed(() => {
  const summary = store.colourSummary.value;
  return summary && summary.name === store.colourBy.value ? summary : null;
});

export const paint = computed<Paint>(() => {
  const colours = palette(store.dark.value);
  const ofTopics = topicColours.value;
  const summary = usable.value;
  const topics = store.tree.value;
  const lit = topics?.get(pointed.value ?? store.topic.value);
  const isolated = store.isolated.value;
  const where = store.where.value || null;
  const found = store.hits.value;
  const byTopicOnly = isolated && topics && store.colourBy.value === null
    ? new Set(isolated.flatMap((id) => topics.get(id)?.leaves ?? [id]))
    : null;
  return {
    key: JSON.stringify([
      store.dark.value,
      store.edition.value,
      summary?.name ?? store.colourBy.value,
      Boolean(summary),
      lit?.id,
      isolated,
      where,
      Boolean(found),
    ]),
    ofTopic: (id) => ofTopics.get(id) ?? colours.none,
    none: colours.none,
    attribute:
      store.colourBy.value === null
        ? null
        : {
            name: store.colourBy.value,
            ofValue: (value) => {
              if (!summary) return colours.none;
              return isScale(summary)
                ? along(colours.scale, onScale(summary, value))
                : categoryColour(value, colours);
            },
            codeOf: (value) => (summary && isScale(summary) ? stepOf(onScale(summary, value)) : value),
          },
    isolated: byTopicOnly ?? (isolated ? new Set(isolated) : null),
    lit: found && pointed.value === null ? new Set() : lit ? new Set(lit.leaves) : null,
    where,
  };
});

export const legend = computed<Legend | null>(() => {
  const colours = palette(store.dark.value);
  const topics = store.tree.value;
  if (store.colourBy.value === null) {
    if (!topics) return null;
    const items = branches(topics, colours.hues.length).map((topic) => ({
      code: topic.id,
      label: topic.label,
      count: topic.size,
      colour: toHex(topicColours.value.get(topic.id) ?? colours.none),
    }));
    if (topics.unassigned)
      items.push({ code: -1, label: "no topic", count: topics.unassigned, colour: toHex(colours.none) });
    return { title: "Topic", items, scale: null };
  }
  const summary = usable.value;
  if (!summary) return null;
  const none = toHex(colours.none);
  if (isScale(summary))
    return {
      title: summary.name,
      items: summary.nulls ? [{ code: NULL_CODE, label: "no value", count: summary.nulls, colour: none }] : [],
      scale: {
        stops: Array.from({ length: STEPS }, (_, i) => toHex(along(colours.scale, (i + 0.5) / STEPS))),
        low: brief(summary.low),
        middle: isSkewed(summary) ? median(summary) : null,
        high: brief(summary.high),
      },
    };
  const items = summary.categories.map(({ value, count }, code) => ({
    code,
    label: String(value),
    count: count as number | null,
    colour: toHex(categoryColour(code, colours)),
  }));
  if (summary.others) items.push({ code: OTHER_CODE, label: "all others", count: summary.others, colour: none });
  if (summary.nulls) items.push({ code: NULL_CODE, label: "no value", count: summary.nulls, colour: none });
  return { title: summary.name, items, scale: null };
});

/** Keeps the summary of the attribute that colours the map. */
export function followColour(): () => void {
  let running: AbortController | null = null;
  return effect(() => {
    const name = store.colourBy.value;
    void store.edition.value;
    running?.abort();
    if (name === null || !store.atlas.value) return;
    running = new AbortController();
    store
      .source()
      .attribute(name, running.signal)
      .then(
        (summary) => (store.colourSummary.value = summary),
        (error) => {
          if (wasCancelled(error)) return;
          store.colourBy.value = null;
          store.isolated.value = null;
          store.tell(message(error), "error");
        },
      );
  });
}
