/** The list of keys. */

import { useEffect, useRef } from "preact/hooks";
import { keyMap, type Key } from "../state/keys";
import { helpOpen } from "../state/store";
import { Icon } from "./Icon";

const NAMES: Record<string, string> = {
  ArrowUp: "↑",
  ArrowDown: "↓",
  ArrowLeft: "←",
  ArrowRight: "→",
  Escape: "Esc",
};

const GROUPS: Key["group"][] = ["Map", "Find", "Panels", "Edit"];

export function Help() {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (helpOpen.value) dialog.current?.showModal();
    else dialog.current?.close();
  }, [helpOpen.value]);
  return (
    <dialog
      ref={dialog}
      class="help"
      aria-labelledby="help-title"
      onClose={() => (helpOpen.value = false)}
      onClick={(event) => event.target === dialog.current && (helpOpen.value = false)}
    >
      <div class="panel-head">
        <h2 id="help-title">Reading this map</h2>
        <button
          class="button quiet icon"
          aria-label="Close the help"
          onClick={() => (helpOpen.value = false)}
        >
          <Icon name="close" />
        </button>
      </div>
      <div class="help-body">
        <p>
          Every point is a passage. Points that lie close together say similar things. Names mark
          topics; come nearer and finer topics appear. A click on a point opens its passage, a click
          on a name keeps its topic lit.
        </p>
        {GROUPS.map((group) => {
          const keys = keyMap.value.filter((key) => key.group === group);
          if (!keys.length) return null;
          return (
            <section key={group}>
              <h3 class="caption">{group}</h3>
              <dl>
                {keys.map((key) => (
                  <div key={key.what}>
                    <dt>
                      <kbd>
                        {key.control ? "Ctrl " : ""}
                        {key.shown ?? NAMES[key.keys[0]!] ?? key.keys[0]!.toUpperCase()}
                      </kbd>
                    </dt>
                    <dd>{key.what}</dd>
                  </div>
                ))}
              </dl>
            </section>
          );
        })}
      </div>
    </dialog>
  );
}
