/** Says which rows pass a filter, from the values in the file. */

import { fail, parseFilter, type Literal, type Node, type Test } from "./filter-parse";

/** A column as a filter sees it: its Arrow type and its values as JSON has them. */
export interface FilterColumn {
  type: string;
  values: readonly unknown[];
  /** For topics: the leaves that a number stands for. */
  leaves?: (topic: number) => readonly number[];
}

type Answer = boolean | null;
type Plain = string | number | bigint | boolean;

/** Names of the columns that a filter asks for. */
export function columnsOf(node: Node): string[] {
  if (node.kind === "test") return [node.column];
  return node.kind === "not" ? columnsOf(node.node) : node.nodes.flatMap(columnsOf);
}

const MOMENT =
  /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?\s?(Z|z|[+-]\d\d:?\d\d)?)?$/;

/** Nanoseconds since 1970 of a date or moment; null where it is none. */
export function moment(text: string): bigint | null {
  const match = MOMENT.exec(text);
  if (!match) return null;
  const [, year, month, day, hour = "0", minute = "0", second = "0", rest = "", zone] = match;
  const parts = [year, month, day, hour, minute, second].map(Number) as [number, number, number, number, number, number];
  const ms = Date.UTC(parts[0], parts[1] - 1, parts[2], parts[3], parts[4], parts[5]);
  const back = new Date(ms);
  if (back.getUTCMonth() !== parts[1] - 1 || back.getUTCDate() !== parts[2]) return null;
  if (parts[3] > 23 || parts[4] > 59 || parts[5] > 59) return null;
  let offset = 0;
  if (zone && zone !== "Z" && zone !== "z")
    offset = (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2))) * (zone.startsWith("-") ? -1 : 1);
  return BigInt(ms - offset * 60_000) * 1_000_000n + BigInt(rest.padEnd(9, "0"));
}

type Kind = "text" | "number" | "boolean" | "moment" | "list" | "other";

function kindOf(type: string): Kind {
  if (/^(list|large_list|fixed_size_list)</.test(type)) return "list";
  if (/^(string|large_string|utf8|large_utf8)/.test(type)) return "text";
  if (/^bool/.test(type)) return "boolean";
  if (/^u?int|^float|^double|^halffloat|^decimal/.test(type)) return "number";
  if (/^date|^timestamp/.test(type)) return "moment";
  const inner = /^dictionary<values=([^,]+)/.exec(type);
  return inner ? kindOf(inner[1]!) : "other";
}

const EXAMPLES: Record<Kind, string> = {
  text: "'x'",
  number: "1993",
  boolean: "TRUE",
  moment: "'1993-04-05'",
  list: "'x'",
  other: "",
};

function typed(test: Test, given: { value: Literal; at: number }, kind: Kind, type: string): Plain {
  const { value, at } = given;
  const wrong = (): never =>
    fail(
      at,
      `column '${test.column}' holds ${type}: give a value such as ${EXAMPLES[kind]}, not ${typeof value === "string" ? `'${value}'` : value}`,
    );
  if (kind === "moment") {
    const time = typeof value === "string" ? moment(value) : null;
    return time ?? wrong();
  }
  if (kind === "text") return typeof value === "string" ? value : wrong();
  if (kind === "boolean") return typeof value === "boolean" ? value : wrong();
  if (typeof value !== "number") return wrong();
  return /^float$|^float32/.test(type) ? Math.fround(value) : value;
}

/** Order by code points: UTF-16 puts those above U+FFFF before some below. */
function less(a: Plain, b: Plain): boolean {
  if (typeof a !== "string" || typeof b !== "string") return a < b;
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) {
    if (a.charCodeAt(i) === b.charCodeAt(i)) continue;
    return a.codePointAt(i)! < b.codePointAt(i)!;
  }
  return a.length < b.length;
}

function likeTest(pattern: string, folded: boolean): (value: string) => boolean {
  const parts = (folded ? pattern.toLowerCase() : pattern).match(/\\[%_\\]|[\s\S]/gu) ?? [];
  const source = parts
    .map((part) =>
      part === "%"
        ? "[\\s\\S]*"
        : part === "_"
          ? "[\\s\\S]"
          : part.slice(part.length > 1 && part.startsWith("\\") ? 1 : 0).replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"),
    )
    .join("");
  const regex = new RegExp(`^${source}$`, "u");
  return (value) => regex.test(folded ? value.toLowerCase() : value);
}

function testOf(test: Test, column: FilterColumn): (value: unknown) => Answer {
  const { op } = test;
  if (op === "IS NULL") return (value) => value === null || value === undefined;
  const kind = kindOf(column.type);
  const about = `column '${test.column}' holds ${column.type}`;
  if (op.startsWith("HAS") !== (kind === "list"))
    fail(test.at, kind === "list" ? `${about}: ${op} is not for lists; use HAS` : `${about}, no list: HAS is for lists`);
  if (kind === "other") fail(test.at, `${about}, which filters cannot compare`);
  if ((op === "LIKE" || op === "ILIKE") && kind !== "text") fail(test.at, `${about}: ${op} is for strings`);
  const inner = kind === "list" ? (/<(?:item|element): ([^>]+)/.exec(column.type)?.[1] ?? "string") : column.type;
  const one = kind === "list" ? kindOf(inner) : kind;
  const wanted = test.values.map((given) => typed(test, given, one, inner));
  if (op.startsWith("HAS")) {
    const holds = (value: unknown, item: Plain) => Array.isArray(value) && value.includes(item);
    return (value) =>
      value === null || value === undefined
        ? null
        : op === "HAS ANY"
          ? wanted.some((item) => holds(value, item))
          : wanted.every((item) => holds(value, item));
  }
  const first = wanted[0]!;
  const last = wanted.at(-1)!;
  const leaves = column.leaves && new Set(wanted.flatMap((topic) => [...column.leaves!(Number(topic))]));
  const same = leaves
    ? (value: Plain) => leaves.has(Number(value))
    : (value: Plain) => wanted.includes(value);
  const tests: Record<string, (value: Plain) => boolean> = {
    "=": same,
    IN: same,
    "<>": (value) => !same(value),
    "<": (value) => less(value, first),
    "<=": (value) => !less(first, value),
    ">": (value) => less(first, value),
    ">=": (value) => !less(value, first),
    BETWEEN: (value) => !less(value, first) && !less(last, value),
  };
  if (op === "LIKE" || op === "ILIKE") {
    const like = likeTest(String(first), op === "ILIKE");
    tests[op] = (value) => like(String(value));
  }
  const run = tests[op]!;
  return (value) => {
    if (value === null || value === undefined) return null;
    if (kind === "moment") {
      const time = moment(String(value));
      return time === null ? null : run(time);
    }
    return run(kind === "number" ? Number(value) : (value as Plain));
  };
}

function build(node: Node, columns: ReadonlyMap<string, FilterColumn>): (row: number) => Answer {
  if (node.kind === "test") {
    const column = columns.get(node.column);
    if (!column) {
      const known = [...columns.keys()].join(", ");
      return fail(node.at, `no column '${node.column}'; there are ${known}`);
    }
    const test = testOf(node, column);
    return (row) => test(column.values[row]);
  }
  if (node.kind === "not") {
    const inner = build(node.node, columns);
    return (row) => {
      const answer = inner(row);
      return answer === null ? null : !answer;
    };
  }
  const parts = node.nodes.map((part) => build(part, columns));
  // One true decides an OR, one false an AND; nothing known leaves it open.
  const decisive = node.kind === "or";
  return (row) => {
    let open = false;
    for (const part of parts) {
      const answer = part(row);
      if (answer === decisive) return decisive;
      if (answer === null) open = true;
    }
    return open ? null : !decisive;
  };
}

/** One byte a row: 1 where the filter is true. */
export function filterMask(
  filter: string | Node,
  columns: ReadonlyMap<string, FilterColumn>,
  rows: number,
): Uint8Array {
  const passes = build(typeof filter === "string" ? parseFilter(filter) : filter, columns);
  return Uint8Array.from({ length: rows }, (_, row) => (passes(row) === true ? 1 : 0));
}
