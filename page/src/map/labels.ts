/** The names on the map: real text, laid over the points, moved with them. */

import { effect } from "@preact/signals";
import type { TreeTopic } from "../data/tree";
import { selectTopic } from "../state/actions";
import type { Point } from "../data/types";
import * as store from "../state/store";
import type { View } from "../state/store";
import { toScreen } from "./camera";
import { palette } from "./palette";
import { placeLabels, suited, type Box, type Candidate, type Placed } from "./place-labels";
import { probe } from "./probe";
import { branches } from "./topic-colours";
import { counted, shortened } from "../state/numbers";

/** One name for so many square pixels of map. */
const AREA = 21_000;

/** Up to so many points are kept free of names, with so much room around each, pixels. */
const LONE = 40;
const DOT = 6;

interface Label {
  element: HTMLButtonElement;
  width: number;
  height: number;
}

/** How grand a name is: 1 for a branch with a hue of its own or what is above, 2, 3 below. */
function ranks(topics: TreeTopic[], cut: TreeTopic[]): Map<number, number> {
  const found = new Map<number, number>();
  const sink = (topic: TreeTopic, rank: number) => {
    found.set(topic.id, Math.min(3, rank));
    for (const child of topic.children) sink(child, rank + 1);
  };
  for (const topic of cut) sink(topic, 1);
  for (const topic of topics) if (!found.has(topic.id)) found.set(topic.id, 1);
  return found;
}

export class LabelLayer {
  private readonly labels = new Map<number, Label>();
  private shown = new Set<number>();
  private slots = new Map<number, number>();
  private laid = { zoom: 0, width: 0, height: 0 };
  /** Points that no name may hide, where there are only a few; in map coordinates. */
  private lone: Point[] = [];
  private rank = new Map<number, number>();
  private readonly ends: (() => void)[] = [];
  private obstacles: Box[] = [];
  private looked = 0;

  constructor(private readonly parent: HTMLElement) {
    this.ends.push(
      effect(() => {
        void store.edition.value;
        if (store.atlas.value) void this.findLone();
      }),
      effect(() => {
        const tree = store.tree.value;
        this.forget();
        if (!tree) return;
        const cut = branches(tree, palette(false).hues.length);
        this.rank = ranks([...tree.byId.values()], cut);
        this.place();
      }),
      effect(() => {
        void store.topic.value;
        void store.hoveredTopic.value;
        void store.mapSize.value;
        this.looked = 0;
        this.place();
      }),
    );
  }

  private forget(): void {
    for (const { element } of this.labels.values()) element.remove();
    this.labels.clear();
    this.shown.clear();
    this.slots.clear();
  }

  private make(topic: TreeTopic): Label {
    const element = document.createElement("button");
    element.type = "button";
    element.className = `label rank-${this.rank.get(topic.id) ?? 3}`;
    element.tabIndex = -1;
    element.dir = "auto";
    element.dataset["topic"] = String(topic.id);
    element.textContent = shortened(topic.label);
    element.title = `${topic.label} · ${counted(topic.size, "passage")}`;
    element.hidden = true;
    element.addEventListener("click", () =>
      selectTopic(store.topic.value === topic.id ? null : topic.id),
    );
    element.addEventListener("pointerenter", () => (store.hoveredTopic.value = topic.id));
    element.addEventListener("pointerleave", () => (store.hoveredTopic.value = null));
    return { element, width: 0, height: 0 };
  }

  /** Makes and measures what is new, all at once: one layout of the page. */
  private measure(topics: TreeTopic[]): void {
    const fresh: Label[] = [];
    for (const topic of topics) {
      if (this.labels.has(topic.id)) continue;
      const label = this.make(topic);
      this.labels.set(topic.id, label);
      fresh.push(label);
      label.element.style.visibility = "hidden";
      label.element.hidden = false;
      this.parent.append(label.element);
    }
    for (const label of fresh) {
      label.width = label.element.offsetWidth;
      label.height = label.element.offsetHeight;
    }
    for (const { element } of fresh) {
      element.hidden = true;
      element.style.visibility = "";
    }
  }

  /** What lies over the map: legend, buttons. Looked up now and then, not every frame. */
  private around(): Box[] {
    const now = performance.now();
    if (now - this.looked < 400) return this.obstacles;
    this.looked = now;
    const origin = this.parent.getBoundingClientRect();
    this.obstacles = [...document.querySelectorAll(".over-map")].map((element) => {
      const box = element.getBoundingClientRect();
      return {
        left: box.left - origin.left,
        right: box.right - origin.left,
        top: box.top - origin.top,
        bottom: box.bottom - origin.top,
      };
    });
    return this.obstacles;
  }

  place(): void {
    const tree = store.tree.peek();
    const { width, height } = store.mapSize.peek();
    if (!tree || width === 0) return;
    const view = store.view.peek();
    const scale = 2 ** view.zoom;
    const chosen = store.topic.peek();
    const hovered = store.hoveredTopic.peek();
    const nearby = suited(tree, scale, Math.min(width, height), this.shown);
    for (const id of [chosen, hovered]) {
      const topic = tree.get(id);
      if (topic && !nearby.includes(topic)) nearby.push(topic);
    }
    // Names keep their sides while one moves, not for ever.
    const lay = { zoom: view.zoom, width, height };
    const moved = Math.abs(lay.zoom - this.laid.zoom) > 0.3;
    if (moved || lay.width !== this.laid.width || lay.height !== this.laid.height) {
      this.slots.clear();
      this.laid = lay;
    }
    const inView = nearby
      .map((topic) => ({ topic, at: toScreen(topic.place[0], topic.place[1], view) }))
      .filter(({ at: [x, y] }) => x > 0 && y > 0 && x < width && y < height)
      .sort((a, b) => b.topic.size - a.topic.size)
      .slice(0, 240);
    this.measure(inView.map(({ topic }) => topic));
    const candidates: Candidate[] = inView.map(({ topic, at: [x, y] }) => {
      const label = this.labels.get(topic.id)!;
      const first = topic.id === hovered ? 1e12 : topic.id === chosen ? 1e11 : 0;
      return {
        id: topic.id,
        x,
        y,
        width: label.width,
        height: label.height,
        weight: first + topic.size,
        shown: this.shown.has(topic.id),
        path: topic.path,
        slot: this.slots.get(topic.id) ?? 0,
        reach: this.reach(topic.spread * scale, label),
      };
    });
    const sheet = { left: 0, top: 0, right: width, bottom: height };
    const most = Math.max(4, Math.round((width * height) / AREA));
    this.show(placeLabels(candidates, sheet, [...this.around(), ...this.dots(view)], most));
  }

  /** Names stay near the middle of their topic; those of a few points stand beside them. */
  private reach(spread: number, { width, height }: Label): number {
    if (this.lone.length) return Math.max(spread, height, width / 2 + 14);
    return Math.min(spread, 1.2 * height + 24);
  }

  private dots(view: View): Box[] {
    return this.lone.map(([px, py]) => {
      const [x, y] = toScreen(px, py, view);
      return { left: x - DOT, right: x + DOT, top: y - DOT, bottom: y + DOT };
    });
  }

  private async findLone(): Promise<void> {
    const info = store.atlas.peek();
    this.lone = [];
    if (!info || info.passages > LONE) return;
    const [x0, y0, x1, y1] = info.map.bounds;
    try {
      const { x, y } = await store.source().tile({ z: 0, x: 0, y: 0 });
      const at = (i: number): Point => [
        x0 + (x[i]! / 65535) * (x1 - x0),
        y0 + (y[i]! / 65535) * (y1 - y0),
      ];
      this.lone = Array.from(x, (_, i) => at(i));
      this.place();
    } catch {
      // The map itself says what of it could not be had.
    }
  }

  private show(placed: Placed[]): void {
    const now = new Set(placed.map(({ id }) => id));
    for (const id of this.shown) if (!now.has(id)) this.labels.get(id)!.element.hidden = true;
    const chosen = store.topic.peek();
    this.slots = new Map(placed.map(({ id, slot }) => [id, slot]));
    for (const { id, x, y, width, height } of placed) {
      const { element } = this.labels.get(id)!;
      // Whole pixels keep the letters sharp.
      const left = Math.round(x - width / 2);
      const top = Math.round(y - height / 2);
      element.style.transform = `translate(${left}px, ${top}px)`;
      element.hidden = false;
      const state = id === chosen ? "chosen" : id === store.hoveredTopic.peek() ? "hovered" : "";
      if (element.dataset["state"] !== state) element.dataset["state"] = state;
    }
    this.shown = now;
    probe.state.labels = now.size;
  }

  destroy(): void {
    for (const end of this.ends) end();
    this.forget();
  }
}
