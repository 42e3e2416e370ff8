/** Reads the Arrow streams of a tile into plain arrays. */

import { tableFromIPC, type Table } from "@uwdata/flechette";
import type { TilePoints } from "./types";

function column(table: Table, name: string): ArrayLike<unknown> {
  const found = table.getChild(name);
  if (!found) throw new Error(`the tile has no column ${name}`);
  return found.toArray() as ArrayLike<unknown>;
}

function asNumbers<T extends { length: number }>(
  values: ArrayLike<unknown>,
  kind: { new (length: number): T; from(values: ArrayLike<number>): T },
): T {
  return values instanceof (kind as unknown as { new (): object })
    ? (values as unknown as T)
    : kind.from(values as ArrayLike<number>);
}

export function readPoints(bytes: ArrayBuffer): TilePoints {
  const table = tableFromIPC(bytes);
  const points = {
    x: asNumbers(column(table, "x"), Uint16Array),
    y: asNumbers(column(table, "y"), Uint16Array),
    passage: asNumbers(column(table, "passage"), Uint32Array),
    topic: asNumbers(column(table, "topic"), Int32Array),
  };
  const n = points.passage.length;
  if (points.x.length !== n || points.y.length !== n || points.topic.length !== n)
    throw new Error("the columns of a tile differ in length");
  return points;
}

export function readValues(bytes: ArrayBuffer): Int32Array | Float32Array {
  const table = tableFromIPC(bytes);
  const values = column(table, "value");
  if (values instanceof Int32Array || values instanceof Float32Array) return values;
  // Nulls make flechette answer a plain array.
  const plain = Array.from(values, (value) => (value === null ? NaN : Number(value)));
  return Float32Array.from(plain);
}

export function readPassing(bytes: ArrayBuffer): Uint8Array {
  const values = column(tableFromIPC(bytes), "passing");
  return Uint8Array.from({ length: values.length }, (_, i) => (values[i] ? 1 : 0));
}
