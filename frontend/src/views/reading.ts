// A text token by token, of whatever is known of each: the tokens in their colours, the chosen one in full, the measure as bars.

import { fill, h, say, svg } from "../parts/dom.ts";
import { atItsWidth } from "../parts/frame.ts";
import { spokenToken, tokenElement, tokenText } from "../parts/tokens.ts";
import type { Download } from "../parts/download.ts";
import type { Context, View } from "./view.ts";

export interface Measure<T> {
  readonly name: string;
  readonly label: string;
  readonly what: string;
  /** 0 (pale) to 1 (strong). */
  readonly heat: (token: T) => number;
  readonly shown: (token: T) => string;
  readonly ends: [string, string];
}

/** What every token of a text has. */
export interface ReadToken {
  readonly token: string;
  readonly given: boolean;
  readonly removed_by: string | null;
}

/** A text and how it is told. */
export interface Reading<T extends ReadToken> {
  readonly tokens: readonly T[];
  readonly prompt: readonly string[];
  readonly measures: readonly [Measure<T>, ...Measure<T>[]];
  /** What stands above the text. */
  readonly head: readonly (HTMLElement | null)[];
  readonly totals: string;
  readonly describe: (place: number) => HTMLElement[];
  readonly json: Download["json"];
  readonly csv: Download["csv"];
}

export function readingView<T extends ReadToken>(reading: Reading<T>, context: Context): View {
  const { state } = context;
  const { tokens, measures } = reading;
  let measure = measures.find((one) => one.name === state.get("colour")) ?? measures[0];
  let shown = Math.min(Number(state.get("token") ?? 0) || 0, tokens.length - 1);
  const detail = h("section", { class: "card detail", "aria-live": "polite", "aria-label": "The chosen token" });
  const buttons = tokens.map((token, place) => tokenButton(token, place));
  const legend = h("p", { class: "legend heat-legend" });
  const chart = strip(tokens, (place) => choose(place, false));
  const text = h(
    "div",
    { class: "tokens text-tokens", role: "group", "aria-label": "The text, token by token. Arrow keys go through it.", onkeydown: onKey },
    h("span", { class: "prompt-part" }, ...reading.prompt.map(tokenElement)),
  );
  tokens.forEach((token, place) => {
    text.append(buttons[place]!);
    if (/\n/.test(token.token)) text.append(h("br"));
  });

  function tokenButton(token: T, place: number): HTMLButtonElement {
    return h(
      "button",
      {
        type: "button",
        class: `text-token${token.removed_by ? " was-removed" : ""}${token.given ? " was-given" : ""}`,
        tabindex: -1,
        onmouseenter: () => show(place),
        onfocus: () => show(place),
        onclick: () => choose(place, true),
      },
      tokenElement(token.token),
    );
  }

  function onKey(event: KeyboardEvent): void {
    const rightToLeft = getComputedStyle(text).direction === "rtl";
    const step = { ArrowRight: rightToLeft ? -1 : 1, ArrowLeft: rightToLeft ? 1 : -1 }[event.key];
    const to = event.key === "Home" ? 0 : event.key === "End" ? buttons.length - 1 : step === undefined ? null : shown + step;
    if (to === null || to < 0 || to >= buttons.length) return;
    event.preventDefault();
    choose(to, true);
  }

  function choose(place: number, focus: boolean): void {
    state.set("token", String(place));
    show(place);
    if (focus) buttons[place]!.focus();
  }

  function show(place: number): void {
    buttons[shown]?.setAttribute("tabindex", "-1");
    buttons[shown]?.removeAttribute("aria-current");
    shown = place;
    buttons[place]?.setAttribute("tabindex", "0");
    buttons[place]?.setAttribute("aria-current", "true");
    chart.mark(place);
    fill(detail, ...reading.describe(place));
  }

  function colour(): void {
    tokens.forEach((token, place) => {
      const button = buttons[place]!;
      button.style.setProperty("--heat", String(Math.min(1, Math.max(0, measure.heat(token)))));
      button.setAttribute("aria-label", `${place + 1}, ${spokenToken(token.token)}, ${measure.shown(token)}`);
    });
    fill(legend, h("span", {}, measure.ends[0]), h("span", { class: "ramp", "aria-hidden": "true" }), h("span", {}, `${measure.ends[1]} (${measure.what})`));
    chart.draw(measure);
  }

  const choice = h(
    "fieldset",
    { class: "choices" },
    h("legend", {}, "Colour by"),
    ...measures.map((one) =>
      h("label", {}, h("input", {
        type: "radio", name: "colour", value: one.name, checked: one === measure,
        onchange: () => {
          measure = one;
          state.set("colour", one.name);
          colour();
        },
      }), ` ${one.label}`),
    ),
  );
  colour();
  if (tokens.length > 0) show(shown);
  const element = h(
    "div",
    {},
    h("div", { class: "prompt" }, ...reading.head),
    h("section", { class: "card", "aria-label": "Text" }, choice, text, legend),
    h("div", { class: "columns text-columns" }, detail, h("figure", { class: "card" }, h("figcaption", {}, reading.totals), chart.element)),
  );
  return {
    element,
    close: chart.close,
    download: {
      name: "retort-text",
      json: reading.json,
      csv: reading.csv,
      svg: () => chart.element,
    },
  };
}

const STRIP_HEIGHT = 150;

/** The measure along the text as bars, one a token. */
function strip<T extends ReadToken>(tokens: readonly T[], onPick: (place: number) => void): {
  element: SVGSVGElement; draw(measure: Measure<T>): void; mark(place: number): void; close(): void;
} {
  const title = svg("title");
  const holder = svg("g");
  let measureNow: Measure<T> | null = null;
  let width = 640;
  let marked = 0;
  const element = svg("svg", { viewBox: `0 0 640 ${STRIP_HEIGHT}`, class: "chart strip", role: "img" }, title, holder);
  const close = atItsWidth(element, STRIP_HEIGHT, (now) => {
    width = now;
    if (measureNow) draw(measureNow);
  });
  function draw(measure: Measure<T>): void {
    measureNow = measure;
    say(title, `${measure.label} of each token: ${tokens.map(measure.shown).slice(0, 40).join(", ")}`);
    const each = width / Math.max(tokens.length, 1);
    fill(holder, ...tokens.map((token, place) => {
      const high = (STRIP_HEIGHT - 26) * Math.min(1, Math.max(0, measure.heat(token)));
      const label = tokenText(token.token);
      return svg(
        "g",
        { class: "strip-bar", onclick: () => onPick(place) },
        svg("rect", { class: "hit", x: place * each, y: 0, width: each, height: STRIP_HEIGHT }),
        svg("rect", { class: "strip-fill", x: place * each + 1, y: STRIP_HEIGHT - 18 - high, width: Math.max(1, each - 2), height: Math.max(1, high) }),
        each > 7 * Math.min(label.length, 7) + 2
          ? svg("text", { x: place * each + each / 2, y: STRIP_HEIGHT - 4, "text-anchor": "middle" }, label.length > 7 ? `${label.slice(0, 6)}…` : label)
          : null,
      );
    }));
    mark(marked);
  }
  function mark(place: number): void {
    holder.children[marked]?.classList.remove("marked");
    marked = place;
    holder.children[place]?.classList.add("marked");
  }
  return { element, draw, mark, close };
}
