// One position of a model that names its most probable tokens only: every number is an interval that holds the truth.
//
// The slider and the chain work here too, without asking the model: what the unknown tail can do at τ is bounded.

import { atTemperature, chainText, ChainError, isOn, leftOut, parseChain, readableChain, stageText, temperatureOf, type Chain } from "../math/chain.ts";
import { entropyOf, explainPartial, largestUnseen, probsOf, unseenShare, type Interval, type Known, type PartialExplanation } from "../math/partial.ts";
import { chainEditor } from "../parts/chainEditor.ts";
import { fill, h, say } from "../parts/dom.ts";
import { number, probability, probabilityRange, range, whole } from "../parts/format.ts";
import { everyFrame } from "../parts/frame.ts";
import { knownNote } from "../parts/known.ts";
import { rangeBars, type RangeShown } from "../parts/rangeBars.ts";
import { rangeChart } from "../parts/rangeChart.ts";
import { tauSlider } from "../parts/tauSlider.ts";
import { tokenElement } from "../parts/tokens.ts";
import type { PartialPositionRecord } from "../records.ts";
import type { Context, View } from "./view.ts";

/** The chain of a first look where the asked one cannot be decided. */
const PLAIN = "temperature=1";

export function knownOf(record: PartialPositionRecord): Known {
  return { logProbs: Float64Array.from(record.logprobs), tokens: record.vocabulary_at_most, rounding: record.rounding };
}

export function partialPositionView(record: PartialPositionRecord, context: Context, onPick?: (token: string) => void): View {
  const { state, announce } = context;
  const known = knownOf(record);
  const seen = record.tokens.length;
  const unknown = known.tokens - seen;
  const first = firstChain(record, known);
  const raw = { probs: probsOf(known, 1), unseen: unseenShare(known, 1), largest: largestUnseen(known, 1) };
  const rawEntropy = entropyOf(known, 1);
  let found: PartialExplanation | null = null;

  const editor = chainEditor((chain) => set(chain), announce, { heat: false });
  const slider = tauSlider((value) => set(atTemperature(current(), value)));
  const rows = record.tokens.map((token, place) => ({ token, id: record.ids[place] ?? null, logprob: record.logprobs[place]! }));
  const table = rangeBars(rows, `${record.vocabulary === null ? "up to " : ""}${whole(unknown)} unknown`, onPick && ((place) => onPick(record.tokens[place]!)));
  const chart = rangeChart(known.tokens);
  const measures = measureList();
  const problem = h("p", { class: "note undecided", role: "status" });
  const notes = h("ul", { class: "warnings", "aria-label": "Where the settings conflict" });
  const draw = everyFrame(drawNow);

  function current(): Chain {
    try {
      return parseChain(state.get("chain") ?? first);
    } catch {
      return readableChain(first).chain;
    }
  }

  function set(chain: Chain): void {
    state.set("chain", chainText(chain.filter(isOn)) || " ");
  }

  function drawNow(): void {
    const chain = current();
    editor.show(chain);
    slider.show(temperatureOf(chain));
    found = null;
    let told = "";
    try {
      found = explainPartial(chain, known);
    } catch (error) {
      if (!(error instanceof ChainError)) throw error;
      told = error.message;
    }
    say(problem, told);
    problem.hidden = told === "";
    editor.report(found?.stages ?? [], "not decided here");
    const shown = record.tokens.map((_, rank): RangeShown => {
      const processed = found === null ? null : (found.probs[rank] ?? { low: 0, high: 0 });
      return { raw: raw.probs[rank]!, processed, removed: found === null ? "" : removedBy(found, rank) };
    });
    const left = found === null ? "not decided" : found.kept > seen ? "kept" : "removed";
    table.draw(shown, unknown > 0 ? { raw: raw.unseen, processed: found?.unseen ?? null, removed: "" } : null, left);
    const cut = found !== null && found.unseen.high === 0;
    chart.draw(raw, found === null ? null : { probs: found.probs, unseen: found.unseen, largest: cut ? 0 : largestUnseen(known, found.temperature) });
    measures.draw(found);
    fill(notes, ...(found?.warnings ?? []).map((warning) => h("li", {}, warning)));
    notes.hidden = notes.children.length === 0;
  }

  function measureList(): { element: HTMLElement; draw(explanation: PartialExplanation | null): void } {
    const shown: [string, string, string, Interval, (e: PartialExplanation) => Interval, (value: number) => string][] = [
      ["entropy", "entropy", "nats", rawEntropy, (e) => e.entropy, number],
      ["support", "effective support", "tokens, e^entropy", support(rawEntropy), (e) => support(e.entropy), number],
      ["unseen", "unknown tokens’ share", "", raw.unseen, (e) => e.unseen, probability],
    ];
    const cells = shown.map(([key]) => ({ raw: h("span", { class: "raw-ink", "data-measure": `${key}-raw` }), processed: h("b", { class: "processed-ink", "data-measure": key }) }));
    const kept = h("b", { "data-measure": "kept" });
    const gap = h("b", { "data-measure": "margin" });
    const element = h(
      "dl",
      { class: "measures" },
      ...shown.map(([, name, unit], place) =>
        h("div", { class: "measure" }, h("dt", {}, name, unit ? h("small", {}, ` ${unit}`) : null), h("dd", {}, cells[place]!.processed, " ", h("small", {}, "raw "), cells[place]!.raw)),
      ),
      h("div", { class: "measure" }, h("dt", {}, "tokens that can come"), h("dd", {}, kept)),
      h("div", { class: "measure" }, h("dt", {}, "margin ", h("small", {}, "raw logits, 1st over 2nd")), h("dd", {}, gap)),
    );
    const put = (cell: HTMLElement, value: Interval | null, write: (value: number) => string): void => {
      const text = write === probability ? probabilityRange : (low: number, high: number): string => range(low, high, write);
      say(cell, value === null ? "?" : text(value.low, value.high));
      cell.dataset["low"] = value === null ? "" : String(value.low);
      cell.dataset["high"] = value === null ? "" : String(value.high);
    };
    return {
      element,
      draw(explanation) {
        shown.forEach(([, , , raw, processed, write], place) => {
          put(cells[place]!.raw, raw, write);
          put(cells[place]!.processed, explanation === null ? null : processed(explanation), write);
        });
        say(kept, explanation === null ? "?" : `${explanation.kept > seen && record.vocabulary === null ? "all, up to " : ""}${whole(explanation.kept)}`);
        // Two roundings, one in each direction, lie between the two logprobs.
        if (seen > 1) {
          const margin = record.logprobs[0]! - record.logprobs[1]!;
          put(gap, { low: Math.max(margin - 2 * record.rounding, 0), high: margin + 2 * record.rounding }, number);
        } else say(gap, "?");
      },
    };
  }

  const missing = leftOut(readableChain(record.chain).others);
  const stop = state.listen((name) => name === "chain" && draw());
  const element = h(
    "div",
    { class: "position partial" },
    h(
      "div",
      { class: "prompt" },
      h("p", { class: "meta" }, `${record.model}, after`),
      h("p", { class: "tokens", dir: "auto" }, tokenElement(record.prompt)),
      knownNote(record, seen, record.vocabulary, record.vocabulary_at_most),
      missing ? h("p", { class: "note" }, missing) : null,
    ),
    h(
      "div",
      { class: "columns" },
      h("section", { class: "card controls", "aria-label": "Settings" }, slider.element, editor.element, problem, notes),
      h("section", { class: "card", "aria-label": "Distribution of the next token, as intervals" }, measures.element, h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Known tokens" }, table.element)),
    ),
    h(
      "figure",
      { class: "card" },
      h(
        "figcaption",
        {},
        h("b", {}, `${whole(seen)} known tokens as ranges, all others below a bound. `),
        h("span", { class: "legend" }, h("span", { class: "key key-raw" }, "raw: the model’s own, τ = 1"), h("span", { class: "key key-processed" }, "processed: what sampling draws from"), h("span", { class: "key key-bound" }, "no unknown token lies above")),
      ),
      chart.element,
    ),
  );
  drawNow();
  performance.mark("retort-numbers");

  return {
    element,
    close: () => {
      stop();
      chart.close();
    },
    download: { name: "retort-position", json: asJson, csv: asCsv, svg: () => chart.element },
  };

  function asJson(): unknown {
    return {
      ...record,
      chain: chainText(current()),
      raw: { entropy_nats: rawEntropy, unseen: raw.unseen, probs: raw.probs },
      processed: found === null ? null : {
        entropy_nats: found.entropy, kept: found.kept, unseen: found.unseen, probs: found.probs,
        stages: found.stages.map(({ stage, kept, removed, keptMass }) => ({ stage: stageText(stage), kept, removed, kept_mass: keptMass })),
      },
      undecided: problem.textContent || null,
    };
  }

  function asCsv(): (string | number | null)[][] {
    return [
      ["rank", "id", "token", "logprob", "prob_raw_low", "prob_raw_high", "prob_processed_low", "prob_processed_high"],
      ...rows.map((row, rank) => {
        const processed = found === null ? null : (found.probs[rank] ?? { low: 0, high: 0 });
        return [rank + 1, row.id, row.token, row.logprob, raw.probs[rank]!.low, raw.probs[rank]!.high, processed?.low ?? null, processed?.high ?? null];
      }),
      [null, null, "(all others)", null, raw.unseen.low, raw.unseen.high, found?.unseen.low ?? null, found?.unseen.high ?? null],
    ];
  }
}

function firstChain(record: PartialPositionRecord, known: Known): string {
  try {
    explainPartial(readableChain(record.chain).chain, known);
    return record.chain;
  } catch {
    return PLAIN;
  }
}

function support({ low, high }: Interval): Interval {
  return { low: Math.exp(low), high: Math.exp(high) };
}

/** The stage that removes a rank, as its text; "" if it is kept. Cuts of the whole row keep the first ranks. */
function removedBy(found: PartialExplanation, rank: number): string {
  if ((found.probs[rank]?.high ?? 0) > 0) return "";
  const report = found.stages.find((stage) => stage.kept <= rank && stage.removed > 0) ?? found.stages.findLast((stage) => stage.removed > 0);
  return report === undefined ? "" : stageText(report.stage);
}
