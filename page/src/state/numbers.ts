/** Numbers as text. Our own: the first use of Intl costs a slow machine a good part of a second. */

export function grouped(value: number): string {
  const text = String(Math.abs(value));
  if (!/^\d+$/.test(text)) return String(value);
  return (value < 0 ? "−" : "") + text.replace(/\B(?=(\d{3})+$)/g, ",");
}

export const counted = (value: number, one: string, many = `${one}s`): string =>
  `${grouped(value)} ${value === 1 ? one : many}`;
