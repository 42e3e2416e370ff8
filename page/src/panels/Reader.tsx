/** Slot: one passage, in the right panel. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { SourceError, wasCancelled } from "../data/source";
import type { Passage } from "../data/types";
import { flyTo } from "../map/camera";
import { closePassage, message } from "../state/actions";
import { announce, edition, opened, passage, source, tell, tree, view } from "../state/store";
import { Icon } from "../ui/Icon";
import { AttributeList } from "./AttributeList";
import { ReaderAround } from "./ReaderAround";
import { ReaderNear } from "./ReaderNear";
import { ReaderText } from "./ReaderText";
import { TopicPath } from "./TopicLink";
import { goBack, trail } from "./trail";

/** How near `Find on map` comes: so many doublings more than the whole map, at least. */
const NEARER = 2.5;

export function Reader() {
  const number = passage.value;
  const shown = useSignal<Passage | null>(null);
  const failure = useSignal<string | null>(null);
  const top = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // What was clicked is gone with the list: keys go on in the passage.
    const panel = top.current?.closest<HTMLElement>(".panel-body");
    if (document.activeElement === document.body || panel?.contains(document.activeElement))
      panel?.focus({ preventScroll: true });
    if (number === null) return;
    const control = new AbortController();
    source()
      .passage(number, control.signal)
      .then(
        (reply) => {
          if (control.signal.aborted) return;
          const was = opened.value;
          if (was?.passage === number && was.id !== String(reply.id)) {
            // The atlas was changed, and the number is another passage's now.
            closePassage();
            return;
          }
          opened.value = { passage: number, id: String(reply.id) };
          shown.value = reply;
          failure.value = null;
          top.current?.closest(".panel-body")?.scrollTo({ top: 0 });
          announce(`Passage ${reply.id}, ${tree.value?.label(reply.topic) ?? ""}`);
        },
        (error: unknown) => {
          if (wasCancelled(error)) return;
          shown.value = null;
          failure.value =
            error instanceof SourceError && error.kind === "not_found" && source().live
              ? "This passage is not in the atlas any more."
              : message(error);
        },
      );
    return () => control.abort();
  }, [number, edition.value]);

  useEffect(
    () => () => {
      opened.value = null;
    },
    [number],
  );

  if (failure.value)
    return (
      <div class="empty" role="alert">
        <p class="wraps">{failure.value}</p>
        <p>
          <button type="button" class="button" onClick={closePassage}>
            Close
          </button>
        </p>
      </div>
    );
  const open = shown.value;
  if (!open)
    return (
      <div ref={top}>
        <div class="ghost" aria-hidden="true" />
        <p class="unseen">Opening the passage</p>
      </div>
    );
  return (
    <article class="reader" ref={top} aria-busy={open.passage !== number}>
      {trail.value.length > 0 && (
        <button type="button" class="link small reader-back" onClick={goBack}>
          <Icon name="back" size={14} />
          Back to the passage before
        </button>
      )}
      <header class="reader-head">
        <TopicPath topic={open.topic} />
        <p class="hint number">
          <bdi dir="auto">{String(open.id)}</bdi>
          {open.membership !== null && open.membership > 0 && (
            <> · membership {Math.round(100 * open.membership)} %</>
          )}
        </p>
      </header>
      <ReaderText key={`${open.passage} ${edition.value}`} passage={open} />
      <div class="reader-tools">
        <button type="button" class="button" onClick={() => find(open)}>
          Find on map
        </button>
        <button type="button" class="button" onClick={() => void copyLink()}>
          <Icon name="link" size={16} />
          Copy link
        </button>
      </div>
      <AttributeList attributes={open.attributes} />
      <ReaderAround number={open.passage} />
      <ReaderNear number={open.passage} />
    </article>
  );
}

function find({ x, y }: Passage): void {
  flyTo({ x, y, zoom: Math.max(view.value.zoom, 8 + NEARER) });
}

/** Copies the address of what is seen; where the clipboard is closed, says how. */
async function copyLink(): Promise<void> {
  try {
    await navigator.clipboard.writeText(location.href);
    tell("The link to this passage and view was copied.");
  } catch {
    tell("The clipboard is closed to this page: copy the address at the top of the window.");
  }
}
