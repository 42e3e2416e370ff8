/** Numbers as text. Our own: the first use of Intl costs a slow machine a good part of a second. */

export function grouped(value: number): string {
  const text = String(Math.abs(value));
  if (!/^\d+$/.test(text)) return String(value);
  return (value < 0 ? "−" : "") + text.replace(/\B(?=(\d{3})+$)/g, ",");
}

/** "6 topics in 4 groups": those that hold passages, and what they are gathered in. */
export const topicsCounted = ({ topics, groups }: { topics: number; groups: number }): string =>
  counted(topics, "topic") + (groups ? ` in ${counted(groups, "group")}` : "");

/** A name that may be long, within a sentence. */
export function shortened(name: string, most = 40): string {
  const points = [...name];
  return points.length > most ? `${points.slice(0, most - 1).join("").trimEnd()}…` : name;
}

export const counted = (value: number, one: string, many = `${one}s`): string =>
  `${grouped(value)} ${value === 1 ? one : many}`;
