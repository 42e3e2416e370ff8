/** Slot: undo and redo, in the header. */

import { useEffect } from "preact/hooks";
import { addKeys } from "../state/keys";
import { Icon } from "../ui/Icon";
import { byKey, editable, followEdits, redo, steps, undo, working } from "./editing";

export function EditTools() {
  useEffect(() => {
    const end = followEdits();
    const away = addKeys([
      {
        keys: ["z"],
        control: true,
        what: "Undo the last edit of a topic",
        group: "Edit",
        when: () => steps.value.undo !== null && !working.value,
        run: () => byKey("undo"),
      },
      {
        keys: ["Z", "y"],
        shown: "Shift Z",
        control: true,
        what: "Redo it",
        group: "Edit",
        when: () => steps.value.redo !== null && !working.value,
        run: () => byKey("redo"),
      },
    ]);
    return () => {
      end();
      away();
    };
  }, []);
  if (!editable.value) return null;
  return (
    <>
      <Step what="Undo" of={steps.value.undo} icon="undo" run={undo} />
      <Step what="Redo" of={steps.value.redo} icon="redo" run={redo} />
    </>
  );
}

function Step(props: {
  what: "Undo" | "Redo";
  of: string | null;
  icon: "undo" | "redo";
  run: () => Promise<boolean>;
}) {
  const label = props.of === null ? `Nothing to ${props.what.toLowerCase()}` : `${props.what}: ${props.of}`;
  const off = props.of === null || working.value !== null;
  // Room is taken only once there is something to undo.
  if (props.of === null && steps.value.undo === null && steps.value.redo === null) return null;
  return (
    <button
      type="button"
      class="button quiet icon"
      aria-label={label}
      title={label}
      disabled={off}
      onClick={() => void props.run()}
    >
      <Icon name={props.icon} />
    </button>
  );
}
