/** The rows of a self-contained page: places, topics, texts, values; which of them are selected. */

import { filterMask, columnsOf, type FilterColumn } from "./filter-mask";
import { parseFilter } from "./filter-parse";
import { Blocks, type FileIndex } from "./file-blocks";
import { SourceError } from "./source";
import { TopicTree } from "./tree";
import type { Attributes, Point, Selection } from "./types";

export interface Points {
  x: Uint16Array;
  y: Uint16Array;
  passage: Uint32Array;
  topic: Int32Array;
  membership: Float32Array;
  document: Uint32Array;
  text_length: Uint32Array;
}

/** Masks kept: a table asks for page after page of one selection. */
const KEPT = 6;

export class FileRows {
  private readonly masks = new Map<string, Promise<Uint8Array>>();
  readonly tree: TopicTree;

  constructor(
    readonly blocks: Blocks,
    readonly index: FileIndex,
    readonly points: Points,
    readonly ids: readonly (string | number)[],
  ) {
    this.tree = new TopicTree(index.topics);
  }

  static async open(blocks: Blocks): Promise<FileRows> {
    const index = await blocks.index();
    const [points, ids] = await Promise.all([
      blocks.arrays("points", index.blocks.points.arrays),
      blocks.column<string | number>(index.blocks.ids),
    ]);
    return new FileRows(blocks, index, points as unknown as Points, ids);
  }

  get count(): number {
    return this.index.rows;
  }

  place(row: number): Point {
    const [x0, y0, x1, y1] = this.index.atlas.map.bounds;
    return [
      x0 + ((this.points.x[row]! + 0.5) / 65_536) * (x1 - x0),
      y0 + ((this.points.y[row]! + 0.5) / 65_536) * (y1 - y0),
    ];
  }

  path(topic: number): number[] {
    return this.tree.get(topic)?.path ?? [];
  }

  /** The row of a passage, by halving: passages rise. */
  row(passage: number): number {
    const { passage: all } = this.points;
    let low = 0;
    let high = all.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      if (all[middle]! < passage) low = middle + 1;
      else if (all[middle]! > passage) high = middle - 1;
      else return middle;
    }
    throw new SourceError(`passage ${passage} is not in this file`, "not_found", 404);
  }

  async text(row: number): Promise<string> {
    return (await this.blocks.cell<string>(this.index.blocks.texts, row)) ?? "";
  }

  private async values(name: string): Promise<readonly unknown[]> {
    const found = this.index.blocks.attributes.find((one) => one.name === name);
    return found ? this.blocks.column(found.values) : [];
  }

  async attributes(rows: number[]): Promise<Attributes[]> {
    const found: Attributes[] = rows.map(() => ({}));
    // One column after the other: rows of a page mostly lie in one part of it.
    for (const { name, values } of this.index.blocks.attributes)
      for (const [i, row] of rows.entries()) found[i]![name] = await this.blocks.cell(values, row);
    return found;
  }

  leaves(topic: number): readonly number[] {
    return this.tree.get(topic)?.leaves ?? [topic];
  }

  private async filtered(where: string): Promise<Uint8Array> {
    const node = parseFilter(where);
    const asked = new Set(columnsOf(node));
    const columns = new Map<string, FilterColumn>();
    for (const { name, type } of this.index.atlas.attributes)
      columns.set(name, { type, values: asked.has(name) ? await this.values(name) : [] });
    const idType = typeof this.ids[0] === "number" ? "int64" : "string";
    columns.set("id", { type: idType, values: this.ids });
    const { topic } = this.points;
    const values = asked.has("topic") ? [...topic] : [];
    columns.set("topic", { type: "int32", values, leaves: (id) => this.leaves(id) });
    return filterMask(node, columns, this.count);
  }

  /** One byte a row: 1 where the filter holds and the passage lies below the topic. */
  passing(where: string | null, topic: number | null): Promise<Uint8Array> {
    const key = JSON.stringify([where, topic]);
    let mask = this.masks.get(key);
    this.masks.delete(key);
    mask ??= this.mask(where, topic);
    this.masks.set(key, mask);
    // A filter that cannot be read is no mask to keep.
    mask.catch(() => this.masks.delete(key));
    for (const old of this.masks.keys()) {
      if (this.masks.size <= KEPT) break;
      this.masks.delete(old);
    }
    return mask;
  }

  private async mask(where: string | null, topic: number | null): Promise<Uint8Array> {
    const mask = where ? await this.filtered(where) : new Uint8Array(this.count).fill(1);
    if (topic === null) return mask;
    const leaves = new Set(this.leaves(topic));
    for (let row = 0; row < mask.length; row++)
      if (!leaves.has(this.points.topic[row]!)) mask[row] = 0;
    return mask;
  }

  /** The rows of a selection, rising. */
  async selected({ polygon, topic, where, passages }: Selection): Promise<number[]> {
    const mask = await this.passing(where || null, topic ?? null);
    const named = passages ? new Set(passages) : null;
    const rows: number[] = [];
    for (let row = 0; row < mask.length; row++) {
      if (!mask[row]) continue;
      if (named && !named.has(this.points.passage[row]!)) continue;
      if (polygon && !within(polygon, this.place(row))) continue;
      rows.push(row);
    }
    return rows;
  }
}

/** True inside a polygon, by the even-odd rule. */
export function within(polygon: Point[], [x, y]: Point): boolean {
  let odd = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [ax, ay] = polygon[i]!;
    const [bx, by] = polygon[j]!;
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) odd = !odd;
  }
  return odd;
}
