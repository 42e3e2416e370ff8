/** The source that answers from the data inside the page: one file, no server, no request. */

import { Blocks } from "./file-blocks";
import { exported } from "./file-export";
import { FileRows } from "./file-rows";
import { slices, WordIndex } from "./file-words";
import { SourceError, type Source, type TileKey } from "./source";
import type { ExportFormat, Hit, SearchRequest, Selection, TopicsBy, TopicsOver } from "./types";
import { slicePoints } from "./words";

/** As the server cuts them, code points. */
const HIT_TEXT = 600;
const TEXT = 20_000;

const NONE = 0xffffffff;
const NONE_SHORT = 0xffff;

export class FileSource implements Source {
  readonly live = false;
  private readonly opened: Promise<FileRows>;
  private words: Promise<WordIndex> | null = null;

  /**
   * @param reading Told how far the texts are read, 0..1, and null when they are; the first search
   *   reads them all.
   */
  constructor(
    private readonly blocks = new Blocks(),
    private readonly reading: (part: number | null) => void = () => {},
  ) {
    this.opened = FileRows.open(this.blocks);
    // Whoever asks for the atlas is told; until then nobody waits for it.
    this.opened.catch(() => {});
  }

  async atlas() {
    const { index } = await this.opened;
    return { ...index.atlas, of: index.of, where: index.where };
  }

  topics = async () => (await this.opened).index.topics;

  async tile({ z }: TileKey) {
    const { x, y, passage, topic } = (await this.opened).points;
    if (z !== 0) throw new SourceError("the map of this file has one tile", "not_found", 404);
    return { x, y, passage, topic };
  }

  async tileAttribute(_key: TileKey, name: string) {
    const { index } = await this.opened;
    const colour = index.blocks.attributes.find((one) => one.name === name)?.colour;
    if (!colour) throw new SourceError(`points have no colour by '${name}'`, "not_found", 404);
    const { value } = await this.blocks.arrays(colour.name, colour.arrays);
    return value as Int32Array | Float32Array;
  }

  tilePassing = async (_key: TileKey, where: string | null, topic: number | null) =>
    (await this.opened).passing(where, topic);

  async attribute(name: string) {
    const found = (await this.opened).index.summaries.find((one) => one.name === name);
    if (!found) throw new SourceError(`there is no attribute '${name}'`, "not_found", 404);
    return found;
  }

  private hit(rows: FileRows, row: number, score: number, text: string): Hit {
    const topic = rows.points.topic[row]!;
    const [x, y] = rows.place(row);
    return {
      id: rows.ids[row]!,
      passage: rows.points.passage[row]!,
      score,
      text: slicePoints(text, 0, HIT_TEXT),
      text_length: rows.points.text_length[row]!,
      attributes: {},
      topic,
      path: rows.path(topic),
      x,
      y,
    };
  }

  private index(): Promise<WordIndex> {
    // One search may be given up; the reading goes on for the next.
    this.words ??= this.readWords().catch((error: unknown) => {
      this.words = null;
      throw error;
    });
    return this.words;
  }

  private async readWords(): Promise<WordIndex> {
    const rows = await this.opened;
    const made = new WordIndex();
    const rest = slices();
    this.reading(0);
    try {
      for (const part of rows.index.blocks.texts)
        for (const text of await this.blocks.part<string>(part)) {
          made.add(text);
          const pause = rest();
          if (!pause) continue;
          this.reading(made.rows / Math.max(1, rows.count));
          await pause;
        }
    } finally {
      this.reading(null);
    }
    return made;
  }

  async search({ query, k = 10, where, topic }: SearchRequest, signal?: AbortSignal) {
    const rows = await this.opened;
    const allowed = where || topic != null ? await rows.passing(where || null, topic ?? null) : null;
    const words = await this.index();
    signal?.throwIfAborted();
    const began = performance.now();
    const best = words.search(query, k, allowed);
    const texts = await this.textsOf(best.map(({ row }) => row));
    signal?.throwIfAborted();
    return {
      hits: best.map(({ row, score }, i) => this.hit(rows, row, score, texts[i]!)),
      strategy: "words only: vectors stay in the atlas",
      seconds: (performance.now() - began) / 1000,
    };
  }

  /** Texts of rows, those of one block together. */
  private async textsOf(picked: number[]): Promise<string[]> {
    const rows = await this.opened;
    const order = picked.map((row, i) => ({ row, i })).sort((a, b) => a.row - b.row);
    const texts: string[] = [];
    for (const { row, i } of order) texts[i] = await rows.text(row);
    return texts;
  }

  async passage(number: number) {
    const rows = await this.opened;
    const row = rows.row(number);
    const [text, [attributes]] = await Promise.all([rows.text(row), rows.attributes([row])]);
    const hit = this.hit(rows, row, 0, "");
    return {
      passage: number,
      id: hit.id,
      document: rows.points.document[row]!,
      text: slicePoints(text, 0, TEXT),
      text_length: hit.text_length!,
      attributes: attributes!,
      topic: hit.topic,
      path: hit.path!,
      membership: rows.points.membership[row]!,
      x: hit.x,
      y: hit.y,
    };
  }

  async passageText(number: number, start: number, length: number) {
    const rows = await this.opened;
    const row = rows.row(number);
    const text = slicePoints(await rows.text(row), start, length);
    return { text, start, text_length: rows.points.text_length[row]! };
  }

  async document(number: number, before: number, after: number) {
    const rows = await this.opened;
    const { document, passage } = rows.points;
    const own = rows.row(number);
    const of: number[] = [];
    document.forEach((one, row) => {
      if (one === document[own]) of.push(row);
    });
    const current = of.indexOf(own);
    const first = Math.max(0, current - before);
    const shown = of.slice(first, current + after + 1);
    const texts = await this.textsOf(shown);
    return {
      document: document[own]!,
      of: of.length,
      passages: shown.map((row, i) => ({
        passage: passage[row]!,
        position: first + i,
        text: slicePoints(texts[i]!, 0, TEXT),
        current: row === own,
      })),
    };
  }

  async neighbours(number: number, k: number, where: string | null) {
    const rows = await this.opened;
    const own = rows.row(number);
    const info = rows.index.blocks.neighbours;
    if (!info)
      throw new SourceError("this file was made without nearest passages", "not_found", 404);
    const { row: near, score } = await this.blocks.arrays("neighbours", info.arrays);
    const none = near instanceof Uint16Array ? NONE_SHORT : NONE;
    const allowed = where ? await rows.passing(where, null) : null;
    const found: { row: number; score: number }[] = [];
    for (let i = own * info.k; i < (own + 1) * info.k && found.length < k; i++) {
      const row = near![i]!;
      if (row === none) break;
      if (!allowed || allowed[row]) found.push({ row, score: score![i]! / 255 });
    }
    const texts = await this.textsOf(found.map((one) => one.row));
    return { hits: found.map((one, i) => this.hit(rows, one.row, one.score, texts[i]!)) };
  }

  async selection(selection: Selection, offset: number, limit: number, signal?: AbortSignal) {
    const rows = await this.opened;
    const picked = await rows.selected(selection);
    signal?.throwIfAborted();
    const page = picked.slice(offset, offset + limit);
    const [texts, attributes] = page.length
      ? await Promise.all([this.textsOf(page), rows.attributes(page)])
      : [[], []];
    const counts = new Map<number, number>();
    for (const row of picked) {
      const topic = rows.points.topic[row]!;
      counts.set(topic, (counts.get(topic) ?? 0) + 1);
    }
    signal?.throwIfAborted();
    return {
      count: picked.length,
      rows: page.map((row, i) => ({
        ...this.hit(rows, row, 0, texts[i]!),
        attributes: attributes[i]!,
      })),
      next: offset + limit < picked.length ? offset + limit : null,
      topics: [...counts]
        .map(([topic, count]) => ({ topic, count }))
        .sort((a, b) => b.count - a.count || a.topic - b.topic),
    };
  }

  exportAddress(): null {
    return null;
  }

  exportFile = async (format: ExportFormat, selection: Selection, signal?: AbortSignal) => {
    if (format !== "csv" && format !== "jsonl")
      throw new SourceError("a page without a server writes CSV and JSON Lines", "bad_request");
    const rows = await this.opened;
    return exported(rows, await rows.selected(selection), format, signal);
  };

  private async spread<T>(kind: "over" | "by", column: string): Promise<T> {
    const { index } = await this.opened;
    const all = index.blocks.spreads
      ? ((await this.blocks.parsed("spreads")) as Record<"over" | "by", Record<string, T>>)
      : null;
    const found = all?.[kind][column];
    if (!found)
      throw new SourceError(`this file holds no topics over '${column}'`, "not_found", 404);
    return found;
  }

  topicsOver = (column: string) => this.spread<TopicsOver>("over", column);
  topicsBy = (column: string) => this.spread<TopicsBy>("by", column);

  edits = async () => ({ edits: [], undo: null, redo: null });
  edit = () => this.readOnly();
  undo = () => this.readOnly();
  redo = () => this.readOnly();

  private readOnly(): Promise<never> {
    return Promise.reject(
      new SourceError("a page without a server cannot change the atlas", "read_only", 403),
    );
  }
}
