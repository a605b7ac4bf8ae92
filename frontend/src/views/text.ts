// A text token by token: coloured by how sure the model was, with what could have stood there and what was cut away.

import { spokenToken, tokenElement, tokenText } from "../parts/tokens.ts";
import { fill, h, say, svg } from "../parts/dom.ts";
import { nats, number, probability, tokens as tokenCount, whole } from "../parts/format.ts";
import { atItsWidth } from "../parts/frame.ts";
import type { PassageRecord, PassageToken } from "../records.ts";
import type { Context, View } from "./view.ts";

interface Measure {
  readonly name: string;
  readonly label: string;
  readonly what: string;
  /** 0 (pale) to 1 (strong). */
  readonly heat: (token: PassageToken) => number;
  readonly shown: (token: PassageToken) => string;
  readonly ends: [string, string];
}

const HOT_NATS = 6;
const HOT_RANK = 1000;

const MEASURES: readonly Measure[] = [
  {
    name: "entropy",
    label: "entropy",
    what: "entropy of the raw distribution",
    heat: (token) => token.entropy_nats / HOT_NATS,
    shown: (token) => nats(token.entropy_nats),
    ends: ["0 nats: sure", `${HOT_NATS} nats or more`],
  },
  {
    name: "rank",
    label: "rank",
    what: "rank of the token that stands here",
    heat: (token) => Math.log(token.rank) / Math.log(HOT_RANK),
    shown: (token) => `rank ${whole(token.rank)}`,
    ends: ["the first choice", `rank ${whole(HOT_RANK)} or beyond`],
  },
  {
    name: "flip",
    label: "flip risk",
    what: "chance that numerical noise makes another token the most likely one",
    heat: (token) => 2 * token.flip_risk,
    shown: (token) => `flip risk ${probability(token.flip_risk)}`,
    ends: ["safe at τ = 0", "a coin toss"],
  },
];

export interface Branching {
  /** Go on from here with another token. */
  readonly branch: (place: number, id: number) => void;
}

export function textView(record: PassageRecord, context: Context, branching?: Branching): View {
  const { state } = context;
  let measure = MEASURES.find((one) => one.name === state.get("colour")) ?? MEASURES[0]!;
  let shown = Math.min(Number(state.get("token") ?? 0) || 0, record.tokens.length - 1);
  const detail = h("section", { class: "card detail", "aria-live": "polite", "aria-label": "The chosen token" });
  const buttons = record.tokens.map((token, place) => tokenButton(token, place));
  const legend = h("p", { class: "legend heat-legend" });
  const chart = strip(record, (place) => choose(place, false));
  const text = h(
    "div",
    { class: "tokens text-tokens", role: "group", "aria-label": "The text, token by token. Arrow keys go through it.", onkeydown: onKey },
    h("span", { class: "prompt-part" }, ...record.prompt_tokens.map(tokenElement)),
  );
  record.tokens.forEach((token, place) => {
    text.append(buttons[place]!);
    if (/\n/.test(token.token)) text.append(h("br"));
  });

  function tokenButton(token: PassageToken, place: number): HTMLButtonElement {
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
    fill(detail, ...describe(record, place, branching));
  }

  function colour(): void {
    record.tokens.forEach((token, place) => {
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
    ...MEASURES.map((one) =>
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
  if (record.tokens.length > 0) show(shown);
  const element = h(
    "div",
    {},
    h(
      "div",
      { class: "prompt" },
      h("p", { class: "meta" }, record.finish_reason === "" ? "Writing …" : `${record.model}, seed ${record.seed}, drawn through ${record.chain || "no chain (raw)"}`),
      record.note ? h("p", { class: "note" }, record.note) : null,
    ),
    h("section", { class: "card", "aria-label": "Text" }, choice, text, legend),
    h("div", { class: "columns text-columns" }, detail, h("figure", { class: "card" }, h("figcaption", {}, totals(record)), chart.element)),
  );
  return {
    element,
    close: chart.close,
    download: {
      name: "retort-text",
      json: () => record,
      csv: () => asCsv(record),
      svg: () => chart.element,
    },
  };
}

function totals(record: PassageRecord): string {
  return (
    `${tokenCount(record.tokens.length)}: log-probability ${nats(record.logprob_raw)} (raw, summed), mean entropy ` +
    `${nats(record.mean_entropy_nats)}, chance that a greedy replay differs somewhere ${probability(record.flip_risk)} ` +
    `(noise ${number(record.noise_scale)} logits)`
  );
}

function describe(record: PassageRecord, place: number, branching?: Branching): HTMLElement[] {
  const token = record.tokens[place]!;
  const top = Math.max(...token.alternatives.map((one) => Math.max(one.prob_raw, one.prob_processed)), 1e-12);
  const facts: [string, string][] = [
    ["rank", whole(token.rank)],
    ["log-probability, raw", nats(token.logprob_raw)],
    ["log-probability, processed", token.logprob_processed === null ? "cannot come" : nats(token.logprob_processed)],
    ["entropy, raw", nats(token.entropy_nats)],
    ["entropy, processed", nats(token.entropy_processed_nats)],
    ["margin, raw logits", number(token.margin)],
    ["tokens kept", whole(token.kept)],
    ["mass kept", probability(token.kept_mass)],
    ["flip risk", probability(token.flip_risk)],
  ];
  return [
    h("h2", {}, h("small", {}, `${place + 1} of ${record.tokens.length} `), tokenElement(token.token), h("small", {}, token.given ? " given" : " drawn")),
    token.removed_by ? h("p", { class: "error" }, `${token.removed_by} would have removed it`) : h("p", { hidden: true }),
    h("dl", { class: "facts" }, ...facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
    h(
      "table",
      { class: "bars alternatives" },
      h("caption", {}, branching ? "Could have stood here; choose one to branch" : "Could have stood here"),
      h("thead", { class: "sr" }, h("tr", {}, h("th", { scope: "col" }, "token"), h("th", { scope: "col" }, "raw"), h("th", { scope: "col" }, "processed"), h("th", { scope: "col" }, "bar"))),
      h("tbody", {}, ...token.alternatives.map((one) => alternative(one, token, top, branching && (() => branching.branch(place, one.id))))),
    ),
  ];
}

function alternative(one: PassageToken["alternatives"][number], stands: PassageToken, top: number, branch?: () => void): HTMLElement {
  const here = one.id === stands.id;
  const shown = tokenElement(one.token);
  const raw = h("span", { class: "bar bar-raw" });
  const processed = h("span", { class: "bar bar-processed" });
  raw.style.transform = `scaleX(${one.prob_raw / top})`;
  processed.style.transform = `scaleX(${one.prob_processed / top})`;
  const cell = branch && !here
    ? h("button", { type: "button", class: "pick", onclick: branch, "aria-label": `Branch here with ${spokenToken(one.token)}` }, shown)
    : shown;
  return h(
    "tr",
    { class: one.prob_processed === 0 ? "removed" : "", "aria-current": here ? "true" : null },
    h("th", { scope: "row", class: "token-cell" }, cell),
    h("td", { class: "figure raw-ink" }, probability(one.prob_raw)),
    h("td", { class: "figure processed-ink" }, one.prob_processed === 0 ? "–" : probability(one.prob_processed)),
    h("td", { class: "bar-cell" }, h("span", { class: "bar-box", "aria-hidden": "true" }, raw, processed)),
  );
}

const STRIP_HEIGHT = 150;

/** The measure along the text as bars, one a token. */
function strip(record: PassageRecord, onPick: (place: number) => void): {
  element: SVGSVGElement; draw(measure: Measure): void; mark(place: number): void; close(): void;
} {
  const title = svg("title");
  const holder = svg("g");
  let measureNow: Measure | null = null;
  let width = 640;
  let marked = 0;
  const element = svg("svg", { viewBox: `0 0 640 ${STRIP_HEIGHT}`, class: "chart strip", role: "img" }, title, holder);
  const close = atItsWidth(element, STRIP_HEIGHT, (now) => {
    width = now;
    if (measureNow) draw(measureNow);
  });
  function draw(measure: Measure): void {
    measureNow = measure;
    say(title, `${measure.label} of each token: ${record.tokens.map(measure.shown).slice(0, 40).join(", ")}`);
    const each = width / Math.max(record.tokens.length, 1);
    fill(holder, ...record.tokens.map((token, place) => {
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

function asCsv(record: PassageRecord): (string | number | null)[][] {
  return [
    ["place", "id", "token", "given", "rank", "logprob_raw", "logprob_processed", "entropy_nats", "margin", "kept", "kept_mass", "removed_by", "flip_risk"],
    ...record.tokens.map((one, place) => [
      place + 1, one.id, one.token, String(one.given), one.rank, one.logprob_raw, one.logprob_processed, one.entropy_nats,
      one.margin, one.kept, one.kept_mass, one.removed_by, one.flip_risk,
    ]),
  ];
}

/** The record as far as it goes while the text is being written. */
export function addToken(record: PassageRecord | null, token: PassageToken): PassageRecord {
  const tokens = [...(record?.tokens ?? []), token];
  const total = (value: (one: PassageToken) => number): number => tokens.reduce((sum, one) => sum + value(one), 0);
  return {
    model: "writing", note: null, prompt: "", prompt_tokens: [], chain: "", seed: 0, finish_reason: "", text: "", tokens,
    logprob_raw: total((one) => one.logprob_raw),
    mean_entropy_nats: total((one) => one.entropy_nats) / tokens.length,
    flip_risk: 1 - tokens.reduce((safe, one) => safe * (1 - one.flip_risk), 1),
    noise_scale: NaN,
  };
}
