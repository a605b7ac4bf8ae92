// The "?" beside a number: what it is, its unit, of which distribution. The texts are docs/glossary.md.

import glossary from "../glossary.json";
import { h } from "./dom.ts";

export type Term = keyof typeof glossary;

/** A button that shows what a term means; Escape or a click elsewhere hides it. */
export function help(term: Term): HTMLElement {
  const entry = glossary[term];
  const note = h("span", { class: "help-note", role: "note" }, h("b", {}, entry.term), `: ${entry.text} `, h("span", { class: "meta" }, `docs/glossary.md#${term}`));
  const element = h(
    "details",
    {
      class: "help",
      onkeydown: (event: KeyboardEvent) => {
        if (event.key !== "Escape" || !element.open) return;
        element.open = false;
        element.querySelector("summary")?.focus();
      },
      onfocusout: (event: FocusEvent) => {
        if (!element.contains(event.relatedTarget as Node | null)) element.open = false;
      },
    },
    h("summary", { "aria-label": `What is ${entry.term}?` }, "?"),
    note,
  );
  return element;
}
