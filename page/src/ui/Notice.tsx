/** A line at the foot of the page that goes by itself, and what listeners hear. */

import { useEffect } from "preact/hooks";
import { announcement, notice } from "../state/store";
import { Icon } from "./Icon";

export function Notice() {
  const said = notice.value;
  useEffect(() => {
    if (!said || said.kind === "error") return;
    const timer = setTimeout(() => (notice.value = null), 6000);
    return () => clearTimeout(timer);
  }, [said]);
  if (!said) return null;
  return (
    <div class="notice" data-kind={said.kind} role={said.kind === "error" ? "alert" : undefined}>
      <bdi dir="auto" title={said.text}>
        {said.text}
      </bdi>
      {said.act && (
        <button
          type="button"
          class="button"
          onClick={() => {
            const { run } = said.act!;
            notice.value = null;
            run();
          }}
        >
          {said.act.label}
        </button>
      )}
      <button
        class="button quiet icon"
        aria-label="Close the notice"
        onClick={() => (notice.value = null)}
      >
        <Icon name="close" />
      </button>
    </div>
  );
}

export function Live() {
  return (
    <div class="unseen" role="status" aria-live="polite">
      {announcement}
    </div>
  );
}
