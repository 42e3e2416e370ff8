/** Reads the filter language of the command line (docs/filters.md) where no server can. */

import { SourceError } from "./source";
import { codePoints } from "./words";

export type Literal = string | number | boolean;

export interface Test {
  kind: "test";
  column: string;
  op: string;
  values: { value: Literal; at: number }[];
  at: number;
}
export type Node =
  | Test
  | { kind: "not"; node: Node }
  | { kind: "and" | "or"; nodes: Node[] };

interface Token {
  kind: "word" | "name" | "string" | "number" | "op" | "end";
  text: string;
  at: number;
}

const KEYWORDS = new Set("AND OR NOT IN BETWEEN LIKE ILIKE IS NULL TRUE FALSE HAS".split(" "));
const TOKEN =
  /(?<gap>[ \t\r\n]+)|"(?<name>(?:[^"]|"")*)"|'(?<string>(?:[^']|'')*)'|(?<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)|(?<word>[\p{L}_][\p{L}\p{N}_]*)|(?<op>==|!=|<>|<=|>=|[=<>(),])/uy;
const DEEPEST = 12;
const MOST_TESTS = 500;

export function fail(at: number, problem: string): never {
  throw new SourceError(`filter, column ${at}: ${problem}`, "bad_request", 400);
}

function tokens(text: string): Token[] {
  const found: Token[] = [];
  let place = 0;
  // Places are told in code points, as the server does.
  let counted = 0;
  let column = 1;
  const at = (to: number): number => {
    column += codePoints(text.slice(counted, to));
    counted = to;
    return column;
  };
  while (place < text.length) {
    TOKEN.lastIndex = place;
    const match = TOKEN.exec(text);
    const char = text.charAt(place);
    if (!match) {
      if (char === "'" || char === '"') fail(at(place), `the ${char} that opens here is not closed`);
      if (char === ";") fail(at(place), "a filter is one expression: leave the semicolon out");
      const shown = String.fromCodePoint(text.codePointAt(place)!);
      fail(at(place), `'${shown}' is not part of the filter language`);
    }
    const { name, string, number, word, op } = match.groups!;
    const start = at(place);
    place = TOKEN.lastIndex;
    if (name !== undefined) found.push({ kind: "name", text: name.replaceAll('""', '"'), at: start });
    else if (string !== undefined)
      found.push({ kind: "string", text: string.replaceAll("''", "'"), at: start });
    else if (number !== undefined) found.push({ kind: "number", text: number, at: start });
    else if (word !== undefined) found.push({ kind: "word", text: word, at: start });
    else if (op !== undefined) found.push({ kind: "op", text: op, at: start });
  }
  found.push({ kind: "end", text: "", at: at(text.length) });
  return found;
}

const shown = (token: Token): string =>
  token.kind === "end" ? "the end" : token.kind === "string" ? `'${token.text}'` : token.text;

export function parseFilter(text: string): Node {
  const all = tokens(text);
  let place = 0;
  let tests = 0;
  const here = () => all[place]!;
  const take = () => all[place++]!;
  const word = (token = here()) => (token.kind === "word" ? token.text.toUpperCase() : "");
  const accept = (...words: string[]): boolean => {
    const token = here();
    if (!words.includes(word()) && !(token.kind === "op" && words.includes(token.text))) return false;
    place += 1;
    return true;
  };
  const expect = (what: string) => {
    if (!accept(what)) fail(here().at, `expected ${what}, found ${shown(here())}`);
  };

  const literal = (): { value: Literal; at: number } => {
    const token = take();
    if (token.kind === "string") return { value: token.text, at: token.at };
    if (token.kind === "number") return { value: Number(token.text), at: token.at };
    const said = word(token);
    if (said === "TRUE" || said === "FALSE") return { value: said === "TRUE", at: token.at };
    if (said === "NULL") fail(token.at, "nothing equals NULL: write IS NULL or IS NOT NULL");
    if (token.kind === "name" || token.kind === "word")
      fail(token.at, `expected a value, found ${token.text}; strings stand in single quotes`);
    return fail(token.at, `expected a value, found ${shown(token)}`);
  };
  const values = () => {
    expect("(");
    const found = [literal()];
    while (accept(",")) found.push(literal());
    expect(")");
    return found;
  };
  const operator = (negated: boolean): [string, Test["values"]] => {
    const token = take();
    const said = word(token);
    if (said === "IN") return ["IN", values()];
    if (said === "BETWEEN") {
      const low = literal();
      expect("AND");
      return ["BETWEEN", [low, literal()]];
    }
    if (said === "LIKE" || said === "ILIKE") return [said, [literal()]];
    if (said === "HAS") {
      for (const many of ["ANY", "ALL"]) if (accept(many)) return [`HAS ${many}`, values()];
      return ["HAS", [literal()]];
    }
    if (negated) fail(token.at, `expected IN, BETWEEN, LIKE, ILIKE or HAS, found ${shown(token)}`);
    if (token.kind === "op" && !"(),".includes(token.text)) {
      const op = token.text === "==" ? "=" : token.text === "!=" ? "<>" : token.text;
      return [op, [literal()]];
    }
    return fail(token.at, `expected an operator (=, <, IN, LIKE, ...), found ${shown(token)}`);
  };
  const test = (): Node => {
    const column = take();
    if (column.kind !== "name" && (column.kind !== "word" || KEYWORDS.has(word(column))))
      fail(column.at, `expected a column, found ${shown(column)}`);
    tests += 1;
    if (tests > MOST_TESTS) fail(column.at, `more than ${MOST_TESTS} tests: use IN`);
    const made = (op: string, given: Test["values"], negated: boolean): Node => {
      const node: Node = { kind: "test", column: column.text, op, values: given, at: column.at };
      return negated ? { kind: "not", node } : node;
    };
    if (accept("IS")) {
      const negated = accept("NOT");
      expect("NULL");
      return made("IS NULL", [], negated);
    }
    const negated = accept("NOT");
    const [op, given] = operator(negated);
    return made(op, given, negated);
  };
  const one = (depth: number): Node => {
    if (depth > DEEPEST) fail(here().at, `brackets and NOTs nest deeper than ${DEEPEST}`);
    if (accept("NOT")) return { kind: "not", node: one(depth + 1) };
    if (accept("(")) {
      const node = any(depth + 1);
      expect(")");
      return node;
    }
    return test();
  };
  const joined = (kind: "and" | "or", joint: string, part: () => Node): Node => {
    const nodes = [part()];
    while (accept(joint)) nodes.push(part());
    return nodes.length === 1 ? nodes[0]! : { kind, nodes };
  };
  const both = (depth: number) => joined("and", "AND", () => one(depth));
  const any = (depth: number): Node => joined("or", "OR", () => both(depth));

  const node = any(0);
  if (here().kind !== "end") fail(here().at, `expected AND, OR or the end, found ${shown(here())}`);
  return node;
}
