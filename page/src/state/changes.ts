/** Notices that another process has changed the atlas: looked up when one comes back to the page. */

import { openAtlas } from "./actions";
import { atlas, source, tell } from "./store";

const OFTEN = 4000;

export function followChanges(): void {
  let last = 0;
  const look = async () => {
    const now = Date.now();
    if (document.hidden || !atlas.value || now - last < OFTEN || !source().live) return;
    last = now;
    try {
      const info = await source().atlas();
      if (info.version === atlas.value.version) return;
      await openAtlas();
      tell("The atlas has changed; this page shows it as it is now.");
    } catch {
      // The server is gone: whatever is asked next will say so.
    }
  };
  document.addEventListener("visibilitychange", () => void look());
  window.addEventListener("focus", () => void look());
}
