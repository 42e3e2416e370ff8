/** What the chart of topics over time draws. */

import type { AtlasInfo, AttributeInfo, Period } from "../data/types";
import type { TopicTree, TreeTopic } from "../data/tree";
import { columnText } from "./filter-text";

const YEARS = /(^|_)(year|jahr|ann[ée]e|a[ñn]o|anno)s?(_|$)/i;
const DATES = /(^|_)(date|datum|day|time|timestamp|created|published|updated)(_|$)/i;

/** Attributes that hold times: by their type, else whole numbers and texts that are named so. */
export function timeColumns(info: AtlasInfo | null): AttributeInfo[] {
  const all = info?.attributes ?? [];
  const certain = all.filter(({ kind }) => kind === "time");
  if (certain.length) return certain;
  return all.filter(
    ({ name, kind, type }) =>
      (kind === "number" || kind === "category") && /int/.test(type)
        ? YEARS.test(name)
        : type === "string" && DATES.test(name),
  );
}

/** The topics to draw: the selected one and what it holds, else a cut through the tree. */
export function topicsDrawn(tree: TopicTree, selected: number | null, most = 7): TreeTopic[] {
  const own = tree.get(selected);
  if (own && !own.children.length) return [own];
  const cut = own ? [...own.children] : [...tree.roots];
  const bySize = (a: TreeTopic, b: TreeTopic) => b.size - a.size || a.id - b.id;
  cut.sort(bySize);
  while (true) {
    const at = cut.findIndex((topic) => topic.children.length > 0);
    const next = cut[at];
    if (!next || cut.length - 1 + next.children.length > most) break;
    cut.splice(at, 1, ...next.children);
    cut.sort(bySize);
  }
  return own ? [own, ...cut.slice(0, most - 1)] : cut.slice(0, most);
}

/** Round steps from 0 to `most`, three or four of them. */
export function ticks(most: number): number[] {
  if (!(most > 0)) return [0];
  const rough = most / 3;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((size) => size >= 0.75 * rough)!;
  const count = Math.floor(most / step + 1e-9);
  return Array.from({ length: count + 1 }, (_, i) => Number((i * step).toPrecision(12)));
}

export type Place = [number, number];

/** Runs of values without gaps: a group without passages has no share. */
export function runs(values: (number | null)[], place: (i: number, value: number) => Place): Place[][] {
  const found: Place[][] = [];
  let run: Place[] = [];
  values.forEach((value, i) => {
    if (value === null) run = [];
    else {
      if (!run.length) found.push(run);
      run.push(place(i, value));
    }
  });
  return found;
}

const spot = ([x, y]: Place): string => `${x.toFixed(1)} ${y.toFixed(1)}`;

export const linePath = (points: Place[][]): string =>
  points.map((run) => `M${run.map(spot).join("L")}`).join("");

/** The band between two lines. */
export const bandPath = (lows: Place[][], highs: Place[][]): string =>
  highs
    .map((high, i) => `M${[...high, ...[...(lows[i] ?? [])].reverse()].map(spot).join("L")}Z`)
    .join("");

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** The start of a period in as few words as its unit needs. */
export function periodLabel(start: string, unit: string): string {
  const day = /^(-?\d{4,})-(\d\d)-(\d\d)(?:T(\d\d:\d\d))?/.exec(start);
  if (!day) return start;
  const [, year, month, date, clock] = day;
  const name = MONTHS[Number(month) - 1];
  if (/year|decade|centur/.test(unit)) return year!;
  if (/month|quarter/.test(unit)) return `${name} ${year}`;
  if (/hour|minute|second/.test(unit) && clock) return `${Number(date)} ${name}, ${clock}`;
  return `${Number(date)} ${name} ${year}`;
}

/** The last part of a period, which ends before `end`, in as few words as its unit needs. */
export function lastLabel(end: string, unit: string): string {
  if (/^-?\d+$/.test(end)) return String(Number(end) - 1);
  const day = /^(-?\d{4,})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d))?/.exec(end);
  if (!day) return end;
  const [year, month, date, hour = 0, minute = 0] = day.slice(1).map((part) => Number(part ?? 0));
  const before = new Date(0);
  before.setUTCFullYear(year!, month! - 1, date!);
  before.setUTCHours(hour, minute - 1);
  return periodLabel(before.toISOString(), unit);
}

/** A span of periods in words: "Nov 2023", or "Mar to Dec 2023" where they are more than one unit. */
export function spanLabel(first: Period, last: Period, unit: string): string {
  const from = periodLabel(first.start, unit);
  const to = lastLabel(last.end, unit);
  return from === to ? from : `${from} to ${to}`;
}

/** Below so many passages a share says next to nothing. */
export const FEW = 5;

/** The periods with too few passages for shares; none where no period has enough. */
export function sparse(periods: Period[]): boolean[] {
  const few = periods.map(({ passages }) => passages < FEW);
  return few.includes(false) ? few : few.map(() => false);
}

const bound = (value: string, asNumber: boolean): string => (asNumber ? value : `'${value}'`);

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** Takes a test of a period off a filter. */
export function withoutPeriod(where: string, column: string): string {
  const name = escaped(columnText(column));
  const value = "(?:'[^']*'|-?[\\d.]+)";
  const test = `${name} >= ${value} AND ${name} < ${value}`;
  return where
    .replace(new RegExp(`^${test}$`), "")
    .replace(new RegExp(`^${test} AND `), "")
    .replace(new RegExp(` AND ${test}`), "")
    .replace(/^\((.*)\)$/s, (whole, inner: string) => (/[()]/.test(inner) ? whole : inner));
}

/** Narrows a filter to a period; an earlier one of the same column is replaced. */
export function withPeriod(
  where: string,
  column: string,
  from: Period,
  to: Period,
  asNumber: boolean,
): string {
  const name = columnText(column);
  const test = `${name} >= ${bound(from.start, asNumber)} AND ${name} < ${bound(to.end, asNumber)}`;
  const rest = withoutPeriod(where.trim(), column);
  if (!rest) return test;
  return `${/\bor\b/i.test(rest) ? `(${rest})` : rest} AND ${test}`;
}

/** The periods that a filter keeps, by their places; null without such a test. */
export function periodIn(where: string, column: string, periods: Period[]): [number, number] | null {
  const name = escaped(columnText(column));
  const found = new RegExp(`${name} >= '?([^' ]+)'? AND ${name} < '?([^' ]+)'?`).exec(where);
  if (!found) return null;
  const from = periods.findIndex(({ start }) => start === found[1]);
  const to = periods.findIndex(({ end }) => end === found[2]);
  return from >= 0 && to >= from ? [from, to] : null;
}
