// Two distributions side by side: two models, two prompts, or one model through two orders of its chain.
//
// Where one of them is known in part, both are lists and compared raw; the record then says what is certain of the distance.

import { chainText, isOn, isRow, leftOut, parseChain, readableChain, type Chain, type Explanation, type RowExplanation } from "../math/chain.ts";
import { distances, equivalentTemperature, ranksOf } from "../math/comparison.ts";
import { asIn, ENGINES } from "../math/engines.ts";
import { endsOf, exactly, type Interval } from "../math/interval.ts";
import { rankAt } from "../math/order.ts";
import { unpackIds } from "../math/unpack.ts";
import { endsBar, put, setEnds } from "../parts/bars.ts";
import { chainEditor } from "../parts/chainEditor.ts";
import { fill, h, say, svg } from "../parts/dom.ts";
import { decimals, nats, number, percent as asPercent, probability, span, whole } from "../parts/format.ts";
import { atItsWidth, everyFrame } from "../parts/frame.ts";
import { factList, help, type Fact } from "../parts/help.ts";
import { knownNote } from "../parts/known.ts";
import { tokenElement, tokenText } from "../parts/tokens.ts";
import type { ComparedPosition, PairRecord, PositionRecord, Spelled } from "../records.ts";
import { subjectOf, support, type Subject } from "./subject.ts";
import type { Context, View } from "./view.ts";

const SHOWN = 18;

interface Side extends Subject {
  readonly name: "A" | "B";
  readonly key: "chain_a" | "chain_b";
}

/** Two whole rows of one vocabulary: then tokens are matched by id, and distances have a meaning. */
interface Vocabulary {
  readonly size: number;
  readonly ids: readonly [Uint32Array, Uint32Array];
  readonly ranks: readonly [Uint32Array, Uint32Array];
}

export function compareView(record: PairRecord, context: Context): View {
  const { state, announce } = context;
  const sides: readonly [Side, Side] = [
    { ...subjectOf(record.a), name: "A", key: "chain_a" },
    { ...subjectOf(record.b), name: "B", key: "chain_b" },
  ];
  const shared = record.comparable && record.a.rank_ids && record.b.rank_ids ? vocabularyOf(record.a, record.b) : null;
  const editors = sides.map((one) => sideCard(one));
  const measures = h("div");
  const verdict = h("p", { class: "verdict-line" });
  const body = h("tbody");
  const lists = record.compared !== null;
  const chart = pairChart();
  const draw = everyFrame(drawNow);
  let found: [Explanation, Explanation] | null = null;

  function chainOf(one: Side): Chain {
    try {
      return parseChain(state.get(one.key) ?? one.chain);
    } catch {
      return readableChain(one.chain).chain;
    }
  }

  function sideCard(one: Side): { element: HTMLElement; show(explanation: Explanation): void } {
    const set = (chain: Chain): void => state.set(one.key, chainText(chain.filter(isOn)) || " ");
    const editor = chainEditor(set, announce, { heat: true });
    const order = h("select", { "aria-label": `${one.name}: order and rules as in an engine`, onchange: () => {
      if (order.value) set(asIn(order.value, chainOf(one)));
      order.value = "";
    } });
    fill(order, h("option", { value: "" }, "as in …"), ...[...ENGINES.keys()].map((name) => h("option", { value: name }, name)));
    const [kept, entropy, effective] = [h("b"), h("b"), h("b")];
    const summary = factList([
      { name: "tokens that can come", term: "truncation", value: kept },
      { name: "entropy", unit: "nats", term: "entropy", value: entropy },
      { name: "effective support", unit: "tokens", term: "effective-support", value: effective },
    ]);
    const missing = leftOut(readableChain(one.record.chain).others);
    const tokens = one.record.prompt_tokens.length > 0 ? one.record.prompt_tokens : [one.record.prompt];
    return {
      element: h(
        "section",
        { class: `card side-${one.name.toLowerCase()}`, "aria-label": one.name },
        h("h2", {}, h("span", { class: `side-mark mark-${one.name.toLowerCase()}` }, one.name), ` ${one.record.model}`),
        h("p", { class: "tokens side-prompt", dir: "auto" }, ...tokens.map(tokenElement)),
        knownNote(one.record, one.seen, record.compared !== null),
        missing ? h("p", { class: "note" }, missing) : null,
        record.compared === null ? editor.element : null,
        record.compared === null ? h("p", { class: "chain-tools" }, order) : null,
        summary,
      ),
      show(explanation) {
        editor.show(chainOf(one));
        editor.report(explanation.stages);
        say(kept, whole(explanation.kept));
        say(entropy, span(explanation.entropy));
        say(effective, span(support(explanation)));
      },
    };
  }

  function drawNow(): void {
    const [a, b] = sides.map((one) => (lists ? one.raw : one.explain(chainOf(one)))) as [Explanation, Explanation];
    found = [a, b];
    editors[0]!.show(a);
    editors[1]!.show(b);
    const rows = rowsOf(sides, shared, found, SHOWN).map((row) => withSpelling(row, record, found!));
    const rest = lists ? { a: a.unseen, b: b.unseen } : null;
    const top = Math.max(...rows.flatMap((row) => [row.a?.high ?? 0, row.b?.high ?? 0]), rest?.a.high ?? 0, rest?.b.high ?? 0, 1e-12);
    fill(body, ...rows.map((row) => tableRow(row, top)), rest ? tableRow({ token: null, ...rest, removedA: null, removedB: null }, top) : null);
    chart.draw(rows);
    const numbers = record.compared ? certain(record.compared) : shared ? facts(sides, shared, found) : [];
    fill(measures, numbers.length > 0 ? factList(numbers) : null);
    say(verdict, inWords(sides, shared, found, record.compared));
  }

  const stop = state.listen((name) => (name === "chain_a" || name === "chain_b") && draw());
  const element = h(
    "div",
    {},
    shared || lists
      ? null
      : h(
          "p",
          { class: "note" },
          "The two models have different vocabularies, so no distance is given. Tokens are matched by their text. What one model writes in " +
            "several pieces (␣Can·ber·ra) has the probability of all pieces in a row, for the raw distribution; – stands where nothing is known.",
        ),
    h("div", { class: "two" }, editors[0]!.element, editors[1]!.element),
    h(
      "section",
      { class: "card", "aria-label": "The two distributions" },
      verdict,
      measures,
      h(
        "div",
        { class: "scroll", tabindex: 0, role: "region", "aria-label": "Tokens in A and in B" },
        h(
          "table",
          { class: `bars pair${lists ? " range-bars" : ""}` },
          h("caption", { class: "sr" }, `${lists ? "Raw" : "Processed"} probability of each token in A and in B`),
          h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "token ", help("token")), h("th", { scope: "col", class: "figure ink-a" }, "in A ", help(lists ? "raw" : "processed")), h("th", { scope: "col", class: "figure ink-b" }, "in B ", help(lists ? "raw" : "processed")), h("th", { scope: "col" }, h("span", { class: "sr" }, "bars")))),
          body,
        ),
      ),
    ),
    h(
      "figure",
      { class: "card" },
      h("figcaption", {}, h("b", {}, "How far apart each token is "), help(lists ? "raw" : "processed"), " ", h("small", {}, `One step of the axis is a factor of 100${lists ? "; a line reaches from the lowest to the highest that a token can have" : ""}.`), " ", h("span", { class: "legend" }, h("span", { class: "key key-accent" }, "A"), h("span", { class: "key key-second" }, "B"))),
      chart.element,
    ),
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
      json: () => asJson(record, sides, shared, found!),
      csv: () => [
        ["token", "prob_a_low", "prob_a_high", "prob_b_low", "prob_b_high"],
        ...rowsOf(sides, shared, found!, 500).map(({ token, a, b }) => [token, a?.low ?? null, a?.high ?? null, b?.low ?? null, b?.high ?? null]),
      ],
      svg: () => chart.element,
    },
  };
}

function vocabularyOf(a: PositionRecord, b: PositionRecord): Vocabulary {
  const size = Math.max(a.vocabulary!, b.vocabulary!);
  const ids = [unpackIds(a.rank_ids!), unpackIds(b.rank_ids!)] as const;
  return { size, ids, ranks: [ranksOf(ids[0], size), ranksOf(ids[1], size)] };
}

interface Row {
  /** null: all tokens that are not known. */
  readonly token: string | null;
  /** null: this side does not name the token. */
  readonly a: Interval | null;
  readonly b: Interval | null;
  readonly removedA: string | null;
  readonly removedB: string | null;
  /** How a side that has no such token writes the text. */
  readonly spelled?: readonly [Spelled | null, Spelled | null];
}

/** The best tokens of either side, by the larger of their two probabilities. */
function rowsOf(sides: readonly [Side, Side], shared: Vocabulary | null, found: readonly [Explanation, Explanation], count: number): Row[] {
  const rows = shared ? byId(sides, shared, found, count) : byText(sides, found);
  const best = (row: Row): number => Math.max(row.a?.high ?? 0, row.b?.high ?? 0);
  return rows.sort((one, other) => best(other) - best(one)).slice(0, count);
}

function byId(sides: readonly [Side, Side], { ids, ranks }: Vocabulary, found: readonly [Explanation, Explanation], count: number): Row[] {
  const names = new Map(sides.flatMap(({ record }) => record.ids.map((id, rank) => [id, record.tokens[rank]!] as const)));
  const best = found.flatMap((one, side) => {
    const { processed } = one as RowExplanation;
    const left = Array.from({ length: Math.min(count, one.kept) }, (_, place) => ids[side]![rankAt(processed, processed.from + place)]!);
    return [...left, ...ids[side]!.subarray(0, 4)];
  });
  return [...new Set(best)].map((id) => {
    const [rankA, rankB] = [ranks[0][id]!, ranks[1][id]!];
    const of = (side: 0 | 1, rank: number): Interval => (rank < sides[side].tokens ? found[side].prob(rank) : exactly(0));
    return {
      token: names.get(id) ?? `#${id}`, a: of(0, rankA), b: of(1, rankB),
      removedA: found[0].removedBy(rankA)?.name ?? null, removedB: found[1].removedBy(rankB)?.name ?? null,
    };
  });
}

/** Tokens matched by their text: what a side does not name may be spelled otherwise there, so it is not 0. */
function byText(sides: readonly [Side, Side], found: readonly [Explanation, Explanation]): Row[] {
  const rows = new Map<string, { a: Interval | null; b: Interval | null; removedA: string | null; removedB: string | null }>();
  sides.forEach(({ record }, side) =>
    record.tokens.forEach((token, rank) => {
      const row = rows.get(token) ?? { a: null, b: null, removedA: null, removedB: null };
      const [value, removed] = [found[side]!.prob(rank), found[side]!.removedBy(rank)?.name ?? null];
      if (side === 0) [row.a, row.removedA] = [row.a ?? value, row.removedA ?? removed];
      else [row.b, row.removedB] = [row.b ?? value, row.removedB ?? removed];
      rows.set(token, row);
    }),
  );
  return [...rows].map(([token, row]) => ({ token, ...row }));
}

/** What a side gives a text that it writes in other pieces: known for its raw distribution, so shown where that is drawn from. */
function withSpelling(row: Row, { spelled }: PairRecord, found: readonly [Explanation, Explanation]): Row {
  const side = (at: 0 | 1): Spelled | null => (row.token !== null && (at === 0 ? row.a : row.b) === null ? (spelled[at].find(({ text }) => text === row.token) ?? null) : null);
  const [a, b] = [side(0), side(1)];
  const value = (one: Spelled | null, { stages }: Explanation): Interval | null => (one !== null && stages.every(({ stage }) => stage.name === "temperature" && stage.value === 1) ? exactly(Math.exp(one.logprob)) : null);
  return { ...row, a: row.a ?? value(a, found[0]), b: row.b ?? value(b, found[1]), spelled: [a, b] };
}

function tableRow(row: Row, top: number): HTMLElement {
  const [barA, barB] = [endsBar("a"), endsBar("b")];
  setEnds(barA, row.a ?? exactly(0), top);
  setEnds(barB, row.b ?? exactly(0), top);
  const cell = (value: Interval | null, removed: string | null, side: "a" | "b"): HTMLElement => {
    const made = h("td", { class: `figure ink-${side}`, title: removed ? `removed by ${removed}` : value === null ? "not among the tokens that are named" : null });
    if (removed) return fill(made, h("small", {}, `− ${removed}`));
    const pieces = row.spelled?.[side === "a" ? 0 : 1]?.tokens ?? [];
    const written = pieces.length > 1 ? h("small", { class: "spelled", title: "the pieces in which this model writes it; their raw probabilities multiplied" }, pieces.map(tokenText).join("·")) : null;
    if (value === null) return fill(made, h("small", {}, "–"), written);
    const number_ = h("span");
    put(number_, value, probability);
    put(made, value, probability);
    return fill(made, number_, written);
  };
  return h(
    "tr",
    { class: row.token === null ? "rest" : "" },
    h("th", { scope: "row", class: "token-cell" }, row.token === null ? "all unknown ones" : tokenElement(row.token)),
    cell(row.a, row.removedA, "a"),
    cell(row.b, row.removedB, "b"),
    h("td", { class: "bar-cell" }, h("span", { class: "bar-box", "aria-hidden": "true" }, barA.element, barB.element)),
  );
}

/** A measure of the two as a fact; its value is data too. */
function told(key: string, name: string, unit: string, term: Fact["term"], value: number | null, text: string, after = ""): Fact {
  return { name, unit, term, value: h("span", {}, h("b", { "data-measure": key, "data-value": value ?? "" }, text), after ? h("small", {}, ` ${after}`) : null) };
}

function facts(sides: readonly [Side, Side], shared: Vocabulary, [a, b]: readonly [Explanation, Explanation]): Fact[] {
  const between = distancesOf(shared, a, b);
  if (between === null || !isRow(a) || !isRow(b)) return [];
  const matched = equivalentTemperature({ window: a.tempered, ids: shared.ids[0] }, sides[1].logits, shared.ids[1], shared.size);
  return [
    told("tv", "total variation", "0 same, 1 disjoint", "total-variation", between.totalVariation, number(between.totalVariation)),
    told("jsd", "Jensen-Shannon", "nats, at most 0.693", "jsd", between.jsd, number(between.jsd)),
    told("kl-forward", "KL(A ‖ B)", "nats", "kl", between.klForward, number(between.klForward)),
    told("kl-reverse", "KL(B ‖ A)", "nats", "kl", between.klReverse, number(between.klReverse)),
    told(
      "equivalent", "τ that brings B nearest to A", "B whole, A tempered", "equivalent-temperature", matched?.temperature ?? NaN,
      matched === null ? "none" : decimals(matched.temperature, 2), matched === null ? "" : `${matched.atBound ? "(a limit), " : ""}${nats(matched.residual)} remain`,
    ),
  ];
}

/** What the numbers below say, as a sentence. */
function inWords([a, b]: readonly [Side, Side], shared: Vocabulary | null, found: readonly [Explanation, Explanation], compared: ComparedPosition | null): string {
  const [first, second] = [best(a, found[0]), best(b, found[1])];
  const same = first.token === second.token;
  const tops = same
    ? `Both put ${first.shown} first: A gives it ${first.share}, B ${second.share}.`
    : `A puts ${first.shown} first (${first.share}), B ${second.shown} (${second.share}).`;
  const apart = compared ? endsOf(compared.total_variation) : shared ? exactly(distancesOf(shared, ...found)?.totalVariation ?? NaN) : null;
  if (apart === null || Number.isNaN(apart.high)) return tops;
  return `${tops} They share ${span({ low: 1 - apart.high, high: 1 - apart.low }, percent)} of their probability.`;
}

/** The most likely token that a side leaves. */
function best({ record }: Side, found: Explanation): { token: string; shown: string; share: string } {
  let rank = 0;
  record.tokens.forEach((_, other) => {
    if (found.prob(other).high > found.prob(rank).high) rank = other;
  });
  const token = record.tokens[rank]!;
  return { token, shown: `“${tokenText(token)}”`, share: span(found.prob(rank), percent) };
}

function percent(value: number): string {
  return value > 0 && value < 0.01 ? "less than 1%" : asPercent(value);
}

function distancesOf(shared: Vocabulary, a: Explanation, b: Explanation): ReturnType<typeof distances> | null {
  if (!isRow(a) || !isRow(b)) return null;
  return distances({ window: a.processed, ids: shared.ids[0] }, { window: b.processed, ids: shared.ids[1] }, shared.size);
}

/** What is certain of two lists. */
function certain(compared: ComparedPosition): Fact[] {
  const least = ({ low, high }: Interval): string => (low === high ? number(low) : low === -Infinity ? "inf" : `at least ${number(low)}`);
  return [
    told("tv", "total variation", "0 same, 1 disjoint", "total-variation", null, span(endsOf(compared.total_variation))),
    told("kl-forward", "KL(A ‖ B)", "nats", "kl", null, least(endsOf(compared.kl_ab))),
    told("kl-reverse", "KL(B ‖ A)", "nats", "kl", null, least(endsOf(compared.kl_ba))),
    told("common", "tokens that both name", "", "interval", null, number(compared.common)),
    told("logprob-difference", "largest difference of logprobs", "nats, among these", "logprob", null, number(compared.logprob_difference)),
  ];
}

const ROW = 20;
const LABEL = 120;
const EDGE = { right: 22, top: 8, bottom: 34 };
const FLOOR = 1e-6;

/** For each token two dots, or lines from its lowest to its highest probability, and between them how far they are apart. */
function pairChart(): { element: SVGSVGElement; draw(rows: readonly Row[]): void; close(): void } {
  const height = EDGE.top + SHOWN * ROW + EDGE.bottom;
  const title = svg("title");
  const holder = svg("g");
  const element = svg("svg", { viewBox: `0 0 640 ${height}`, class: "chart pair-chart", role: "img" }, title, holder);
  element.style.maxHeight = "none";
  let width = 640;
  let last: readonly Row[] = [];
  const close = atItsWidth(element, height, (now) => {
    width = now;
    draw(last);
  });
  const said = (value: Interval | null): string => (value === null ? "not named" : span(value, probability));

  function draw(rows: readonly Row[]): void {
    last = rows;
    const x = (value: number): number => LABEL + ((width - EDGE.right - LABEL) * Math.log(Math.max(value, FLOOR) / FLOOR)) / Math.log(1 / FLOOR);
    const ends = (value: Interval | null, side: string, y: number): SVGElement | null => {
      if (value === null || value.high < FLOOR) return null;
      if (value.low === value.high) return svg("circle", { class: `dot-${side}`, cx: x(value.low), cy: y, r: 5 });
      return svg("line", { class: `whisker whisker-${side}`, x1: x(value.low), x2: Math.max(x(value.high), x(value.low) + 3), y1: y, y2: y });
    };
    const gap = (a: Interval | null, b: Interval | null, y: number): SVGElement | null =>
      a === null || b === null ? null : svg("line", { class: "gap", x1: x(a.high), x2: x(b.high), y1: y, y2: y });
    say(title, `Probability in A and B: ${rows.slice(0, 8).map((row) => `${tokenText(row.token ?? "")} ${said(row.a)} and ${said(row.b)}`).join("; ")}`);
    fill(
      holder,
      ...[1, 1e-2, 1e-4, 1e-6].flatMap((tick) => [
        svg("line", { class: "grid", x1: x(tick), x2: x(tick), y1: EDGE.top, y2: height - EDGE.bottom }),
        svg("text", { x: x(tick), y: height - EDGE.bottom + 16, "text-anchor": "middle" }, tick === FLOOR ? "≤ 0.0001%" : `${number(100 * tick)}%`),
      ]),
      ...rows.flatMap((row, place) => {
        const middle = EDGE.top + place * ROW + ROW / 2;
        const label = tokenText(row.token ?? "");
        return [
          svg("text", { class: "dot-label", x: LABEL - 8, y: middle + 4, "text-anchor": "end" }, label.length > 14 ? `${label.slice(0, 13)}…` : label),
          gap(row.a, row.b, middle),
          ends(row.a, "a", middle),
          ends(row.b, "b", middle),
        ];
      }),
      svg("text", { x: width - EDGE.right, y: height - 2, "text-anchor": "end" }, "probability →"),
    );
  }
  return { element, draw, close };
}

function asJson(record: PairRecord, sides: readonly [Side, Side], shared: Vocabulary | null, found: readonly [Explanation, Explanation]): unknown {
  const of = ({ record: { model, prompt } }: Side, { stages }: Explanation): object => ({ model, prompt, chain: chainText(stages.map(({ stage }) => stage)) });
  return {
    a: of(sides[0], found[0]),
    b: of(sides[1], found[1]),
    comparable: record.comparable,
    distances: record.compared ?? (shared && distancesOf(shared, ...found)),
    tokens: rowsOf(sides, shared, found, 200),
  };
}
