/** Notices that another process has changed the atlas: looked up when one comes back to the page. */

import { lookAgain } from "./versions";
import { atlas, ownEdit, source } from "./store";

const OFTEN = 1000;

export function followChanges(): void {
  let last = 0;
  const look = async () => {
    const now = Date.now();
    if (document.hidden || !atlas.value || now - last < OFTEN || !source().live) return;
    last = now;
    try {
      await ownEdit.value?.catch(() => {});
      await lookAgain();
    } catch {
      // The server is gone: whatever is asked next will say so.
    }
  };
  document.addEventListener("visibilitychange", () => void look());
  window.addEventListener("focus", () => void look());
}
