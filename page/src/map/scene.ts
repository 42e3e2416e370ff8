/** The map without its furniture: view and tiles in, drawn points out. */

import { Deck, OrthographicView } from "@deck.gl/core";
import { effect } from "@preact/signals";
import type { TileKey } from "../data/source";
import { message } from "../state/actions";
import * as store from "../state/store";
import { deepest } from "./around";
import { bounds, settle, toMap, zoomRange } from "./camera";
import { paint } from "./colouring";
import { Swing } from "./glide";
import { marks } from "./marked";
import { MarkLayer } from "./marks";
import { dims } from "./paint";
import { raise, type Terrain } from "./terrain";
import { TerrainLayer } from "./terrain-layer";
import { palette } from "./palette";
import { Pace, REST } from "./pace";
import { PointLayer, type PointScene } from "./point-layer";
import { drawing } from "./point-style";
import { TileIndex, wantedTiles, type Tile } from "./tiles";
import { TileStore, type LoadedTile } from "./tile-store";
import { probe } from "./probe";

type State = { target: [number, number, number]; zoom: number };

export interface Picked {
  passage: number;
  topic: number;
  x: number;
  y: number;
}

export class MapScene {
  private readonly deck: Deck<OrthographicView>;
  private index: TileIndex | null = null;
  private tiles: TileStore;
  private wanted: Tile[] = [];
  private revision = 0;
  private due = 0;
  private terrain: Terrain | null = null;
  /** Passages of the atlas when the land was raised. */
  private landOf = 0;
  private readonly pace = new Pace();
  private resting = 0;
  private readonly swing = new Swing();
  private dragging = false;
  /** Whether there is a context to draw with. */
  private ready = false;
  private readonly ends: (() => void)[] = [];
  /** Called whenever the map was drawn. */
  onDrawn: () => void = () => {};
  private readonly scene: PointScene = {
    tiles: [],
    paint: paint.value,
    sizes: new Map(),
    opacity: 0.8,
    dim: 0.1,
    dims: false,
    detail: 1,
  };

  constructor(parent: HTMLDivElement) {
    // deck.gl leaves the promise of a context that cannot be had to nobody.
    const lost = (event: PromiseRejectionEvent) => {
      if (this.ready) return;
      event.preventDefault();
      store.canDraw.value = false;
    };
    window.addEventListener("unhandledrejection", lost);
    this.ends.push(() => window.removeEventListener("unhandledrejection", lost));
    this.tiles = this.newStore();
    this.deck = new Deck({
      parent,
      style: { position: "absolute" },
      views: new OrthographicView({ id: "map", flipY: false }),
      viewState: this.deckState(),
      controller: {
        scrollZoom: false,
        inertia: false,
        keyboard: false,
        doubleClickZoom: false,
        dragRotate: false,
        touchRotate: false,
      },
      useDevicePixels: Math.min(2, window.devicePixelRatio || 1),
      deviceProps: { type: "webgl", webgl: { alpha: false, antialias: false, depth: false, stencil: false, preserveDrawingBuffer: false } },
      parameters: { depthWriteEnabled: false, depthCompare: "always" },
      _pickable: false,
      getCursor: ({ isDragging }) => (isDragging ? "grabbing" : "default"),
      layers: [],
      onViewStateChange: ({ viewState, interactionState }) => {
        const { target, zoom } = viewState as State;
        settle();
        store.view.value = { x: target[0], y: target[1], zoom };
        if (interactionState.isDragging) this.swing.drag();
      },
      onInteractionStateChange: ({ isDragging }) => {
        if (this.dragging && !isDragging) this.swing.release();
        this.dragging = Boolean(isDragging);
      },
      onAfterRender: () => {
        if (this.resting) this.pace.frame(performance.now());
        probe.frame(this.scene.tiles, this.scene.detail);
        if (!this.terrain) this.raiseLand();
        this.onDrawn();
      },
      onDeviceInitialized: () => (this.ready = true),
      onError: (error) => {
        if (this.ready) store.tell(`The map could not be drawn: ${error.message}`, "error");
        else store.canDraw.value = false;
      },
    });
    this.ends.push(
      effect(() => {
        void store.view.value;
        void store.mapSize.value;
        this.deck.setProps({ viewState: this.deckState() });
        this.moved();
        this.schedule();
      }),
      effect(() => {
        const info = store.atlas.value;
        void store.edition.value;
        if (!info) return;
        this.tiles.clear();
        this.tiles = this.newStore();
        // An edit moves no passage: the land stays.
        if (info.passages !== this.landOf) this.terrain = null;
        this.index = new TileIndex(info.map);
        this.schedule();
      }),
      effect(() => {
        this.scene.paint = paint.value;
        this.scene.dims = dims(paint.value);
        this.schedule();
        this.redraw();
      }),
      effect(() => {
        void marks.value;
        this.redraw();
      }),
    );
  }

  /** Draws less while the map moves, if the machine is slow, and all again when it rests. */
  private moved(): void {
    this.scene.detail = this.pace.detail;
    clearTimeout(this.resting);
    this.resting = window.setTimeout(() => {
      this.resting = 0;
      this.lookAround();
      if (this.scene.detail === 1) return;
      this.scene.detail = 1;
      this.redraw();
    }, REST);
  }

  /** Counts the topics of points in view, but for the whole map, where all are. */
  private lookAround(): void {
    const tree = store.tree.peek();
    const { width, height } = store.mapSize.peek();
    const [left, top] = toMap(0, 0);
    const [right, bottom] = toMap(width, height);
    if (!tree || right - left > 0.8 * (bounds()[2] - bounds()[0])) {
      store.around.value = null;
      return;
    }
    const votes = new Map<number, number>();
    for (const { tile, points } of this.scene.tiles) {
      const unit = tile.side / 65535;
      for (let i = 0; i < points.passage.length; i++) {
        const x = tile.x0 + points.x[i]! * unit;
        const y = tile.y0 + points.y[i]! * unit;
        if (x < left || x > right || y < bottom || y > top) continue;
        votes.set(points.topic[i]!, (votes.get(points.topic[i]!) ?? 0) + 1);
      }
    }
    store.around.value = deepest(tree, votes)?.id ?? null;
  }

  private newStore(): TileStore {
    return new TileStore(
      store.source(),
      (tile) => {
        this.schedule(true);
        if (tile === null && !this.resting) this.lookAround();
      },
      (error) => {
        // A filter that cannot be read is told of below its field.
        if (store.where.value && /filter/i.test(message(error))) return;
        store.tell(`Not all of the map is as asked: ${message(error)}`, "error");
      },
    );
  }

  private deckState(): State & { minZoom: number; maxZoom: number } {
    const { x, y, zoom } = store.view.value;
    const [minZoom, maxZoom] = zoomRange();
    return { target: [x, y, 0], zoom, minZoom, maxZoom };
  }

  /** Chooses tiles once a frame at most. */
  private schedule(arrived = false): void {
    if (arrived) this.revision += 1;
    if (this.due) return;
    this.due = requestAnimationFrame(() => {
      this.due = 0;
      this.choose();
    });
  }

  private choose(): void {
    const size = store.mapSize.value;
    if (!this.index || size.width === 0) return;
    const view = store.view.value;
    this.wanted = wantedTiles(this.index, view, size);
    const attribute = this.scene.paint.attribute?.name ?? null;
    this.tiles.want(this.wanted, { attribute, where: this.scene.paint.where });
    const here = this.wanted
      .map((tile) => this.tiles.loaded.get(tile.key))
      .filter((tile): tile is LoadedTile => tile !== undefined);
    // After an edit the old points stay until new ones are there: no blank in between.
    if (here.length || !this.wanted.length) this.scene.tiles = here;
    const seen = this.scene.tiles.map(({ tile }) => tile);
    const { style, sizes } = drawing(this.index, seen, view, size);
    Object.assign(this.scene, { sizes, opacity: style.opacity, dim: style.dim });
    probe.tiles(this.wanted.length, this.scene.tiles, this.tiles.pending);
    this.redraw();
  }

  private redraw(): void {
    this.revision += 1;
    this.deck.setProps({
      layers: [
        this.terrain && new TerrainLayer({ id: "land", terrain: this.terrain, colours: this.land(), flat: this.scene.detail < 1 }),
        new PointLayer({ id: "points", scene: this.scene, revision: this.revision }),
        new MarkLayer({ id: "marks", marks: marks.value }),
      ],
    });
  }

  /** Makes the land once points are seen: they come first. */
  private raiseLand(): void {
    const root = this.index?.root && this.tiles.loaded.get(this.index.root.key);
    if (!root || !this.scene.tiles.includes(root)) return;
    this.terrain = raise(root.points, bounds());
    this.landOf = store.atlas.peek()?.passages ?? 0;
    if (this.terrain) this.redraw();
  }

  /** Contours are for looking from afar: near by they fade. */
  private land() {
    const near = store.view.peek().zoom - zoomRange()[0] - 1;
    const strength = Math.min(1, Math.max(0.15, 1.15 - near / 5));
    return { ...palette(store.dark.peek()).land, strength };
  }

  /** The lit point nearest to a place on the screen, within `reach` pixels. */
  pick(left: number, top: number, reach = 8): Picked | null {
    const [mx, my] = toMap(left, top);
    const scale = 2 ** store.view.value.zoom;
    let best: Picked | null = null;
    let least = Infinity;
    for (const loaded of this.scene.tiles) {
      const { tile, points, grid } = loaded;
      const unit = tile.side / 65535;
      const radius = reach / scale / unit;
      const found = grid.nearest((mx - tile.x0) / unit, (my - tile.y0) / unit, radius);
      if (!found || found.distance * unit >= least) continue;
      least = found.distance * unit;
      const i = found.index;
      best = {
        passage: points.passage[i]!,
        topic: points.topic[i]!,
        x: tile.x0 + points.x[i]! * unit,
        y: tile.y0 + points.y[i]! * unit,
      };
    }
    return best;
  }

  tileKeys(): TileKey[] {
    return this.scene.tiles.map(({ tile: { z, x, y } }) => ({ z, x, y }));
  }

  destroy(): void {
    for (const end of this.ends) end();
    cancelAnimationFrame(this.due);
    clearTimeout(this.resting);
    this.tiles.clear();
    this.deck.finalize();
  }
}
