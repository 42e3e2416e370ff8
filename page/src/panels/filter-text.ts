/** Writes parts of the filter language. */

const WORD = /^[\p{L}_][\p{L}\p{N}_]*$/u;
const KEYWORDS = new Set(
  "AND OR NOT IN BETWEEN LIKE ILIKE IS NULL TRUE FALSE HAS ANY ALL".split(" "),
);

/** A column's name as a filter wants it. */
export const columnText = (name: string): string =>
  WORD.test(name) && !KEYWORDS.has(name.toUpperCase()) ? name : `"${name.replaceAll('"', '""')}"`;

/** A value as a filter has it; whole numbers too large for a script come as text. */
export type FilterValue = string | number | boolean | bigint;

export const typedValue = (value: string | number | boolean, type: string): FilterValue =>
  typeof value === "string" && /int/.test(type) && /^-?\d+$/.test(value) ? BigInt(value) : value;

export const valueText = (value: FilterValue): string =>
  typeof value === "string"
    ? `'${value.replaceAll("'", "''")}'`
    : typeof value === "boolean"
      ? String(value).toUpperCase()
      : String(value);

export const equals = (name: string, value: FilterValue): string =>
  `${columnText(name)} = ${valueText(value)}`;

/** Adds a test to a filter; brackets where the filter holds an OR. */
export function also(filter: string, test: string): string {
  const now = filter.trim();
  if (!now) return test;
  if (now === test) return now;
  return `${/\bor\b/i.test(now) ? `(${now})` : now} AND ${test}`;
}
