// Light, dark, or as the system has it.

import { fill, h } from "./dom.ts";

const NEXT = { auto: "light", light: "dark", dark: "auto" } as const;
type Theme = keyof typeof NEXT;
const KEY = "retort-theme";

/** A button that goes round auto, light and dark, and sets `data-theme` on `root`. */
export function themeButton(root: HTMLElement): HTMLButtonElement {
  let theme = stored();
  const button = h("button", { type: "button", class: "quiet", onclick: () => choose(NEXT[theme]) });
  const choose = (wanted: Theme): void => {
    theme = wanted;
    root.dataset["theme"] = theme;
    fill(button, { auto: "◐", light: "○", dark: "●" }[theme], h("span", { class: "theme-name" }, ` ${theme}`));
    button.setAttribute("aria-label", `Colours: ${theme}. Change to ${NEXT[theme]}.`);
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // A page from disk may have no storage; the choice then holds until it is closed.
    }
  };
  choose(theme);
  return button;
}

function stored(): Theme {
  try {
    const kept = localStorage.getItem(KEY);
    return kept === "light" || kept === "dark" ? kept : "auto";
  } catch {
    return "auto";
  }
}
