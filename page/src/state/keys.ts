/** The key map: parts of the page add their keys here, and the help lists them. */

import { signal } from "@preact/signals";

export interface Key {
  /** As `KeyboardEvent.key` has it; the first one is shown in the help. */
  keys: string[];
  /** Shown instead of the first key. */
  shown?: string;
  what: string;
  group: "Map" | "Find" | "Panels" | "Edit";
  /** With Control or Command held. */
  control?: boolean;
  /** Only where this holds. */
  when?: () => boolean;
  run: (event: KeyboardEvent) => void;
}

export const keyMap = signal<Key[]>([]);

/** Adds keys; the answer takes them away again. */
export function addKeys(keys: Key[]): () => void {
  keyMap.value = [...keyMap.value, ...keys];
  return () => {
    keyMap.value = keyMap.value.filter((key) => !keys.includes(key));
  };
}

const typesInto = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

/** Finds the key of an event; keys added last win. */
export function findKey(event: KeyboardEvent, keys: Key[]): Key | undefined {
  const control = event.ctrlKey || event.metaKey;
  return keys.findLast(
    (key) =>
      key.keys.includes(event.key) &&
      Boolean(key.control) === control &&
      !event.altKey &&
      (key.when?.() ?? true),
  );
}

export function listenToKeys(): () => void {
  const listen = (event: KeyboardEvent) => {
    if (event.defaultPrevented || event.isComposing) return;
    if (typesInto(event.target) && event.key !== "Escape") return;
    const key = findKey(event, keyMap.value);
    if (!key) return;
    event.preventDefault();
    key.run(event);
  };
  window.addEventListener("keydown", listen);
  return () => window.removeEventListener("keydown", listen);
}
