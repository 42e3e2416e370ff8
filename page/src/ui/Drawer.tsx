/** The drawer below the map: the selection's table, or topics over time. */

import { SelectionTable, TimeChart } from "../panels/slots";
import { drawer } from "../state/store";
import { Icon } from "./Icon";

const TITLES = { selection: "Selected passages", time: "Topics over time" } as const;

export function Drawer() {
  const shown = drawer.value;
  if (!shown) return null;
  return (
    <section class="drawer" aria-label={TITLES[shown]}>
      <div class="panel-head">
        <h2>{TITLES[shown]}</h2>
        <button
          class="button quiet icon"
          aria-label={`Close: ${TITLES[shown]}`}
          title="Close"
          onClick={() => (drawer.value = null)}
        >
          <Icon name="close" />
        </button>
      </div>
      <div class="panel-body" tabIndex={-1}>
        {shown === "selection" ? <SelectionTable /> : <TimeChart />}
      </div>
    </section>
  );
}
