/** Links that download what is listed; made in the page itself where there is no server. */

import { useSignal } from "@preact/signals";
import type { ExportFormat, Selection } from "../data/types";
import { afterFailure } from "../state/actions";
import { announce, atlas, source } from "../state/store";
import { Icon } from "../ui/Icon";
import { grouped } from "../state/numbers";

const FORMATS: [ExportFormat, string][] = [
  ["parquet", "Parquet"],
  ["csv", "CSV"],
  ["jsonl", "JSON Lines"],
];

export function Exports({ selection, count }: { selection: Selection; count: number }) {
  const busy = useSignal(false);
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
        const what = `Download ${grouped(count)} passages as ${label}`;
        if (address !== null)
          return (
            <a key={format} class="link" href={address} download="" aria-label={what} title={what}>
              {label}
            </a>
          );
        if (!source().exportFile || format === "parquet") return null;
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
