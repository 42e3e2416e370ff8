/** Fetches tiles and what colours them; keeps the lately used, gives up what is out of view. */

import { SourceError, wasCancelled, type Source } from "../data/source";
import type { TilePoints } from "../data/types";
import { PickGrid } from "./grid";
import type { Tile } from "./tiles";

export interface LoadedTile {
  tile: Tile;
  points: TilePoints;
  /** Values of one attribute. */
  values?: { name: string; data: Int32Array | Float32Array };
  /** One byte a point: whether the filter holds. */
  passing?: { where: string; data: Uint8Array };
  grid: PickGrid;
  used: number;
}

interface Job {
  id: string;
  run: (signal: AbortSignal) => Promise<void>;
}

export interface Extras {
  attribute: string | null;
  where: string | null;
}

const AT_ONCE = 5;
const TRIES = 3;

export class TileStore {
  readonly loaded = new Map<string, LoadedTile>();
  private wanted: Tile[] = [];
  private extras: Extras = { attribute: null, where: null };
  private readonly running = new Map<string, AbortController>();
  private readonly failed = new Map<string, number>();
  /** Complaints already made: one mistake is not told once a tile. */
  private readonly said = new Set<string>();
  private clock = 0;

  constructor(
    private readonly source: Source,
    private readonly changed: (tile: LoadedTile | null) => void,
    private readonly complain: (error: unknown) => void,
    private readonly keep = 2_500_000,
  ) {}

  /** Says what is wanted now, most wanted first. */
  want(tiles: Tile[], extras: Extras): void {
    this.wanted = tiles;
    this.extras = extras;
    this.clock += 1;
    for (const tile of tiles) {
      const held = this.loaded.get(tile.key);
      if (held) held.used = this.clock;
    }
    const jobs = new Set(this.jobs().map((job) => job.id));
    for (const [id, control] of this.running)
      if (!jobs.has(id)) {
        control.abort();
        this.running.delete(id);
      }
    this.evict();
    this.pump();
  }

  get pending(): number {
    return this.jobs().length;
  }

  private jobs(): Job[] {
    const first: Job[] = [];
    const then: Job[] = [];
    const { attribute, where } = this.extras;
    for (const tile of this.wanted) {
      const held = this.loaded.get(tile.key);
      if (!held) first.push(this.pointsJob(tile));
      else {
        if (attribute !== null && held.values?.name !== attribute)
          then.push(this.valuesJob(held, attribute));
        if (where !== null && held.passing?.where !== where)
          then.push(this.passingJob(held, where));
      }
    }
    return [...first, ...then].filter((job) => (this.failed.get(job.id) ?? 0) < TRIES);
  }

  private pointsJob(tile: Tile): Job {
    return {
      id: tile.key,
      run: async (signal) => {
        const points = await this.source.tile(tile, signal);
        if (signal.aborted) return;
        const grid = new PickGrid(points.x, points.y);
        const loaded: LoadedTile = { tile, points, grid, used: this.clock };
        this.loaded.set(tile.key, loaded);
        this.changed(loaded);
      },
    };
  }

  private valuesJob(held: LoadedTile, name: string): Job {
    return {
      id: `${held.tile.key} ${name}`,
      run: async (signal) => {
        const data = await this.source.tileAttribute(held.tile, name, signal);
        if (signal.aborted) return;
        held.values = { name, data };
        this.changed(held);
      },
    };
  }

  private passingJob(held: LoadedTile, where: string): Job {
    return {
      id: `${held.tile.key} ? ${where}`,
      run: async (signal) => {
        const data = await this.source.tilePassing(held.tile, where, null, signal);
        if (signal.aborted) return;
        held.passing = { where, data };
        this.changed(held);
      },
    };
  }

  private pump(): void {
    if (this.running.size >= AT_ONCE) return;
    for (const job of this.jobs()) {
      if (this.running.size >= AT_ONCE) return;
      if (!this.running.has(job.id)) this.start(job);
    }
  }

  private start(job: Job): void {
    const control = new AbortController();
    this.running.set(job.id, control);
    job
      .run(control.signal)
      .then(
        () => this.failed.delete(job.id),
        (error) => {
          if (control.signal.aborted || wasCancelled(error)) return;
          // What was asked wrongly is not asked again; a busy or absent server is.
          const wrong = error instanceof SourceError && error.status >= 400 && error.status < 500;
          const failures = wrong ? TRIES : (this.failed.get(job.id) ?? 0) + 1;
          this.failed.set(job.id, failures);
          if (failures < TRIES || this.said.has(String(error))) return;
          this.said.add(String(error));
          this.complain(error);
        },
      )
      .finally(() => {
        if (this.running.get(job.id) === control) this.running.delete(job.id);
        if (!control.signal.aborted) this.pump();
        if (this.pending === 0) this.changed(null);
      });
  }

  /** Lets go of what was longest not wanted, when more points are held than may be. */
  private evict(): void {
    let held = 0;
    for (const { points } of this.loaded.values()) held += points.passage.length;
    if (held <= this.keep) return;
    const oldest = [...this.loaded.values()].sort((a, b) => a.used - b.used);
    for (const tile of oldest) {
      if (held <= this.keep || tile.used === this.clock) return;
      this.loaded.delete(tile.tile.key);
      held -= tile.points.passage.length;
    }
  }

  /** Forgets everything: the atlas has changed. */
  clear(): void {
    for (const control of this.running.values()) control.abort();
    this.running.clear();
    this.failed.clear();
    this.loaded.clear();
  }
}
