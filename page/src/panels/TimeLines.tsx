/** Lines of topics over time with the bands of their intervals; a period is chosen by drawing. */

import { useSignal, type Signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { SpreadTopic, TopicsOver } from "../data/types";
import { hoveredTopic } from "../state/store";
import { bandPath, linePath, periodLabel, runs, sparse, ticks } from "./time-data";
import { measured, type Measure } from "./TimeChart";
import { counted } from "../state/numbers";

export interface Line {
  id: number;
  label: string;
  colour: string;
  row: SpreadTopic;
}

interface Props {
  over: TopicsOver;
  lines: Line[];
  measure: Measure;
  /** The period pointed at. */
  at: Signal<number | null>;
  brushed: [number, number] | null;
  brush: (from: number, to: number) => void;
  clear: () => void;
}

const EDGE = { top: 10, right: 16, bottom: 24, left: 46 };
/** Room that the name of a period needs. */
const NAME = 78;

export function TimeLines({ over, lines, measure, at, brushed, brush, clear }: Props) {
  const size = useSignal({ width: 0, height: 0 });
  const from = useSignal<number | null>(null);
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const watch = new ResizeObserver(([entry]) => {
      const { width, height } = entry!.contentRect;
      size.value = { width, height };
    });
    watch.observe(box.current!);
    return () => watch.disconnect();
  }, []);

  const { width, height } = size.value;
  const n = over.periods.length;
  const step = (width - EDGE.left - EDGE.right) / Math.max(1, n);
  const x = (i: number) => EDGE.left + (i + 0.5) * step;
  // A share of two passages is no share: such periods are grey, and draw no line.
  const few = measure === "shares" ? sparse(over.periods) : over.periods.map(() => false);
  const trusted = (values: (number | null)[]) => values.map((value, i) => (few[i] ? null : value));
  const most = Math.max(
    ...lines.flatMap(({ row }) =>
      trusted(measure === "shares" ? row.high : row.counts).map((value) => value ?? 0),
    ),
    measure === "shares" ? 0.01 : 1,
  );
  const y = (value: number) =>
    height - EDGE.bottom - (value / most) * (height - EDGE.top - EDGE.bottom);
  const place = (i: number, value: number): [number, number] => [x(i), y(value)];
  const every = Math.max(1, Math.ceil(NAME / Math.max(1, step)));

  const periodAt = (event: PointerEvent): number => {
    const left = event.clientX - box.current!.getBoundingClientRect().left;
    return Math.max(0, Math.min(n - 1, Math.floor((left - EDGE.left) / step)));
  };
  const drawn = from.value !== null && at.value !== null ? [from.value, at.value].sort((a, b) => a - b) : null;
  const shown = drawn ?? brushed;

  return (
    <div
      ref={box}
      class="time-lines"
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        box.current!.setPointerCapture(event.pointerId);
        from.value = periodAt(event);
        at.value = from.value;
      }}
      onPointerMove={(event) => (at.value = periodAt(event))}
      onPointerUp={(event) => {
        if (from.value === null) return;
        const [first, last] = [from.value, periodAt(event)];
        from.value = null;
        // A click on the only period kept gives all back.
        if (first === last && brushed?.[0] === first && brushed[1] === last) clear();
        else brush(first, last);
      }}
      onPointerCancel={() => (from.value = null)}
      onPointerLeave={() => {
        if (from.value === null) at.value = null;
      }}
    >
      {width > 0 && n > 0 && (
        <svg width={width} height={height} role="img" aria-label={described(over, lines)}>
          {shown && (
            <rect
              class="time-kept"
              x={EDGE.left + shown[0]! * step}
              width={(shown[1]! - shown[0]! + 1) * step}
              y={EDGE.top - 4}
              height={Math.max(0, height - EDGE.top - EDGE.bottom + 4)}
            />
          )}
          {over.periods.map(({ start, passages }, i) =>
            few[i] && passages > 0 ? (
              <rect
                key={start}
                class="time-few"
                x={EDGE.left + i * step}
                width={step}
                y={EDGE.top - 4}
                height={Math.max(0, height - EDGE.top - EDGE.bottom + 4)}
              >
                <title>Too few passages for shares</title>
              </rect>
            ) : null,
          )}
          {ticks(most).map((value) => (
            <g key={value} class="time-grid">
              <line x1={EDGE.left} x2={width - EDGE.right} y1={y(value)} y2={y(value)} />
              <text x={EDGE.left - 8} y={y(value)} dy="0.32em" text-anchor="end">
                {measured(value, measure)}
              </text>
            </g>
          ))}
          {over.periods.map((period, i) =>
            i % every === 0 ? (
              <text key={period.start} class="time-name" x={x(i)} y={height - 7} text-anchor="middle">
                {periodLabel(period.start, over.unit)}
              </text>
            ) : null,
          )}
          {at.value !== null && (
            <line
              class="time-at"
              x1={x(at.value)}
              x2={x(at.value)}
              y1={EDGE.top}
              y2={height - EDGE.bottom}
            />
          )}
          {lines.map(({ id, colour, row }) => {
            const parts = runs(trusted(row[measure]), place);
            const lows = runs(trusted(row.low), place);
            const highs = runs(trusted(row.high), place);
            const state =
              hoveredTopic.value === null || !lines.some((line) => line.id === hoveredTopic.value)
                ? "all"
                : hoveredTopic.value === id
                  ? "hovered"
                  : "behind";
            return (
              <g key={id} class="time-line" data-state={state} style={{ color: colour }}>
                {measure === "shares" && (
                  <path class="time-band" d={bandPath(lows, highs)} />
                )}
                <path class="time-path" d={linePath(parts)} />
                {parts.map((part, i) =>
                  part.length > 1 ? null : (
                    // Nothing before and after: a dot, with its interval as a line.
                    <g key={i}>
                      {measure === "shares" && (
                        <line
                          class="time-bar"
                          x1={part[0]![0]}
                          x2={part[0]![0]}
                          y1={lows[i]![0]![1]}
                          y2={highs[i]![0]![1]}
                        />
                      )}
                      <circle cx={part[0]![0]} cy={part[0]![1]} r={2.5} />
                    </g>
                  ),
                )}
                {at.value !== null && !few[at.value] && row[measure][at.value] != null && (
                  <circle cx={x(at.value)} cy={y(row[measure][at.value]!)} r={3.5} />
                )}
              </g>
            );
          })}
          {at.value !== null && (
            <text
              class="time-name strong"
              x={Math.max(EDGE.left + 50, Math.min(width - EDGE.right - 60, x(at.value)))}
              y={EDGE.top + 4}
              text-anchor="middle"
            >
              {periodLabel(over.periods[at.value]!.start, over.unit)},{" "}
              {counted(over.periods[at.value]!.passages, "passage")}
            </text>
          )}
        </svg>
      )}
    </div>
  );
}

function described(over: TopicsOver, lines: Line[]): string {
  const first = over.periods[0];
  const last = over.periods.at(-1);
  const span = first && last ? ` from ${first.start} to ${last.end}` : "";
  return `${lines.length} topics over ${over.periods.length} periods${span}. The table holds the figures.`;
}
