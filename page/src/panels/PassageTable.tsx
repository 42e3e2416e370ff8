/** A table of passages of any length: rows are fetched where one looks. */

import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { wasCancelled } from "../data/source";
import type { AttributeInfo, Selection, SelectionReply, SelectionRow } from "../data/types";
import { excerpt } from "../data/words";
import { afterFailure, openPassage } from "../state/actions";
import { atlas, hoveredPassage, passage, source, tree } from "../state/store";
import { cellShown, valueShown } from "./AttributeList";
import { Marked, queryKeys } from "./Marked";
import { PAGE, Pages, ROW, rowWindow, scrollTo } from "./table-window";

/** A fast scroll passes pages that nobody wants to see. */
const REST = 80;

interface Props {
  selection: Selection;
  first: SelectionReply;
}

export function PassageTable({ selection, first }: Props) {
  const { count } = first;
  const pages = useMemo(() => {
    const made = new Pages<SelectionRow>();
    made.put(0, first.rows);
    return made;
  }, [first]);
  const box = useRef<HTMLDivElement>(null);
  const scrolled = useSignal(0);
  const seen = useSignal(200);
  const arrived = useSignal(0);
  const current = useSignal(0);
  const head = useRef<HTMLDivElement>(null);

  useLayoutEffect(() => {
    const at = box.current!;
    const watch = new ResizeObserver(() => {
      seen.value = Math.max(ROW, at.clientHeight - (head.current?.offsetHeight ?? 0));
    });
    watch.observe(at);
    return () => watch.disconnect();
  }, []);
  useLayoutEffect(() => {
    box.current?.scrollTo({ top: 0 });
    scrolled.value = 0;
    current.value = 0;
  }, [first]);
  useEffect(() => {
    const control = new AbortController();
    let timer = 0;
    const fetchMissing = async () => {
      const { first: from, end } = rowWindow(scrolled.value, seen.value, count);
      for (const page of pages.missing(from, end)) {
        try {
          const reply = await source().selection(selection, page * PAGE, PAGE, control.signal);
          pages.put(page, reply.rows);
          arrived.value += 1;
        } catch (error) {
          if (!wasCancelled(error)) await afterFailure(error);
          return;
        }
      }
    };
    const off = [scrolled, seen].map((signal) =>
      signal.subscribe(() => {
        clearTimeout(timer);
        timer = window.setTimeout(() => void fetchMissing(), REST);
      }),
    );
    return () => {
      clearTimeout(timer);
      control.abort();
      for (const end of off) end();
    };
  }, [first, selection]);

  const columns = ordered(atlas.value?.attributes ?? []);
  const { height, first: from, end, top } = rowWindow(scrolled.value, seen.value, count);
  void arrived.value;

  const goTo = (row: number) => {
    const to = Math.max(0, Math.min(count - 1, row));
    current.value = to;
    box.current!.scrollTop = scrollTo(to, scrolled.value, seen.value, count);
    scrolled.value = box.current!.scrollTop;
    requestAnimationFrame(() =>
      box.current?.querySelector<HTMLElement>(`[data-row="${to}"]`)?.focus({ preventScroll: true }),
    );
  };
  const press = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const jump = Math.max(1, Math.floor(seen.value / ROW) - 1);
    const moves: Record<string, () => void> = {
      ArrowDown: () => goTo(current.value + 1),
      ArrowUp: () => goTo(current.value - 1),
      PageDown: () => goTo(current.value + jump),
      PageUp: () => goTo(current.value - jump),
      Home: () => goTo(0),
      End: () => goTo(count - 1),
      ArrowRight: () => box.current?.scrollBy({ left: 120 }),
      ArrowLeft: () => box.current?.scrollBy({ left: -120 }),
      Enter: () => open(pages.row(current.value)),
    };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    event.stopPropagation();
    move();
  };

  return (
    <div
      ref={box}
      class="table"
      role="grid"
      aria-label="Passages"
      aria-rowcount={count + 1}
      aria-colcount={columns.length + 2}
      style={{ "--columns": columns.length }}
      onScroll={(event) => (scrolled.value = event.currentTarget.scrollTop)}
      onKeyDown={press}
      onPointerLeave={() => (hoveredPassage.value = null)}
    >
      <div ref={head} class="table-row table-head" role="row" aria-rowindex={1}>
        <span role="columnheader">Text</span>
        <span role="columnheader">Topic</span>
        {columns.map(({ name, kind }) => (
          <span key={name} role="columnheader" data-kind={kind} title={name}>
            <bdi dir="auto">{name}</bdi>
          </span>
        ))}
      </div>
      <div class="table-rows" role="rowgroup" style={{ height: `${height}px` }}>
        {Array.from({ length: Math.max(0, end - from) }, (_, i) => from + i).map((at) => (
          <Row
            key={at}
            at={at}
            row={pages.row(at)}
            top={top(at)}
            columns={columns}
            focusable={at === Math.max(from, Math.min(end - 1, current.value))}
            focused={() => (current.value = at)}
          />
        ))}
      </div>
    </div>
  );
}

function open(row: SelectionRow | undefined): void {
  if (row) openPassage(row.passage, [row.x, row.y]);
}

/** Short attributes first: long texts are seen by who scrolls to them. */
const ordered = (attributes: AttributeInfo[]): AttributeInfo[] =>
  [...attributes].sort((a, b) => Number(a.kind === "text") - Number(b.kind === "text"));

interface RowProps {
  at: number;
  row: SelectionRow | undefined;
  top: number;
  columns: AttributeInfo[];
  focusable: boolean;
  focused: () => void;
}

function Row({ at, row, top, columns, focusable, focused }: RowProps) {
  const cut = (text: string) => [...text.slice(0, 240)].slice(0, 120).join("");
  return (
    <div
      class="table-row"
      role="row"
      data-row={at}
      aria-rowindex={at + 2}
      aria-selected={row !== undefined && passage.value === row.passage}
      aria-busy={row === undefined}
      tabIndex={focusable ? 0 : -1}
      style={{ transform: `translateY(${top}px)` }}
      onClick={() => open(row)}
      onFocus={() => {
        focused();
        hoveredPassage.value = row?.passage ?? null;
      }}
      onPointerEnter={() => (hoveredPassage.value = row?.passage ?? null)}
    >
      {row ? (
        <>
          <span role="gridcell" class="table-text" dir="auto">
            <Marked text={excerpt(row.text, queryKeys.value, 200)} />
          </span>
          <span role="gridcell">
            <bdi dir="auto">{tree.value?.label(row.topic) ?? ""}</bdi>
          </span>
          {columns.map(({ name, kind }) => (
            <span
              key={name}
              role="gridcell"
              data-kind={kind}
              title={valueShown(row.attributes[name]).slice(0, 400)}
            >
              <bdi dir="auto">{cut(cellShown(row.attributes[name], kind))}</bdi>
            </span>
          ))}
        </>
      ) : (
        <span role="gridcell" class="hint" aria-colspan={columns.length + 2}>
          …
        </span>
      )}
    </div>
  );
}
