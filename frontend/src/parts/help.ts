// The "?" beside a number: what it is, its unit, of which distribution. The texts are docs/glossary.md.

import glossary from "../glossary.json";
import { freshId, h, type Child } from "./dom.ts";

export type Term = keyof typeof glossary;

const ROOM = 8; // between a note and the edge of the window

/** A button that shows what a term means, and leads to the glossary. The browser closes it: Escape, or a click elsewhere. */
export function help(term: Term): HTMLElement {
  const entry = glossary[term];
  const id = freshId("help");
  const button = h("button", { type: "button", class: "help", popovertarget: id, "aria-label": `What is ${entry.term}?` }, "?");
  const link = h("a", {
    href: `#view=glossary&term=${term}`,
    onclick: (event: MouseEvent) => {
      event.preventDefault(); // the address would forget the prompt and the chain
      note.hidePopover();
      note.dispatchEvent(new CustomEvent("retort-term", { bubbles: true, detail: term }));
    },
  }, "In the glossary");
  const note = h("span", { id, popover: "auto", class: "help-note", role: "note", ontoggle: place }, h("b", {}, entry.term), ": ", entry.text, " ", link);

  // A popover lies above everything, so no scrolling box cuts it off; where it lies has to be said.
  function place(): void {
    const at = button.getBoundingClientRect();
    const size = note.getBoundingClientRect();
    const below = at.bottom + 6 + size.height < innerHeight;
    note.style.left = `${Math.max(ROOM, Math.min(at.left, innerWidth - size.width - ROOM))}px`;
    note.style.top = `${below ? at.bottom + 6 : Math.max(ROOM, at.top - size.height - 6)}px`;
  }
  return h("span", { class: "help-box" }, button, note);
}

/** A number with its name: the unit and the distribution in small, the "?" behind. */
export interface Fact {
  readonly name: string;
  readonly unit?: string;
  readonly term: Term;
  readonly value: Child;
}

export function factList(facts: readonly Fact[], classes = "measures"): HTMLElement {
  return h("dl", { class: classes }, ...facts.map(fact));
}

export function fact({ name, unit, term, value }: Fact): HTMLElement {
  const words = (unit || name).split(" ");
  // The "?" stays beside the last word: alone on a line it belongs to nothing.
  const last = h("span", { class: "help-box" }, unit ? h("small", {}, words.at(-1)!) : words.at(-1)!, " ", help(term));
  const before = words.slice(0, -1).map((word) => `${word} `).join("");
  return h("div", { class: "measure" }, h("dt", {}, unit ? `${name} ` : before, unit && before ? h("small", {}, before) : null, last), h("dd", {}, value));
}
