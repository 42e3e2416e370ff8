/** Turns what is known of a tile's points into their colours: r, g, b and how lit (255 or 0). */

import type { Rgb } from "./colour";
import type { LoadedTile } from "./tile-store";

export interface Paint {
  /** Changes when anything below does. */
  key: string;
  /** Colour of a leaf topic. */
  ofTopic: (topic: number) => Rgb;
  none: Rgb;
  /** Colour by this attribute; null: by topic. */
  attribute: {
    name: string;
    ofValue: (value: number) => Rgb;
    /** Codes (or steps of a scale) left lit. */
    codeOf: (value: number) => number;
  } | null;
  isolated: Set<number> | null;
  /** Leaves left lit; null: all. */
  lit: Set<number> | null;
  where: string | null;
}

/** Says whether anything can be dim with this paint. */
export const dims = (paint: Paint): boolean =>
  Boolean(paint.isolated || paint.lit || paint.where);

export function paintTile(tile: LoadedTile, paint: Paint): Uint8Array {
  const { topic } = tile.points;
  const n = topic.length;
  const out = new Uint8Array(4 * n);
  const attribute = paint.attribute;
  const values =
    attribute && tile.values?.name === attribute.name ? tile.values.data : undefined;
  const passing =
    paint.where !== null && tile.passing?.where === paint.where ? tile.passing.data : undefined;
  const known = new Map<number, Rgb>();
  for (let i = 0; i < n; i++) {
    const code = attribute ? (values ? values[i]! : NaN) : topic[i]!;
    let rgb = known.get(code);
    if (!rgb) {
      rgb = attribute
        ? values && !Number.isNaN(code)
          ? attribute.ofValue(code)
          : paint.none
        : paint.ofTopic(code);
      known.set(code, rgb);
    }
    const lit =
      (!paint.lit || paint.lit.has(topic[i]!)) &&
      (!paint.isolated ||
        paint.isolated.has(attribute ? (values ? attribute.codeOf(code) : -3) : code)) &&
      (paint.where === null || passing?.[i] === 1);
    out[4 * i] = rgb[0];
    out[4 * i + 1] = rgb[1];
    out[4 * i + 2] = rgb[2];
    out[4 * i + 3] = lit ? 255 : 0;
  }
  return out;
}
