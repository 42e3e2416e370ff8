/** Slot: the passages of the selection, in the drawer. */

import { useSignal, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { wasCancelled } from "../data/source";
import type { Selection, SelectionReply } from "../data/types";
import { topicColour } from "../map/topic-colours";
import { message, selectTopic, setPolygon, setWhere } from "../state/actions";
import { announce, atlas, edition, source, topic, tree, where } from "../state/store";
import { Exports } from "./Exports";
import { isNarrowed, listed, narrowedBy } from "./listed";
import { PassageTable } from "./PassageTable";
import { PAGE } from "./table-window";
import { counted, grouped } from "../state/numbers";

/** Topics named beside the table. */
const BARS = 40;

interface Found {
  selection: Selection;
  reply: SelectionReply;
}

export function SelectionTable() {
  const found = useSignal<Found | null>(null);
  const failure = useSignal<string | null>(null);
  const busy = useSignal(true);
  const seen = useRef(edition.peek());
  useSignalEffect(() => {
    const selection = listed.value;
    if (!atlas.value) return;
    // Rows of another version have other numbers.
    if (edition.value !== seen.current) found.value = null;
    seen.current = edition.value;
    const control = new AbortController();
    busy.value = true;
    source()
      .selection(selection, 0, PAGE, control.signal)
      .then(
        (reply) => {
          found.value = { selection, reply };
          failure.value = null;
          busy.value = false;
          announce(`${counted(reply.count, "passage")} ${narrowedBy.peek()}`);
        },
        (error: unknown) => {
          if (wasCancelled(error)) return;
          found.value = null;
          failure.value = message(error);
          busy.value = false;
        },
      );
    return () => control.abort();
  });

  if (failure.value)
    return (
      <div class="empty" role="alert">
        <p class="wraps">
          {where.value && /filter/i.test(failure.value)
            ? "The list waits for a filter that can be read."
            : failure.value}
        </p>
        <Clear />
      </div>
    );
  if (!found.value) return <p class="empty">Looking for the passages…</p>;
  const { selection, reply } = found.value;
  return (
    <div class="selection" aria-busy={busy}>
      <div class="selection-head">
        <p class="number">
          <strong>{grouped(reply.count)}</strong>{" "}
          {reply.count === 1 ? "passage" : "passages"}{" "}
          <span class="hint">
            {isNarrowed.value ? (
              <bdi dir="auto">{narrowedBy}</bdi>
            ) : (
              "in all. Draw around points (key L), choose a topic, or filter to list fewer."
            )}
          </span>
        </p>
        <Exports selection={selection} count={reply.count} />
        <Clear />
      </div>
      {reply.count ? (
        <div class="selection-body">
          <Topics reply={reply} />
          <PassageTable selection={selection} first={reply} />
        </div>
      ) : (
        <div class="empty">
          <p class="serif">No passage is {narrowedBy.value.replace(/^in /, "in ") || "here"}.</p>
          <p>Draw a wider area, or take the filter or the topic off.</p>
        </div>
      )}
    </div>
  );
}

function Clear() {
  if (!isNarrowed.value) return null;
  return (
    <button
      type="button"
      class="link small"
      onClick={() => {
        setWhere("");
        selectTopic(null);
        setPolygon(null);
      }}
    >
      Clear
    </button>
  );
}

function Topics({ reply }: { reply: SelectionReply }) {
  const most = Math.max(1, ...reply.topics.map(({ count }) => count));
  return (
    <section class="bars" aria-label="Topics of these passages">
      <ul>
        {reply.topics.slice(0, BARS).map(({ topic: id, count }) => {
          const known = tree.value?.get(id);
          const colour = known ? topicColour(known.id) : "var(--ink-faint)";
          return (
            <li key={id}>
              <button
                type="button"
                class="bar"
                disabled={!known}
                aria-pressed={topic.value === id}
                title={known ? `Only ${known.label}` : undefined}
                onClick={() => selectTopic(topic.value === id ? null : id, false)}
              >
                <bdi dir="auto">{known?.label ?? "no topic"}</bdi>
                <span class="number hint">{grouped(count)}</span>
                <span
                  class="bar-length"
                  style={{ width: `${(100 * count) / most}%`, background: colour }}
                  aria-hidden="true"
                />
              </button>
            </li>
          );
        })}
      </ul>
      {reply.topics.length > BARS && (
        <p class="hint">and {grouped(reply.topics.length - BARS)} topics more</p>
      )}
    </section>
  );
}
