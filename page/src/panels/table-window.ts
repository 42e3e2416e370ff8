/** Which rows of a long table are seen, and which pages of it must be fetched. */

/** Height of a row, css pixels. */
export const ROW = 34;
/** Browsers do not draw boxes much higher than this; longer tables scroll in proportion. */
export const HIGHEST = 8_000_000;
export const PAGE = 100;

export interface Window {
  /** Height of all rows together, as scrolled. */
  height: number;
  /** First row and one past the last row to draw. */
  first: number;
  end: number;
  /** Where a row stands. */
  top: (row: number) => number;
}

export function rowWindow(scrollTop: number, seen: number, rows: number): Window {
  const full = rows * ROW;
  const room = Math.max(0, full - seen);
  const height = Math.min(full, HIGHEST);
  const slack = Math.max(0, height - seen);
  const at = Math.max(0, Math.min(scrollTop, slack));
  // How far the rows have moved: as far as scrolled, or in proportion.
  const moved = full <= HIGHEST ? at : (at / slack) * room;
  const first = Math.max(0, Math.floor(moved / ROW) - 2);
  const end = Math.min(rows, Math.ceil((moved + seen) / ROW) + 2);
  return { height, first, end, top: (row) => at + row * ROW - moved };
}

/** The scroll that brings a row into sight, or the present one if it is seen whole. */
export function scrollTo(row: number, scrollTop: number, seen: number, rows: number): number {
  const { top } = rowWindow(scrollTop, seen, rows);
  const above = top(row) - scrollTop;
  if (above >= 0 && above + ROW <= seen) return scrollTop;
  const full = rows * ROW;
  const wanted = above < 0 ? row * ROW : (row + 1) * ROW - seen;
  const slack = Math.max(0, Math.min(full, HIGHEST) - seen);
  if (full <= HIGHEST) return Math.max(0, Math.min(wanted, slack));
  return Math.max(0, Math.min(slack, (wanted / (full - seen)) * slack));
}

/** The pages that rows lie on. */
export function pagesOf(first: number, end: number): number[] {
  const pages: number[] = [];
  if (first >= end) return pages;
  for (let page = Math.floor(first / PAGE); page * PAGE < end; page++) pages.push(page);
  return pages;
}

/** Pages at hand, those used last kept. */
export class Pages<Row> {
  private readonly kept = new Map<number, Row[]>();

  constructor(private readonly most = 40) {}

  put(page: number, rows: Row[]): void {
    this.kept.delete(page);
    this.kept.set(page, rows);
    for (const old of this.kept.keys()) {
      if (this.kept.size <= this.most) break;
      this.kept.delete(old);
    }
  }

  row(at: number): Row | undefined {
    return this.kept.get(Math.floor(at / PAGE))?.[at % PAGE];
  }

  missing(first: number, end: number): number[] {
    return pagesOf(first, end).filter((page) => {
      const rows = this.kept.get(page);
      if (!rows) return true;
      this.put(page, rows);
      return false;
    });
  }
}
