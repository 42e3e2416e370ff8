/** Starts the page. */

import { render } from "preact";
import { FileSource } from "./data/file";
import { hasFile } from "./data/file-blocks";
import { ServerSource } from "./data/server";
import type { Source } from "./data/source";
import { canDraw, reading, setSource } from "./state/store";
import { followSearch, openAtlas } from "./state/actions";
import { followChanges } from "./state/changes";
import { syncAddress } from "./state/sync";
import { followWidth } from "./state/width";
import { followTheme } from "./state/theme";
import { App } from "./ui/App";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/layout.css";
import "./styles/map.css";
import "./styles/tree.css";
import "./styles/help.css";
import "./styles/search.css";
import "./styles/filter.css";
import "./styles/reader.css";
import "./styles/table.css";
import "./styles/edit.css";
import "./styles/time.css";

/** The data inside the page where there are any, else the server that the page came from. */
function chooseSource(): Source {
  if (hasFile()) return new FileSource(undefined, (part) => (reading.value = part));
  const server = new ServerSource();
  // Asked for now: the answers are there when the map has found its feet.
  server.warm();
  return server;
}

setSource(chooseSource());
void openAtlas();
// Whether a context can be had is only known when the map asks for one.
canDraw.value = typeof WebGL2RenderingContext !== "undefined";
syncAddress();
followWidth();
followChanges();
followTheme();
followSearch();
render(<App />, document.getElementById("app")!);
