/** A field with type-ahead that picks a topic. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { TreeTopic } from "../data/tree";
import { topicColour } from "../map/topic-colours";
import { hoveredTopic, tree } from "../state/store";
import { candidates } from "./topic-pick";
import { grouped } from "../state/numbers";

interface Props {
  topic: number;
  label: string;
  pick: (topic: TreeTopic) => void;
}

export function TopicPick({ topic, label, pick }: Props) {
  const text = useSignal("");
  const active = useSignal(0);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    field.current?.focus();
    return () => {
      hoveredTopic.value = null;
    };
  }, []);
  const found = tree.value ? candidates(tree.value, topic, text.value) : [];
  const at = Math.min(active.value, found.length - 1);
  const point = (to: number) => {
    active.value = Math.max(0, Math.min(found.length - 1, to));
    hoveredTopic.value = found[active.value]?.id ?? null;
  };
  return (
    <div class="pick">
      <input
        ref={field}
        class="field"
        role="combobox"
        dir="auto"
        autocomplete="off"
        aria-label={label}
        aria-expanded={found.length > 0}
        aria-controls="pick-list"
        aria-autocomplete="list"
        aria-activedescendant={found[at] ? `pick-${found[at].id}` : undefined}
        placeholder="With which topic?"
        value={text}
        onInput={(event) => {
          text.value = event.currentTarget.value;
          active.value = 0;
        }}
        onKeyDown={(event) => {
          if (event.key === "ArrowDown") point(at + 1);
          else if (event.key === "ArrowUp") point(at - 1);
          else if (event.key === "Enter" && found[at]) pick(found[at]);
          else return;
          event.preventDefault();
        }}
      />
      <ul id="pick-list" class="pick-list" role="listbox" aria-label="Topics">
        {found.map((one, i) => (
          <li
            key={one.id}
            id={`pick-${one.id}`}
            role="option"
            aria-selected={i === at}
            onPointerEnter={() => point(i)}
            onClick={() => pick(one)}
          >
            <span class="chip-dot" style={{ background: topicColour(one.id) }} aria-hidden="true" />
            <bdi dir="auto">{one.label}</bdi>
            <span class="number hint">{grouped(one.size)}</span>
          </li>
        ))}
      </ul>
      {!found.length && <p class="hint">No other topic has these words.</p>}
    </div>
  );
}
