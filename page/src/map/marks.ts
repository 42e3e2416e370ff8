/** A deck.gl layer of few marks: hits as rings, the open passage, the one pointed at. */

import { Layer, type LayerProps, type Viewport } from "@deck.gl/core";
import type { Buffer, RenderPass } from "@luma.gl/core";
import { Model } from "@luma.gl/engine";
import type { Rgb } from "./colour";

export interface Mark {
  x: number;
  y: number;
  /** Outer radius of the ring, css pixels. */
  radius: number;
  colour: Rgb;
  /** 0..1 */
  opacity: number;
}

const vs = `#version 300 es
in vec4 marks;
in vec4 colours;
out vec4 tint;
out float size;
void main(void) {
  gl_Position = vec4(marks.xy, 0.0, 1.0);
  gl_PointSize = marks.z;
  size = marks.z;
  tint = colours;
}
`;

// A dot with a ring around it, and a gap between them through which the map is seen.
const fs = `#version 300 es
precision mediump float;
in vec4 tint;
in float size;
out vec4 colour;
void main(void) {
  float r = length(gl_PointCoord - 0.5) * size;
  float outer = size * 0.5 - 0.75;
  float ring = clamp(1.35 - abs(r - outer + 0.9), 0.0, 1.0);
  float dot = clamp(size * 0.17 + 0.5 - r, 0.0, 1.0);
  float alpha = max(ring, dot) * tint.a;
  if (alpha <= 0.0) discard;
  colour = vec4(tint.rgb, alpha);
}
`;

export interface MarkLayerProps extends LayerProps {
  marks: Mark[];
}

export class MarkLayer extends Layer<MarkLayerProps> {
  static override layerName = "MarkLayer";
  declare state: { model: Model; marks: Buffer; colours: Buffer; room: number };

  override initializeState(): void {
    this.build(64);
  }

  private build(room: number): void {
    const { device } = this.context;
    const marks = device.createBuffer({ byteLength: 16 * room });
    const colours = device.createBuffer({ byteLength: 4 * room });
    const model = new Model(device, {
      id: `${this.props.id}-${room}`,
      vs,
      fs,
      topology: "point-list",
      bufferLayout: [
        { name: "marks", format: "float32x4" },
        { name: "colours", format: "unorm8x4" },
      ],
      attributes: { marks, colours },
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
    this.setState({ model, marks, colours, room });
  }

  private release(): void {
    this.state.model.destroy();
    this.state.marks.destroy();
    this.state.colours.destroy();
  }

  override shouldUpdateState({ changeFlags }: { changeFlags: { propsChanged: unknown } }): boolean {
    return Boolean(changeFlags.propsChanged);
  }

  override updateState(): void {
    const { marks } = this.props;
    if (marks.length > this.state.room) {
      this.release();
      this.build(2 ** Math.ceil(Math.log2(marks.length)));
    }
    const colours = new Uint8Array(4 * marks.length);
    marks.forEach(({ colour, opacity }, i) => colours.set([...colour, 255 * opacity], 4 * i));
    if (marks.length) this.state.colours.write(colours);
    this.state.model.setVertexCount(marks.length);
    this.setNeedsRedraw();
  }

  override setShaderModuleProps(): void {}

  override getModels(): Model[] {
    return this.state?.model ? [this.state.model] : [];
  }

  override draw({ renderPass }: { renderPass: RenderPass }): void {
    const { marks } = this.props;
    if (!marks.length) return;
    const viewport = this.context.viewport as Viewport & { target: number[]; zoom: number };
    const ratio = this.context.device.canvasContext?.cssToDeviceRatio() ?? 1;
    const [vx = 0, vy = 0] = viewport.target;
    const across = (2 * 2 ** viewport.zoom) / viewport.width;
    const up = (2 * 2 ** viewport.zoom) / viewport.height;
    const places = new Float32Array(4 * marks.length);
    marks.forEach(({ x, y, radius }, i) =>
      places.set([(x - vx) * across, (y - vy) * up, 2 * radius * ratio, 0], 4 * i),
    );
    this.state.marks.write(places);
    this.state.model.draw(renderPass);
  }

  override finalizeState(): void {
    this.release();
  }
}
