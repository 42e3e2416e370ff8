/** Where the page's data come from: a server, or the page's own file. */

import type {
  AtlasInfo,
  AttributeSummary,
  DocumentAround,
  Edit,
  EditReply,
  EditsReply,
  ExportFormat,
  Hit,
  Passage,
  PassageText,
  SearchReply,
  SearchRequest,
  Selection,
  SelectionReply,
  TilePoints,
  TopicsBy,
  TopicsOver,
  TopicsReply,
} from "./types";

export interface TileKey {
  z: number;
  x: number;
  y: number;
}

/** A failed call: `kind` is the server's word ("stale", "not_found", ...) or "network". */
export class SourceError extends Error {
  constructor(
    message: string,
    readonly kind: string,
    readonly status = 0,
  ) {
    super(message);
    this.name = "SourceError";
  }
}

/** True for a call that was given up on purpose. */
export const wasCancelled = (error: unknown): boolean =>
  error instanceof DOMException && error.name === "AbortError";

/** Thrown in place of an answer that nobody may see: callers treat it as given up. */
export const withheld = (): DOMException =>
  new DOMException("the atlas was changed elsewhere", "AbortError");

export interface Source {
  /**
   * Says which version the page shows. An answer of another one is withheld: `changed` is awaited,
   * then the call fails as if it was given up.
   */
  follow?(version: number | string, changed: () => Promise<unknown>): void;
  /** False for a page without a server: no edits, no exports but what it can do itself. */
  readonly live: boolean;
  atlas(signal?: AbortSignal): Promise<AtlasInfo>;
  topics(signal?: AbortSignal): Promise<TopicsReply>;
  tile(key: TileKey, signal?: AbortSignal): Promise<TilePoints>;
  /** Categories: int32 codes (-1 null, -2 all others). Numbers and times: float32 0..1, NaN null. */
  tileAttribute(
    key: TileKey,
    name: string,
    signal?: AbortSignal,
  ): Promise<Int32Array | Float32Array>;
  /** One byte a point: 1 where the filter (and topic) holds. */
  tilePassing(
    key: TileKey,
    where: string | null,
    topic: number | null,
    signal?: AbortSignal,
  ): Promise<Uint8Array>;
  attribute(name: string, signal?: AbortSignal): Promise<AttributeSummary>;
  search(request: SearchRequest, signal?: AbortSignal): Promise<SearchReply>;
  passage(number: number, signal?: AbortSignal): Promise<Passage>;
  passageText(
    number: number,
    start: number,
    length: number,
    signal?: AbortSignal,
  ): Promise<PassageText>;
  document(
    number: number,
    before: number,
    after: number,
    signal?: AbortSignal,
  ): Promise<DocumentAround>;
  neighbours(
    number: number,
    k: number,
    where: string | null,
    signal?: AbortSignal,
  ): Promise<{ hits: Hit[] }>;
  selection(
    selection: Selection,
    offset: number,
    limit: number,
    signal?: AbortSignal,
  ): Promise<SelectionReply>;
  /** The address to download from, or null where exporting is not possible. */
  exportAddress(format: ExportFormat, selection: Selection): string | null;
  /** The file itself, where there is no address to download it from. */
  exportFile?(format: ExportFormat, selection: Selection, signal?: AbortSignal): Promise<Blob>;
  topicsOver(column: string, bins: number, signal?: AbortSignal): Promise<TopicsOver>;
  topicsBy(column: string, signal?: AbortSignal): Promise<TopicsBy>;
  edits(signal?: AbortSignal): Promise<EditsReply>;
  edit(version: number | string, edit: Edit): Promise<EditReply>;
  undo(version: number | string): Promise<EditReply>;
  redo(version: number | string): Promise<EditReply>;
}
