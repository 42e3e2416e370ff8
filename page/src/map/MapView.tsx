/** The map with its furniture: points, labels, tooltip, lasso, legend, buttons. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { FilterField } from "../panels/slots";
import { openPassage } from "../state/actions";
import { hoveredPassage, mapSize, view } from "../state/store";
import { takePlace, viewOf } from "../state/sync";
import { Around } from "./Around";
import { bounds, fitAll, fitted, flyTo, zoomedAbout } from "./camera";
import { followColour, followPointer } from "./colouring";
import { Controls } from "./Controls";
import { WheelZoom } from "./glide";
import { LabelLayer } from "./labels";
import { Lasso } from "./Lasso";
import { Legend } from "./Legend";
import { followOpenPassage } from "./marked";
import { MapScene, type Picked } from "./scene";
import { TopicRing } from "./TopicRing";
import { Tooltip } from "./Tooltip";

/** How far a hand may tremble in a click, pixels. */
const TREMBLE = 4;

export function MapView() {
  const frame = useRef<HTMLDivElement>(null);
  const names = useRef<HTMLDivElement>(null);
  const scene = useRef<MapScene | null>(null);
  const down = useRef<[number, number] | null>(null);
  const picked = useSignal<Picked | null>(null);

  useEffect(() => {
    const parent = frame.current!;
    const end = followSize(parent);
    const ends = [followColour(), followPointer(), followOpenPassage()];
    const made = new MapScene(parent);
    const labels = new LabelLayer(names.current!);
    made.onDrawn = () => labels.place();
    scene.current = made;
    const wheel = new WheelZoom();
    const turn = (event: WheelEvent) => {
      if ((event.target as Element).closest(".over-map")) return;
      event.preventDefault();
      point(null);
      wheel.turn(event, at(event));
    };
    // Not passive, or the page would scroll and zoom as well.
    parent.parentElement!.addEventListener("wheel", turn, { passive: false });
    return () => {
      parent.parentElement!.removeEventListener("wheel", turn);
      wheel.stop();
      end();
      for (const stop of ends) stop();
      labels.destroy();
      made.destroy();
    };
  }, []);

  const at = (event: MouseEvent): [number, number] => {
    const box = frame.current!.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const point = (found: Picked | null) => {
    if (found?.passage === picked.value?.passage) return;
    picked.value = found;
    hoveredPassage.value = found?.passage ?? null;
  };
  return (
    <>
      <div
        ref={frame}
        class="map-canvas"
        data-over={picked.value !== null}
        role="application"
        aria-roledescription="map"
        aria-label="Map of all passages. Arrow keys move it, plus and minus zoom, 0 shows all."
        tabIndex={0}
        onPointerDown={(event) => {
          down.current = at(event);
          point(null);
        }}
        onPointerMove={(event) => {
          if (event.buttons || event.pointerType === "touch") return;
          point(scene.current?.pick(...at(event)) ?? null);
        }}
        onPointerLeave={() => point(null)}
        onClick={(event) => {
          const [left, top] = at(event);
          const start = down.current;
          if (start && Math.hypot(left - start[0], top - start[1]) > TREMBLE) return;
          const found = scene.current?.pick(left, top, 12);
          if (found) openPassage(found.passage);
        }}
        onDblClick={(event) => {
          const [left, top] = at(event);
          flyTo(zoomedAbout(view.value, left, top, event.shiftKey ? -1 : 1), 260);
        }}
      />
      <div ref={names} class="labels" />
      <TopicRing />
      <Lasso />
      <Tooltip picked={picked.value} />
      <div class="map-top">
        <div class="over-map">
          <FilterField />
        </div>
        <div class="over-map">
          <Around />
        </div>
      </div>
      <Legend />
      <Controls />
    </>
  );
}

/** Says whether the view is the whole map, as it opens. */
function seesAll(): boolean {
  const all = fitted(bounds(), mapSize.value);
  const { x, y, zoom } = view.value;
  const off = Math.hypot(x - all.x, y - all.y) * 2 ** zoom;
  return off < 2 && Math.abs(zoom - all.zoom) < 0.02;
}

/** Keeps the size of the map, and what is seen where it is on the screen. */
function followSize(parent: HTMLElement): () => void {
  let middle: [number, number] | null = null;
  const measure = () => {
    const { width, height, left, top } = parent.getBoundingClientRect();
    if (width === 0 || height === 0) return;
    const now: [number, number] = [left + width / 2, top + height / 2];
    const before = middle;
    middle = now;
    const whole = before !== null && seesAll();
    mapSize.value = { width, height };
    if (whole) {
      fitAll();
      return;
    }
    if (before) {
      const scale = 2 ** view.value.zoom;
      const { x, y, zoom } = view.value;
      view.value = {
        x: x + (now[0] - before[0]) / scale,
        y: y - (now[1] - before[1]) / scale,
        zoom,
      };
      return;
    }
    const place = takePlace();
    view.value = place ? viewOf(place) : fitted(bounds(), mapSize.value);
  };
  measure();
  const watch = new ResizeObserver(measure);
  watch.observe(parent);
  return () => watch.disconnect();
}
