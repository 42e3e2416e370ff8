/** Slot: what the search found, in the right panel. */

import { useEffect, useRef } from "preact/hooks";
import { excerpt } from "../data/words";
import type { Hit } from "../data/types";
import { HITS, openPassage, search, selectTopic, setWhere, showHits } from "../state/actions";
import {
  edition,
  hits,
  hoveredPassage,
  query,
  reading,
  searched,
  searchFailure,
  searching,
  searchMode,
  source,
  topic,
  tree,
  where,
} from "../state/store";
import { Marked, queryKeys } from "./Marked";
import { TopicChip } from "./TopicLink";
import { counted, grouped } from "../state/numbers";

/** Which hit was opened last: its place gets the focus when the list comes back. */
let lastOpened: number | null = null;

/** Moves the focus to a hit; false where there is none. */
export function focusHit(at: number): boolean {
  const all = document.querySelectorAll<HTMLElement>(".hit-open");
  const found = all[Math.max(0, Math.min(at, all.length - 1))];
  found?.focus();
  return found !== undefined;
}

const clock = (seconds: number): string =>
  seconds < 0.0995 ? `${Math.max(1, Math.round(seconds * 1000))} ms` : `${seconds.toFixed(1)} s`;

/** Scores of the three modes are of different sizes: three figures tell them apart. */
export const score = (value: number): string => value.toPrecision(3);

export function Results() {
  const list = useRef<HTMLOListElement>(null);
  const found = hits.value;
  useEffect(() => {
    if (lastOpened === null) return;
    const at = found?.findIndex((hit) => hit.passage === lastOpened) ?? -1;
    lastOpened = null;
    if (at >= 0) focusHit(at);
  }, []);
  if (searchFailure.value) return <Failure text={searchFailure.value} />;
  if (!found) return <Waiting />;
  if (!found.length) return <Nothing />;

  const press = (event: KeyboardEvent) => {
    const all = [...(list.current?.querySelectorAll<HTMLElement>(".hit-open") ?? [])];
    const item = (event.target as HTMLElement).closest("li");
    const at = all.findIndex((button) => item?.contains(button));
    const moves: Record<string, () => void> = {
      ArrowDown: () => focusHit(at + 1),
      ArrowUp: () => (at > 0 ? focusHit(at - 1) : document.getElementById("search")?.focus()),
      Home: () => focusHit(0),
      End: () => focusHit(all.length - 1),
      PageDown: () => focusHit(at + 8),
      PageUp: () => focusHit(at - 8),
    };
    const move = moves[event.key];
    if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    move();
  };

  return (
    <div class="results" aria-busy={searching} key={edition.value}>
      <div class="results-head">
        <p class="hint number">
          {found.length >= HITS ? `The best ${grouped(HITS)}` : counted(found.length, "passage")}
          {topic.value !== null && <> in one topic</>}
          {where.value && <>, filtered</>}
        </p>
        <button type="button" class="link" onClick={() => showHits(found)}>
          Show all on the map
        </button>
      </div>
      {searched.value && (
        <details class="results-how number">
          <summary>how</summary>
          {searched.value.strategy} · {clock(searched.value.seconds)}
        </details>
      )}
      <ol
        ref={list}
        class="hits"
        aria-label="Hits, best first"
        onKeyDown={press}
        onPointerLeave={() => (hoveredPassage.value = null)}
      >
        {found.map((hit) => (
          <HitItem key={hit.passage} hit={hit} />
        ))}
      </ol>
    </div>
  );
}

export function HitItem({ hit, open }: { hit: Hit; open?: () => void }) {
  const point = () => (hoveredPassage.value = hit.passage);
  const leave = () => (hoveredPassage.value = null);
  return (
    <li
      class="hit"
      data-pointed={hoveredPassage.value === hit.passage}
      onPointerEnter={point}
      onPointerLeave={leave}
    >
      <button
        type="button"
        class="hit-open"
        onFocus={point}
        onBlur={leave}
        onClick={() => {
          if (open) return open();
          lastOpened = hit.passage;
          openPassage(hit.passage, [hit.x, hit.y]);
        }}
      >
        <span class="hit-text wraps" dir="auto">
          {hit.text.trim() ? <Marked text={excerpt(hit.text, queryKeys.value)} /> : "(empty text)"}
        </span>
      </button>
      <p class="hit-foot">
        <TopicChip topic={hit.topic} />
        <span class="hit-id number">
          <bdi>{String(hit.id)}</bdi>
        </span>
        <span class="hit-score number" title="Score">
          {score(hit.score)}
        </span>
      </p>
    </li>
  );
}

function Waiting() {
  return (
    <div class="results waiting" role="status">
      <p class="hint">
        {reading.value === null ? (
          <>
            Searching for “<bdi dir="auto">{query}</bdi>”…
          </>
        ) : (
          `Reading the texts for the first search, ${Math.round(100 * reading.value)} %`
        )}
      </p>
      {[0, 1, 2, 3].map((n) => (
        <div key={n} class="ghost" aria-hidden="true" />
      ))}
    </div>
  );
}

function Failure({ text }: { text: string }) {
  const filtered = where.value !== "" && /filter/i.test(text);
  return (
    <div class="empty" role={filtered ? undefined : "alert"}>
      <p class="serif">The search did not work.</p>
      {/* What is wrong with a filter is said below its field, once. */}
      <p class="wraps">{filtered ? "It waits for a filter that can be read." : text}</p>
      <p>
        {filtered ? (
          <button type="button" class="button" onClick={() => setWhere("")}>
            Search without the filter
          </button>
        ) : (
          <button type="button" class="button" onClick={again}>
            Try again
          </button>
        )}
      </p>
    </div>
  );
}

const again = () => search(query.value);

function Nothing() {
  const within = tree.value?.get(topic.value);
  return (
    <div class="empty">
      <p class="serif">Nothing was found.</p>
      <p>Fewer or other words may find more.</p>
      <div class="empty-ways">
        {where.value && (
          <button type="button" class="button" onClick={() => setWhere("")}>
            Search without the filter
          </button>
        )}
        {within && (
          <button type="button" class="button" onClick={() => selectTopic(null)}>
            Search outside “<bdi dir="auto">{within.label}</bdi>” too
          </button>
        )}
        {searchMode.value === "text" && source().live && (
          <button type="button" class="button" onClick={() => search(query.value, "hybrid")}>
            Search by meaning too
          </button>
        )}
      </div>
    </div>
  );
}
