// The best tokens as a table with bars: raw and processed probability, which stage removed a token, and an honest tail.

import { removedBy, size, stageText, type Explanation } from "../math/chain.ts";
import { countBeyond, massBeyond, prob, rankAt } from "../math/order.ts";
import { fill, h, say } from "./dom.ts";
import { number, probability, whole } from "./format.ts";
import { spokenToken, tokenElement } from "./tokens.ts";

export interface Named {
  readonly ids: readonly number[];
  readonly tokens: readonly string[];
}

interface Row {
  element: HTMLTableRowElement;
  raw: HTMLElement;
  processed: HTMLElement;
  rawBar: HTMLElement;
  processedBar: HTMLElement;
  fate: HTMLElement;
  by: HTMLElement;
}

export interface Bars {
  readonly element: HTMLElement;
  draw(explanation: Explanation): void;
}

/** A table of the first `shown` tokens; `onPick`, where given, makes a token a button. */
export function bars(named: Named, logits: Float64Array, shown: number, onPick?: (rank: number) => void): Bars {
  const body = h("tbody");
  const rows: Row[] = [];
  const count = Math.min(shown, named.tokens.length, logits.length);
  for (let rank = 0; rank < count; rank++) {
    const row = makeRow(named, rank, logits[rank]!, onPick);
    rows.push(row);
    body.append(row.element);
  }
  const tail = makeTail();
  const element = h(
    "table",
    { class: "bars" },
    h("caption", { class: "sr" }, "The most likely tokens, with their raw and processed probability"),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        h("th", { scope: "col" }, "token"),
        h("th", { scope: "col", class: "figure wide-only" }, "logit"),
        h("th", { scope: "col", class: "figure raw-ink" }, "raw"),
        h("th", { scope: "col", class: "figure processed-ink" }, "processed"),
        h("th", { scope: "col", class: "bar-head" }, h("span", { class: "sr" }, "bars and "), "what removed it"),
      ),
    ),
    body,
    count < logits.length ? h("tbody", { class: "tail" }, tail.element) : null,
  );

  function draw(explanation: Explanation): void {
    const { raw, processed } = explanation;
    const rest = massBeyond(raw, count);
    const restProcessed = massBeyond(processed, count);
    const top = Math.max(prob(raw, 0), prob(processed, rankAt(processed, processed.from)), rest, restProcessed);
    rows.forEach((row, rank) => {
      const cut = removedBy(explanation, rank);
      setRow(row, prob(raw, rank), prob(processed, rank), top, cut === null ? "" : stageText(cut));
      const stops = explanation.stages.some((stage) => stage.removed > 0 && stage.after.order === undefined && stage.after.to === rank + 1 && stage.after.to < stage.before.to);
      row.element.classList.toggle("last-kept", stops);
    });
    const keptTail = countBeyond(processed, count);
    setRow(tail, rest, restProcessed, top, "");
    say(
      tail.fate,
      `${whole(keptTail)} kept, ${whole(size(raw) - count - keptTail)} removed`,
    );
    tail.element.classList.toggle("removed", keptTail === 0);
  }

  function makeTail(): Row {
    return parts(
      h("th", { scope: "row", class: "token-cell" }, `${whole(logits.length - count)} more tokens`),
      h("td", { class: "figure wide-only" }),
    );
  }

  return { element, draw };
}

function makeRow(named: Named, rank: number, logit: number, onPick?: (rank: number) => void): Row {
  const token = named.tokens[rank]!;
  const shown = tokenElement(token);
  const cell = h("th", {
    scope: "row",
    class: "token-cell",
    title: `${spokenToken(token)}; id ${named.ids[rank]}, rank ${rank + 1}`,
  });
  if (onPick) {
    const name = `Continue with ${spokenToken(token)}`;
    fill(cell, h("button", { type: "button", class: "pick", "aria-label": name, onclick: () => onPick(rank) }, shown));
  } else fill(cell, shown);
  return parts(cell, h("td", { class: "figure wide-only" }, number(logit)));
}

function parts(token: HTMLElement, logit: HTMLElement): Row {
  const raw = h("td", { class: "figure raw-ink" });
  const processed = h("td", { class: "figure processed-ink" });
  const rawBar = h("span", { class: "bar bar-raw" });
  const processedBar = h("span", { class: "bar bar-processed" });
  const by = h("span", { class: "wide-only" });
  const fate = h("span");
  const element = h(
    "tr",
    {},
    token,
    logit,
    raw,
    processed,
    h("td", { class: "bar-cell" }, h("span", { class: "bar-box", "aria-hidden": "true" }, rawBar, processedBar), h("span", { class: "fate" }, by, fate)),
  );
  return { element, raw, processed, rawBar, processedBar, fate, by };
}

function setRow(row: Row, raw: number, processed: number, top: number, removed: string): void {
  say(row.raw, probability(raw));
  say(row.processed, removed ? "–" : probability(processed));
  row.raw.dataset["value"] = String(raw);
  row.processed.dataset["value"] = String(processed);
  row.rawBar.style.transform = `scaleX(${raw / top})`;
  row.processedBar.style.transform = `scaleX(${processed / top})`;
  row.element.classList.toggle("removed", removed !== "");
  say(row.by, removed ? "removed by " : "");
  say(row.fate, removed);
}
