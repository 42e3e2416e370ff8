/** What the server answers, as the explorer's contract has it. */

export type Point = [number, number];

export type AttributeKind = "category" | "number" | "time" | "text" | "list" | "other";

export interface AttributeInfo {
  name: string;
  type: string;
  kind: AttributeKind;
  distinct: number | null;
}

export interface TileInfo {
  z: number;
  x: number;
  y: number;
  points: number;
}

export interface AtlasInfo {
  name: string;
  passages: number;
  documents: number;
  topics: number;
  version: number | string;
  encoder: { spec: string; dim: number };
  editable: boolean;
  unassigned: number;
  map: { bounds: [number, number, number, number]; levels: number; tiles: TileInfo[] };
  attributes: AttributeInfo[];
  undo: boolean;
  redo: boolean;
  limits: Record<string, number>;
  /** In a page without a server: passages of the whole atlas, and the filter that chose these. */
  of?: number;
  where?: string | null;
}

export interface Topic {
  id: number;
  parent: number | null;
  depth: number;
  size: number;
  label: string;
  keywords: string[];
  exemplars: number[];
  place: Point;
  spread: number;
  path: number[];
}

export interface TopicsReply {
  passages: number;
  unassigned: number;
  topics: Topic[];
  version: number | string;
}

/** One tile's points; places are offsets in its square, 0..65535 of its side. */
export interface TilePoints {
  x: Uint16Array;
  y: Uint16Array;
  passage: Uint32Array;
  topic: Int32Array;
}

export interface AttributeSummary {
  name: string;
  kind: AttributeKind;
  type: string;
  /** The most frequent values; their order is the code in a tile's values. */
  categories: { value: string | number | boolean; count: number }[];
  others: number;
  nulls: number;
  low: number | string | null;
  high: number | string | null;
  quantiles: number[];
}

export type Attributes = Record<string, unknown>;

export interface Hit {
  id: string | number;
  passage: number;
  score: number;
  text: string;
  text_length?: number;
  attributes: Attributes;
  topic: number | null;
  path?: number[];
  x: number;
  y: number;
}

export interface SearchReply {
  hits: Hit[];
  /** What was done, for people. */
  strategy: string;
  seconds: number;
}

export type SearchMode = "hybrid" | "vector" | "text";

export interface SearchRequest {
  query: string;
  k?: number;
  mode?: SearchMode;
  where?: string | null;
  topic?: number | null;
}

export interface Passage {
  passage: number;
  id: string | number;
  document: string | number;
  text: string;
  text_length: number;
  attributes: Attributes;
  topic: number | null;
  path: number[];
  membership: number | null;
  x: number;
  y: number;
}

export interface PassageText {
  text: string;
  start: number;
  text_length: number;
}

export interface DocumentAround {
  document: string | number;
  passages: {
    passage: number;
    position: number;
    text: string;
    text_length?: number;
    current: boolean;
  }[];
  of: number;
}

/** Parts that are given are combined by AND. */
export interface Selection {
  polygon?: Point[] | null;
  topic?: number | null;
  where?: string | null;
  passages?: number[] | null;
}

export interface SelectionRow {
  passage: number;
  id: string | number;
  text: string;
  text_length?: number;
  topic: number | null;
  attributes: Attributes;
  x: number;
  y: number;
}

export interface SelectionReply {
  version?: number | string;
  count: number;
  rows: SelectionRow[];
  next: number | null;
  topics: { topic: number | null; count: number }[];
}

export type ExportFormat = "parquet" | "csv" | "jsonl" | "arrow";

/** How one topic spreads over periods or classes; a share is null where the group is empty. */
export interface SpreadTopic {
  id: number;
  counts: number[];
  shares: (number | null)[];
  low: (number | null)[];
  high: (number | null)[];
  change: { p: number; q: number; trend?: number | null; trend_p?: number | null };
}

export interface Period {
  start: string;
  end: string;
  passages: number;
}

export interface TopicsOver {
  column: string;
  unit: string;
  missing: number;
  level: number;
  periods: Period[];
  topics: SpreadTopic[];
}

export interface TopicsBy {
  column: string;
  missing: number;
  level: number;
  classes: { value: string; passages: number }[];
  topics: SpreadTopic[];
}

export interface EditsReply {
  version?: number | string;
  edits: { kind: string; what: string; when: string }[];
  undo: string | null;
  redo: string | null;
}

export type Edit =
  | { kind: "rename"; topic: number; name: string }
  | { kind: "merge"; topics: number[] }
  | { kind: "split"; topic: number; into?: number };

export interface EditReply {
  version: number | string;
  topics: { old: number; new: number | null }[];
}
