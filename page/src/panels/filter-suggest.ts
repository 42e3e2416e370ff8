/** What can come next in a filter that is being written. */

import type { AttributeKind } from "../data/types";
import { columnText, valueText, type FilterValue } from "./filter-text";

export interface Column {
  name: string;
  kind: AttributeKind;
}

export interface Value {
  value: FilterValue;
  detail: string;
}

export interface Suggestion {
  /** Replaces the text from `from` to the caret. */
  insert: string;
  label: string;
  detail: string;
}

export interface Suggestions {
  from: number;
  items: Suggestion[];
  /** The column whose values are wanted, so that they can be fetched. */
  column: string | null;
}

type State = "column" | "operator" | "value" | "list" | "between" | "next" | "listnext";

interface Token {
  kind: "word" | "name" | "string" | "number" | "op";
  text: string;
  start: number;
  end: number;
  /** False for a quote that is not closed. */
  closed: boolean;
}

const TOKEN =
  /\s+|(?<name>"(?:[^"]|"")*"?)|(?<string>'(?:[^']|'')*'?)|(?<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?<word>[\p{L}_][\p{L}\p{N}_]*)|(?<op>==|!=|<>|<=|>=|[=<>(),])|./gsu;

function tokens(text: string): Token[] {
  const found: Token[] = [];
  for (const match of text.matchAll(TOKEN)) {
    const [kind, value] = Object.entries(match.groups ?? {}).find(([, part]) => part !== undefined) ?? [];
    if (!kind || value === undefined) continue;
    const quoted = kind === "name" || kind === "string";
    // One quote at its end closes it, a doubled one does not.
    const closed = !quoted || /^(['"])(?:(?!\1).|\1\1)*\1$/su.test(value);
    found.push({
      kind: kind as Token["kind"],
      text: value,
      start: match.index,
      end: match.index + value.length,
      closed,
    });
  }
  return found;
}

const OPERATORS: Record<AttributeKind, [string, string][]> = {
  category: [["=", "equal"], ["!=", "not equal"], ["IN (", "one of several"], ["LIKE", "% is any text"], ["IS NULL", "without a value"], ["IS NOT NULL", "with a value"]],
  text: [["ILIKE", "% is any text, in any case"], ["=", "equal"], ["LIKE", "% is any text"], ["IS NULL", "without a value"], ["IS NOT NULL", "with a value"]],
  number: [[">=", "at least"], ["<=", "at most"], ["=", "equal"], ["BETWEEN", "both ends included"], ["!=", "not equal"], ["IS NULL", "without a value"], ["IS NOT NULL", "with a value"]],
  time: [[">=", "from"], ["<", "before"], ["BETWEEN", "both ends included"], ["IS NULL", "without a value"], ["IS NOT NULL", "with a value"]],
  list: [["HAS", "holds it"], ["HAS ANY (", "holds one of several"], ["HAS ALL (", "holds all"], ["IS NULL", "without a value"], ["IS NOT NULL", "with a value"]],
  other: [["IS NULL", "without a value"], ["IS NOT NULL", "with a value"]],
};

const plain = (text: string): string =>
  text.normalize("NFKD").replace(/\p{M}/gu, "").toLocaleLowerCase();

const unquoted = (text: string): string => {
  const quote = text.charAt(0);
  if (quote !== "'" && quote !== '"') return text;
  const inner = text.length > 1 && text.endsWith(quote) ? text.slice(1, -1) : text.slice(1);
  return inner.replaceAll(quote + quote, quote);
};

/** Reads all finished tokens: what is expected next, and for which column. */
function readState(done: Token[]): { state: State; column: string | null; depth: number } {
  let state: State = "column";
  let column: string | null = null;
  let depth = 0;
  for (const token of done) {
    const word = token.kind === "word" ? token.text.toUpperCase() : "";
    if (state === "column") {
      if (token.text === "(") depth += 1;
      else if (word !== "NOT" && (token.kind === "word" || token.kind === "name")) {
        column = unquoted(token.text);
        state = "operator";
      }
    } else if (state === "operator") {
      if (word === "NOT" || word === "IS") continue;
      if (word === "NULL") state = "next";
      else if (word === "IN" || word === "ANY" || word === "ALL") continue;
      else if (token.text === "(") state = "list";
      else if (word === "BETWEEN") state = "between";
      else if (word === "HAS") state = "value";
      else state = "value";
    } else if (state === "value" && (word === "ANY" || word === "ALL")) continue;
    else if (state === "value" && token.text === "(") state = "list";
    else if (state === "value") state = "next";
    else if (state === "between") state = word === "AND" ? "value" : "between";
    else if (state === "list") state = token.text === ")" ? "next" : "listnext";
    else if (state === "listnext") state = token.text === ")" ? "next" : "list";
    else if (token.text === ")") depth = Math.max(0, depth - 1);
    else if (word === "AND" || word === "OR") state = "column";
  }
  return { state, column, depth };
}

/**
 * Says what may come at the caret.
 *
 * @param text The filter up to the caret.
 * @param valuesOf The values known of a column; null while they are not.
 */
export function suggest(
  text: string,
  columns: Column[],
  valuesOf: (column: string) => Value[] | null,
  most = 8,
): Suggestions {
  const all = tokens(text);
  const last = all.at(-1);
  // A token that touches the caret may still grow; a bracket or comma may not.
  const touches = last && last.end === text.length && last.kind !== "op";
  const growing = touches && (last.kind !== "string" || !last.closed) ? last : null;
  const { state, column, depth } = readState(growing ? all.slice(0, -1) : all);
  const from = growing ? growing.start : text.length;
  const typed = growing ? plain(unquoted(growing.text)) : "";
  const gap = !growing && text !== "" && !/[\s(]$/.test(text) ? " " : "";
  const items: Suggestion[] = [];
  const add = (insert: string, label: string, detail: string) => {
    if (items.length < most) items.push({ insert: gap + insert, label, detail });
  };
  const fits = (word: string) => plain(word).startsWith(typed);

  if (state === "column") {
    const found = columns.filter(({ name }) => plain(name).includes(typed));
    found.sort((a, b) => Number(fits(b.name)) - Number(fits(a.name)));
    for (const { name, kind } of found) add(`${columnText(name)} `, name, kind);
    if (typed && "not".startsWith(typed)) add("NOT ", "NOT", "the opposite");
  } else if (state === "operator") {
    const kind = columns.find(({ name }) => name === column)?.kind;
    for (const [operator, detail] of kind ? OPERATORS[kind] : [])
      if (fits(operator))
        add(operator.endsWith("(") ? operator : `${operator} `, operator.replace(" (", ""), detail);
  } else if (state === "value" || state === "list" || state === "between") {
    for (const { value, detail } of (column && valuesOf(column)) || []) {
      const shown = String(value);
      if (!plain(shown).includes(typed) && !plain(detail).includes(typed)) continue;
      add(valueText(value) + (state === "list" ? "" : " "), shown, detail);
    }
  } else if (state === "listnext") {
    add(", ", ",", "one more");
    add(") ", ")", "that is all");
    if (items[0]) items[0].insert = ", ";
    if (items[1]) items[1].insert = ") ";
  } else {
    for (const [word, detail] of [["AND", "both"], ["OR", "either"]] as const)
      if (fits(word)) add(`${word} `, word, detail);
    if (depth > 0 && !typed) add(") ", ")", "close the bracket");
  }
  const valued = state === "value" || state === "list" || state === "between";
  // What stands there already needs no suggestion.
  const useful = items.filter(({ insert }) => insert.trim() !== text.slice(from).trim() || !growing);
  return { from, items: useful, column: valued ? column : null };
}
