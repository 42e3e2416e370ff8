/** Slot: the filter, above the map. */

import { computed, signal, useSignal, useSignalEffect } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { wasCancelled } from "../data/source";
import { message, setWhere } from "../state/actions";
import { addKeys } from "../state/keys";
import { announce, atlas, edition, source, topic, where } from "../state/store";
import { Icon } from "../ui/Icon";
import { suggest, type Column } from "./filter-suggest";
import { forgetValues, valuesOf } from "./filter-values";
import { counted, grouped } from "../state/numbers";
import type { AttributeInfo, AttributeKind } from "../data/types";
import { columnText } from "./filter-text";

/** More than are seen at once: the list scrolls. */
const SUGGESTED = 60;
const open = signal(false);
/** How many passages pass the filter, and what is wrong with it. */
const passing = signal<number | null>(null);
const mistake = signal<string | null>(null);

const columns = computed<Column[]>(() => [
  ...(atlas.value?.attributes.map(({ name, kind }) => ({ name, kind })) ?? []),
  { name: "topic", kind: "category" },
  { name: "id", kind: "text" },
]);

async function count(filter: string, signal: AbortSignal): Promise<number> {
  const reply = await source().selection({ where: filter }, 0, 0, signal);
  return reply.count;
}

export function FilterField() {
  // Before the first frame: a key pressed at once is not lost.
  useLayoutEffect(
    () =>
      addKeys([
        {
          keys: ["f", "F"],
          what: "Filter",
          group: "Find",
          run: () => {
            open.value = true;
            requestAnimationFrame(() => document.getElementById("filter")?.focus());
          },
        },
      ]),
    [],
  );
  // A filter of the address or of a click on a value: is it right, and how many pass?
  useSignalEffect(() => {
    const filter = where.value;
    void edition.value;
    forgetValues(edition.value);
    passing.value = null;
    mistake.value = null;
    if (!filter || !atlas.value) return;
    const control = new AbortController();
    count(filter, control.signal).then(
      (n) => (passing.value = n),
      (error: unknown) => {
        if (!wasCancelled(error)) mistake.value = message(error);
      },
    );
    return () => control.abort();
  });
  if (!open.value && !where.value)
    return (
      <button
        type="button"
        class="button filter-open"
        aria-keyshortcuts="f"
        onClick={() => {
          open.value = true;
          requestAnimationFrame(() => document.getElementById("filter")?.focus());
        }}
      >
        <Icon name="filter" size={16} />
        Filter
      </button>
    );
  return <Field />;
}

function Field() {
  const text = useSignal(where.peek());
  const caret = useSignal(0);
  const focused = useSignal(false);
  const active = useSignal(-1);
  const busy = useSignal(false);
  const field = useRef<HTMLInputElement>(null);
  useSignalEffect(() => {
    text.value = where.value;
  });

  const found = suggest(text.value.slice(0, caret.value), columns.value, valuesOf, SUGGESTED);
  const listed = focused.value && !busy.value && found.items.length > 0;
  const chosen = listed ? found.items[active.value] : undefined;

  const take = (at: number) => {
    const item = found.items[at];
    if (!item) return;
    const before = text.value.slice(0, found.from) + item.insert;
    text.value = before + text.value.slice(caret.value).trimStart();
    active.value = -1;
    requestAnimationFrame(() => {
      field.current?.focus();
      field.current?.setSelectionRange(before.length, before.length);
      caret.value = before.length;
    });
  };
  const apply = async () => {
    const filter = text.value.trim();
    if (!filter) return clear();
    busy.value = true;
    mistake.value = null;
    try {
      const n = await count(filter, new AbortController().signal);
      setWhere(filter);
      passing.value = n;
      announce(`${counted(n, "passage")} pass${n === 1 ? "es" : ""} the filter`);
      focused.value = false;
    } catch (error) {
      // The atlas was changed meanwhile, which is said elsewhere: Enter asks again.
      if (!wasCancelled(error)) {
        mistake.value = message(error);
        announce(message(error));
      }
    }
    busy.value = false;
  };
  const clear = () => {
    text.value = "";
    mistake.value = null;
    setWhere("");
    open.value = false;
    announce("The filter is off");
  };
  const back = () => {
    text.value = where.value;
    mistake.value = null;
    field.current?.focus();
  };
  const follow = (event: { currentTarget: HTMLInputElement }) => {
    caret.value = event.currentTarget.selectionStart ?? event.currentTarget.value.length;
  };
  const point = (at: number) => {
    active.value = at;
    requestAnimationFrame(() =>
      document.getElementById(`filter-${at}`)?.scrollIntoView({ block: "nearest" }),
    );
  };
  const press = (event: KeyboardEvent) => {
    const last = found.items.length - 1;
    if (event.key === "ArrowDown" && listed) point(Math.min(last, active.value + 1));
    else if (event.key === "ArrowUp" && listed) point(Math.max(-1, active.value - 1));
    else if (event.key === "Enter") {
      if (chosen) take(active.value);
      else void apply();
    } else if (event.key === "Tab" && !event.shiftKey && chosen) take(active.value);
    else if (event.key === "Escape") {
      if (listed && active.value >= 0) active.value = -1;
      else if (text.value !== where.value) text.value = where.value;
      else {
        field.current?.blur();
        if (!where.value) open.value = false;
      }
      mistake.value = null;
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div class="filter-box" data-wrong={mistake.value !== null}>
      <div class="filter-line">
        <span class="filter-sign" aria-hidden="true">
          <Icon name="filter" size={16} />
        </span>
        <input
          ref={field}
          id="filter"
          class="field"
          type="text"
          role="combobox"
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          dir="ltr"
          aria-label="Filter"
          aria-keyshortcuts="f"
          aria-expanded={listed}
          aria-controls="filter-list"
          aria-autocomplete="list"
          aria-activedescendant={chosen ? `filter-${active.value}` : undefined}
          aria-invalid={mistake.value !== null}
          aria-describedby="filter-says"
          placeholder={example(atlas.value?.attributes ?? [])}
          value={text}
          onInput={(event) => {
            text.value = event.currentTarget.value;
            active.value = -1;
            mistake.value = null;
            focused.value = true;
            follow(event);
          }}
          onSelect={follow}
          onFocus={(event) => {
            focused.value = true;
            follow(event);
          }}
          onBlur={() => (focused.value = false)}
          onKeyDown={press}
        />
        <button
          type="button"
          class="button quiet icon"
          aria-label="Take the filter off"
          title="Take the filter off"
          onClick={clear}
        >
          <Icon name="close" size={16} />
        </button>
      </div>
      <p id="filter-says" class="filter-says wraps" data-empty={!says(text.value, busy.value)}>
        {says(text.value, busy.value)}
      </p>
      {where.value && text.value.trim() !== where.value && (
        <p class="filter-says filter-force wraps">
          In force:{" "}
          <button type="button" class="link" title="Back to the filter in force" onClick={back}>
            <bdi dir="ltr">{where}</bdi>
          </button>
        </p>
      )}
      {listed && !mistake.value && (
        <ul id="filter-list" class="filter-list" role="listbox" aria-label="What may come next">
          {found.items.map((item, i) => (
            <li
              key={item.insert}
              id={`filter-${i}`}
              role="option"
              aria-selected={i === active.value}
              // The field keeps the focus.
              onPointerDown={(event) => event.preventDefault()}
              onClick={() => take(i)}
            >
              <bdi dir="auto">{item.label}</bdi>
              <span class="hint">{item.detail}</span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

/** A filter made of what the atlas has. */
function example(attributes: AttributeInfo[]): string {
  const first = (kind: AttributeKind) => attributes.find((one) => one.kind === kind)?.name;
  const named = first("category") ?? first("text");
  const measured = first("number");
  const dated = first("time");
  const parts: string[] = [];
  if (named) parts.push(`${columnText(named)} = '…'`);
  if (dated) parts.push(`${columnText(dated)} >= '…'`);
  else if (measured) parts.push(`${columnText(measured)} >= …`);
  return parts.join(" AND ") || "topic = 0";
}

/** The line below the field: a mistake, how many pass, or that Enter applies it. */
function says(text: string, busy: boolean): string {
  if (mistake.value) return mistake.value;
  if (busy) return "Looking…";
  if (text.trim() && text.trim() !== where.value) return "Enter applies it";
  if (where.value && passing.value !== null) {
    const all = atlas.value?.passages ?? 0;
    const within = topic.value === null ? "" : "; the topic narrows them further";
    return `${grouped(passing.value)} of ${grouped(all)} passages pass${within}`;
  }
  return "";
}
