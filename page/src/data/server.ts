/** The source that asks `isogloss explore` over HTTP. */

import { readPassing, readPoints, readValues } from "./arrow";
import { SourceError, withheld, type Source, type TileKey } from "./source";
import type {
  Edit,
  ExportFormat,
  SearchRequest,
  Selection,
  SelectionReply,
  TilePoints,
} from "./types";

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

/** The version in the ETag of a tile: `"points-version-z-x-y"`. */
export const versionOfTag = (tag: string | null): string | null =>
  /^(?:W\/)?"[^"-]+-(\d+)-/.exec(tag ?? "")?.[1] ?? null;

/** So many answers in a row may be of another version than the atlas. */
const STRAYS = 20;

interface Tile {
  data: ArrayBuffer;
  version: string | null;
}

export class ServerSource implements Source {
  readonly live = true;
  private root0: Promise<Tile | null> | null = null;
  private version: number | string | null = null;
  private strays = 0;
  private changed: () => Promise<unknown> = () => Promise.resolve();

  constructor(private readonly root = "api") {}

  follow(version: number | string, changed: () => Promise<unknown>): void {
    this.version = version;
    this.changed = changed;
  }

  /** Gives an answer out only if it is of the version that the page shows. */
  private async checked<T extends { version?: number | string | null }>(answer: T): Promise<T> {
    const { version } = answer;
    if (this.version === null || version == null || String(version) === String(this.version)) {
      this.strays = 0;
      return answer;
    }
    const before = this.version;
    await this.changed();
    // An answer to an old request may be late, but not one after the other.
    this.strays = this.version === before ? this.strays + 1 : 0;
    if (this.strays > STRAYS)
      throw new SourceError("the answers are not of the version that the page shows", "stale", 409);
    throw withheld();
  }

  /** What is not found may have gone with a change that nobody has noticed yet. */
  private async asked(url: string, options: RequestInit): Promise<Response> {
    const before = this.version;
    try {
      return await ask(url, options);
    } catch (error) {
      const gone =
        error instanceof SourceError &&
        (error.status === 404 || (error.status === 400 && /[?&]topic=|"topic":\d/.test(url + options.body)));
      if (before === null || !gone) throw error;
      await this.changed();
      if (String(this.version) !== String(before)) throw withheld();
      throw error;
    }
  }

  private async json<T extends object>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
    const url = address(`${this.root}/${path}`, query);
    const reply = await this.asked(url, { signal: signal ?? null });
    return this.checked((await reply.json()) as T);
  }

  /** Without the check of versions: this is how the page learns of a new one. */
  private async fresh<T>(path: string, signal?: AbortSignal): Promise<T> {
    const reply = await ask(`${this.root}/${path}`, { signal: signal ?? null });
    return (await reply.json()) as T;
  }

  private async tileBytes(path: string, query: Query, signal?: AbortSignal): Promise<Tile> {
    const url = address(`${this.root}/${path}`, query);
    const reply = await this.asked(url, { signal: signal ?? null });
    const version = versionOfTag(reply.headers.get("etag"));
    return { data: await reply.arrayBuffer(), version };
  }

  private async bytes(path: string, query: Query, signal?: AbortSignal): Promise<ArrayBuffer> {
    return (await this.checked(await this.tileBytes(path, query, signal))).data;
  }

  private async sent<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
    const send = path.startsWith("edits") ? ask : this.asked.bind(this);
    const reply = await send(`${this.root}/${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      signal: signal ?? null,
    });
    return (await reply.json()) as T;
  }

  atlas = (signal?: AbortSignal) => this.fresh<never>("atlas", signal);
  topics = (signal?: AbortSignal) => this.fresh<never>("topics", signal);

  async tile({ z, x, y }: TileKey, signal?: AbortSignal): Promise<TilePoints> {
    if (z === 0 && this.root0) {
      const early = this.root0;
      this.root0 = null;
      const tile = await early;
      // One that came before a change is asked for anew.
      if (tile && (tile.version === null || tile.version === String(this.version)))
        return readPoints(tile.data);
    }
    return readPoints(await this.bytes(`map/tiles/${z}/${x}/${y}`, {}, signal));
  }

  /** Asks for the first tile before the map is there to draw it. */
  warm(): void {
    this.root0 = this.tileBytes("map/tiles/0/0/0", {}).catch(() => null);
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

  async selection(selection: Selection, offset: number, limit: number, signal?: AbortSignal) {
    const body = { ...selection, offset, limit };
    return this.checked(await this.sent<SelectionReply>("selection", body, signal));
  }

  exportAddress(format: ExportFormat, selection: Selection): string {
    return address(`${this.root}/export`, { format, selection: JSON.stringify(selection) });
  }

  topicsOver = (column: string, bins: number, signal?: AbortSignal) =>
    this.json<never>("topics/over", { column, bins }, signal);

  topicsBy = (column: string, signal?: AbortSignal) =>
    this.json<never>("topics/by", { column }, signal);

  edits = (signal?: AbortSignal) => this.json<never>("edits", {}, signal);

  edit = (version: number | string, edit: Edit) =>
    this.sent<never>("edits", { version, ...edit });

  undo = (version: number | string) => this.sent<never>("edits/undo", { version });

  redo = (version: number | string) => this.sent<never>("edits/redo", { version });
}
