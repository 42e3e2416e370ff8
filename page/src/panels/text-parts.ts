/** Long texts in parts, and texts whose lines were broken by hand. */

/** A part ends at the last line or word end within so many units of its end. */
const REACH = 2000;

/** Cuts a part off a text so that no word is cut where it can be helped: what to show, what is left. */
export function cutPart(text: string): [string, string] {
  const from = Math.max(0, text.length - REACH);
  const line = text.lastIndexOf("\n");
  if (line >= from) return [text.slice(0, line + 1), text.slice(line + 1)];
  const space = text.lastIndexOf(" ");
  if (space >= from) return [text.slice(0, space + 1), text.slice(space + 1)];
  return [text, ""];
}

/** Lines that stand as they are: quotes, lists, tables, drawings, headers of mail. */
const FIXED = /^(\s|[>|:*•#+=~_-]|\d+[.)]\s|[\w-]+:\s)|\s{3,}|\t/;
const WRAPPED_AT = 48;

/** True where the lines of a text were broken at about the same length, as in old mail. */
export function isHardWrapped(text: string): boolean {
  const lines = text.slice(0, 20_000).split("\n");
  let long = 0;
  let inside = 0;
  for (let i = 0; i + 1 < lines.length; i++) {
    if (!lines[i]!.trim() || !lines[i + 1]!.trim()) continue;
    inside += 1;
    const { length } = lines[i]!.trimEnd();
    if (length > 100) return false;
    if (length >= WRAPPED_AT) long += 1;
  }
  return inside >= 2 && long / inside >= 0.6;
}

/** Joins lines that were broken only because they were full. */
export function joinLines(text: string): string {
  const lines = text.split("\n");
  let joined = lines[0] ?? "";
  for (let i = 1; i < lines.length; i++) {
    const before = lines[i - 1]!.trimEnd();
    const line = lines[i]!;
    // The first line of a paragraph may be set in; a line after it that is set in begins another.
    const runsOn =
      before.length >= WRAPPED_AT &&
      line.trim() !== "" &&
      !FIXED.test(line) &&
      !FIXED.test(before.trimStart());
    joined = runsOn ? `${joined.trimEnd()} ${line}` : `${joined}\n${line}`;
  }
  return joined;
}
