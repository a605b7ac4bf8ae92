// One position: the distribution, a slider for τ, a chain that can be rearranged, and what each stage takes away.
//
// Of a model that names its most probable tokens only, every number is an interval that holds the truth.

import { atTemperature, chainText, ChainError, isOn, isRow, leakage, leftOut, parseChain, readableChain, stageText, temperatureOf, type Chain, type Explanation } from "../math/chain.ts";
import { exactly, type Interval } from "../math/interval.ts";
import { bars, put } from "../parts/bars.ts";
import { chainEditor } from "../parts/chainEditor.ts";
import { fill, h, say } from "../parts/dom.ts";
import { number, probability, whole } from "../parts/format.ts";
import { everyFrame } from "../parts/frame.ts";
import { fact, help, type Term } from "../parts/help.ts";
import { knownNote } from "../parts/known.ts";
import { rankChart } from "../parts/rankChart.ts";
import { tauSlider } from "../parts/slider.ts";
import { tokenElement } from "../parts/tokens.ts";
import type { PositionRecord } from "../records.ts";
import { subjectOf, support, type Subject } from "./subject.ts";
import { continuationTree, type After } from "./tree.ts";
import type { Context, View } from "./view.ts";

const SHOWN = 20;

/** `onPick`: what a choice of a token does; `after`: asks for the position after some tokens (the tree needs it). */
export function positionView(record: PositionRecord, context: Context, onPick?: (rank: number) => void, after?: After): View {
  const subject = subjectOf(record);
  const { state, announce } = context;
  let found: Explanation | null = null;
  let shown = SHOWN;

  const editor = chainEditor((chain) => set(chain), announce, { heat: false });
  const slider = tauSlider((value) => set(atTemperature(current(), value)));
  const holder = h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Tokens" });
  let table = bars(subject, SHOWN, onPick);
  const chart = rankChart(subject);
  const measures = measureList(subject);
  const tree = after ? continuationTree(subject, after) : null;
  const problem = h("p", { class: "note undecided", "aria-live": "polite" });
  const notes = h("ul", { class: "warnings", "aria-label": "Where the settings conflict" });
  const draw = everyFrame(drawNow);
  const more = h("button", { type: "button", class: "quiet more", onclick: () => showTokens(shown * 3) }, "Show more tokens");

  function showTokens(count: number): void {
    shown = Math.min(count, record.tokens.length);
    table = bars(subject, shown, onPick);
    fill(holder, table.element);
    more.hidden = shown >= record.tokens.length;
    table.draw(found);
  }

  function current(): Chain {
    try {
      return parseChain(state.get("chain") ?? subject.chain);
    } catch {
      return readableChain(subject.chain).chain;
    }
  }

  function set(chain: Chain): void {
    state.set("chain", chainText(chain.filter(isOn)) || " ");
  }

  function drawNow(): void {
    const chain = current();
    let undecided = "";
    try {
      found = subject.explain(chain);
    } catch (error) {
      if (!(error instanceof ChainError)) throw error;
      found = null;
      undecided = error.message;
    }
    say(problem, undecided);
    problem.hidden = undecided === "";
    editor.show(chain);
    editor.report(found?.stages ?? [], found === null ? "not decided here" : "off");
    slider.show(temperatureOf(chain));
    table.draw(found);
    chart.draw(found);
    tree?.draw(chain);
    measures.draw(found);
    fill(notes, ...(found?.warnings ?? []).map((warning) => h("li", {}, warning)));
    notes.hidden = notes.children.length === 0;
  }

  const stop = state.listen((name) => name === "chain" && draw());
  const element = h(
    "div",
    { class: `position${isRow(subject.raw) ? "" : " partial"}` },
    prompt(subject),
    h(
      "div",
      { class: "columns" },
      h(
        "div",
        { class: "side" },
        h("section", { class: "card controls", "aria-label": "Settings" }, slider.element, editor.element, problem, notes),
        h("section", { class: "card", "aria-label": "Measures" }, measures.element),
      ),
      h(
        "div",
        { class: "main" },
        h("section", { class: "card", "aria-label": "Distribution of the next token" }, holder, more),
        tree?.element ?? null,
        h(
          "figure",
          { class: "card" },
          h("figcaption", {}, h("b", {}, isRow(subject.raw) ? `All ${whole(subject.tokens)} tokens, the most likely at the left ` : `${whole(subject.seen)} known tokens as ranges, all others below a bound `), help("rank"), " ", legend(subject)),
          chart.element,
        ),
      ),
    ),
  );
  showTokens(SHOWN);
  drawNow();
  performance.mark("retort-numbers");

  return {
    element,
    close: () => {
      stop();
      chart.close();
    },
    download: {
      name: "retort-position",
      json: () => asJson(subject, found, current()),
      csv: () => asCsv(subject, found),
      svg: () => chart.element,
    },
  };
}

function prompt({ record, seen, raw }: Subject): HTMLElement {
  const missing = leftOut(readableChain(record.chain).others);
  const tokens = record.prompt_tokens.length > 0 ? record.prompt_tokens : [record.prompt];
  return h(
    "div",
    { class: "prompt" },
    h("p", { class: "meta" }, `${record.model}, after`),
    h("p", { class: "tokens", dir: "auto" }, ...tokens.map(tokenElement)),
    knownNote(record, seen, !isRow(raw)),
    missing ? h("p", { class: "note" }, missing) : null,
  );
}

function legend({ raw }: Subject): HTMLElement {
  return h(
    "span",
    { class: "legend" },
    h("span", { class: "key key-raw" }, "raw: the model's own, τ = 1"),
    h("span", { class: "key key-processed" }, "processed: what sampling draws from"),
    isRow(raw) ? h("span", { class: "key key-cut" }, "where a stage cuts") : h("span", { class: "key key-bound" }, "no unknown token lies above"),
  );
}

interface Measure {
  readonly key: string;
  readonly name: string;
  readonly unit: string;
  readonly term: Term;
  readonly write: (value: number) => string;
  /** null where it cannot be known of such a position. */
  readonly of: (explanation: Explanation, subject: Subject) => Interval | null;
  /** Whether the raw distribution has it, too. */
  readonly beside?: boolean;
}

const MEASURES: readonly Measure[] = [
  { key: "entropy", name: "entropy", unit: "nats", term: "entropy", write: number, beside: true, of: (e) => e.entropy },
  { key: "support", name: "effective support", unit: "tokens", term: "effective-support", write: number, beside: true, of: (e) => support(e) },
  { key: "kept", name: "tokens that can come", unit: "", term: "truncation", write: whole, beside: true, of: (e) => exactly(e.kept) },
  { key: "kept-mass", name: "kept mass", unit: "of what τ made", term: "kept-mass", write: probability, of: (e) => e.keptMass },
  { key: "leakage", name: "leakage", unit: "out of the raw top 90%", term: "leakage", write: probability, of: (e) => (isRow(e) ? exactly(leakage(e)) : null) },
  { key: "unseen", name: "unknown tokens’ share", unit: "", term: "interval", write: probability, beside: true, of: (e) => (isRow(e) ? null : e.unseen) },
  { key: "margin", name: "margin", unit: "raw logits, 1st − 2nd", term: "margin", write: number, of: (_, subject) => subject.margin },
];

function measureList(subject: Subject): { element: HTMLElement; draw(explanation: Explanation | null): void } {
  const shown = MEASURES.filter((one) => one.of(subject.raw, subject) !== null);
  const cells = shown.map(({ key }) => h("b", { class: "processed-ink", "data-measure": key }));
  const element = h(
    "dl",
    { class: "measures" },
    ...shown.map(({ key, name, unit, term, write, of, beside }, place) => {
      const raw = h("span", { class: "raw-ink", "data-measure": `${key}-raw` });
      put(raw, of(subject.raw, subject), write);
      const value = h("span", {}, cells[place]!, ...(beside ? [" ", h("small", {}, "raw "), raw] : []));
      return fact({ name, unit, term, value });
    }),
  );
  return {
    element,
    draw(explanation) {
      shown.forEach(({ key, write, of }, place) => {
        const value = explanation === null && key !== "margin" ? null : of(explanation ?? subject.raw, subject);
        put(cells[place]!, value, write);
      });
    },
  };
}

/** An interval in a file: a number where it is exact, null where it is not decided. */
function plain(value: Interval | null): unknown {
  return value !== null && value.low === value.high ? value.low : value;
}

function asJson(subject: Subject, found: Explanation | null, chain: Chain): unknown {
  const { record, raw, logits } = subject;
  const of = (one: Explanation): object => ({ entropy_nats: plain(one.entropy), effective_support: plain(support(one)), unseen: plain(one.unseen) });
  return {
    known: record.known,
    model: record.model,
    prompt: record.prompt,
    vocabulary: record.vocabulary,
    chain: chainText(chain),
    raw: { ...of(raw), margin: plain(subject.margin) },
    processed: found === null ? null : { ...of(found), kept: found.kept, kept_mass: plain(found.keptMass) },
    stages: (found?.stages ?? []).map(({ stage, kept, removed, keptMass, keptMassTotal }) => ({
      stage: stageText(stage), kept, removed, kept_mass: plain(keptMass), kept_mass_total: plain(keptMassTotal),
    })),
    warnings: found?.warnings ?? [],
    tokens: record.tokens.slice(0, 100).map((token, rank) => ({
      token,
      id: record.ids[rank],
      [isRow(raw) ? "logit" : "logprob"]: logits[rank],
      prob_raw: plain(raw.prob(rank)),
      prob_processed: plain(found?.prob(rank) ?? null),
      removed_by: removedText(found, rank),
    })),
  };
}

/** One row a token; where only the best ones are known, two columns a probability, and a last row for all others. */
function asCsv({ record, raw, logits, seen, tokens }: Subject, found: Explanation | null): (string | number | null)[][] {
  const whole_ = isRow(raw);
  const ends = (value: Interval | null): (number | null)[] => (whole_ ? [value?.low ?? null] : [value?.low ?? null, value?.high ?? null]);
  const columns = (name: string): string[] => (whole_ ? [name] : [`${name}_low`, `${name}_high`]);
  return [
    ["rank", "id", "token", whole_ ? "logit" : "logprob", ...columns("prob_raw"), ...columns("prob_processed"), "removed_by"],
    ...record.tokens.map((token, rank) => [
      rank + 1, record.ids[rank] ?? null, token, logits[rank]!, ...ends(raw.prob(rank)), ...ends(found?.prob(rank) ?? null), removedText(found, rank),
    ]),
    ...(whole_ || seen === tokens ? [] : [[null, null, "(all others)", null, ...ends(raw.unseen), ...ends(found?.unseen ?? null), null]]),
  ];
}

function removedText(found: Explanation | null, rank: number): string | null {
  const stage = found?.removedBy(rank) ?? null;
  return stage === null ? null : stageText(stage);
}
