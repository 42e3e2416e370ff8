/** The part of the address after #: all that is needed to see the same again. */

import type { Point, SearchMode } from "../data/types";

/** `span` is the width of the map's shorter side in map units, so that windows may differ. */
export interface Place {
  x: number;
  y: number;
  span: number;
}

export interface Address {
  place: Place | null;
  colour: string | null;
  isolated: number[] | null;
  topic: number | null;
  passage: number | null;
  query: string;
  mode: SearchMode;
  where: string;
  polygon: Point[] | null;
  theme: "auto" | "light" | "dark";
  drawer: "selection" | "time" | null;
}

export const emptyAddress = (): Address => ({
  place: null,
  colour: null,
  isolated: null,
  topic: null,
  passage: null,
  query: "",
  mode: "hybrid",
  where: "",
  polygon: null,
  theme: "auto",
  drawer: null,
});

const short = (value: number, digits: number): string => String(Number(value.toPrecision(digits)));

const numbers = (text: string | null): number[] | null => {
  if (text === null || text === "") return null;
  const parts = text.split(/[,;]/).map(Number);
  return parts.every(Number.isFinite) ? parts : null;
};

const whole = (text: string | null): number | null =>
  text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;

function pairs(text: string | null): Point[] | null {
  const flat = numbers(text);
  if (!flat || flat.length < 6 || flat.length % 2) return null;
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i]!, flat[2 * i + 1]!]);
}

export function writeAddress(address: Address): string {
  const words = new URLSearchParams();
  const { place, polygon } = address;
  if (place) words.set("at", [place.x, place.y, place.span].map((v) => short(v, 6)).join(","));
  if (address.colour !== null) words.set("colour", address.colour);
  if (address.isolated?.length) words.set("only", address.isolated.join(","));
  if (address.topic !== null) words.set("topic", String(address.topic));
  if (address.passage !== null) words.set("passage", String(address.passage));
  if (address.query) words.set("query", address.query);
  if (address.mode !== "hybrid") words.set("mode", address.mode);
  if (address.where) words.set("where", address.where);
  if (polygon) words.set("lasso", polygon.map((p) => p.map((v) => short(v, 5)).join(",")).join(";"));
  if (address.theme !== "auto") words.set("theme", address.theme);
  if (address.drawer) words.set("show", address.drawer);
  // Commas and semicolons need no escape after the #, and the address stays readable.
  const text = words.toString().replaceAll("%2C", ",").replaceAll("%3B", ";");
  return text ? `#${text}` : "";
}

/** Says what of an address cannot be read and is left out; null where all can. */
export function complaint(hash: string): string | null {
  const words = new URLSearchParams(hash.replace(/^#/, ""));
  const wrong: string[] = [];
  if (words.get("lasso") && !pairs(words.get("lasso"))) wrong.push("the area drawn");
  if (words.get("topic") && whole(words.get("topic")) === null) wrong.push("the topic");
  if (words.get("passage") && whole(words.get("passage")) === null) wrong.push("the passage");
  return wrong.length ? `This address is broken: ${wrong.join(" and ")} could not be read.` : null;
}

export function readAddress(hash: string): Address {
  const words = new URLSearchParams(hash.replace(/^#/, ""));
  const address = emptyAddress();
  const at = numbers(words.get("at"));
  if (at && at.length === 3 && at[2]! > 0) address.place = { x: at[0]!, y: at[1]!, span: at[2]! };
  address.colour = words.get("colour");
  address.isolated = numbers(words.get("only"))?.filter(Number.isInteger) ?? null;
  address.topic = whole(words.get("topic"));
  address.passage = whole(words.get("passage"));
  address.query = words.get("query") ?? "";
  const mode = words.get("mode");
  if (mode === "vector" || mode === "text") address.mode = mode;
  address.where = words.get("where") ?? "";
  address.polygon = pairs(words.get("lasso"));
  const theme = words.get("theme");
  if (theme === "light" || theme === "dark") address.theme = theme;
  const show = words.get("show");
  if (show === "selection" || show === "time") address.drawer = show;
  return address;
}
