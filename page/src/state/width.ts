/** Makes room: on a phone one sheet is open at a time, on a small screen tree or reader. */

import { effect } from "@preact/signals";
import { drawer, side, treeOpen } from "./store";

const PHONE = "(width <= 720px)";
const SMALL = "(720px < width <= 1100px)";

export function followWidth(): void {
  const phone = matchMedia(PHONE);
  const small = matchMedia(SMALL);
  if (phone.matches) treeOpen.value = false;
  phone.addEventListener("change", () => (treeOpen.value = !phone.matches));
  let hidden = false;
  effect(() => {
    const reading = side.value !== null;
    if (phone.matches && (reading || drawer.value !== null)) treeOpen.value = false;
    if (small.matches && reading && treeOpen.peek()) {
      hidden = true;
      treeOpen.value = false;
    } else if (!reading && hidden) {
      hidden = false;
      if (!phone.matches) treeOpen.value = true;
    }
  });
  effect(() => {
    if (!phone.matches || !treeOpen.value) return;
    drawer.value = null;
    side.value = null;
  });
}
