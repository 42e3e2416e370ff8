/** Slot: topics over time, in the drawer. */

import { useSignal, useSignalEffect } from "@preact/signals";
import { wasCancelled } from "../data/source";
import type { TopicsOver } from "../data/types";
import { topicColour } from "../map/topic-colours";
import { message, selectTopic, setWhere } from "../state/actions";
import { announce, atlas, dark, edition, hoveredTopic, source, topic, tree, where } from "../state/store";
import { FEW, periodIn, spanLabel, sparse, timeColumns, topicsDrawn, withoutPeriod, withPeriod } from "./time-data";
import { TimeLines, type Line } from "./TimeLines";
import { TimeTable } from "./TimeTable";
import { grouped } from "../state/numbers";

const BINS = 24;
/** Below this a change over time is more than chance would make it. */
const CERTAIN = 0.05;

export type Measure = "shares" | "counts";

export const measured = (value: number | null, measure: Measure): string =>
  value === null
    ? "–"
    : measure === "counts"
      ? grouped(value)
      : `${Number((100 * value).toFixed(value < 0.0995 ? 1 : 0))} %`;

export function TimeChart() {
  const columns = timeColumns(atlas.value);
  const column = useSignal<string | null>(null);
  const found = useSignal<TopicsOver | null>(null);
  const failure = useSignal<string | null>(null);
  const measure = useSignal<Measure>("shares");
  const asTable = useSignal(false);
  const at = useSignal<number | null>(null);
  const name = column.value ?? columns[0]?.name ?? null;

  useSignalEffect(() => {
    const wanted = column.value ?? timeColumns(atlas.value)[0]?.name;
    void edition.value;
    if (!wanted) return;
    const control = new AbortController();
    failure.value = null;
    source()
      .topicsOver(wanted, BINS, control.signal)
      .then(
        (reply) => (found.value = reply),
        (error: unknown) => {
          if (wasCancelled(error)) return;
          found.value = null;
          failure.value = message(error);
        },
      );
    return () => control.abort();
  });

  if (!name) return <p class="empty">This atlas has no attribute that holds times.</p>;
  const over = found.value;
  const info = columns.find((one) => one.name === name);
  const asNumber = info !== undefined && /int/.test(info.type);
  const brushed = over ? periodIn(where.value, name, over.periods) : null;
  const brush = (from: number, to: number) => {
    const first = over?.periods[Math.min(from, to)];
    const last = over?.periods[Math.max(from, to)];
    if (!first || !last) return;
    setWhere(withPeriod(where.value, name, first, last, asNumber));
    announce(`Filter: ${where.value}`);
  };
  const clear = () => {
    setWhere(withoutPeriod(where.value, name));
    announce("All times");
  };

  // The colours follow the theme.
  void dark.value;
  const rows = new Map(over?.topics.map((row) => [row.id, row]));
  const lines: Line[] = !tree.value
    ? []
    : topicsDrawn(tree.value, topic.value).flatMap(({ id, label }) => {
        const row = rows.get(id);
        return row ? [{ id, label, colour: topicColour(id), row }] : [];
      });

  return (
    <div class="time">
      <div class="selection-head">
        {columns.length > 1 && (
          <select
            class="time-column"
            aria-label="Attribute that holds the times"
            value={name}
            onChange={(event) => (column.value = event.currentTarget.value)}
          >
            {columns.map((one) => (
              <option key={one.name}>{one.name}</option>
            ))}
          </select>
        )}
        <p class="hint">{over ? <About over={over} brushed={brushed} /> : "Counting…"}</p>
        {brushed && (
          <button type="button" class="link small" onClick={clear}>
            All times
          </button>
        )}
        <Choice
          label="Measure"
          value={measure.value}
          options={[
            ["shares", "Share"],
            ["counts", "Count"],
          ]}
          choose={(one) => (measure.value = one as Measure)}
        />
        <Choice
          label="Show as"
          value={asTable.value ? "table" : "chart"}
          options={[
            ["chart", "Chart"],
            ["table", "Table"],
          ]}
          choose={(one) => (asTable.value = one === "table")}
        />
      </div>
      {failure.value && (
        <div class="empty" role="alert">
          <p class="serif">Topics cannot be followed over “{name}”.</p>
          <p class="wraps">{failure.value}</p>
        </div>
      )}
      {over && (
        <div class="selection-body">
          <section class="bars" aria-label="Topics drawn">
            <ul>
              {lines.map((line) => (
                <Entry key={line.id} line={line} at={at.value} measure={measure.value} />
              ))}
            </ul>
          </section>
          {asTable.value ? (
            <TimeTable over={over} lines={lines} measure={measure.value} brushed={brushed} brush={brush} />
          ) : (
            <TimeLines
              over={over}
              lines={lines}
              measure={measure.value}
              at={at}
              brushed={brushed}
              brush={brush}
              clear={clear}
            />
          )}
        </div>
      )}
    </div>
  );
}

function About({ over, brushed }: { over: TopicsOver; brushed: [number, number] | null }) {
  if (brushed) {
    return <>{spanLabel(over.periods[brushed[0]]!, over.periods[brushed[1]]!, over.unit)}</>;
  }
  const missing = over.missing
    ? `; ${grouped(over.missing)} ${over.missing === 1 ? "passage" : "passages"} without a time`
    : "";
  return (
    <>
      By {over.unit}
      {missing}. Bands: {Math.round(100 * over.level)} % intervals.
      {sparse(over.periods).some((few, i) => few && over.periods[i]!.passages > 0) &&
        ` Grey: under ${FEW} passages.`}{" "}
      Draw over a period to filter.
    </>
  );
}

interface ChoiceProps {
  label: string;
  value: string;
  options: [string, string][];
  choose: (value: string) => void;
}

function Choice({ label, value, options, choose }: ChoiceProps) {
  return (
    <span class="choice" role="group" aria-label={label}>
      {options.map(([key, text]) => (
        <button key={key} type="button" aria-pressed={key === value} onClick={() => choose(key)}>
          {text}
        </button>
      ))}
    </span>
  );
}

function Entry({ line, at, measure }: { line: Line; at: number | null; measure: Measure }) {
  const { change } = line.row;
  const turn =
    change.q < CERTAIN && typeof change.trend === "number" && Math.abs(change.trend) > 2
      ? change.trend > 0
        ? "rising"
        : "falling"
      : "";
  return (
    <li>
      <button
        type="button"
        class="bar time-entry"
        aria-pressed={topic.value === line.id}
        title={turn ? `${line.label}, ${turn} over time` : line.label}
        onClick={() => selectTopic(topic.value === line.id ? null : line.id, false)}
        onPointerEnter={() => (hoveredTopic.value = line.id)}
        onPointerLeave={() => (hoveredTopic.value = null)}
        onFocus={() => (hoveredTopic.value = line.id)}
        onBlur={() => (hoveredTopic.value = null)}
      >
        <span class="chip-dot" style={{ background: line.colour }} aria-hidden="true" />
        <bdi dir="auto">{line.label}</bdi>
        <span class="number hint">
          {at === null ? turn : measured(line.row[measure][at] ?? null, measure)}
        </span>
      </button>
    </li>
  );
}
