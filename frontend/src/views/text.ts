// A text token by token: coloured by how sure the model was, with what could have stood there and what was cut away.
//
// Of a model that names its most probable tokens only, the text is the greedy one and its numbers are intervals.

import { endsOf, exactly, type Interval } from "../math/interval.ts";
import { endsBar, mayFollow, put, setEnds } from "../parts/bars.ts";
import { fill, h, say, svg } from "../parts/dom.ts";
import { nats, number, probability, span, tokens as tokenCount, whole } from "../parts/format.ts";
import { atItsWidth } from "../parts/frame.ts";
import { factList, help, type Fact, type Term } from "../parts/help.ts";
import { knownNote } from "../parts/known.ts";
import { spokenToken, tokenElement, tokenText } from "../parts/tokens.ts";
import type { Alternative, PassageRecord, PassageToken } from "../records.ts";
import type { Context, View } from "./view.ts";

const HOT_NATS = 6;
const HOT_RANK = 1000;

interface Measure {
  readonly name: string;
  readonly label: string;
  readonly what: string;
  readonly term: Term;
  /** 0 (pale) to 1 (strong). */
  readonly heat: (token: PassageToken) => number;
  readonly shown: (token: PassageToken) => string;
  readonly ends: [string, string];
  /** The axis of the picture: its title, and heights from 0 to 1 with what stands there. */
  readonly axis: string;
  readonly ticks: readonly (readonly [height: number, name: string])[];
}

const MEASURES: readonly Measure[] = [
  {
    name: "entropy",
    label: "entropy",
    what: "how uncertain the model was before it wrote the token (raw distribution)",
    term: "entropy",
    heat: (token) => middle(endsOf(token.entropy_nats)) / HOT_NATS,
    shown: (token) => span(endsOf(token.entropy_nats), nats),
    ends: ["0 nats: sure", `${HOT_NATS} nats or more`],
    axis: "entropy, nats",
    ticks: [[0, "0"], [1 / 3, "2"], [2 / 3, "4"], [1, "6"]],
  },
  {
    name: "rank",
    label: "rank",
    what: "how many tokens the model held more likely",
    term: "rank",
    heat: (token) => (token.rank === null ? 1 : Math.log(token.rank) / Math.log(HOT_RANK)),
    shown: (token) => rankText(token),
    ends: ["rank 1: the first choice", `rank ${whole(HOT_RANK)} or beyond`],
    axis: "rank of the token, logarithmic",
    ticks: [[0, "1"], [1 / 3, "10"], [2 / 3, "100"], [1, "1,000"]],
  },
  {
    name: "flip",
    label: "flip risk",
    what: "chance that numerical noise makes another token the most likely one",
    term: "flip-risk",
    heat: (token) => 2 * endsOf(token.flip_risk).high,
    shown: (token) => `flip risk ${span(endsOf(token.flip_risk), probability)}`,
    ends: ["0%: safe at τ = 0", "50%: a coin toss"],
    axis: "flip risk",
    ticks: [[0, "0%"], [0.5, "25%"], [1, "50%"]],
  },
];

/** Go on from here with another token. */
export type Branching = (place: number, token: Alternative) => void;

export function textView(record: PassageRecord, context: Context, branching?: Branching): View {
  const { state } = context;
  const { tokens } = record;
  const prompt = record.prompt_tokens.length > 0 ? record.prompt_tokens : [record.prompt];
  let measure = MEASURES.find((one) => one.name === state.get("colour")) ?? MEASURES[0]!;
  let shown = Math.min(Number(state.get("token") ?? 0) || 0, tokens.length - 1);
  const detail = h("section", { class: "card detail", "aria-live": "polite", "aria-label": "The chosen token" });
  const buttons = tokens.map((token, place) => tokenButton(token, place));
  const legend = h("p", { class: "legend heat-legend" });
  const chart = strip(tokens, (place) => choose(place, false));
  const text = h(
    "div",
    { class: "tokens text-tokens", role: "group", "aria-label": "The text, token by token. Arrow keys go through it.", onkeydown: onKey },
    h("span", { class: "prompt-part" }, ...prompt.map(tokenElement)),
  );
  tokens.forEach((token, place) => {
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
    tokens.forEach((token, place) => {
      const button = buttons[place]!;
      button.style.setProperty("--heat", String(Math.min(1, Math.max(0, measure.heat(token)))));
      button.setAttribute("aria-label", `${place + 1}, ${spokenToken(token.token)}, ${measure.shown(token)}`);
    });
    fill(legend, h("span", {}, measure.ends[0]), h("span", { class: "ramp", "aria-hidden": "true" }), h("span", {}, measure.ends[1]), h("span", {}, measure.what, " ", help(measure.term)));
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
  if (tokens.length > 0) show(shown);
  const element = h(
    "div",
    {},
    h("div", { class: "prompt" }, ...head(record)),
    h("section", { class: "card", "aria-label": "Text" }, choice, text, legend, chart.element, totals(record)),
    detail,
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

const STRIP_HEIGHT = 170;
const EDGE = { left: 46, right: 4, top: 22, bottom: 34 };

/** The measure along the text as bars, one per token. */
function strip(tokens: readonly PassageToken[], onPick: (place: number) => void): {
  element: SVGSVGElement; draw(measure: Measure): void; mark(place: number): void; close(): void;
} {
  const title = svg("title");
  const frame = svg("g");
  const holder = svg("g");
  let measureNow: Measure | null = null;
  let width = 640;
  let marked = 0;
  const element = svg("svg", { viewBox: `0 0 640 ${STRIP_HEIGHT}`, class: "chart strip", role: "img" }, title, frame, holder);
  const close = atItsWidth(element, STRIP_HEIGHT, (now) => {
    width = now;
    if (measureNow) draw(measureNow);
  });
  function draw(measure: Measure): void {
    measureNow = measure;
    say(title, `${measure.label} of each token: ${tokens.map(measure.shown).slice(0, 40).join(", ")}`);
    const each = (width - EDGE.left - EDGE.right) / Math.max(tokens.length, 1);
    const foot = STRIP_HEIGHT - EDGE.bottom;
    const y = (height: number): number => foot - height * (foot - EDGE.top);
    fill(
      frame,
      svg("text", { x: 2, y: 12 }, measure.axis),
      ...measure.ticks.flatMap(([height, name]) => [
        svg("line", { class: "grid", x1: EDGE.left, x2: width - EDGE.right, y1: y(height), y2: y(height) }),
        svg("text", { x: EDGE.left - 6, y: y(height) + 4, "text-anchor": "end" }, name),
      ]),
      svg("text", { x: width - EDGE.right, y: STRIP_HEIGHT - 4, "text-anchor": "end" }, "tokens of the text, one bar each →"),
    );
    fill(holder, ...tokens.map((token, place) => {
      const height = Math.min(1, Math.max(0, measure.heat(token)));
      const label = tokenText(token.token);
      const left = EDGE.left + place * each;
      return svg(
        "g",
        { class: "strip-bar", onclick: () => onPick(place) },
        svg("rect", { class: "hit", x: left, y: 0, width: each, height: STRIP_HEIGHT }),
        svg("rect", { class: "strip-fill", x: left + 1, y: y(height) - 1, width: Math.max(1, each - 2), height: foot - y(height) + 1 }),
        each > 7 * Math.min(label.length, 7) + 2
          ? svg("text", { x: left + each / 2, y: foot + 13, "text-anchor": "middle" }, label.length > 7 ? `${label.slice(0, 6)}…` : label)
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

function middle({ low, high }: Interval): number {
  return (low + high) / 2;
}

function rankText(token: PassageToken): string {
  return token.rank === null ? `beyond rank ${whole(token.known_tokens)}` : `rank ${whole(token.rank)}`;
}

function head(record: PassageRecord): (HTMLElement | null)[] {
  if (record.finish_reason === "") return [h("p", { class: "meta" }, "Writing …")];
  const list = record.known !== "full";
  const how = list
    ? `the greedy text (its most likely token each time)${record.chain ? `; what ${record.chain} would leave is told at each token, where it can be decided` : ""}`
    : `seed ${record.seed}, drawn through ${record.chain || "no chain (raw)"}`;
  return [h("p", { class: "meta" }, `${record.model}, ${how}`), knownNote(record, record.tokens[0]?.known_tokens ?? 0, list)];
}

function totals(record: PassageRecord): HTMLElement {
  const { totals: all } = record;
  const unknown = all.unknown > 0 ? `; ${tokenCount(all.unknown)} not among the known` : "";
  const noise = Number.isFinite(record.noise_scale) ? `; noise ${number(record.noise_scale)} logits` : "";
  return factList([
    { name: "length", unit: "tokens", term: "token", value: h("b", {}, whole(record.tokens.length)) },
    { name: "logprob of the text", unit: `raw, summed${unknown}`, term: "logprob", value: h("b", {}, atMost(endsOf(all.logprob_raw))) },
    { name: "mean entropy", unit: "raw", term: "entropy", value: h("b", {}, span(endsOf(all.entropy_nats), nats)) },
    { name: "chance of another greedy text", unit: `on other hardware${noise}`, term: "flip-risk", value: h("b", {}, span(endsOf(all.flip_risk), probability)) },
  ], "measures text-totals");
}

/** A log-probability that may have no low end. */
function atMost(value: Interval): string {
  return value.low === -Infinity ? `at most ${nats(value.high)}` : span(value, nats);
}

function describe(record: PassageRecord, place: number, branching?: Branching): HTMLElement[] {
  const token = record.tokens[place]!;
  const whole_ = token.rank !== null && token.known_tokens === record.vocabulary;
  const undecided = "not decided by the known tokens";
  const or = (value: PassageToken["kept_mass"], write: (value: number) => string): string => (value === null ? undecided : span(endsOf(value), write));
  const facts: Fact[] = [
    { name: "rank", unit: "raw", term: "rank", value: token.rank === null ? `beyond ${whole(token.known_tokens)}` : whole(token.rank) },
    { name: "logprob", unit: "raw", term: "logprob", value: atMost(endsOf(token.logprob_raw)) },
    { name: "logprob", unit: "processed", term: "processed", value: token.logprob_processed === null ? (token.removed_by || whole_ ? "cannot come" : undecided) : span(endsOf(token.logprob_processed), nats) },
    { name: "entropy", unit: "raw", term: "entropy", value: span(endsOf(token.entropy_nats), nats) },
    { name: "entropy", unit: "processed", term: "entropy", value: or(token.entropy_processed_nats, nats) },
    { name: "margin", unit: "logits", term: "margin", value: span(endsOf(token.margin)) },
    { name: "tokens kept", term: "truncation", value: token.kept === null ? undecided : whole(token.kept) },
    { name: "kept mass", unit: "of what τ made", term: "kept-mass", value: or(token.kept_mass, probability) },
    { name: "flip risk", unit: "at τ = 0", term: "flip-risk", value: span(endsOf(token.flip_risk), probability) },
  ];
  const how = token.given ? " given" : record.known === "full" ? " drawn" : " the most likely";
  return [
    h("h2", {}, h("small", {}, `${place + 1} of ${record.tokens.length} `), tokenElement(token.token), h("small", {}, how)),
    token.removed_by ? h("p", { class: "error" }, `${token.removed_by} would have removed it`) : h("p", { hidden: true }),
    h("div", { class: "two" }, factList(facts, "facts"), alternatives(token, place, branching)),
  ];
}

/** What could have stood in a token's place. */
function alternatives(token: PassageToken, place: number, branching?: Branching): HTMLElement {
  const unseen = endsOf(token.unseen);
  const top = Math.max(...token.alternatives.flatMap((one) => [endsOf(one.prob_raw).high, endsOf(one.prob_processed ?? 0).high]), unseen.high, 1e-12);
  return h(
    "table",
    { class: `bars alternatives${unseen.high > 0 ? " range-bars" : ""}` },
    h("caption", {}, branching ? "Alternatives; choose one to branch" : "Alternatives"),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "token"), h("th", { scope: "col", class: "figure raw-ink" }, "raw ", help("raw")), h("th", { scope: "col", class: "figure processed-ink" }, "processed ", help("processed")), h("th", { scope: "col" }, h("span", { class: "sr" }, "bars")))),
    h("tbody", {}, ...token.alternatives.map((one) => alternative(one, token, place, top, branching))),
    unseen.high > 0 ? h("tbody", { class: "tail" }, alternativeRow("all unknown ones", unseen, null, top, token.rank === null)) : null,
  );
}

function alternative(one: Alternative, stands: PassageToken, place: number, top: number, branching?: Branching): HTMLElement {
  const here = one.id === null ? one.token === stands.token : one.id === stands.id;
  const shown = tokenElement(one.token);
  const cell = branching && !here && (one.id !== null || mayFollow(one.token))
    ? h("button", { type: "button", class: "pick", onclick: () => branching(place, one), "aria-label": `Branch here with ${spokenToken(one.token)}` }, shown)
    : shown;
  return alternativeRow(cell, endsOf(one.prob_raw), one.prob_processed === null ? null : endsOf(one.prob_processed), top, here);
}

function alternativeRow(name: HTMLElement | string, raw: Interval, processed: Interval | null, top: number, here: boolean): HTMLElement {
  const [rawBar, processedBar] = [endsBar("raw"), endsBar("processed")];
  setEnds(rawBar, raw, top);
  setEnds(processedBar, processed ?? exactly(0), top);
  const [rawCell, processedCell] = [h("td", { class: "figure raw-ink" }), h("td", { class: "figure processed-ink" })];
  put(rawCell, raw, probability);
  put(processedCell, processed, probability, processed?.high === 0 ? "–" : undefined);
  return h(
    "tr",
    { class: processed?.high === 0 ? "removed" : "", "aria-current": here ? "true" : null },
    h("th", { scope: "row", class: "token-cell" }, name),
    rawCell,
    processedCell,
    h("td", { class: "bar-cell" }, h("span", { class: "bar-box", "aria-hidden": "true" }, rawBar.element, processedBar.element)),
  );
}

/** One row a token; a measure has one column, or two where any of its values is an interval. */
function asCsv(record: PassageRecord): (string | number | null)[][] {
  const measures = ["logprob_raw", "logprob_processed", "entropy_nats", "margin", "kept_mass", "flip_risk"] as const;
  const wide = new Set(measures.filter((name) => record.tokens.some((one) => one[name] !== null && typeof one[name] !== "number")));
  const cells = (one: PassageToken, name: (typeof measures)[number]): (number | null)[] => {
    const value = one[name];
    const ends = value === null ? { low: null, high: null } : endsOf(value);
    return wide.has(name) ? [ends.low, ends.high] : [ends.low];
  };
  return [
    ["place", "id", "token", "given", "rank", ...measures.flatMap((name) => (wide.has(name) ? [`${name}_low`, `${name}_high`] : [name])), "kept", "removed_by"],
    ...record.tokens.map((one, place) => [
      place + 1, one.id, one.token, String(one.given), one.rank, ...measures.flatMap((name) => cells(one, name)), one.kept, one.removed_by,
    ]),
  ];
}

/** The record as far as it goes while the text is being written. */
export function addToken(record: PassageRecord | null, token: PassageToken): PassageRecord {
  const tokens = [...(record?.tokens ?? []), token];
  const total = (value: (one: PassageToken) => Interval): Interval => {
    const all = tokens.map(value);
    return { low: all.reduce((sum, one) => sum + one.low, 0), high: all.reduce((sum, one) => sum + one.high, 0) };
  };
  const entropy = total((one) => endsOf(one.entropy_nats));
  const safe = (end: "low" | "high"): number => 1 - tokens.reduce((all, one) => all * (1 - endsOf(one.flip_risk)[end]), 1);
  return {
    known: "full", model: "writing", note: null, prompt: "", prompt_tokens: [], chain: "", seed: 0, finish_reason: "", text: "", tokens,
    totals: {
      tokens: tokens.length, unknown: tokens.filter((one) => one.rank === null).length, removed: 0,
      logprob_raw: total((one) => endsOf(one.logprob_raw)), logprob_processed: null, perplexity: NaN, kept_mass: null,
      entropy_nats: { low: entropy.low / tokens.length, high: entropy.high / tokens.length },
      flip_risk: { low: safe("low"), high: safe("high") },
    },
    noise_scale: NaN, vocabulary: null, vocabulary_at_most: 0, probe: null,
  };
}
