/** A made-up atlas that answers the explorer's contract while `npm run dev` runs; never shipped. */

import type { Plugin } from "vite";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tableFromArrays, tableToIPC, uint16, uint32, int32, float32, bool } from "@uwdata/flechette";

const N = Number(process.env["MOCK_POINTS"] ?? 18_000);
const PER_TILE = 8192;
const WORDS = "amber basalt cedar delta ember fjord grove heath inlet juniper kelp lagoon marsh".split(" ");

function random(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

interface MadeTopic {
  id: number;
  parent: number | null;
  depth: number;
  size: number;
  label: string;
  keywords: string[];
  exemplars: number[];
  persistence: number;
  place: [number, number];
  spread: number;
  path: number[];
}

function make() {
  const draw = random(7);
  const gauss = () => Math.sqrt(-2 * Math.log(draw() + 1e-12)) * Math.cos(2 * Math.PI * draw());
  const topics: MadeTopic[] = [];
  const label = () => Array.from({ length: 3 }, () => WORDS[Math.floor(draw() * WORDS.length)]!);
  const leaves: MadeTopic[] = [];
  let id = 100;
  const add = (parent: MadeTopic | null, depth: number, place: [number, number], spread: number, leaf: boolean) => {
    const keywords = label();
    const own = leaf ? leaves.length : id++;
    const topic: MadeTopic = {
      id: own, parent: parent?.id ?? null, depth, size: 0, label: keywords.join(", "), keywords,
      exemplars: [], persistence: 1, place, spread, path: [...(parent?.path ?? []), own],
    };
    topics.push(topic);
    if (leaf) leaves.push(topic);
    return topic;
  };
  for (let r = 0; r < 5; r++) {
    const angle = (2 * Math.PI * r) / 5;
    const root = add(null, 0, [0.55 * Math.cos(angle), 0.55 * Math.sin(angle)], 0.3, false);
    for (let m = 0; m < 3; m++) {
      const middle = add(root, 1, [root.place[0] + 0.16 * gauss(), root.place[1] + 0.16 * gauss()], 0.12, false);
      for (let l = 0; l < 3; l++)
        add(middle, 2, [middle.place[0] + 0.07 * gauss(), middle.place[1] + 0.07 * gauss()], 0.04, true);
    }
  }
  const x = new Float64Array(N);
  const y = new Float64Array(N);
  const topic = new Int32Array(N);
  for (let i = 0; i < N; i++) {
    const t = draw() < 0.03 ? -1 : Math.floor(leaves.length * draw() ** 1.6);
    topic[i] = t;
    const at = t < 0 ? [0, 0] : leaves[t]!.place;
    const s = t < 0 ? 0.45 : leaves[t]!.spread;
    x[i] = Math.max(-1, Math.min(1, at[0]! + s * gauss()));
    y[i] = Math.max(-1, Math.min(1, at[1]! + s * gauss()));
    for (let up = t < 0 ? undefined : leaves[t]; up; up = topics.find((o) => o.id === up!.parent)) up.size++;
  }
  const tiles = new Map<string, number[]>();
  const B = 1.02;
  for (let i = 0; i < N; i++) {
    for (let z = 0; ; z++) {
      const side = (2 * B) / 2 ** z;
      const key = `${z}/${Math.floor((x[i]! + B) / side)}/${Math.floor((y[i]! + B) / side)}`;
      const held = tiles.get(key) ?? [];
      if (held.length >= PER_TILE && z < 9) continue;
      held.push(i);
      tiles.set(key, held);
      break;
    }
  }
  return { topics, leaves, x, y, topic, tiles, B };
}

export function mockAtlas(): Plugin {
  const world = make();
  const { topics, x, y, topic, tiles, B } = world;
  const text = (i: number) => {
    const draw = random(i);
    return Array.from({ length: 40 + Math.floor(draw() * 90) }, () => WORDS[Math.floor(draw() * WORDS.length)]).join(" ");
  };
  const kind = (i: number) => Math.floor((x[i]! + 1) * 3.5 + (i % 3));
  const row = (i: number) => ({
    passage: i, id: `made/${i}`, document: `made/${i >> 3}`, text: text(i), text_length: text(i).length,
    attributes: { kind: `kind ${kind(i)}`, year: 1990 + (i % 30) }, topic: topic[i]! < 0 ? null : topic[i]!,
    path: topics.find((t) => t.id === topic[i])?.path ?? [], membership: 0.8, x: x[i]!, y: y[i]!, score: 1 / (1 + (i % 97)),
  });
  const inside = (polygon: number[][], px: number, py: number) => {
    let odd = false;
    for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
      const [ax, ay] = polygon[i]! as [number, number];
      const [bx, by] = polygon[j]! as [number, number];
      if (ay > py !== by > py && px < ((bx - ax) * (py - ay)) / (by - ay) + ax) odd = !odd;
    }
    return odd;
  };
  const passes = (i: number, where: string | null) => {
    const found = /(\w+)\s*=\s*'([^']*)'/.exec(where ?? "");
    if (!found) return true;
    return String((row(i).attributes as Record<string, unknown>)[found[1]!]) === found[2];
  };
  const below = (id: number) => new Set(topics.filter((t) => t.path.includes(id)).map((t) => t.id));

  function answer(url: URL, body: Record<string, unknown>): unknown {
    const path = url.pathname.replace(/^.*\/api\//, "");
    const ask = (name: string) => url.searchParams.get(name);
    const tile = /^map\/tiles\/(\d+\/\d+\/\d+)(\/\w+)?$/.exec(path);
    if (path === "atlas")
      return {
        name: "made-up", passages: N, documents: N >> 3, topics: topics.length, version: 1, editable: true,
        encoder: { spec: "none", dim: 2 }, unassigned: topic.filter((t) => t < 0).length, undo: false, redo: false, limits: {},
        map: {
          bounds: [-B, -B, B, B], levels: 10,
          tiles: [...tiles].map(([key, held]) => {
            const [z, tx, ty] = key.split("/").map(Number);
            return { z, x: tx, y: ty, points: held.length };
          }),
        },
        attributes: [
          { name: "kind", type: "string", kind: "category", distinct: 9 },
          { name: "year", type: "int64", kind: "number", distinct: 30 },
        ],
      };
    if (path === "topics") return { passages: N, unassigned: 0, version: 1, topics };
    if (tile) {
      const held = tiles.get(tile[1]!);
      if (!held) return undefined;
      const [z, tx, ty] = tile[1]!.split("/").map(Number) as [number, number, number];
      const side = (2 * B) / 2 ** z;
      const offset = (v: number, t: number) => Math.min(65535, Math.floor(((v + B) / side - t) * 65536));
      if (tile[2] === "/attribute") {
        if (ask("name") === "year")
          return tableToIPC(tableFromArrays({ value: Float32Array.from(held, (i) => (i % 30) / 29) }, { types: { value: float32() } }), { format: "stream" });
        return tableToIPC(tableFromArrays({ value: Int32Array.from(held, kind) }, { types: { value: int32() } }), { format: "stream" });
      }
      if (tile[2] === "/passing")
        return tableToIPC(tableFromArrays({ passing: held.map((i) => passes(i, ask("where"))) }, { types: { passing: bool() } }), { format: "stream" });
      return tableToIPC(
        tableFromArrays(
          {
            x: Uint16Array.from(held, (i) => offset(x[i]!, tx)), y: Uint16Array.from(held, (i) => offset(y[i]!, ty)),
            passage: Uint32Array.from(held), topic: Int32Array.from(held, (i) => topic[i]!),
          },
          { types: { x: uint16(), y: uint16(), passage: uint32(), topic: int32() } },
        ),
        { format: "stream" },
      );
    }
    if (path === "attributes/year")
      return { name: "year", kind: "number", type: "int64", categories: [], others: 0, nulls: 0, low: 1990, high: 2019, quantiles: [] };
    if (path === "attributes/kind")
      return { name: "kind", kind: "category", type: "string", others: 0, nulls: 0, low: null, high: null, quantiles: [], categories: Array.from({ length: 9 }, (_, i) => ({ value: `kind ${i}`, count: N / 9 })) };
    const number = /^passages\/(\d+)(\/\w+)?$/.exec(path);
    if (number) {
      const i = Number(number[1]);
      if (i >= N) return undefined;
      if (number[2] === "/neighbours") return { hits: Array.from({ length: 10 }, (_, k) => row((i + 45 * (k + 1)) % N)) };
      if (number[2] === "/document")
        return { document: `made/${i >> 3}`, of: 8, passages: [i - 1, i, i + 1].filter((j) => j >= 0 && j < N).map((j) => ({ passage: j, position: j & 7, text: text(j), current: j === i })) };
      if (number[2] === "/text") return { text: text(i), start: 0, text_length: text(i).length };
      return row(i);
    }
    if (path === "search") {
      const draw = random((ask("query") ?? "").length);
      const hits = Array.from({ length: Number(ask("k") ?? 10) }, () => row(Math.floor(draw() * N)));
      return { hits, strategy: "drawn at random", seconds: 0.01 };
    }
    if (path === "selection") {
      const polygon = body["polygon"] as number[][] | null;
      const within = body["topic"] === null || body["topic"] === undefined ? null : below(body["topic"] as number);
      const found = Array.from({ length: N }, (_, i) => i).filter(
        (i) => (!polygon || inside(polygon, x[i]!, y[i]!)) && (!within || within.has(topic[i]!)) && passes(i, body["where"] as string | null),
      );
      const counts = new Map<number, number>();
      for (const i of found) counts.set(topic[i]!, (counts.get(topic[i]!) ?? 0) + 1);
      const start = Number(body["offset"] ?? 0);
      const end = start + Number(body["limit"] ?? 50);
      return { count: found.length, rows: found.slice(start, end).map(row), next: end < found.length ? end : null, topics: [...counts].sort((a, b) => b[1] - a[1]).map(([t, count]) => ({ topic: t < 0 ? null : t, count })) };
    }
    if (path === "edits") return { edits: [], undo: null, redo: null };
    return undefined;
  }

  const serve = (request: IncomingMessage & { originalUrl?: string }, response: ServerResponse) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const url = new URL(request.originalUrl ?? "/", "http://localhost");
      const body = parts.length
        ? (JSON.parse(Buffer.concat(parts).toString()) as Record<string, unknown>)
        : {};
      const found = answer(url, body);
      if (found === undefined) {
        response.statusCode = 404;
        const message = `nothing at ${url.pathname}`;
        response.end(JSON.stringify({ error: { message, kind: "not_found" } }));
      } else if (found instanceof Uint8Array) {
        response.setHeader("Content-Type", "application/vnd.apache.arrow.stream");
        response.end(found);
      } else {
        response.setHeader("Content-Type", "application/json");
        response.end(JSON.stringify(found));
      }
    });
  };
  return {
    name: "made-up-atlas",
    apply: "serve",
    configureServer: (server) => void server.middlewares.use("/api", serve),
    configurePreviewServer: (server) => void server.middlewares.use("/api", serve),
  };
}
