/** Words of a text, for marking what was searched and for the search of a page without a server. */

export interface Word {
  /** Folded and stemmed: equal for what a search takes for the same word. */
  key: string;
  start: number;
  end: number;
}

const WORD = /[\p{L}\p{N}\p{M}]+/gu;
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
const ASCII = /^[a-z]+$/;

let segmenter: Intl.Segmenter | null = null;

function* unspaced(text: string): Generator<[number, number]> {
  segmenter ??= new Intl.Segmenter(undefined, { granularity: "word" });
  for (const { segment, index, isWordLike } of segmenter.segment(text))
    if (isWordLike) yield [index, index + segment.length];
}

/** A word without case, accents and the endings of English. */
export function wordKey(word: string): string {
  const folded = word.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  return ASCII.test(folded) ? stem(folded) : folded;
}

const known = new Map<string, string>();

function keyOf(word: string): string {
  let key = known.get(word);
  if (key === undefined) {
    // Words of a corpus repeat; the table is emptied before it grows large.
    if (known.size > 200_000) known.clear();
    key = wordKey(word);
    if (word.length < 64) known.set(word, key);
  }
  return key;
}

/** Calls `take` for every word of a text. */
export function eachWord(text: string, take: (key: string, start: number, end: number) => void): void {
  WORD.lastIndex = 0;
  for (let found = WORD.exec(text); found; found = WORD.exec(text)) {
    const [word] = found;
    const at = found.index;
    if (!UNSPACED.test(word)) take(keyOf(word), at, at + word.length);
    else
      for (const [start, end] of unspaced(word))
        take(keyOf(word.slice(start, end)), at + start, at + end);
  }
}

export function wordsOf(text: string): Word[] {
  const words: Word[] = [];
  eachWord(text, (key, start, end) => words.push({ key, start, end }));
  return words;
}

export const keysOf = (text: string): Set<string> => new Set(wordsOf(text).map(({ key }) => key));

// Words of English that say little: marking them hides those that do.
const COMMON = new Set(
  (
    "a an and are as at be been but by can did do does for from had has have how i if in into is it its me my " +
    "no not of on or our so than that the their them then there these they this to was we were what when " +
    "where which who why will with would you your"
  )
    .split(" ")
    .map(wordKey),
);

/** The words of a query that are worth marking: all of them where all are common. */
export function tellingKeys(text: string): Set<string> {
  const keys = keysOf(text);
  const telling = new Set([...keys].filter((key) => !COMMON.has(key)));
  return telling.size ? telling : keys;
}

function hasVowel(text: string): boolean {
  return /[aeiouy]/.test(text);
}

/** The first steps of Porter's stemmer (Program 14, 1980): plurals, -ed, -ing, -y. */
export function stem(word: string): string {
  if (word.length <= 2) return word;
  let root = word;
  if (root.endsWith("sses") || root.endsWith("ies")) root = root.slice(0, -2);
  else if (root.endsWith("s") && !root.endsWith("ss") && !root.endsWith("us")) root = root.slice(0, -1);
  const cut = root.endsWith("eed") ? "" : root.endsWith("ed") ? "ed" : root.endsWith("ing") ? "ing" : "";
  if (root.endsWith("eed")) {
    if (hasVowel(root.slice(0, -3))) root = root.slice(0, -1);
  } else if (cut && hasVowel(root.slice(0, -cut.length))) {
    root = root.slice(0, -cut.length);
    if (/(at|bl|iz)$/.test(root)) root += "e";
    else if (/([^aeioulsz])\1$/.test(root)) root = root.slice(0, -1);
    else if (/^[^aeiou]*[aeiouy][^aeiouywx]$/.test(root) && root.length <= 3) root += "e";
  }
  if (root.endsWith("y") && root.length > 2 && hasVowel(root.slice(0, -1))) root = `${root.slice(0, -1)}i`;
  // A last e comes and goes with the endings above.
  if (root.length > 4 && root.endsWith("e")) root = root.slice(0, -1);
  return root;
}

export interface Piece {
  text: string;
  marked: boolean;
}

/** Cuts a text into pieces that are words of a query and pieces that are not. */
export function marked(text: string, keys: ReadonlySet<string>): Piece[] {
  if (!keys.size || !text) return text ? [{ text, marked: false }] : [];
  const pieces: Piece[] = [];
  let end = 0;
  for (const word of wordsOf(text)) {
    if (!keys.has(word.key)) continue;
    if (word.start > end) pieces.push({ text: text.slice(end, word.start), marked: false });
    pieces.push({ text: text.slice(word.start, word.end), marked: true });
    end = word.end;
  }
  if (end < text.length) pieces.push({ text: text.slice(end), marked: false });
  return pieces;
}

/** A part of a text of about `length` units in which words of a query stand, cut between words. */
export function excerpt(text: string, keys: ReadonlySet<string>, length = 280): string {
  const flat = text.replace(/\s+/g, " ").trim();
  if (flat.length <= length) return flat;
  const first = wordsOf(flat.slice(0, 4000)).find((word) => keys.has(word.key));
  let start = first && first.end > length * 0.7 ? Math.max(0, first.start - Math.round(length / 4)) : 0;
  if (start > 0) {
    const space = flat.indexOf(" ", start);
    start = space >= 0 && space < first!.start ? space + 1 : wholeFrom(flat, start);
  }
  let end = Math.min(flat.length, start + length);
  if (end < flat.length) {
    const space = flat.lastIndexOf(" ", end);
    end = space > start + length / 2 ? space : wholeFrom(flat, end);
  }
  return `${start > 0 ? "… " : ""}${flat.slice(start, end).trimEnd()}${end < flat.length ? " …" : ""}`;
}

/** Moves a place back out of the middle of a surrogate pair. */
const wholeFrom = (text: string, at: number): number =>
  /[\uDC00-\uDFFF]/.test(text.charAt(at)) ? at - 1 : at;

/** True where a pair of surrogates begins: one code point in two units. */
const pairAt = (text: string, at: number): boolean =>
  (text.charCodeAt(at) & 0xfc00) === 0xd800 && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00;

/** Counts code points, as the server does. */
export function codePoints(text: string): number {
  let n = text.length;
  for (let i = 0; i < text.length; i++) if (pairAt(text, i)) n -= 1;
  return n;
}

/** Gives `length` code points from `start` on. */
export function slicePoints(text: string, start: number, length: number): string {
  let at = 0;
  let seen = 0;
  const to = (wanted: number): number => {
    for (; seen < wanted && at < text.length; seen++) at += pairAt(text, at) ? 2 : 1;
    return at;
  };
  const from = to(start);
  return text.slice(from, to(start + length));
}
