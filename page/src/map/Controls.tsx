/** Buttons of the map. */

import { tool } from "../state/store";
import { Icon, type IconName } from "../ui/Icon";
import { fitAll, zoomBy } from "./camera";

function Control(props: { label: string; icon: IconName; on?: boolean; act: () => void }) {
  return (
    <button
      class="button icon"
      type="button"
      aria-label={props.label}
      title={props.label}
      aria-pressed={props.on}
      onClick={props.act}
    >
      <Icon name={props.icon} />
    </button>
  );
}

export function Controls() {
  const lasso = tool.value === "lasso";
  return (
    <div class="controls over-map" role="toolbar" aria-label="Map" aria-orientation="vertical">
      <Control label="Zoom in" icon="plus" act={() => zoomBy(1)} />
      <Control label="Zoom out" icon="minus" act={() => zoomBy(-1)} />
      <Control label="Show the whole map" icon="fit" act={fitAll} />
      <Control
        label="Draw around points to select them"
        icon="lasso"
        on={lasso}
        act={() => (tool.value = lasso ? "pan" : "lasso")}
      />
    </div>
  );
}
