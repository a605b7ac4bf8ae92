// Known tokens as a table with bars between two ends: solid up to what is certain, hatched up to what is possible.

import type { Interval } from "../math/partial.ts";
import { fill, h, say } from "./dom.ts";
import { number, probabilityRange } from "./format.ts";
import { spokenToken, tokenElement } from "./tokens.ts";

export interface RangeRow {
  readonly token: string;
  readonly id: number | null;
  readonly logprob: number;
}

/** What stands in one row: raw and processed probability; `removed` names the stage that takes the token away. */
export interface RangeShown {
  readonly raw: Interval;
  readonly processed: Interval | null;
  readonly removed: string;
}

export interface RangeBars {
  readonly element: HTMLElement;
  /** One entry a row, and the last for all tokens that are not known (none if every token is known). */
  draw(rows: readonly RangeShown[], tail: RangeShown | null, tailFate: string): void;
}

interface Cells {
  element: HTMLTableRowElement;
  raw: HTMLElement;
  processed: HTMLElement;
  rawBar: Ends;
  processedBar: Ends;
  fate: HTMLElement;
}

export interface Ends {
  element: HTMLElement;
  certain: HTMLElement;
  possible: HTMLElement;
}

export function rangeBars(rows: readonly RangeRow[], unknown: string, onPick?: (place: number) => void): RangeBars {
  const cells = rows.map((row, place) => {
    const shown = tokenElement(row.token);
    const title = `${spokenToken(row.token)}${row.id === null ? "" : `; id ${row.id}`}, rank ${place + 1}`;
    const cell = h("th", { scope: "row", class: "token-cell", title });
    if (onPick && mayFollow(row.token)) {
      fill(cell, h("button", { type: "button", class: "pick", "aria-label": `Continue with ${spokenToken(row.token)}`, onclick: () => onPick(place) }, shown));
    } else fill(cell, shown);
    return makeCells(cell, number(row.logprob));
  });
  const tail = makeCells(h("th", { scope: "row", class: "token-cell" }, unknown), "");
  const tailBody = h("tbody", { class: "tail" }, tail.element);
  const element = h(
    "table",
    { class: "bars range-bars" },
    h("caption", { class: "sr" }, "The tokens that are known, each with the lowest and the highest probability it can have"),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        h("th", { scope: "col" }, "token"),
        h("th", { scope: "col", class: "figure wide-only" }, "logprob"),
        h("th", { scope: "col", class: "figure raw-ink" }, "raw"),
        h("th", { scope: "col", class: "figure processed-ink" }, "processed"),
        h("th", { scope: "col", class: "bar-head" }, h("span", { class: "sr" }, "bars and "), "what removed it"),
      ),
    ),
    h("tbody", {}, ...cells.map((one) => one.element)),
    tailBody,
  );

  function draw(shown: readonly RangeShown[], rest: RangeShown | null, tailFate: string): void {
    const all = rest === null ? shown : [...shown, rest];
    const top = Math.max(...all.map((one) => Math.max(one.raw.high, one.processed?.high ?? 0)), 1e-12);
    cells.forEach((row, place) => setRow(row, shown[place]!, top));
    tailBody.hidden = rest === null;
    if (rest !== null) {
      setRow(tail, rest, top);
      say(tail.fate, tailFate);
      tail.element.classList.toggle("removed", rest.processed !== null && rest.processed.high === 0);
    }
  }
  return { element, draw };
}

/** Whether a token's text can be written behind a prompt: markers without text and broken characters cannot. */
export function mayFollow(token: string): boolean {
  return token !== "" && !/[\ufffd]|<0x[0-9A-F]{2}>/.test(token);
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

function makeCells(token: HTMLElement, logprob: string): Cells {
  const raw = h("td", { class: "figure raw-ink" });
  const processed = h("td", { class: "figure processed-ink" });
  const [rawBar, processedBar] = [endsBar("raw"), endsBar("processed")];
  const fate = h("span");
  const element = h(
    "tr",
    {},
    token,
    h("td", { class: "figure wide-only" }, logprob),
    raw,
    processed,
    h("td", { class: "bar-cell" }, h("span", { class: "bar-box", "aria-hidden": "true" }, rawBar.element, processedBar.element), h("span", { class: "fate" }, fate)),
  );
  return { element, raw, processed, rawBar, processedBar, fate };
}

function setRow(row: Cells, { raw, processed, removed }: RangeShown, top: number): void {
  put(row.raw, raw);
  setEnds(row.rawBar, raw, top);
  setEnds(row.processedBar, processed ?? { low: 0, high: 0 }, top);
  if (processed === null) {
    say(row.processed, "?");
    row.processed.title = "not decided by the known tokens";
    delete row.processed.dataset["low"];
    delete row.processed.dataset["high"];
  } else {
    put(row.processed, processed, removed === "" ? undefined : "–");
    row.processed.removeAttribute("title");
  }
  row.element.classList.toggle("removed", removed !== "");
  say(row.fate, removed);
}

function put(cell: HTMLElement, { low, high }: Interval, text?: string): void {
  say(cell, text ?? probabilityRange(low, high));
  cell.dataset["low"] = String(low);
  cell.dataset["high"] = String(high);
}
