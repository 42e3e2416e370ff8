/** A search by words with BM25 (Robertson and Zaragoza 2009) over the texts in the page. */

import { eachWord, keysOf } from "./words";

const K1 = 1.2;
const B = 0.75;
/** Counts of a word in one text share a number with its row; more than this many count as this. */
const MOST = 255;
/** Work at once, milliseconds: the page goes on moving. */
const SLICE = 12;

/** Lets the page draw and answer. */
export const breathe = (): Promise<void> =>
  new Promise((resolve) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      channel.port1.close();
      resolve();
    };
    channel.port2.postMessage(null);
  });

/** A clock that breathes when its slice is over. */
export function slices(signal?: AbortSignal): () => Promise<void> | undefined {
  let began = performance.now();
  return () => {
    signal?.throwIfAborted();
    if (performance.now() - began < SLICE) return undefined;
    return breathe().then(() => {
      began = performance.now();
      signal?.throwIfAborted();
    });
  };
}

export interface Scored {
  row: number;
  score: number;
}

export class WordIndex {
  /** Of each word: row * 256 + count, rows rising. */
  private readonly postings = new Map<string, number[]>();
  private readonly lengths: number[] = [];
  private total = 0;

  get rows(): number {
    return this.lengths.length;
  }

  /** Adds the text of the next row. */
  add(text: string): void {
    const counts = new Map<string, number>();
    let length = 0;
    eachWord(text, (key) => {
      counts.set(key, (counts.get(key) ?? 0) + 1);
      length += 1;
    });
    const row = this.lengths.length;
    this.lengths.push(length);
    this.total += length;
    for (const [key, count] of counts) {
      const entry = row * (MOST + 1) + Math.min(MOST, count);
      const list = this.postings.get(key);
      if (list) list.push(entry);
      else this.postings.set(key, [entry]);
    }
  }

  /** The best rows for any of the words; equal scores by row. */
  search(query: string, k: number, allowed: Uint8Array | null = null): Scored[] {
    const scores = new Map<number, number>();
    const n = this.lengths.length;
    const mean = this.total / Math.max(1, n) || 1;
    for (const key of keysOf(query)) {
      const list = this.postings.get(key);
      if (!list) continue;
      const idf = Math.log(1 + (n - list.length + 0.5) / (list.length + 0.5));
      for (const entry of list) {
        const row = Math.floor(entry / (MOST + 1));
        if (allowed && !allowed[row]) continue;
        const count = entry % (MOST + 1);
        const norm = K1 * (1 - B + (B * this.lengths[row]!) / mean);
        scores.set(row, (scores.get(row) ?? 0) + (idf * count * (K1 + 1)) / (count + norm));
      }
    }
    return [...scores]
      .map(([row, score]) => ({ row, score }))
      .sort((a, b) => b.score - a.score || a.row - b.row)
      .slice(0, k);
  }
}
