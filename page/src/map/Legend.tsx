/** What the colours mean; a click leaves only that colour lit. */

import { useSignal } from "@preact/signals";
import { colourBy, isolate } from "../state/actions";
import { atlas, colourBy as by, isolated } from "../state/store";
import { Icon } from "../ui/Icon";
import { legend, STEPS, type Legend as LegendContent } from "./colouring";
import { grouped } from "../state/numbers";

const COLOURED = new Set(["category", "number", "time"]);

export function Legend() {
  // Names on the map explain topics; other colours need their key.
  const open = useSignal<boolean | null>(null);
  const shown = legend.value;
  const attributes = atlas.value?.attributes.filter(({ kind, distinct }) => COLOURED.has(kind) && distinct !== 1) ?? [];
  const isOpen = open.value ?? by.value !== null;
  return (
    <section class="legend over-map" aria-label="Colours">
      <div class="legend-head">
        <label class="legend-by">
          <span class="caption">Colour</span>
          <select
            aria-label="Colour points by"
            onChange={(event) => {
              colourBy(event.currentTarget.value || null);
              open.value = null;
            }}
          >
            <option value="" selected={by.value === null}>
              Topic
            </option>
            {attributes.map(({ name }) => (
              <option key={name} value={name} selected={by.value === name}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <button
          class="button quiet icon"
          aria-expanded={isOpen}
          aria-label={isOpen ? "Hide the key of colours" : "Show the key of colours"}
          title={isOpen ? "Hide the key" : "Show the key"}
          onClick={() => (open.value = !isOpen)}
        >
          <Icon name="chevron" size={14} />
        </button>
      </div>
      {isOpen && shown && (
        <div class="legend-body">
          {shown.scale && <Scale {...shown.scale} />}
          <ul>
            {shown.items.map((item) => (
              <li key={item.code}>
                <button
                  type="button"
                  class="legend-item"
                  aria-pressed={isolated.value?.includes(item.code) ?? false}
                  data-dim={isolated.value !== null && !isolated.value.includes(item.code)}
                  title="Show only these; with Shift, these too"
                  onClick={(event) => isolate(item.code, event.shiftKey)}
                >
                  <span class="swatch" style={{ background: item.colour }} aria-hidden="true" />
                  <bdi dir="auto">{item.label}</bdi>
                  {item.count !== null && (
                    <span class="number hint">{grouped(item.count)}</span>
                  )}
                </button>
              </li>
            ))}
          </ul>
          {isolated.value && (
            <button class="button quiet" onClick={() => (isolated.value = null)}>
              Show all
            </button>
          )}
        </div>
      )}
    </section>
  );
}

function Scale({ stops, low, middle, high }: NonNullable<LegendContent["scale"]>) {
  return (
    <div class="scale">
      <div class="scale-steps" role="group" aria-label={`From ${low} to ${high}`}>
        {stops.map((colour, code) => (
          <button
            key={code}
            type="button"
            style={{ background: colour }}
            aria-label={`Part ${code + 1} of ${STEPS}`}
            aria-pressed={isolated.value?.includes(code) ?? false}
            data-dim={isolated.value !== null && !isolated.value.includes(code)}
            onClick={(event) => isolate(code, event.shiftKey)}
          />
        ))}
      </div>
      <div class="scale-ends number hint">
        <span>{low}</span>
        {middle && <span title="Half lie below: equal parts of the scale hold equally many">{middle}</span>}
        <span>{high}</span>
      </div>
    </div>
  );
}
