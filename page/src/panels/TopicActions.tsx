/** Slot: what can be done with the selected topic, under its row in the tree. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { TreeTopic } from "../data/tree";
import { flyToTopic } from "../state/actions";
import { shortened } from "../state/numbers";
import { drawer, tree } from "../state/store";
import { edit, editable, working } from "./editing";
import { TopicPick } from "./TopicPick";

type Doing = "rename" | "merge" | "split" | null;

export function TopicActions({ topic: id }: { topic: number }) {
  const doing = useSignal<Doing>(null);
  const box = useRef<HTMLDivElement>(null);
  const topic = tree.value?.get(id);
  if (!topic) return null;
  const end = () => {
    doing.value = null;
    requestAnimationFrame(() => box.current?.querySelector("button")?.focus());
  };
  const step = (what: Doing) => () => (doing.value = doing.value === what ? null : what);
  return (
    <div
      ref={box}
      class="topic-actions"
      role="group"
      aria-label={`Do with ${topic.label}`}
      onKeyDown={(event) => {
        // The keys of the tree stay out of here.
        if (event.key !== "Escape") event.stopPropagation();
        else if (doing.value) {
          event.stopPropagation();
          event.preventDefault();
          draft = null;
          end();
        }
      }}
    >
      {topic.keywords.length > 0 && (
        <p class="topic-words wraps" dir="auto">
          {topic.keywords.slice(0, 10).join(", ")}
        </p>
      )}
      <div class="topic-buttons">
        <button type="button" class="link small" onClick={() => flyToTopic(id)}>
          Go there
        </button>
        <button type="button" class="link small" onClick={() => (drawer.value = "selection")}>
          List
        </button>
        {editable.value && (
          <>
            <Action label="Rename" on={doing.value === "rename"} run={step("rename")} />
            <Action label="Merge" on={doing.value === "merge"} run={step("merge")} />
            {!topic.children.length && (
              <Action label="Split" on={doing.value === "split"} run={step("split")} />
            )}
          </>
        )}
      </div>
      {working.value && (
        <p class="working" role="status">
          {working}
        </p>
      )}
      {/* What was typed stays when the server refuses it. */}
      <div hidden={working.value !== null}>
        {doing.value === "rename" && <Rename topic={topic} end={end} />}
        {doing.value === "merge" && <Merge topic={topic} end={end} />}
        {doing.value === "split" && <Split topic={topic} end={end} />}
      </div>
    </div>
  );
}

function Action({ label, on, run }: { label: string; on: boolean; run: () => void }) {
  return (
    <button
      type="button"
      class="link small"
      aria-expanded={on}
      disabled={working.value !== null}
      onClick={run}
    >
      {label}
    </button>
  );
}

interface Part {
  topic: TreeTopic;
  end: () => void;
}

/** A name that was refused, kept for the next time the form opens. */
let draft: string | null = null;

function Rename({ topic, end }: Part) {
  const name = useSignal(draft ?? topic.label);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    field.current?.focus();
    field.current?.select();
  }, []);
  const save = async () => {
    const wanted = name.value.trim();
    if (wanted === topic.label) {
      draft = null;
      return end();
    }
    const done = wanted
      ? `Renamed to “${shortened(wanted, 60)}”`
      : "The topic has its own words as name again";
    const what = { kind: "rename", topic: topic.id, name: wanted } as const;
    draft = wanted;
    const kept = wanted ? `The name that you typed is still in the field of Rename.` : "";
    if (await edit("Renaming…", done, "The topic was not renamed", what, kept)) {
      draft = null;
      end();
    } else requestAnimationFrame(() => field.current?.focus());
  };
  return (
    <form
      class="topic-form"
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <input
        ref={field}
        class="field"
        dir="auto"
        maxLength={200}
        aria-label={`New name of ${topic.label}`}
        placeholder={topic.keywords.slice(0, 3).join(", ")}
        value={name}
        onInput={(event) => (name.value = event.currentTarget.value)}
      />
      <button type="submit" class="button">
        Save
      </button>
      <p class="hint">Without a name it is called by its words.</p>
    </form>
  );
}

function Merge({ topic, end }: Part) {
  return (
    <div class="topic-form">
      <TopicPick
        topic={topic.id}
        label={`Merge ${topic.label} with`}
        pick={async (other) => {
          const what = { kind: "merge", topics: [topic.id, other.id] } as const;
          const done = `Merged “${shortened(topic.label)}” with “${shortened(other.label)}”`;
          const not = "The topics were not merged";
          if (await edit("Merging…", done, not, { ...what, topics: [...what.topics] })) end();
        }}
      />
      <p class="hint">Both become one topic. Undo takes it back.</p>
    </div>
  );
}

function Split({ topic, end }: Part) {
  const into = useSignal("");
  const save = async () => {
    const parts = into.value ? Number(into.value) : undefined;
    const what = { kind: "split", topic: topic.id, ...(parts ? { into: parts } : {}) } as const;
    const done = `Split “${shortened(topic.label)}”`;
    const not = "The topic was not split";
    if (await edit("Splitting… this may take a while", done, not, what)) end();
    // What does not fall apart by itself can be cut in two.
    else into.value ||= "2";
  };
  return (
    <form
      class="topic-form"
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <select
        class="field"
        aria-label={`Split ${topic.label} into`}
        value={into}
        onChange={(event) => (into.value = event.currentTarget.value)}
      >
        <option value="">As many parts as its passages suggest</option>
        {[2, 3, 4, 5, 6, 8, 10, 12].map((n) => (
          <option key={n} value={n}>
            {n} parts
          </option>
        ))}
      </select>
      <button type="submit" class="button">
        Split
      </button>
    </form>
  );
}
