/** Drawing around points: a free line with the lasso, a rectangle with Shift and drag. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Point } from "../data/types";
import { setPolygon } from "../state/actions";
import { polygon, tool, view } from "../state/store";
import { toMap, toScreen } from "./camera";
import { area, lassoed, rectangle } from "./geometry";

/** Smaller than this (square pixels) was a slip of the hand. */
const SMALLEST = 60;

const path = (points: Point[]): string =>
  points.length ? `M${points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join("L")}Z` : "";

export function Lasso() {
  const line = useSignal<Point[]>([]);
  const shift = useSignal(false);
  const from = useRef<Point | null>(null);
  const box = useRef<SVGSVGElement>(null);

  useEffect(() => {
    const watch = (event: KeyboardEvent) => (shift.value = event.shiftKey);
    const leave = () => (shift.value = false);
    window.addEventListener("keydown", watch);
    window.addEventListener("keyup", watch);
    window.addEventListener("blur", leave);
    return () => {
      window.removeEventListener("keydown", watch);
      window.removeEventListener("keyup", watch);
      window.removeEventListener("blur", leave);
    };
  }, []);

  const at = (event: PointerEvent): Point => {
    const { left, top } = box.current!.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  };
  const free = tool.value === "lasso";
  const catching = free || shift.value || from.current !== null;
  const end = () => {
    const drawn = line.value;
    from.current = null;
    line.value = [];
    if (drawn.length > 2 && area(drawn) > SMALLEST)
      setPolygon(lassoed(drawn, 1.2).map(([x, y]) => toMap(x, y)));
  };
  void view.value;
  const kept = polygon.value?.map(([x, y]) => toScreen(x, y)) ?? [];
  return (
    <svg
      ref={box}
      class={`lasso${catching ? " catching" : ""}`}
      aria-hidden="true"
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        box.current!.setPointerCapture(event.pointerId);
        from.current = at(event);
        line.value = [from.current];
      }}
      onPointerMove={(event) => {
        if (!from.current) return;
        line.value = free ? [...line.value, at(event)] : rectangle(from.current, at(event));
      }}
      onPointerUp={end}
      onPointerCancel={() => {
        from.current = null;
        line.value = [];
      }}
    >
      {kept.length > 0 && <path class="kept" d={path(kept)} />}
      {line.value.length > 0 && <path class="drawn" d={path(line.value)} />}
    </svg>
  );
}
