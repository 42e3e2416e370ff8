/** A deck.gl layer that draws tiles of points as gl.POINTS: one model a tile, nothing copied. */

import { Layer, type LayerProps, type Viewport } from "@deck.gl/core";
import type { Buffer, Device, RenderPass } from "@luma.gl/core";
import { Model, ShaderInputs } from "@luma.gl/engine";
import type { LoadedTile } from "./tile-store";
import { paintTile, type Paint } from "./paint";

const block = `\
layout(std140) uniform pointUniforms {
  vec2 scale;
  vec2 offset;
  float size;
  float opacity;
  float dim;
  float only;
} point;
`;

type PointUniforms = {
  scale: [number, number];
  offset: [number, number];
  size: number;
  opacity: number;
  dim: number;
  only: number;
};

const pointModule = {
  name: "point",
  vs: block,
  fs: block,
  uniformTypes: {
    scale: "vec2<f32>",
    offset: "vec2<f32>",
    size: "f32",
    opacity: "f32",
    dim: "f32",
    only: "f32",
  },
} as const;

// `only`: 0 draws the dim points, 1 the lit ones, 2 all of them.
const vs = `#version 300 es
in vec2 places;
in vec4 colours;
out vec4 tint;
void main(void) {
  float lit = colours.a;
  bool shown = point.only > 1.5 || (point.only > 0.5) == (lit > 0.5);
  gl_Position = shown ? vec4(places * point.scale + point.offset, 0.0, 1.0) : vec4(2.0, 2.0, 2.0, 1.0);
  gl_PointSize = point.size;
  tint = vec4(colours.rgb, lit > 0.5 ? point.opacity : point.dim);
}
`;

const fs = `#version 300 es
precision mediump float;
in vec4 tint;
out vec4 colour;
void main(void) {
  float alpha = tint.a;
  if (point.size > 2.5) {
    float r = length(gl_PointCoord - 0.5) * point.size;
    alpha *= clamp(point.size * 0.5 - r + 0.5, 0.0, 1.0);
    if (alpha <= 0.0) discard;
  }
  colour = vec4(tint.rgb, alpha);
}
`;

/** What is drawn: shared by the map and the layer, changed in place, announced by `revision`. */
export interface PointScene {
  tiles: LoadedTile[];
  paint: Paint;
  /** Diameter of the points of a tile, css pixels. */
  sizes: Map<string, number>;
  opacity: number;
  dim: number;
  /** Draw dim points first, lit ones over them. */
  dims: boolean;
  /** Part of every tile that is drawn; a tile's first points are an even sample of it. */
  detail: number;
}

interface Drawn {
  model: Model;
  inputs: ShaderInputs<{ point: PointUniforms }>;
  places: Buffer;
  colours: Buffer;
  /** What the colours were painted from. */
  painted: string;
}

export interface PointLayerProps extends LayerProps {
  scene: PointScene;
  revision: number;
}

const stamp = (tile: LoadedTile, paint: Paint): string =>
  `${paint.key}|${tile.values?.name ?? ""}|${tile.passing?.where ?? ""}`;

export class PointLayer extends Layer<PointLayerProps> {
  static override layerName = "PointLayer";
  declare state: { drawn: Map<LoadedTile, Drawn> };

  override initializeState(): void {
    this.setState({ drawn: new Map() });
  }

  override shouldUpdateState({ changeFlags }: { changeFlags: { propsChanged: unknown } }): boolean {
    return Boolean(changeFlags.propsChanged);
  }

  override updateState(): void {
    const { scene } = this.props;
    const now = new Set(scene.tiles);
    for (const [tile, drawn] of this.state.drawn)
      if (!now.has(tile)) {
        this.release(drawn);
        this.state.drawn.delete(tile);
      }
    for (const tile of scene.tiles) {
      const held = this.state.drawn.get(tile);
      const wanted = stamp(tile, scene.paint);
      if (!held) this.state.drawn.set(tile, this.make(tile, wanted));
      else if (held.painted !== wanted) {
        held.colours.write(paintTile(tile, scene.paint));
        held.painted = wanted;
      }
    }
    this.setNeedsRedraw();
  }

  private make(tile: LoadedTile, painted: string): Drawn {
    const device: Device = this.context.device;
    const { x, y } = tile.points;
    const n = x.length;
    const pairs = new Uint16Array(2 * n);
    for (let i = 0; i < n; i++) {
      pairs[2 * i] = x[i]!;
      pairs[2 * i + 1] = y[i]!;
    }
    const places = device.createBuffer({ data: pairs });
    const colours = device.createBuffer({ data: paintTile(tile, this.props.scene.paint) });
    const inputs = new ShaderInputs<{ point: PointUniforms }>({ point: pointModule as never });
    const model = new Model(device, {
      id: `tile-${tile.tile.key}`,
      vs,
      fs,
      modules: [pointModule as never],
      shaderInputs: inputs as never,
      topology: "point-list",
      vertexCount: n,
      bufferLayout: [
        { name: "places", format: "unorm16x2" },
        { name: "colours", format: "unorm8x4" },
      ],
      attributes: { places, colours },
      parameters: {
        depthWriteEnabled: false,
        depthCompare: "always",
        blend: true,
        blendColorOperation: "add",
        blendColorSrcFactor: "src-alpha",
        blendColorDstFactor: "one-minus-src-alpha",
        blendAlphaOperation: "add",
        blendAlphaSrcFactor: "one",
        blendAlphaDstFactor: "one-minus-src-alpha",
      },
    });
    return { model, inputs, places, colours, painted };
  }

  private release({ model, places, colours }: Drawn): void {
    model.destroy();
    places.destroy();
    colours.destroy();
  }

  /** The models know nothing of deck's own shader modules (projection, light, picking). */
  override setShaderModuleProps(): void {}

  override getModels(): Model[] {
    return [...(this.state?.drawn?.values() ?? [])].map(({ model }) => model);
  }

  override draw({ renderPass }: { renderPass: RenderPass }): void {
    const { scene } = this.props;
    const viewport = this.context.viewport as Viewport & { target: number[]; zoom: number };
    const ratio = this.context.device.canvasContext?.cssToDeviceRatio() ?? 1;
    const [vx = 0, vy = 0] = viewport.target;
    const across = (2 * 2 ** viewport.zoom) / viewport.width;
    const up = (2 * 2 ** viewport.zoom) / viewport.height;
    for (const only of scene.dims ? [0, 1] : [2])
      for (const tile of scene.tiles) {
        const drawn = this.state.drawn.get(tile);
        if (!drawn) continue;
        const { x0, y0, side } = tile.tile;
        // In double precision here, so that nothing trembles however near one comes.
        drawn.inputs.setProps({
          point: {
            scale: [side * across, side * up],
            offset: [(x0 - vx) * across, (y0 - vy) * up],
            size: (scene.sizes.get(tile.tile.key) ?? 2) * ratio,
            opacity: scene.opacity,
            dim: scene.dim,
            only,
          },
        });
        drawn.model.setVertexCount(Math.ceil(tile.points.passage.length * scene.detail));
        drawn.model.draw(renderPass);
      }
  }

  override finalizeState(): void {
    for (const drawn of this.state.drawn.values()) this.release(drawn);
    this.state.drawn.clear();
  }
}
