/** Links that download what is listed; made in the page itself where there is no server. */

import { useSignal } from "@preact/signals";
import type { ExportFormat, Selection } from "../data/types";
import { afterFailure } from "../state/actions";
import { announce, atlas, source } from "../state/store";
import { isCurrent } from "../state/versions";
import { Icon } from "../ui/Icon";
import { counted } from "../state/numbers";

const FORMATS: [ExportFormat, string][] = [
  ["parquet", "Parquet"],
  ["csv", "CSV"],
  ["jsonl", "JSON Lines"],
  ["arrow", "Arrow"],
];

export function Exports({ selection, count }: { selection: Selection; count: number }) {
  const busy = useSignal(false);
  /** Downloads only what the page shows: numbers of topics may mean others by now. */
  const fetchIt = async (address: string) => {
    if (busy.value) return;
    busy.value = true;
    if (await isCurrent()) {
      const link = document.createElement("a");
      link.href = address;
      link.download = "";
      link.click();
    }
    busy.value = false;
  };
  const make = async (format: ExportFormat) => {
    const { exportFile } = source();
    if (!exportFile || busy.value) return;
    busy.value = true;
    announce("The file is being made");
    try {
      const file = await exportFile(format, selection);
      const address = URL.createObjectURL(file);
      const link = document.createElement("a");
      link.href = address;
      link.download = `${atlas.value?.name ?? "atlas"}-selection.${format}`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(address), 60_000);
    } catch (error) {
      await afterFailure(error);
    }
    busy.value = false;
  };
  if (!count) return null;
  return (
    <span class="exports" role="group" aria-label="Export">
      <Icon name="download" size={16} />
      {FORMATS.map(([format, label]) => {
        const address = source().exportAddress(format, selection);
        const what = `Download ${counted(count, "passage")} as ${label}`;
        if (address !== null)
          return (
            <a
              key={format}
              class="link"
              href={address}
              download=""
              aria-label={what}
              title={what}
              onClick={(event) => {
                event.preventDefault();
                void fetchIt(address);
              }}
            >
              {label}
            </a>
          );
        if (!source().exportFile || format === "parquet" || format === "arrow") return null;
        return (
          <button
            key={format}
            type="button"
            class="link"
            aria-label={what}
            title={what}
            aria-disabled={busy}
            onClick={() => void make(format)}
          >
            {label}
          </button>
        );
      })}
    </span>
  );
}
