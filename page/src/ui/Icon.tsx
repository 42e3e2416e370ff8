/** Small line drawings, one stroke width. */

const PATHS = {
  plus: "M10 4v12M4 10h12",
  minus: "M4 10h12",
  fit: "M4 8V4h4M12 4h4v4M16 12v4h-4M8 16H4v-4",
  lasso: "M10 4c4 0 7 1.8 7 4.5S14 13 10 13s-7-1.8-7-4.5S6 4 10 4ZM6 12.5c-1 .8-1 2 .2 2.4 1 .3 1 1.3.3 2.1",
  close: "m5 5 10 10M15 5 5 15",
  search: "M9 4a5 5 0 1 1 0 10A5 5 0 0 1 9 4Zm4 9 4 4",
  sun: "M10 7a3 3 0 1 1 0 6 3 3 0 0 1 0-6ZM10 2v2M10 16v2M2 10h2M16 10h2M4.5 4.5l1.4 1.4M14.1 14.1l1.4 1.4M4.5 15.5l1.4-1.4M14.1 5.9l1.4-1.4",
  moon: "M15.5 12.5A6.5 6.5 0 0 1 7.5 4.5a6.5 6.5 0 1 0 8 8Z",
  help: "M7.5 7.5A2.5 2.5 0 1 1 10 10v1.5M10 14.5v.2",
  list: "M4 5h12M7 10h9M10 15h6",
  time: "M3 16h14M5 13l3-4 3 2 4-6",
  table: "M3 5h14v10H3zM3 9h14M8 5v10",
  chevron: "m8 6 4 4-4 4",
  back: "M12 5 7 10l5 5",
  link: "M8 12a3 3 0 0 0 4.2 0l2.3-2.3a3 3 0 0 0-4.2-4.2L9.5 6.3M12 8a3 3 0 0 0-4.2 0L5.5 10.3a3 3 0 0 0 4.2 4.2l.8-.8",
  filter: "M3 5h14l-5.5 6v5l-3-1.5V11Z",
  undo: "M8 5 4 9l4 4M4 9h8a4 4 0 0 1 0 8h-2",
  redo: "m12 5 4 4-4 4M16 9H8a4 4 0 0 0 0 8h2",
  edit: "M4 16h3l9-9-3-3-9 9ZM11 6l3 3",
  download: "M10 3v9m0 0 4-4m-4 4L6 8M4 16h12",
  more: "M5 10h.01M10 10h.01M15 10h.01",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      stroke-width="1.4"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
