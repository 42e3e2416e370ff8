/** A deck.gl layer that draws the land: tints by height, a coast, contours. */

import { Layer, type LayerProps, type Viewport } from "@deck.gl/core";
import type { Buffer, RenderPass, Texture } from "@luma.gl/core";
import { Model, ShaderInputs } from "@luma.gl/engine";
import type { Rgb } from "./colour";
import { shapes } from "./contours";
import { toHalf, type Terrain } from "./terrain";

const block = `\
layout(std140) uniform landUniforms {
  vec4 sheet;
  vec4 sea;
  vec4 low;
  vec4 high;
  vec4 line;
} land;
`;

type LandUniforms = {
  sheet: [number, number, number, number];
  sea: [number, number, number, number];
  low: [number, number, number, number];
  high: [number, number, number, number];
  line: [number, number, number, number];
};

const landModule = {
  name: "land",
  vs: block,
  fs: block,
  uniformTypes: {
    sheet: "vec4<f32>",
    sea: "vec4<f32>",
    low: "vec4<f32>",
    high: "vec4<f32>",
    line: "vec4<f32>",
  },
} as const;

const vs = `#version 300 es
in vec2 corners;
out vec2 at;
void main(void) {
  gl_Position = vec4(corners * 2.0 - 1.0, 0.0, 1.0);
  at = land.sheet.xy + corners * land.sheet.zw;
}
`;

// Heights are shares of all passages: the coast holds nearly all, the contours 3/4, 1/2, 1/4.
const fs = `#version 300 es
precision highp float;
uniform sampler2D heights;
in vec2 at;
out vec4 colour;
void main(void) {
  float h = texture(heights, at).r;
  float slope = max(fwidth(h), 1e-5);
  float shore = clamp((h - 0.024) / slope + 0.5, 0.0, 1.0);
  vec3 tint = mix(land.sea.rgb, mix(land.low.rgb, land.high.rgb, smoothstep(0.05, 0.95, h)), shore);
  float coast = clamp(1.1 - abs(h - 0.024) / slope, 0.0, 1.0);
  float step = clamp(1.0 - abs(fract(h * 4.0 + 0.5) - 0.5) / (4.0 * slope), 0.0, 1.0) * shore;
  float line = max(coast, step * 0.42 * (1.0 - smoothstep(0.85, 0.95, h))) * land.line.a;
  colour = vec4(mix(tint, land.line.rgb, line), 1.0);
}
`;

// The same land in flat colours, for while the map moves: a tenth of the work without a card.
const flatVs = `#version 300 es
in vec2 corners;
void main(void) {
  gl_Position = vec4((corners - land.sheet.xy) / land.sheet.zw * 2.0 - 1.0, 0.0, 1.0);
}
`;

const flatFs = `#version 300 es
precision mediump float;
out vec4 colour;
void main(void) {
  colour = land.line;
}
`;

export interface LandColours {
  sea: Rgb;
  low: Rgb;
  high: Rgb;
  line: Rgb;
  /** How strong lines are, 0..1. */
  strength: number;
}

export interface TerrainLayerProps extends LayerProps {
  terrain: Terrain;
  colours: LandColours;
  /** Flat colours and bare lines: fast, a little coarse. */
  flat: boolean;
}

interface Flat {
  model: Model;
  inputs: ShaderInputs<{ land: LandUniforms }>;
  buffer: Buffer;
}

// Two triangles over the whole window: the sea.
const EVERYWHERE = new Uint16Array([0, 0, 65535, 0, 0, 65535, 0, 65535, 65535, 0, 65535, 65535]);

const mixed = (a: Rgb, b: Rgb, t: number): Rgb => a.map((v, i) => v + (b[i]! - v) * t) as Rgb;

const solid = (rgb: Rgb, alpha = 1): [number, number, number, number] => [
  rgb[0] / 255,
  rgb[1] / 255,
  rgb[2] / 255,
  alpha,
];

export class TerrainLayer extends Layer<TerrainLayerProps> {
  static override layerName = "TerrainLayer";
  declare state: {
    model: Model;
    inputs: ShaderInputs<{ land: LandUniforms }>;
    corners: Buffer;
    texture: Texture;
    terrain: Terrain;
    flat: Flat[];
  };

  override initializeState(): void {
    const { device } = this.context;
    const corners = device.createBuffer({ data: new Float32Array([0, 0, 1, 0, 0, 1, 1, 1]) });
    const inputs = new ShaderInputs<{ land: LandUniforms }>({ land: landModule as never });
    const model = new Model(device, {
      id: this.props.id,
      vs,
      fs,
      modules: [landModule as never],
      shaderInputs: inputs as never,
      topology: "triangle-strip",
      vertexCount: 4,
      bufferLayout: [{ name: "corners", format: "float32x2" }],
      attributes: { corners },
      parameters: { depthWriteEnabled: false, depthCompare: "always", blend: false },
    });
    this.setState({ model, inputs, corners });
    this.load();
  }

  private load(): void {
    const { terrain } = this.props;
    this.state.texture?.destroy();
    const texture = this.context.device.createTexture({
      format: "r16float",
      width: terrain.cells,
      height: terrain.cells,
      data: toHalf(terrain.heights),
      sampler: {
        minFilter: "linear",
        magFilter: "linear",
        addressModeU: "clamp-to-edge",
        addressModeV: "clamp-to-edge",
      },
    });
    this.state.model.setBindings({ heights: texture });
    this.release();
    this.setState({ texture, terrain, flat: [] });
  }

  /** Made when first wanted: where frames are fast it never is. */
  private flatten(): void {
    const { land, coast, contours } = shapes(this.props.terrain);
    const flat = [EVERYWHERE, land, contours, coast].map((data, i): Flat => {
      const buffer = this.context.device.createBuffer({ data: data.length ? data : new Uint16Array(2) });
      const inputs = new ShaderInputs<{ land: LandUniforms }>({ land: landModule as never });
      const model = new Model(this.context.device, {
        id: `${this.props.id}-flat-${i}`,
        vs: flatVs,
        fs: flatFs,
        modules: [landModule as never],
        shaderInputs: inputs as never,
        topology: i < 2 ? "triangle-list" : "line-list",
        vertexCount: data.length / 2,
        bufferLayout: [{ name: "corners", format: "unorm16x2" }],
        attributes: { corners: buffer },
        parameters: { depthWriteEnabled: false, depthCompare: "always", blend: false },
      });
      return { model, inputs, buffer };
    });
    this.setState({ flat });
  }

  private release(): void {
    for (const { model, buffer } of this.state.flat ?? []) {
      model.destroy();
      buffer.destroy();
    }
  }

  override shouldUpdateState({ changeFlags }: { changeFlags: { propsChanged: unknown } }): boolean {
    return Boolean(changeFlags.propsChanged);
  }

  override updateState(): void {
    if (this.state.terrain !== this.props.terrain) this.load();
    this.setNeedsRedraw();
  }

  override setShaderModuleProps(): void {}

  override getModels(): Model[] {
    return this.state?.model ? [this.state.model] : [];
  }

  override draw({ renderPass }: { renderPass: RenderPass }): void {
    const { terrain, colours } = this.props;
    const viewport = this.context.viewport as Viewport & { target: number[]; zoom: number };
    const [vx = 0, vy = 0] = viewport.target;
    const wide = viewport.width / 2 ** viewport.zoom;
    const high = viewport.height / 2 ** viewport.zoom;
    const [x0, y0, x1] = terrain.bounds;
    const side = x1 - x0;
    const sheet: LandUniforms["sheet"] = [
      (vx - wide / 2 - x0) / side,
      (vy - high / 2 - y0) / side,
      wide / side,
      high / side,
    ];
    if (this.props.flat) {
      if (!this.state.flat.length) this.flatten();
      const tint = mixed(colours.low, colours.high, 0.5);
      const lines = [0.42, 1].map((part) => mixed(tint, colours.line, part * colours.strength));
      [colours.sea, tint, ...lines].forEach((rgb, i) => {
        const { model, inputs } = this.state.flat[i]!;
        const line = solid(rgb);
        const place: LandUniforms["sheet"] = i === 0 ? [0, 0, 1, 1] : sheet;
        inputs.setProps({ land: { sheet: place, sea: line, low: line, high: line, line } });
        if (model.vertexCount) model.draw(renderPass);
      });
      return;
    }
    this.state.inputs.setProps({
      land: {
        sheet,
        sea: solid(colours.sea),
        low: solid(colours.low),
        high: solid(colours.high),
        line: solid(colours.line, colours.strength),
      },
    });
    this.state.model.draw(renderPass);
  }

  override finalizeState(): void {
    this.release();
    this.state.model.destroy();
    this.state.corners.destroy();
    this.state.texture.destroy();
  }
}
