/** On a phone one sheet is open at a time. */

import { effect } from "@preact/signals";
import { drawer, side, treeOpen } from "./store";

export const narrow = (): MediaQueryList => matchMedia("(width <= 720px)");

export function followWidth(): void {
  const phone = narrow();
  if (phone.matches) treeOpen.value = false;
  phone.addEventListener("change", () => (treeOpen.value = !phone.matches));
  effect(() => {
    if (!phone.matches) return;
    if (side.value !== null) treeOpen.value = false;
    else if (drawer.value !== null) treeOpen.value = false;
  });
  effect(() => {
    if (!phone.matches || !treeOpen.value) return;
    drawer.value = null;
    side.value = null;
  });
}
