/** Reads the blocks of a self-contained page: base64 of zlib, inflated when they are wanted. */

import { SourceError } from "./source";
import type { AtlasInfo, AttributeSummary, TopicsReply } from "./types";

export interface ArrayInfo {
  name: string;
  type: "uint8" | "uint16" | "uint32" | "int32" | "float32";
  offset: number;
  length: number;
}

/** A block with the values of some rows, one after the other. */
export interface Part {
  name: string;
  first: number;
  rows: number;
}

export interface FileIndex {
  format: string;
  format_version: number;
  rows: number;
  of: number;
  where: string | null;
  atlas: AtlasInfo;
  topics: TopicsReply;
  summaries: AttributeSummary[];
  blocks: {
    points: { arrays: ArrayInfo[] };
    neighbours?: { k: number; arrays: ArrayInfo[] } | null;
    ids: Part[];
    texts: Part[];
    attributes: {
      name: string;
      values: Part[];
      colour: { name: string; arrays: ArrayInfo[] } | null;
    }[];
    spreads?: object | null;
  };
}

export type Numbers = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float32Array;

const ARRAYS = {
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  int32: Int32Array,
  float32: Float32Array,
} as const;

/** Parts of columns kept inflated: a table and the reader come back to the same ones. */
const KEPT = 32;

export const hasFile = (): boolean => document.getElementById("isogloss-index") !== null;

function fromPage(name: string): string {
  const text = document.getElementById(`isogloss-${name}`)?.textContent;
  if (!text) throw new SourceError(`this page has no block ${name}: it was cut or changed`, "file");
  return text;
}

function decoded(base64: string): Uint8Array<ArrayBuffer> {
  const quick = (Uint8Array as { fromBase64?: (text: string) => Uint8Array<ArrayBuffer> }).fromBase64;
  if (quick) return quick(base64.trim());
  const letters = atob(base64.trim());
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}

async function inflated(bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

export class Blocks {
  private readonly binaries = new Map<string, Promise<ArrayBuffer>>();
  private readonly json = new Map<string, Promise<unknown>>();
  private readonly parts = new Map<string, Promise<unknown[]>>();

  /** @param read Gives the base64 of a block by its name; tests give their own. */
  constructor(private readonly read: (name: string) => string = fromPage) {}

  async index(): Promise<FileIndex> {
    const index = (await this.parsed("index")) as FileIndex;
    if (index.format !== "isogloss-page" || index.format_version !== 1)
      throw new SourceError(
        `this page holds data of format ${index.format_version}; its script reads format 1`,
        "file",
      );
    return index;
  }

  private async bytes(name: string): Promise<ArrayBuffer> {
    try {
      return await inflated(decoded(this.read(name)));
    } catch (error) {
      if (error instanceof SourceError) throw error;
      throw new SourceError(`block ${name} of this page cannot be read: it was cut or changed`, "file");
    }
  }

  /** A block of JSON, kept. */
  parsed(name: string): Promise<unknown> {
    let known = this.json.get(name);
    if (!known) {
      known = this.bytes(name).then((bytes) => JSON.parse(new TextDecoder().decode(bytes)) as unknown);
      this.json.set(name, known);
    }
    return known;
  }

  /** The values of one part of a column; parts used last are kept. */
  part<T>({ name }: Part): Promise<T[]> {
    const known = this.parts.get(name);
    this.parts.delete(name);
    const made =
      known ??
      this.bytes(name).then((bytes) => JSON.parse(new TextDecoder().decode(bytes)) as unknown[]);
    this.parts.set(name, made);
    for (const old of this.parts.keys()) {
      if (this.parts.size <= KEPT) break;
      this.parts.delete(old);
    }
    return made as Promise<T[]>;
  }

  /** All values of a column, one a row. */
  async column<T>(parts: Part[]): Promise<T[]> {
    const all: T[] = [];
    for (const part of parts) for (const value of await this.part<T>(part)) all.push(value);
    return all;
  }

  /** The value of one row. */
  async cell<T>(parts: Part[], row: number): Promise<T | null> {
    const part = parts.find(({ first, rows }) => row >= first && row < first + rows);
    return part ? ((await this.part<T>(part))[row - part.first] ?? null) : null;
  }

  /** The arrays of a binary block, kept. */
  async arrays(name: string, infos: ArrayInfo[]): Promise<Record<string, Numbers>> {
    let known = this.binaries.get(name);
    if (!known) {
      known = this.bytes(name);
      this.binaries.set(name, known);
    }
    const plain = await known;
    return Object.fromEntries(
      infos.map((info) => [info.name, new ARRAYS[info.type](plain, info.offset, info.length)]),
    );
  }
}
