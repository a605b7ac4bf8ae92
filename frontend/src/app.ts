// The page: its head, the tabs, and the view that is open.

import { download, saveFile, type Kind } from "./parts/download.ts";
import { fill, freshId, h } from "./parts/dom.ts";
import { State } from "./parts/state.ts";
import { themeButton } from "./parts/theme.ts";
import type { PageData } from "./records.ts";
import { compareView } from "./views/compare.ts";
import { glossaryView } from "./views/glossary.ts";
import { distilView } from "./views/distil.ts";
import { pathView } from "./views/path.ts";
import { positionView } from "./views/position.ts";
import { tourView } from "./views/tour.ts";
import { textView } from "./views/text.ts";
import { tuneView } from "./views/tune.ts";
import type { Context, View } from "./views/view.ts";

export interface Tab {
  readonly name: string;
  readonly label: string;
  readonly open: (context: Context) => View;
}

/** Put the page into `root`; returns how to take it away. `address`: whether the state lives behind # in the address. */
export function mount(
  root: HTMLElement,
  data: PageData,
  { address, tabs = [], save = null }: { address: boolean; tabs?: Tab[]; save?: ((state: string) => Promise<Blob>) | null },
): () => void {
  tabs = [...tourTab(data), ...(tabs.length > 0 ? tabs : tabsFor(data)), { name: "glossary", label: "Terms", open: glossaryView }];
  const live = h("div", { class: "sr", role: "status", "aria-live": "polite" });
  const context: Context = { data, state: new State(address, data.state), announce: (text) => (live.textContent = text) };
  const panel = h("div", { role: "tabpanel", tabindex: "-1", class: "panel" });
  let view: View | null = null;

  const buttons = tabs.map((tab) =>
    h("button", { type: "button", role: "tab", id: freshId("tab"), onclick: () => context.state.set("view", tab.name) }, tab.label),
  );
  const tablist = h("div", { role: "tablist", "aria-label": "Views", class: "tabs", onkeydown: onKey }, ...buttons);

  function onKey(event: KeyboardEvent): void {
    const place = buttons.indexOf(document.activeElement as HTMLButtonElement);
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const to = event.key === "Home" ? 0 : event.key === "End" ? buttons.length - 1 : step === undefined ? null : place + step;
    if (to === null) return;
    event.preventDefault();
    const next = (to + buttons.length) % buttons.length;
    buttons[next]!.focus();
    context.state.set("view", tabs[next]!.name);
  }

  function open(): void {
    const place = Math.max(0, tabs.findIndex((tab) => tab.name === context.state.get("view")));
    buttons.forEach((button, index) => {
      button.setAttribute("aria-selected", String(index === place));
      button.tabIndex = index === place ? 0 : -1;
    });
    view?.close();
    view = tabs[place]?.open(context) ?? null;
    panel.setAttribute("aria-labelledby", buttons[place]?.id ?? "");
    saving.hidden = ["tour", "glossary"].includes(tabs[place]?.name ?? "");
    fill(panel, view?.element ?? h("p", {}, "This page holds nothing to show."));
  }

  const kinds: [Kind, string][] = [["json", "JSON"], ["csv", "CSV"], ["svg", "SVG"], ["png", "PNG"]];
  const saving = h(
    "details",
    {
      class: "menu",
      onkeydown: (event: KeyboardEvent) => {
        if (event.key !== "Escape" || !saving.open) return;
        saving.open = false;
        saving.querySelector("summary")?.focus();
      },
      onfocusout: (event: FocusEvent) => {
        if (!saving.contains(event.relatedTarget as Node | null)) saving.open = false;
      },
    },
    h("summary", {}, "Download"),
    h(
      "div",
      { class: "menu-list" },
      ...kinds.map(([kind, label]) =>
        h("button", {
          type: "button",
          class: "quiet",
          onclick: () => {
            saving.open = false;
            if (view?.download) void download(view.download, kind).then(() => context.announce(`${label} saved`));
          },
        }, label),
      ),
    ),
  );
  const page = h("button", { type: "button", class: "quiet", onclick: () => void savePage() }, "Save this page");

  async function savePage(): Promise<void> {
    try {
      saveFile("retort.html", await save!(context.state.text()));
      context.announce("The page is saved");
    } catch (problem) {
      context.announce((problem as Error).message);
    }
  }
  const link = h("button", { type: "button", class: "quiet", onclick: () => void copyLink(context) }, "Copy link");

  root.classList.add("retort");
  fill(
    root,
    h(
      "header",
      { class: "head" },
      h(address ? "h1" : "p", { class: "brand" }, "retort"),
      tablist,
      h("div", { class: "tools" }, address ? link : null, save ? page : null, saving, themeButton(root)),
    ),
    // Inside a notebook the landmarks are the notebook's.
    h(address ? "main" : "div", {}, panel),
    live,
  );
  const stop = context.state.listen((name) => name === "view" && open());
  // A "?" leads to its entry: the way there keeps the prompt and the chain, which a link would forget.
  const toTerm = (event: Event): void => {
    context.state.set("term", (event as CustomEvent<string>).detail);
    context.state.set("view", "glossary");
  };
  root.addEventListener("retort-term", toTerm);
  open();
  performance.mark("retort-controls");
  return () => {
    stop();
    root.removeEventListener("retort-term", toTerm);
    view?.close();
    root.replaceChildren();
  };
}

async function copyLink(context: Context): Promise<void> {
  try {
    await navigator.clipboard.writeText(context.state.link());
    context.announce("Link copied");
  } catch {
    history.replaceState(history.state, "", context.state.link());
    context.announce("The link is in the address bar");
  }
}

function tourTab({ tour }: PageData): Tab[] {
  return tour ? [{ name: "tour", label: "Tour", open: (context) => tourView(tour, context) }] : [];
}

function tabsFor(data: PageData): Tab[] {
  const tabs: Tab[] = [];
  const { position, text, path, compare, tune, distil } = data;
  if (position) tabs.push({ name: "position", label: "Position", open: (context) => positionView(position, context) });
  if (text) tabs.push({ name: "text", label: "Text", open: (context) => textView(text, context) });
  if (path) tabs.push({ name: "path", label: "Path", open: (context) => pathView(path, context) });
  if (compare) tabs.push({ name: "compare", label: "Compare", open: (context) => compareView(compare, context) });
  if (tune) tabs.push({ name: "tune", label: "Tune", open: (context) => tuneView(tune, context) });
  if (distil) tabs.push({ name: "distil", label: "Distil", open: (context) => distilView(distil, context) });
  return tabs;
}
