// One position: the distribution, a slider for τ, a chain that can be rearranged, and what each stage takes away.

import {
  atTemperature,
  chainText,
  effectiveSupport,
  explain,
  isOn,
  leakage,
  leftOut,
  parseChain,
  readableChain,
  removedBy,
  size,
  stageText,
  temperatureOf,
  type Chain,
  type Explanation,
  type Stage,
} from "../math/chain.ts";
import { prob } from "../math/order.ts";
import { unpackLogits } from "../math/unpack.ts";
import { margin, sums } from "../math/window.ts";
import { bars } from "../parts/bars.ts";
import { chainEditor } from "../parts/chainEditor.ts";
import { fill, h, say } from "../parts/dom.ts";
import { number, probability, whole } from "../parts/format.ts";
import { everyFrame } from "../parts/frame.ts";
import { help, type Term } from "../parts/help.ts";
import { rankChart } from "../parts/rankChart.ts";
import { tauSlider } from "../parts/tauSlider.ts";
import { tokenElement } from "../parts/tokens.ts";
import { historyOf, type PositionRecord } from "../records.ts";
import type { Context, View } from "./view.ts";

const SHOWN = 20;

export function positionView(record: PositionRecord, context: Context, onPick?: (rank: number) => void): View {
  const logits = unpackLogits(record.logits);
  const history = historyOf(record);
  const { state, announce } = context;
  let explanation: Explanation | undefined;

  const editor = chainEditor((chain) => set(chain), announce, { heat: false });
  const slider = tauSlider((value) => set(atTemperature(current(), value)));
  const holder = h("div");
  let table = bars(record, logits, SHOWN, onPick);
  const chart = rankChart(logits.length);
  const measures = measureList();
  const notes = h("ul", { class: "warnings", "aria-label": "Where the settings conflict" });
  const draw = everyFrame(drawNow);
  const more = h("button", { type: "button", class: "quiet more", onclick: () => showTokens(shown * 3) }, "Show more tokens");
  let shown = SHOWN;

  function showTokens(count: number): void {
    shown = Math.min(count, record.tokens.length);
    table = bars(record, logits, shown, onPick);
    fill(holder, table.element);
    more.hidden = shown >= record.tokens.length;
    if (explanation !== undefined) table.draw(explanation);
  }

  function current(): Chain {
    try {
      return parseChain(state.get("chain") ?? record.chain);
    } catch {
      return readableChain(record.chain).chain;
    }
  }

  function set(chain: Chain): void {
    state.set("chain", chainText(chain.filter(isOn)) || " ");
  }

  function drawNow(): void {
    const chain = current();
    explanation = explain(chain, logits, history);
    editor.show(chain);
    editor.report(explanation.stages);
    slider.show(temperatureOf(chain));
    table.draw(explanation);
    chart.draw(explanation);
    measures.draw(explanation);
    fill(notes, ...explanation.warnings.map((warning) => h("li", {}, warning)));
    notes.hidden = explanation.warnings.length === 0;
  }

  const stop = state.listen((name) => name === "chain" && draw());
  const element = h(
    "div",
    { class: "position" },
    prompt(record),
    h(
      "div",
      { class: "columns" },
      h("section", { class: "card controls", "aria-label": "Settings" }, slider.element, editor.element, notes),
      h(
        "section",
        { class: "card", "aria-label": "Distribution of the next token" },
        measures.element,
        holder,
        more,
      ),
    ),
    h(
      "figure",
      { class: "card" },
      h("figcaption", {}, h("b", {}, `All ${whole(logits.length)} tokens by rank. `), legend()),
      chart.element,
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
      json: () => asJson(record, explanation!),
      csv: () => asCsv(record, logits, explanation!),
      svg: () => chart.element,
    },
  };
}

function prompt(record: PositionRecord): HTMLElement {
  const missing = leftOut(readableChain(record.chain).others);
  return h(
    "div",
    { class: "prompt" },
    h("p", { class: "meta" }, `${record.model}, after`),
    h("p", { class: "tokens", dir: "auto" }, ...record.prompt_tokens.map(tokenElement)),
    record.note ? h("p", { class: "note" }, record.note) : null,
    missing ? h("p", { class: "note" }, missing) : null,
  );
}

function legend(): HTMLElement {
  return h(
    "span",
    { class: "legend" },
    h("span", { class: "key key-raw" }, "raw: the model's own, τ = 1"),
    h("span", { class: "key key-processed" }, "processed: what sampling draws from"),
    h("span", { class: "key key-cut" }, "where a stage cuts"),
  );
}

const MEASURES: [string, string, string, Term, (e: Explanation) => number, (e: Explanation) => number][] = [
  ["entropy", "entropy", "nats", "entropy", (e) => sums(e.raw).entropy, (e) => sums(e.processed).entropy],
  ["support", "effective support", "tokens, e^entropy", "effective-support", (e) => effectiveSupport(e.raw), (e) => effectiveSupport(e.processed)],
  ["kept", "tokens that can come", "", "truncation", (e) => size(e.raw), (e) => size(e.processed)],
];

function measureList(): { element: HTMLElement; draw(explanation: Explanation): void } {
  const cells = MEASURES.map(([key, name, unit, term]) => {
    const raw = h("span", { class: "raw-ink", "data-measure": `${key}-raw` });
    const processed = h("b", { class: "processed-ink", "data-measure": key });
    const element = h("div", { class: "measure" }, h("dt", {}, name, unit ? h("small", {}, ` ${unit}`) : null, " ", help(term)), h("dd", {}, processed, " ", h("small", {}, "raw "), raw));
    return { raw, processed, element };
  });
  const keptMass = h("b", { "data-measure": "kept-mass" });
  const outside = h("b", { "data-measure": "leakage" });
  const gap = h("b", { "data-measure": "margin" });
  const element = h(
    "dl",
    { class: "measures" },
    ...cells.map((cell) => cell.element),
    h("div", { class: "measure" }, h("dt", {}, "mass kept ", h("small", {}, "of the tempered row"), " ", help("kept-mass")), h("dd", {}, keptMass)),
    h("div", { class: "measure" }, h("dt", {}, "leakage ", h("small", {}, "probability outside the model's top 90 %"), " ", help("leakage")), h("dd", {}, outside)),
    h("div", { class: "measure" }, h("dt", {}, "margin ", h("small", {}, "raw logits, 1st minus 2nd"), " ", help("margin")), h("dd", {}, gap)),
  );
  const put = (cell: HTMLElement, value: number, text: string): void => {
    say(cell, text);
    cell.dataset["value"] = String(value);
  };
  return {
    element,
    draw(explanation) {
      MEASURES.forEach(([, , , , raw, processed], place) => {
        put(cells[place]!.raw, raw(explanation), number(raw(explanation)));
        put(cells[place]!.processed, processed(explanation), number(processed(explanation)));
      });
      const kept = explanation.stages.at(-1)?.keptMassTotal ?? 1;
      put(keptMass, kept, probability(kept));
      put(outside, leakage(explanation), probability(leakage(explanation)));
      put(gap, margin(explanation.raw), number(margin(explanation.raw)));
    },
  };
}

function asJson(record: PositionRecord, explanation: Explanation): unknown {
  const { raw, processed } = explanation;
  return {
    model: record.model,
    prompt: record.prompt,
    vocabulary: record.vocabulary,
    chain: chainText(explanation.stages.map((report) => report.stage)),
    raw: { entropy_nats: sums(raw).entropy, effective_support: effectiveSupport(raw), margin: margin(raw) },
    processed: { entropy_nats: sums(processed).entropy, effective_support: effectiveSupport(processed), kept: size(processed) },
    stages: explanation.stages.map((report) => ({
      stage: stageText(report.stage),
      kept: report.kept,
      removed: report.removed,
      kept_mass: report.keptMass,
      kept_mass_total: report.keptMassTotal,
    })),
    warnings: explanation.warnings,
    tokens: record.tokens.slice(0, 100).map((token, rank) => ({
      token,
      id: record.ids[rank],
      logit: raw.logits[rank],
      prob_raw: prob(raw, rank),
      prob_processed: prob(processed, rank),
      removed_by: textOf(removedBy(explanation, rank)),
    })),
  };
}

function asCsv(record: PositionRecord, logits: Float64Array, explanation: Explanation): (string | number | null)[][] {
  return [
    ["rank", "id", "token", "logit", "prob_raw", "prob_processed", "removed_by"],
    ...record.tokens.map((token, rank) => [
      rank + 1,
      record.ids[rank]!,
      token,
      logits[rank]!,
      prob(explanation.raw, rank),
      prob(explanation.processed, rank),
      textOf(removedBy(explanation, rank)),
    ]),
  ];
}

function textOf(stage: Stage | null): string | null {
  return stage === null ? null : stageText(stage);
}
