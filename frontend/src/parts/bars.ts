// The best tokens as a table with bars: raw and processed probability, which stage removed a token, and an honest tail.
//
// A bar is solid up to what is certain and hatched up to what is possible; with the whole vocabulary both are one.

import { isRow, stageText, type Explanation } from "../math/chain.ts";
import type { Interval } from "../math/interval.ts";
import type { Subject } from "../views/subject.ts";
import { fill, h, say } from "./dom.ts";
import { number, probability, span, whole } from "./format.ts";
import { help } from "./help.ts";
import { spokenToken, tokenElement } from "./tokens.ts";

interface Row {
  element: HTMLTableRowElement;
  raw: HTMLElement;
  processed: HTMLElement;
  rawBar: Ends;
  processedBar: Ends;
  fate: HTMLElement;
  by: HTMLElement;
}

export interface Bars {
  readonly element: HTMLElement;
  /** null: the known tokens do not decide what the chain leaves. */
  draw(explanation: Explanation | null): void;
}

export interface Ends {
  element: HTMLElement;
  certain: HTMLElement;
  possible: HTMLElement;
}

/** A table of the first `shown` tokens; `onPick`, where given, makes a token a button. */
export function bars(subject: Subject, shown: number, onPick?: (rank: number) => void): Bars {
  const { record, raw } = subject;
  const whole_ = isRow(raw);
  const count = Math.min(shown, record.tokens.length);
  const rows = Array.from({ length: count }, (_, rank) => makeRow(subject, rank, onPick));
  const rest = subject.tokens - count;
  const restName = record.vocabulary === null ? `up to ${whole(rest)} more tokens` : `${whole(rest)} more tokens`;
  const tail = parts(h("th", { scope: "row", class: "token-cell" }, restName), h("td", { class: "figure wide-only" }));
  const element = h(
    "table",
    { class: `bars${whole_ ? "" : " range-bars"}` },
    h("caption", { class: "sr" }, `The most likely tokens, with their raw and processed probability${whole_ ? "" : ", from the lowest to the highest that each can have"}`),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        h("th", { scope: "col" }, "token"),
        h("th", { scope: "col", class: "figure wide-only" }, whole_ ? "logit " : "logprob ", help(whole_ ? "logits" : "logprob")),
        h("th", { scope: "col", class: "figure raw-ink" }, "raw ", help("raw")),
        h("th", { scope: "col", class: "figure processed-ink" }, "processed ", help("processed")),
        h("th", { scope: "col", class: "bar-head" }, h("span", { class: "sr" }, "bars"), h("span", { class: "wide-only" }, "what removed it")),
      ),
    ),
    h("tbody", {}, ...rows.map((row) => row.element)),
    rest > 0 ? h("tbody", { class: "tail" }, tail.element) : null,
  );
  const rawProbs = rows.map((_, rank) => raw.prob(rank));
  const rawRest = raw.beyond(count).share;

  function draw(explanation: Explanation | null): void {
    const processed = rows.map((_, rank) => explanation?.prob(rank) ?? null);
    const left = explanation?.beyond(count) ?? null;
    const top = Math.max(...rawProbs.map(({ high }) => high), ...processed.map((one) => one?.high ?? 0), rawRest.high, left?.share.high ?? 0, 1e-12);
    const cuts = explanation === null ? new Set() : cutRanks(explanation);
    rows.forEach((row, rank) => {
      const cut = explanation?.removedBy(rank) ?? null;
      setRow(row, rawProbs[rank]!, processed[rank]!, top, cut === null ? "" : stageText(cut));
      row.element.classList.toggle("last-kept", cuts.has(rank));
    });
    setRow(tail, rawRest, left?.share ?? null, top, "");
    say(tail.fate, left === null ? "not decided" : `${whole(left.kept)} kept, ${whole(rest - left.kept)} removed`);
    tail.element.classList.toggle("removed", left?.kept === 0);
  }
  return { element, draw };
}

/** The ranks behind which a stage cuts the row. */
function cutRanks({ stages }: Explanation): Set<number> {
  const cuts = stages.filter(({ removed, before, after }) => removed > 0 && before && after && after.order === undefined && after.to < before.to);
  return new Set(cuts.map(({ after }) => after!.to - 1));
}

function makeRow({ record, logits, raw }: Subject, rank: number, onPick?: (rank: number) => void): Row {
  const token = record.tokens[rank]!;
  const id = record.ids[rank];
  const shown = tokenElement(token);
  const cell = h("th", { scope: "row", class: "token-cell", title: `${spokenToken(token)}${id == null ? "" : `; id ${id}`}, rank ${rank + 1}` });
  if (onPick && (isRow(raw) || mayFollow(token))) {
    fill(cell, h("button", { type: "button", class: "pick", "aria-label": `Continue with ${spokenToken(token)}`, onclick: () => onPick(rank) }, shown));
  } else fill(cell, shown);
  return parts(cell, h("td", { class: "figure wide-only" }, number(logits[rank]!)));
}

/** Whether a token's text can be written behind a prompt: markers without text and broken characters cannot. */
export function mayFollow(token: string): boolean {
  return token !== "" && !/[\ufffd]|<0x[0-9A-F]{2}>/.test(token);
}

function parts(token: HTMLElement, logit: HTMLElement): Row {
  const raw = h("td", { class: "figure raw-ink" });
  const processed = h("td", { class: "figure processed-ink" });
  const [rawBar, processedBar] = [endsBar("raw"), endsBar("processed")];
  const by = h("span", { class: "wide-only" });
  const fate = h("span");
  const box = h("span", { class: "bar-box", "aria-hidden": "true" }, rawBar.element, processedBar.element);
  const element = h("tr", {}, token, logit, raw, processed, h("td", { class: "bar-cell" }, box, h("span", { class: "fate" }, by, fate)));
  return { element, raw, processed, rawBar, processedBar, fate, by };
}

/** A bar that is solid up to what is certain and hatched up to what is possible. */
export function endsBar(kind: string): Ends {
  const certain = h("span", { class: `bar bar-${kind}` });
  const possible = h("span", { class: `bar bar-${kind} possible` });
  return { element: h("span", {}, possible, certain), certain, possible };
}

export function setEnds(bar: Ends, { low, high }: Interval, top: number): void {
  bar.certain.style.transform = `scaleX(${low / top})`;
  bar.possible.style.transform = `scaleX(${high / top})`;
}

function setRow(row: Row, raw: Interval, processed: Interval | null, top: number, removed: string): void {
  put(row.raw, raw, probability);
  put(row.processed, processed, probability, removed === "" ? undefined : "–");
  setEnds(row.rawBar, raw, top);
  setEnds(row.processedBar, processed ?? { low: 0, high: 0 }, top);
  row.processed.title = processed === null ? "not decided by the known tokens" : "";
  row.element.classList.toggle("removed", removed !== "");
  say(row.by, removed ? "removed by " : "");
  say(row.fate, removed);
}

/** A measure in a cell, as text and as data; "?" where it is not decided. */
export function put(cell: HTMLElement, value: Interval | null, write: (value: number) => string, text?: string): void {
  say(cell, text ?? (value === null ? "?" : span(value, write)));
  const { low, high } = value ?? { low: NaN, high: NaN };
  cell.dataset["low"] = String(low);
  cell.dataset["high"] = String(high);
  cell.dataset["value"] = low === high ? String(low) : "";
}
