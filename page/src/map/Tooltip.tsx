/** A few words of the passage under the pointer, fetched when it rests there. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { wasCancelled } from "../data/source";
import { source, tree, view } from "../state/store";
import { toScreen } from "./camera";
import type { Picked } from "./scene";

const WAIT = 110;
const WORDS = 200;

const known = new Map<number, string>();

const short = (text: string): string => {
  const plain = text.replace(/\s+/g, " ").trim();
  return plain.length > WORDS ? `${plain.slice(0, WORDS)}…` : plain;
};

export function Tooltip({ picked }: { picked: Picked | null }) {
  const text = useSignal<string | null>(null);
  useEffect(() => {
    if (!picked) return;
    const { passage } = picked;
    text.value = known.get(passage) ?? null;
    if (text.value !== null) return;
    const control = new AbortController();
    const timer = setTimeout(() => {
      source()
        .passage(passage, control.signal)
        .then(
          (reply) => {
            if (known.size > 500) known.clear();
            known.set(passage, short(reply.text));
            if (!control.signal.aborted) text.value = known.get(passage)!;
          },
          (error) => {
            if (!wasCancelled(error)) text.value = "";
          },
        );
    }, WAIT);
    return () => {
      clearTimeout(timer);
      control.abort();
    };
  }, [picked?.passage]);
  if (!picked) return null;
  void view.value;
  const [x, y] = toScreen(picked.x, picked.y);
  const topic = tree.value?.get(picked.topic);
  return (
    <div
      class="tooltip"
      role="tooltip"
      style={{ "--x": `${x}px`, "--y": `${y}px` }}
      data-side={y < 130 ? "below" : "above"}
    >
      <p class="caption">
        <bdi dir="auto">{topic?.label ?? "no topic"}</bdi>
      </p>
      <p class="wraps" dir="auto">
        {text.value === null ? "…" : text.value || "An empty passage"}
      </p>
    </div>
  );
}
