/** Name of the atlas, search, and the switches of the page. */

import { useSignal } from "@preact/signals";
import { timeColumns } from "../panels/time-data";
import { EditTools, SearchBox } from "../panels/slots";
import { atlas, dark, drawer, helpOpen, theme, tree, treeOpen, type Drawer } from "../state/store";
import { Icon, type IconName } from "./Icon";
import { counted, grouped, topicsCounted } from "../state/numbers";

function Switch(props: { label: string; icon: IconName; on: boolean; change: () => void }) {
  return (
    <button
      class="button quiet icon"
      type="button"
      aria-label={props.label}
      title={props.label}
      aria-pressed={props.on}
      onClick={props.change}
    >
      <Icon name={props.icon} />
    </button>
  );
}

const toggleDrawer = (name: Drawer) => () => {
  drawer.value = drawer.value === name ? null : name;
};

export function Header() {
  const more = useSignal(false);
  const info = atlas.value;
  const dated = timeColumns(info).length > 0;
  return (
    <header class="header">
      <div class="title">
        <h1 title={info?.name}>
          <bdi dir="auto">{info?.name ?? "Isogloss"}</bdi>
        </h1>
        {info && (
          <span class="hint number">
            {info.of && info.of > info.passages
              ? `${grouped(info.passages)} of ${counted(info.of, "passage")}`
              : counted(info.passages, "passage")}
            {tree.value && ` · ${topicsCounted(tree.value.counts)}`}
          </span>
        )}
      </div>
      <SearchBox />
      <div class="tools" role="toolbar" aria-label="Page">
        <EditTools />
        <Switch
          label="Topics"
          icon="list"
          on={treeOpen.value}
          change={() => (treeOpen.value = !treeOpen.value)}
        />
        <Switch
          label="Selected passages"
          icon="table"
          on={drawer.value === "selection"}
          change={toggleDrawer("selection")}
        />
        <span class="tools-rest" data-open={more.value} onClick={() => (more.value = false)}>
          {dated && (
            <Switch
              label="Topics over time"
              icon="time"
              on={drawer.value === "time"}
              change={toggleDrawer("time")}
            />
          )}
          <button
            class="button quiet icon"
            type="button"
            aria-label={dark.value ? "Light theme" : "Dark theme"}
            title={dark.value ? "Light theme" : "Dark theme"}
            onClick={() => (theme.value = dark.value ? "light" : "dark")}
          >
            <Icon name={dark.value ? "sun" : "moon"} />
          </button>
          <Switch
            label="Keys"
            icon="help"
            on={helpOpen.value}
            change={() => (helpOpen.value = !helpOpen.value)}
          />
        </span>
        <button
          class="button quiet icon tools-more"
          type="button"
          aria-label="More"
          aria-expanded={more.value}
          onClick={() => (more.value = !more.value)}
        >
          <Icon name="more" />
        </button>
      </div>
    </header>
  );
}
