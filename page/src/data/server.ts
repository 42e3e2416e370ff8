/** The source that asks `isogloss explore` over HTTP. */

import { readPassing, readPoints, readValues } from "./arrow";
import { SourceError, type Source, type TileKey } from "./source";
import type { Edit, ExportFormat, SearchRequest, Selection, TilePoints } from "./types";

type Query = Record<string, string | number | null | undefined>;

function address(path: string, query: Query = {}): string {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== null && value !== undefined && value !== "") words.set(name, String(value));
  const tail = words.toString();
  return tail ? `${path}?${tail}` : path;
}

async function failure(reply: Response): Promise<SourceError> {
  try {
    const body = (await reply.json()) as { error?: { message?: string; kind?: string } };
    if (body.error?.message)
      return new SourceError(body.error.message, body.error.kind ?? "error", reply.status);
  } catch {
    // Not JSON: the status says all there is to know.
  }
  return new SourceError(`the server answered ${reply.status}`, "error", reply.status);
}

async function ask(url: string, options: RequestInit): Promise<Response> {
  let reply: Response;
  try {
    reply = await fetch(url, { credentials: "same-origin", ...options });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new SourceError("the server does not answer; is isogloss explore running?", "network");
  }
  if (!reply.ok) throw await failure(reply);
  return reply;
}

export class ServerSource implements Source {
  readonly live = true;
  private root0: Promise<TilePoints | null> | null = null;

  constructor(private readonly root = "api") {}

  private async json<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
    const reply = await ask(address(`${this.root}/${path}`, query), { signal: signal ?? null });
    return (await reply.json()) as T;
  }

  private async bytes(path: string, query: Query, signal?: AbortSignal): Promise<ArrayBuffer> {
    const reply = await ask(address(`${this.root}/${path}`, query), { signal: signal ?? null });
    return reply.arrayBuffer();
  }

  private async post<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
    const reply = await ask(`${this.root}/${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      signal: signal ?? null,
    });
    return (await reply.json()) as T;
  }

  atlas = (signal?: AbortSignal) => this.json<never>("atlas", {}, signal);
  topics = (signal?: AbortSignal) => this.json<never>("topics", {}, signal);

  async tile({ z, x, y }: TileKey, signal?: AbortSignal): Promise<TilePoints> {
    if (z === 0 && this.root0) {
      const early = this.root0;
      this.root0 = null;
      const points = await early;
      if (points) return points;
    }
    return readPoints(await this.bytes(`map/tiles/${z}/${x}/${y}`, {}, signal));
  }

  /** Asks for the first tile before the map is there to draw it. */
  warm(): void {
    this.root0 = this.bytes("map/tiles/0/0/0", {}).then(readPoints, () => null);
  }

  async tileAttribute({ z, x, y }: TileKey, name: string, signal?: AbortSignal) {
    const path = `map/tiles/${z}/${x}/${y}/attribute`;
    return readValues(await this.bytes(path, { name }, signal));
  }

  async tilePassing(
    { z, x, y }: TileKey,
    where: string | null,
    topic: number | null,
    signal?: AbortSignal,
  ) {
    const path = `map/tiles/${z}/${x}/${y}/passing`;
    return readPassing(await this.bytes(path, { where, topic }, signal));
  }

  attribute = (name: string, signal?: AbortSignal) =>
    this.json<never>(`attributes/${encodeURIComponent(name)}`, {}, signal);

  search = ({ query, k, mode, where, topic }: SearchRequest, signal?: AbortSignal) =>
    this.json<never>("search", { query, k, mode, where, topic }, signal);

  passage = (number: number, signal?: AbortSignal) =>
    this.json<never>(`passages/${number}`, {}, signal);

  passageText = (number: number, start: number, length: number, signal?: AbortSignal) =>
    this.json<never>(`passages/${number}/text`, { start, length }, signal);

  document = (number: number, before: number, after: number, signal?: AbortSignal) =>
    this.json<never>(`passages/${number}/document`, { before, after }, signal);

  neighbours = (number: number, k: number, where: string | null, signal?: AbortSignal) =>
    this.json<never>(`passages/${number}/neighbours`, { k, where }, signal);

  selection = (selection: Selection, offset: number, limit: number, signal?: AbortSignal) =>
    this.post<never>("selection", { ...selection, offset, limit }, signal);

  exportAddress(format: ExportFormat, selection: Selection): string {
    return address(`${this.root}/export`, { format, selection: JSON.stringify(selection) });
  }

  topicsOver = (column: string, bins: number, signal?: AbortSignal) =>
    this.json<never>("topics/over", { column, bins }, signal);

  topicsBy = (column: string, signal?: AbortSignal) =>
    this.json<never>("topics/by", { column }, signal);

  edits = (signal?: AbortSignal) => this.json<never>("edits", {}, signal);

  edit = (version: number | string, edit: Edit) =>
    this.post<never>("edits", { version, ...edit });

  undo = (version: number | string) => this.post<never>("edits/undo", { version });

  redo = (version: number | string) => this.post<never>("edits/redo", { version });
}
