/** The keys of the map and the page itself; panels add theirs with `addKeys`. */

import { useLayoutEffect } from "preact/hooks";
import { fitAll, panBy, zoomBy } from "../map/camera";
import { addKeys, listenToKeys } from "../state/keys";
import { stepBack } from "../state/actions";
import { drawer, helpOpen, theme, dark, tool, treeOpen } from "../state/store";

const STEP = 0.25;

/** Arrow keys move the map only where they would do nothing else: from the map, or from nowhere. */
const free = (): boolean => {
  const at = document.activeElement;
  return !at || at === document.body || at.closest(".map") !== null;
};

export function useKeys(): void {
  useLayoutEffect(() => {
    const end = listenToKeys();
    const away = addKeys([
      { keys: ["+", "="], what: "Zoom in", group: "Map", run: () => zoomBy(1) },
      { keys: ["-", "_"], what: "Zoom out", group: "Map", run: () => zoomBy(-1) },
      { keys: ["0"], what: "Show the whole map", group: "Map", run: fitAll },
      {
        keys: ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"],
        shown: "← ↑ ↓ →",
        what: "Move the map",
        group: "Map",
        when: free,
        run: ({ key }) =>
          panBy(
            key === "ArrowLeft" ? -STEP : key === "ArrowRight" ? STEP : 0,
            key === "ArrowDown" ? -STEP : key === "ArrowUp" ? STEP : 0,
          ),
      },
      {
        keys: ["l", "L"],
        what: "Draw around points to select them",
        group: "Map",
        run: () => (tool.value = tool.value === "lasso" ? "pan" : "lasso"),
      },
      {
        keys: ["/"],
        what: "Search",
        group: "Find",
        run: () => document.getElementById("search")?.focus(),
      },
      {
        keys: ["t", "T"],
        what: "Show or hide the topics",
        group: "Panels",
        run: () => (treeOpen.value = !treeOpen.value),
      },
      {
        keys: ["s", "S"],
        what: "Show or hide the selected passages",
        group: "Panels",
        run: () => (drawer.value = drawer.value === "selection" ? null : "selection"),
      },
      {
        keys: ["d", "D"],
        what: "Dark or light",
        group: "Panels",
        run: () => (theme.value = dark.value ? "light" : "dark"),
      },
      {
        keys: ["?"],
        what: "This list",
        group: "Panels",
        run: () => (helpOpen.value = !helpOpen.value),
      },
      { keys: ["Escape"], what: "Take back, close", group: "Panels", run: stepBack },
    ]);
    return () => {
      away();
      end();
    };
  }, []);
}
