// The bundle's door: a page that carries data mounts itself; a notebook gets the widget.

import "./style.css";
import { Api } from "./api.ts";
import { mount } from "./app.ts";
import type { PageData } from "./records.ts";
import { foundRuns, studioTabs } from "./studio.ts";

/** anywidget's contract: draw the trait `data` of the model into `el`, again whenever it changes. */
function render({ model, el }: { model: any; el: HTMLElement }): () => void {
  const root = document.createElement("div");
  // An arrow key on the slider must not also move the notebook to the next cell, nor a letter run one of its commands.
  root.dataset["lmSuppressShortcuts"] = "true";
  root.addEventListener("keydown", (event) => event.stopPropagation());
  el.append(root);
  let leave = mount(root, model.get("data") as PageData, { address: false });
  const again = (): void => {
    leave();
    leave = mount(root, model.get("data") as PageData, { address: false });
  };
  model.on("change:data", again);
  return () => {
    model.off("change:data", again);
    leave();
  };
}

export default { render };

const data = document.getElementById("retort-data");
const root = document.getElementById("retort-page");
if (data !== null && root !== null) open(root, JSON.parse(data.textContent ?? "{}") as PageData);

function open(root: HTMLElement, data: PageData): void {
  if (!data.studio) {
    mount(root, data, { address: true, save: async (state) => copyOfThisPage(data, state) });
    return;
  }
  const api = new Api();
  Promise.all([api.offer(), api.tour()])
    .then(([offer, tour]) => mount(root, { ...data, tour }, { address: true, tabs: studioTabs(api, offer), save: api.mayRun ? (state) => api.page(state, foundRuns()) : null }))
    .catch((problem: Error) => (root.textContent = problem.message));
}

/** This standalone page as a file that opens where it is now: its own text, with the state in its data. */
function copyOfThisPage(data: PageData, state: string): Blob {
  const copy = document.documentElement.cloneNode(true) as HTMLElement;
  const page = copy.querySelector("#retort-page")!;
  page.replaceChildren();
  for (const { name } of [...page.attributes]) if (name !== "id") page.removeAttribute(name);
  copy.querySelector("#retort-data")!.textContent = JSON.stringify({ ...data, state }).replaceAll("<", "\\u003c");
  return new Blob([`<!doctype html>\n${copy.outerHTML}\n`], { type: "text/html" });
}
