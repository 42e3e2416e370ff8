/** The map with its furniture: points, labels, tooltip, lasso, legend, buttons. */

import { useEffect, useRef } from "preact/hooks";
import { openPassage } from "../state/actions";
import { hoveredPassage, mapSize, tool, view } from "../state/store";
import { takePlace, viewOf } from "../state/sync";
import { bounds, fitted } from "./camera";
import { followColour } from "./colouring";
import { Controls } from "./Controls";
import { MapScene } from "./scene";

export function MapView() {
  const frame = useRef<HTMLDivElement>(null);
  const scene = useRef<MapScene | null>(null);
  useEffect(() => {
    const parent = frame.current!;
    const measure = () => {
      const { width, height } = parent.getBoundingClientRect();
      const first = mapSize.value.width === 0;
      mapSize.value = { width, height };
      if (!first || width === 0) return;
      const place = takePlace();
      view.value = place ? viewOf(place) : fitted(bounds(), mapSize.value);
    };
    measure();
    const watch = new ResizeObserver(measure);
    watch.observe(parent);
    const made = new MapScene(parent);
    scene.current = made;
    const end = followColour();
    return () => {
      watch.disconnect();
      end();
      made.destroy();
    };
  }, []);

  const down = useRef<[number, number] | null>(null);
  const at = (event: PointerEvent): [number, number] => {
    const box = frame.current!.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  return (
    <>
      <div
        ref={frame}
        class="map-canvas"
        role="application"
        aria-roledescription="map"
        aria-label="Map of all passages. Arrow keys move it, plus and minus zoom, 0 shows all."
        tabIndex={0}
        onPointerDown={(event) => (down.current = at(event))}
        onPointerMove={(event) => {
          if (event.buttons || tool.value !== "pan") return;
          hoveredPassage.value = scene.current?.pick(...at(event))?.passage ?? null;
        }}
        onPointerLeave={() => (hoveredPassage.value = null)}
        onClick={(event) => {
          const [left, top] = at(event as unknown as PointerEvent);
          const start = down.current;
          if (start && Math.hypot(left - start[0], top - start[1]) > 4) return;
          const found = scene.current?.pick(left, top);
          if (found) openPassage(found.passage);
        }}
      />
      <Controls />
    </>
  );
}
