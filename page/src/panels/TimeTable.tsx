/** The figures behind the chart; a period's button keeps only its passages. */

import type { TopicsOver } from "../data/types";
import { periodLabel, sparse } from "./time-data";
import { measured, type Measure } from "./TimeChart";
import type { Line } from "./TimeLines";
import { grouped } from "../state/numbers";

interface Props {
  over: TopicsOver;
  lines: Line[];
  measure: Measure;
  brushed: [number, number] | null;
  brush: (from: number, to: number) => void;
}

export function TimeTable({ over, lines, measure, brushed, brush }: Props) {
  const few = measure === "shares" ? sparse(over.periods) : [];
  return (
    <div class="time-table" tabIndex={0} role="region" aria-label="Figures of topics over time">
      <table>
        <thead>
          <tr>
            <th scope="col">Period</th>
            <th scope="col" class="number">
              Passages
            </th>
            {lines.map(({ id, label }) => (
              <th key={id} scope="col" class="number" title={label}>
                <bdi dir="auto">{label}</bdi>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {over.periods.map((period, i) => (
            <tr
              key={period.start}
              aria-current={brushed !== null && i >= brushed[0] && i <= brushed[1] ? "true" : undefined}
            >
              <th scope="row">
                <button
                  type="button"
                  class="link"
                  title={`Keep only passages from ${period.start} to before ${period.end}`}
                  onClick={() => brush(i, i)}
                >
                  {periodLabel(period.start, over.unit)}
                </button>
              </th>
              <td class="number">{grouped(period.passages)}</td>
              {lines.map(({ id, row }) => (
                <td key={id} class="number" data-few={few[i]} title={interval(row.low[i], row.high[i])}>
                  {measured(row[measure][i] ?? null, measure)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const interval = (low?: number | null, high?: number | null): string | undefined =>
  low == null || high == null ? undefined : `${measured(low, "shares")} to ${measured(high, "shares")}`;
