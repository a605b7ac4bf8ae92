// The bundle's door: a page that carries data mounts itself; a notebook gets the widget.

import "./style.css";
import { Api } from "./api.ts";
import { mount } from "./app.ts";
import type { PageData } from "./records.ts";
import { studioTabs } from "./studio.ts";

/** anywidget's contract: draw the trait `data` of the model into `el`, again whenever it changes. */
function render({ model, el }: { model: any; el: HTMLElement }): () => void {
  const root = document.createElement("div");
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
    mount(root, data, { address: true });
    return;
  }
  const api = new Api();
  api
    .offer()
    .then((offer) => mount(root, data, { address: true, tabs: studioTabs(api, offer) }))
    .catch((problem: Error) => (root.textContent = problem.message));
}
