/** Light or dark: what the system says, or what was chosen. */

import { effect } from "@preact/signals";
import { dark, theme } from "./store";

export function followTheme(): void {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const settle = () => {
    dark.value = theme.value === "auto" ? system.matches : theme.value === "dark";
    document.documentElement.dataset["theme"] = dark.value ? "dark" : "light";
  };
  system.addEventListener("change", settle);
  effect(settle);
}

export const calm = (): boolean => matchMedia("(prefers-reduced-motion: reduce)").matches;
