/** The sheet with its parts. */

import { MapView } from "../map/MapView";
import { NoMap } from "../map/NoMap";
import { atlas, canDraw, drawer, fatal, side, treeOpen } from "../state/store";
import { openAtlas } from "../state/actions";
import { TopicPanel } from "../tree/TopicPanel";
import { Drawer } from "./Drawer";
import { Header } from "./Header";
import { Help } from "./Help";
import { Live, Notice } from "./Notice";
import { Side } from "./Side";
import { useKeys } from "./useKeys";

export function App() {
  useKeys();
  if (fatal.value)
    return (
      <main>
        <div class="empty" role="alert">
        <p class="serif">The atlas could not be opened.</p>
        <p>{fatal}</p>
        <p>
          <button class="button" onClick={() => void openAtlas()}>
            Try again
          </button>
        </p>
        </div>
      </main>
    );
  return (
    <div class="sheet">
      <Header />
      {treeOpen.value && <TopicPanel />}
      <main class="map" aria-label="Map">
        {atlas.value && (canDraw.value ? <MapView /> : <NoMap />)}
        {!atlas.value && <p class="empty">Opening the atlas…</p>}
      </main>
      {side.value && <Side />}
      {drawer.value && <Drawer />}
      <Help />
      <Notice />
      <Live />
    </div>
  );
}
