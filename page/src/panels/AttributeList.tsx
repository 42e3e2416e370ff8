/** The attributes of a passage, long values folded. */

import type { AttributeKind, Attributes } from "../data/types";
import { setWhere } from "../state/actions";
import { announce, atlas, where } from "../state/store";
import { grouped } from "../state/numbers";
import { also, equals, typedValue } from "./filter-text";

/** Longer values are folded. */
const LONG = 160;
/** More than this of one value is left to the export. */
const MOST = 20_000;

const PLAIN = new Set(["string", "number", "boolean"]);

/** A value as text: lists by their items, nothing as a dash. */
export function valueShown(value: unknown): string {
  if (value === null || value === undefined || value === "") return "–";
  if (Array.isArray(value)) return value.length ? value.map(valueShown).join(", ") : "–";
  if (typeof value === "object") return JSON.stringify(value);
  return String(value);
}

/** Digits of a fraction in a table; the whole number is in its title. */
const DIGITS = 6;

/** A value in a table's cell: dates without a clock that stands at midnight, fractions rounded. */
export function cellShown(value: unknown, kind: AttributeKind): string {
  if (typeof value === "number" && !Number.isInteger(value))
    return String(Number(value.toPrecision(DIGITS)));
  if (kind === "time" && typeof value === "string")
    return value
      .replace(/T00:00(?::00(?:\.0+)?)?(?:Z|[+-]00:?00)?$/, "")
      .replace(/^(-?\d{4,}-\d\d-\d\d)T/, "$1 ");
  return valueShown(value);
}

export function AttributeList({ attributes }: { attributes: Attributes }) {
  const names = Object.keys(attributes);
  if (!names.length) return null;
  const known = new Map(atlas.value?.attributes.map((one) => [one.name, one]));
  return (
    <section class="reader-part" aria-label="Attributes">
      <h3 class="caption">Attributes</h3>
      <dl class="attributes">
        {names.map((name) => (
          <div key={name}>
            <dt>
              <bdi dir="auto">{name}</bdi>
            </dt>
            <dd>
              <Value
                name={name}
                value={attributes[name]}
                kind={known.get(name)?.kind ?? "other"}
                type={known.get(name)?.type ?? ""}
              />
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

interface ValueProps {
  name: string;
  value: unknown;
  kind: AttributeKind;
  type: string;
}

function Value({ name, value, kind, type }: ValueProps) {
  const text = valueShown(value);
  if (text === "–")
    return (
      <span class="hint" title="No value">
        –
      </span>
    );
  if (text.length > LONG)
    return (
      <details class="fold">
        <summary>
          <bdi dir="auto">{text.slice(0, LONG).replace(/\s+/g, " ")}…</bdi>
        </summary>
        <div class="fold-whole wraps" dir="auto">
          {text.slice(0, MOST)}
          {text.length > MOST && (
            <span class="hint"> … {grouped(text.length - MOST)} characters more, in the export</span>
          )}
        </div>
      </details>
    );
  if (kind === "category" && PLAIN.has(typeof value)) {
    const test = equals(name, typedValue(value as string | number | boolean, type));
    return (
      <button
        type="button"
        class="link"
        title={`Keep only passages with ${test}`}
        onClick={() => {
          setWhere(also(where.value, test));
          announce(`Filter: ${where.value}`);
        }}
      >
        <bdi dir="auto">{text}</bdi>
      </button>
    );
  }
  return (
    <bdi dir="auto" class={typeof value === "number" ? "number" : undefined}>
      {text}
    </bdi>
  );
}
