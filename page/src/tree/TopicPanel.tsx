/** The left panel: all topics as a tree, with bars for their sizes. */

import { useSignal, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { TopicActions } from "../panels/slots";
import { selectTopic } from "../state/actions";
import { hoveredTopic, topic as selected, tree, treeOpen } from "../state/store";
import { topicColour } from "../map/topic-colours";
import { Icon } from "../ui/Icon";
import { matching, openedAtFirst, visibleRows, type Row } from "./rows";
import { counted, grouped } from "../state/numbers";

export function TopicPanel() {
  const text = useSignal("");
  const open = useSignal<Set<number> | null>(null);
  const focused = useSignal<number | null>(null);
  const list = useRef<HTMLUListElement>(null);
  const all = tree.value;

  // What is selected is always seen: everything above it opens.
  useSignalEffect(() => {
    const way = tree.value?.path(selected.value).slice(0, -1) ?? [];
    const now = open.peek() ?? (tree.value ? openedAtFirst(tree.value) : null);
    if (now) open.value = new Set([...now, ...way.map((topic) => topic.id)]);
  });

  const kept = all ? matching(all, text.value) : null;
  const rows = all ? visibleRows(all, open.value ?? openedAtFirst(all), kept) : [];
  const current = rows.find((row) => row.topic.id === (focused.value ?? selected.value)) ?? rows[0];
  const largest = Math.max(1, ...(all?.roots.map((topic) => topic.size) ?? []));

  const toggle = (id: number, wanted?: boolean) => {
    const next = new Set(open.value ?? (all ? openedAtFirst(all) : []));
    if (wanted ?? !next.has(id)) next.add(id);
    else next.delete(id);
    open.value = next;
  };
  const focusOn = (row: Row | undefined) => {
    if (!row) return;
    focused.value = row.topic.id;
    hoveredTopic.value = row.topic.id;
    requestAnimationFrame(() =>
      list.current?.querySelector<HTMLElement>(`[data-topic="${row.topic.id}"]`)?.focus(),
    );
  };
  const press = (event: KeyboardEvent) => {
    if (!current || event.ctrlKey || event.metaKey || event.altKey) return;
    const at = rows.indexOf(current);
    const { topic } = current;
    const moves: Record<string, () => void> = {
      ArrowDown: () => focusOn(rows[at + 1]),
      ArrowUp: () => focusOn(rows[at - 1]),
      Home: () => focusOn(rows[0]),
      End: () => focusOn(rows.at(-1)),
      ArrowRight: () =>
        topic.children.length && !current.open ? toggle(topic.id, true) : focusOn(rows[at + 1]),
      ArrowLeft: () =>
        current.open && !kept
          ? toggle(topic.id, false)
          : focusOn(rows.find((row) => row.topic.id === topic.parent)),
      Enter: () => selectTopic(selected.value === topic.id ? null : topic.id),
      " ": () => selectTopic(selected.value === topic.id ? null : topic.id),
    };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    event.stopPropagation();
    move();
  };

  return (
    <nav class="tree" aria-label="Topics">
      <div class="panel-head">
        <h2>Topics</h2>
        <button
          class="button quiet icon"
          aria-label="Hide the topics"
          title="Hide the topics"
          onClick={() => (treeOpen.value = false)}
        >
          <Icon name="close" />
        </button>
      </div>
      <div class="tree-filter">
        <input
          class="field"
          type="search"
          dir="auto"
          aria-label="Find a topic"
          placeholder="Find a topic"
          value={text}
          onInput={(event) => (text.value = event.currentTarget.value)}
        />
      </div>
      <ul
        ref={list}
        role="tree"
        aria-label="Topic tree"
        class="tree-rows"
        onKeyDown={press}
        onPointerLeave={() => (hoveredTopic.value = null)}
      >
        {rows.map((row) => (
          <TreeRow
            key={row.topic.id}
            row={row}
            largest={largest}
            focusable={row === current}
            toggle={() => toggle(row.topic.id)}
          />
        ))}
      </ul>
      {all && !rows.length && text.value && (
        <p class="empty hint">No topic has these words in its name or keywords.</p>
      )}
      {all && !all.byId.size && (
        <p class="empty hint">This atlas has no topics: it is too small, or all of one kind.</p>
      )}
      {all && all.unassigned > 0 && (
        <p class="tree-foot hint number">
          {counted(all.unassigned, "passage")} {all.unassigned === 1 ? "belongs" : "belong"} to no
          topic
        </p>
      )}
    </nav>
  );
}

interface TreeRowProps {
  row: Row;
  largest: number;
  focusable: boolean;
  toggle: () => void;
}

function TreeRow({ row, largest, focusable, toggle }: TreeRowProps) {
  const { topic } = row;
  const on = selected.value === topic.id;
  return (
    <li role="none">
      <div
        role="treeitem"
        class="tree-row"
        data-topic={topic.id}
        tabIndex={focusable ? 0 : -1}
        aria-level={row.level}
        aria-setsize={row.among}
        aria-posinset={row.position}
        aria-selected={on}
        aria-expanded={topic.children.length ? row.open : undefined}
        aria-label={`${topic.label}, ${counted(topic.size, "passage")}`}
        title={topic.keywords.join(", ")}
        style={{ "--level": row.level - 1 }}
        onClick={() => selectTopic(on ? null : topic.id)}
        onPointerEnter={() => (hoveredTopic.value = topic.id)}
        onFocus={() => (hoveredTopic.value = topic.id)}
        onBlur={() => (hoveredTopic.value = null)}
      >
        <span
          class="tree-twist"
          aria-hidden="true"
          onClick={(event) => {
            if (!topic.children.length) return;
            event.stopPropagation();
            toggle();
          }}
        >
          {topic.children.length > 0 && <Icon name="chevron" size={14} />}
        </span>
        <span class="tree-text">
          <bdi dir="auto">{topic.label}</bdi>
          <span class="tree-bar" aria-hidden="true">
            <span
              style={{
                width: `${Math.max(1, (100 * topic.size) / largest)}%`,
                background: topicColour(topic.id),
              }}
            />
          </span>
        </span>
        <span class="tree-size number">{grouped(topic.size)}</span>
      </div>
      {on && <TopicActions topic={topic.id} />}
    </li>
  );
}
