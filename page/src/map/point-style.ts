/** How large and how opaque points are, by how many of them are in view. */

export interface PointStyle {
  size: number;
  opacity: number;
  dim: number;
}

const clamp = (low: number, value: number, high: number): number =>
  Math.min(high, Math.max(low, value));

/** A tenth of the map or so is ink: few points are large, many are small and let light through. */
export function styleFor(points: number, area: number, dark: boolean): PointStyle {
  const size = clamp(1.7, Math.sqrt((0.13 * area) / Math.max(1, points)), 7.5);
  const opacity = clamp(0.5, 0.42 + 0.09 * size, 0.92);
  return { size, opacity: dark ? opacity : opacity, dim: dark ? 0.13 : 0.14 };
}
