// Two distributions side by side: two models, two prompts, or one model through two orders of its chain.

import { chainText, effectiveSupport, explain, isOn, leftOut, parseChain, readableChain, removedBy, size, type Chain, type Explanation } from "../math/chain.ts";
import { distances, equivalentTemperature, ranksOf } from "../math/comparison.ts";
import type { History } from "../math/history.ts";
import { asIn, ENGINES } from "../math/engines.ts";
import { prob, rankAt } from "../math/order.ts";
import { unpackIds, unpackLogits } from "../math/unpack.ts";
import { sums } from "../math/window.ts";
import { chainEditor } from "../parts/chainEditor.ts";
import { fill, h, say, svg } from "../parts/dom.ts";
import { nats, number, probability, tau, whole } from "../parts/format.ts";
import { atItsWidth, everyFrame } from "../parts/frame.ts";
import { tokenElement, tokenText } from "../parts/tokens.ts";
import { historyOf, type PairRecord, type PositionRecord } from "../records.ts";
import type { Context, View } from "./view.ts";

const SHOWN = 18;

interface Side {
  readonly key: "chain_a" | "chain_b";
  readonly name: "A" | "B";
  readonly record: PositionRecord;
  readonly logits: Float64Array;
  readonly history: History;
  readonly ids: Uint32Array;
  readonly ranks: Uint32Array;
  readonly names: ReadonlyMap<number, string>;
}

export function compareView(record: PairRecord, context: Context): View {
  const { state, announce } = context;
  const vocabulary = Math.max(record.a.vocabulary, record.b.vocabulary);
  const sides = [side("A", "chain_a", record.a, vocabulary), side("B", "chain_b", record.b, vocabulary)] as const;
  const editors = sides.map((one) => sideEditor(one));
  const measures = h("dl", { class: "measures" });
  const body = h("tbody");
  const notes = h("p", { class: "note", hidden: record.comparable }, "The two models have different vocabularies: their distributions are shown, and no distance between them is given.");
  const chart = pairChart();
  const draw = everyFrame(drawNow);
  let found: [Explanation, Explanation] | null = null;

  function chainOf(one: Side): Chain {
    try {
      return parseChain(state.get(one.key) ?? one.record.chain);
    } catch {
      return readableChain(one.record.chain).chain;
    }
  }

  function sideEditor(one: Side): { element: HTMLElement; show(explanation: Explanation): void } {
    const set = (chain: Chain): void => state.set(one.key, chainText(chain.filter(isOn)) || " ");
    const editor = chainEditor(set, announce, { heat: true });
    const order = h("select", { "aria-label": `${one.name}: order and rules as in an engine`, onchange: () => {
      if (order.value) set(asIn(order.value, chainOf(one)));
      order.value = "";
    } });
    fill(order, h("option", { value: "" }, "as in …"), ...[...ENGINES.keys()].map((name) => h("option", { value: name }, name)));
    const summary = h("p", { class: "meta" });
    const missing = leftOut(readableChain(one.record.chain).others);
    return {
      element: h(
        "section",
        { class: `card side-${one.name.toLowerCase()}`, "aria-label": one.name },
        h("h2", {}, h("span", { class: `side-mark mark-${one.name.toLowerCase()}` }, one.name), ` ${one.record.model}`),
        h("p", { class: "tokens side-prompt", dir: "auto" }, ...one.record.prompt_tokens.map(tokenElement)),
        missing ? h("p", { class: "note" }, missing) : null,
        editor.element,
        h("p", { class: "chain-tools" }, order),
        summary,
      ),
      show(explanation) {
        editor.show(chainOf(one));
        editor.report(explanation.stages);
        const { processed } = explanation;
        say(summary, `${whole(size(processed))} tokens can come; entropy ${nats(sums(processed).entropy)}, effective support ${number(effectiveSupport(processed))} tokens`);
      },
    };
  }

  function drawNow(): void {
    const [a, b] = sides.map((one) => explain(chainOf(one), one.logits, one.history)) as [Explanation, Explanation];
    found = [a, b];
    editors[0]!.show(a);
    editors[1]!.show(b);
    const rows = record.comparable ? together(sides, a, b) : apart(sides, a, b);
    const top = Math.max(...rows.map((row) => Math.max(row.a, row.b)), 1e-12);
    fill(body, ...rows.map((row) => tableRow(row, top)));
    chart.draw(rows);
    fill(measures, ...(record.comparable ? facts(sides, a, b, vocabulary) : []));
  }

  const stop = state.listen((name) => (name === "chain_a" || name === "chain_b") && draw());
  const element = h(
    "div",
    {},
    notes,
    h("div", { class: "two" }, editors[0]!.element, editors[1]!.element),
    h(
      "section",
      { class: "card", "aria-label": "The two processed distributions" },
      measures,
      h(
        "div",
        { class: "scroll", tabindex: 0, role: "region", "aria-label": "Tokens in A and in B" },
        h(
          "table",
          { class: "bars pair" },
          h("caption", { class: "sr" }, "Processed probability of each token in A and in B"),
          h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "token"), h("th", { scope: "col", class: "figure ink-a" }, "A"), h("th", { scope: "col", class: "figure ink-b" }, "B"), h("th", { scope: "col" }, h("span", { class: "sr" }, "bars")))),
          body,
        ),
      ),
    ),
    h("figure", { class: "card" }, h("figcaption", {}, h("b", {}, "A against B, processed. "), h("small", {}, "On the line both give a token the same probability.")), chart.element),
  );
  drawNow();
  return {
    element,
    close: () => {
      stop();
      chart.close();
    },
    download: {
      name: "retort-compare",
      json: () => asJson(record, sides, found!, vocabulary),
      csv: () => [["token", "prob_a", "prob_b"], ...(record.comparable ? together(sides, ...found!, 500) : apart(sides, ...found!)).map((row) => [row.token, row.a, row.b])],
      svg: () => chart.element,
    },
  };
}

function side(name: "A" | "B", key: Side["key"], record: PositionRecord, vocabulary: number): Side {
  const ids = unpackIds(record.rank_ids!);
  return {
    name, key, record, ids,
    logits: unpackLogits(record.logits),
    history: historyOf(record),
    ranks: ranksOf(ids, vocabulary),
    names: new Map(record.ids.map((id, rank) => [id, record.tokens[rank]!])),
  };
}

interface Row {
  token: string;
  a: number;
  b: number;
  removedA: string | null;
  removedB: string | null;
}

/** The best tokens of either side, by the larger of their two processed probabilities. */
function together([a, b]: readonly [Side, Side], foundA: Explanation, foundB: Explanation, count = SHOWN): Row[] {
  const ids = new Set([...bestIds(a, foundA, count), ...bestIds(b, foundB, count)]);
  const rows = [...ids].map((id) => {
    const [rankA, rankB] = [a.ranks[id]!, b.ranks[id]!];
    return {
      token: a.names.get(id) ?? b.names.get(id) ?? `#${id}`,
      a: rankA < a.logits.length ? prob(foundA.processed, rankA) : 0,
      b: rankB < b.logits.length ? prob(foundB.processed, rankB) : 0,
      removedA: removedBy(foundA, rankA)?.name ?? null,
      removedB: removedBy(foundB, rankB)?.name ?? null,
    };
  });
  return rows.sort((one, other) => Math.max(other.a, other.b) - Math.max(one.a, one.b)).slice(0, count);
}

function bestIds(one: Side, found: Explanation, count: number): number[] {
  const { from, to } = found.processed;
  const best = Array.from({ length: Math.min(count, to - from) }, (_, place) => one.ids[rankAt(found.processed, from + place)]!);
  return best.concat([...one.ids.subarray(0, Math.min(4, one.ids.length))]);
}

/** Two vocabularies: each token stands for itself. */
function apart([a, b]: readonly [Side, Side], foundA: Explanation, foundB: Explanation): Row[] {
  const rows = new Map<string, Row>();
  const add = (one: Side, found: Explanation, key: "a" | "b"): void => {
    for (let rank = 0; rank < Math.min(SHOWN, one.record.tokens.length); rank++) {
      const token = one.record.tokens[rank]!;
      const row = rows.get(token) ?? { token, a: 0, b: 0, removedA: null, removedB: null };
      row[key] = prob(found.processed, rank);
      rows.set(token, row);
    }
  };
  add(a, foundA, "a");
  add(b, foundB, "b");
  return [...rows.values()].sort((one, other) => Math.max(other.a, other.b) - Math.max(one.a, one.b)).slice(0, SHOWN);
}

function tableRow(row: Row, top: number): HTMLElement {
  const [barA, barB] = [h("span", { class: "bar bar-a" }), h("span", { class: "bar bar-b" })];
  barA.style.transform = `scaleX(${row.a / top})`;
  barB.style.transform = `scaleX(${row.b / top})`;
  const cell = (value: number, removed: string | null, name: string): HTMLElement =>
    h("td", { class: `figure ink-${name}`, "data-value": value, title: removed ? `removed by ${removed}` : null }, removed ? h("small", {}, `− ${removed}`) : probability(value));
  return h(
    "tr",
    {},
    h("th", { scope: "row", class: "token-cell" }, tokenElement(row.token)),
    cell(row.a, row.removedA, "a"),
    cell(row.b, row.removedB, "b"),
    h("td", { class: "bar-cell" }, h("span", { class: "bar-box", "aria-hidden": "true" }, barA, barB)),
  );
}

function facts(sides: readonly [Side, Side], a: Explanation, b: Explanation, vocabulary: number): HTMLElement[] {
  const [one, other] = sides;
  const between = distances({ window: a.processed, ids: one.ids }, { window: b.processed, ids: other.ids }, vocabulary);
  const matched = equivalentTemperature({ window: a.tempered, ids: one.ids }, other.logits, other.ids, vocabulary);
  const shown: [string, string, string, number, string][] = [
    ["kl-forward", "KL(A ‖ B)", "nats", between.klForward, number(between.klForward)],
    ["kl-reverse", "KL(B ‖ A)", "nats", between.klReverse, number(between.klReverse)],
    ["jsd", "Jensen-Shannon", "nats, at most ln 2", between.jsd, number(between.jsd)],
    ["tv", "total variation", "0 same, 1 disjoint", between.totalVariation, number(between.totalVariation)],
    [
      "equivalent", "equivalent temperature", "τ at which B, whole, is nearest to A, tempered", matched?.temperature ?? NaN,
      matched === null ? "none" : `${tau(matched.temperature)}${matched.atBound ? " (a limit)" : ""}, ${nats(matched.residual)} left`,
    ],
  ];
  return shown.map(([key, name, unit, value, text]) =>
    h("div", { class: "measure" }, h("dt", {}, name, " ", h("small", {}, unit)), h("dd", {}, h("b", { "data-measure": key, "data-value": value }, text))),
  );
}

const CHART = 300;
const LETTER = 6.7;
const FLOOR = 1e-6;

function pairChart(): { element: SVGSVGElement; draw(rows: readonly Row[]): void; close(): void } {
  const holder = svg("g");
  const title = svg("title");
  const element = svg("svg", { viewBox: `0 0 640 ${CHART}`, class: "chart pair-chart", role: "img" }, title, holder);
  let width = 640;
  let last: readonly Row[] = [];
  const close = atItsWidth(element, CHART, (now) => {
    width = now;
    draw(last);
  });
  const place = (value: number, low: number, high: number): number =>
    low + ((high - low) * Math.log(Math.max(value, FLOOR) / FLOOR)) / Math.log(1 / FLOOR);
  function draw(rows: readonly Row[]): void {
    last = rows;
    const [left, right, bottom, top] = [66, width - 20, CHART - 30, 14];
    const ticks = [1, 1e-2, 1e-4, 1e-6];
    say(title, `Probability in A across, in B up: ${rows.slice(0, 8).map((row) => `${tokenText(row.token)} ${probability(row.a)} and ${probability(row.b)}`).join("; ")}`);
    fill(
      holder,
      ...ticks.flatMap((tick) => [
        svg("line", { class: "grid", x1: left, x2: right, y1: place(tick, bottom, top), y2: place(tick, bottom, top) }),
        svg("text", { x: left - 6, y: place(tick, bottom, top) + 4, "text-anchor": "end" }, tick === FLOOR ? "0" : `${100 * tick} %`),
        svg("text", { x: place(tick, left, right), y: CHART - 14, "text-anchor": tick === 1 ? "end" : "middle" }, tick === FLOOR ? "0" : `${100 * tick} %`),
      ]),
      svg("line", { class: "cut", x1: left, y1: bottom, x2: right, y2: top }),
      ...rows.map((row) => svg("circle", { class: row.a >= row.b ? "dot-a" : "dot-b", cx: place(row.a, left, right), cy: place(row.b, bottom, top), r: 4 }, svg("title", {}, tokenText(row.token)))),
      ...labels(rows, left, right, bottom, top),
      svg("text", { x: right, y: CHART - 2, "text-anchor": "end" }, "probability in A →"),
      svg("text", { x: left + 6, y: 12 }, "↑ in B"),
    );
  }
  return { element, draw, close };

  /** The likeliest tokens by name, where a name does not lie on another. */
  function labels(rows: readonly Row[], left: number, right: number, bottom: number, top: number): SVGElement[] {
    const taken: [number, number, number][] = [];
    return rows.slice(0, 12).flatMap((row) => {
      const x = place(row.a, left, right);
      const y = place(row.b, bottom, top);
      const text = tokenText(row.token).slice(0, 14);
      const late = x > right - 90;
      const from = late ? x - 7 - LETTER * text.length : x + 7;
      const to = from + LETTER * text.length;
      if (taken.some(([start, end, at]) => Math.abs(at - y) < 12 && start < to && from < end)) return [];
      taken.push([from, to, y]);
      return [svg("text", { class: "dot-label", x: late ? x - 7 : x + 7, y: y + 4, "text-anchor": late ? "end" : "start" }, text)];
    });
  }
}

function asJson(record: PairRecord, sides: readonly [Side, Side], found: [Explanation, Explanation], vocabulary: number): unknown {
  const [a, b] = found;
  return {
    a: { model: record.a.model, prompt: record.a.prompt, chain: chainText(a.stages.map((stage) => stage.stage)) },
    b: { model: record.b.model, prompt: record.b.prompt, chain: chainText(b.stages.map((stage) => stage.stage)) },
    comparable: record.comparable,
    distances: record.comparable ? distances({ window: a.processed, ids: sides[0].ids }, { window: b.processed, ids: sides[1].ids }, vocabulary) : null,
    tokens: record.comparable ? together(sides, a, b, 200) : apart(sides, a, b),
  };
}
