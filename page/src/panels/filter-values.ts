/** Values of columns for the suggestions of the filter, fetched once. */

import { signal } from "@preact/signals";
import { atlas, source, tree } from "../state/store";
import type { Value } from "./filter-suggest";
import { typedValue } from "./filter-text";
import { grouped } from "../state/numbers";

const known = signal<ReadonlyMap<string, Value[]>>(new Map());
const asked = new Set<string>();
let forEdition = 0;

/** After an edit the topics are others, and so are their numbers. */
export function forgetValues(edition: number): void {
  if (edition === forEdition) return;
  forEdition = edition;
  asked.clear();
  known.value = new Map();
}

/** The values known of a column; null while they are fetched, and where there are none. */
export function valuesOf(column: string): Value[] | null {
  if (column === "topic") return topics();
  const found = known.value.get(column);
  if (found) return found;
  const exists = atlas.value?.attributes.some(({ name }) => name === column);
  if (exists && !asked.has(column)) {
    asked.add(column);
    void fetchValues(column);
  }
  return null;
}

function topics(): Value[] {
  const all = [...(tree.value?.byId.values() ?? [])];
  return all
    .sort((a, b) => b.size - a.size)
    .map(({ id, label }) => ({ value: id, detail: label }));
}

async function fetchValues(column: string): Promise<void> {
  try {
    const { kind, type, categories, low, high } = await source().attribute(column);
    const values: Value[] = categories.map(({ value, count }) => ({
      value: typedValue(value, type),
      detail: grouped(count),
    }));
    if (kind !== "text" && !values.length) {
      if (low !== null) values.push({ value: typedValue(low, type), detail: "smallest" });
      if (high !== null) values.push({ value: typedValue(high, type), detail: "largest" });
    }
    known.value = new Map(known.value).set(column, values);
  } catch {
    // Suggestions are a help: without values of this column the filter works all the same.
    known.value = new Map(known.value).set(column, []);
  }
}
