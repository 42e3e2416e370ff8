/** Writes selected rows as CSV or JSON Lines in the page itself, a piece at a time. */

import type { FileRows } from "./file-rows";
import { slices } from "./file-words";

const AT_ONCE = 200;

/** A value as a CSV cell: quoted where commas, quotes or line ends stand in it. */
export function csvCell(value: unknown): string {
  if (value === null || value === undefined) return "";
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** An attribute of the same name keeps its own. */
function columnNames(attributes: string[]): Record<"label" | "x" | "y", string> {
  const taken = new Set(attributes);
  const named = (name: string, other: string): string => {
    let chosen = taken.has(name) ? other : name;
    while (taken.has(chosen)) chosen += "_";
    return chosen;
  };
  return { label: named("label", "topic_label"), x: named("x", "map_x"), y: named("y", "map_y") };
}

export async function exported(
  rows: FileRows,
  picked: number[],
  format: "csv" | "jsonl",
  signal?: AbortSignal,
): Promise<Blob> {
  const attributes = rows.index.atlas.attributes.map(({ name }) => name);
  const names = columnNames(attributes);
  const rest = slices(signal);
  const pieces: string[] = [];
  const header = ["id", "passage", "text", "topic", names.label, "membership", names.x, names.y];
  if (format === "csv") pieces.push(`${[...header, ...attributes].map(csvCell).join(",")}\r\n`);
  for (let first = 0; first < picked.length; first += AT_ONCE) {
    const part = picked.slice(first, first + AT_ONCE);
    const values = await rows.attributes(part);
    const lines: string[] = [];
    for (const [i, row] of part.entries()) {
      const topic = rows.points.topic[row]!;
      const [x, y] = rows.place(row);
      const record: Record<string, unknown> = {
        id: rows.ids[row],
        passage: rows.points.passage[row],
        text: await rows.text(row),
        topic,
        [names.label]: rows.tree.get(topic)?.label ?? null,
        membership: Math.round(1000 * rows.points.membership[row]!) / 1000,
        [names.x]: x,
        [names.y]: y,
        ...values[i],
      };
      lines.push(
        format === "csv"
          ? `${Object.values(record).map(csvCell).join(",")}\r\n`
          : `${JSON.stringify(record)}\n`,
      );
      await rest();
    }
    pieces.push(lines.join(""));
  }
  const type = format === "csv" ? "text/csv" : "application/x-ndjson";
  return new Blob(pieces, { type: `${type};charset=utf-8` });
}
