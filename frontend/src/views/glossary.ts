// All terms behind the "?", one below the other: the text of docs/glossary.md.

import glossary from "../glossary.json";
import { h } from "../parts/dom.ts";
import type { Context, View } from "./view.ts";

export function glossaryView({ state, data }: Context): View {
  const entries = Object.entries(glossary).map(([id, { term, text }]) =>
    h("div", { class: "entry", "data-term": id }, h("dt", {}, term), h("dd", {}, text)),
  );
  const show = (): void => {
    for (const entry of entries) {
      const here = entry.dataset["term"] === state.get("term");
      entry.setAttribute("aria-current", String(here));
      if (here) entry.scrollIntoView({ block: "center" });
    }
  };
  const stop = state.listen((name) => name === "term" && show());
  requestAnimationFrame(show); // once it stands in the page
  return {
    element: h("div", {}, h("p", { class: "meta" }, `The words of this page, from docs/glossary.md of retort ${data.version}.`), h("dl", { class: "card glossary" }, ...entries)),
    download: null,
    close: stop,
  };
}
