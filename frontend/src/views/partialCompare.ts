// Two positions of which at least one is known in part: what each gives, and what is certain about the distance.

import { probsOf, unseenShare, type Interval } from "../math/partial.ts";
import { h, say, svg, fill } from "../parts/dom.ts";
import { number, probabilityRange, range, whole } from "../parts/format.ts";
import { atItsWidth } from "../parts/frame.ts";
import { knownNote } from "../parts/known.ts";
import { endsBar, setEnds } from "../parts/rangeBars.ts";
import { tokenElement, tokenText } from "../parts/tokens.ts";
import { highOf, lowOf, type Measured, type PartialPairRecord, type PartialPositionRecord } from "../records.ts";
import { knownOf } from "./partialPosition.ts";
import type { Context, View } from "./view.ts";

const SHOWN = 20;

interface Row {
  readonly token: string;
  readonly a: Interval | null;
  readonly b: Interval | null;
}

export function partialCompareView(record: PartialPairRecord, _context: Context): View {
  const rows = bothSides(record.a, record.b);
  const shown = rows.slice(0, SHOWN);
  const [restA, restB] = [record.a, record.b].map((side) => unseenShare(knownOf(side), 1)) as [Interval, Interval];
  const top = Math.max(...shown.flatMap((row) => [row.a?.high ?? 0, row.b?.high ?? 0]), restA.high, restB.high, 1e-12);
  const chart = rangesChart(shown);
  const element = h(
    "div",
    {},
    h("div", { class: "two" }, sideCard("A", record.a), sideCard("B", record.b)),
    h(
      "section",
      { class: "card", "aria-label": "The two distributions, as far as they are known" },
      facts(record),
      h(
        "div",
        { class: "scroll", tabindex: 0, role: "region", "aria-label": "Tokens in A and in B" },
        h(
          "table",
          { class: "bars pair range-bars" },
          h("caption", { class: "sr" }, "Lowest and highest raw probability of each token in A and in B"),
          h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "token"), h("th", { scope: "col", class: "figure ink-a" }, "A"), h("th", { scope: "col", class: "figure ink-b" }, "B"), h("th", { scope: "col" }, h("span", { class: "sr" }, "bars")))),
          h("tbody", {}, ...shown.map((row) => tableRow(tokenElement(row.token), row.a, row.b, top))),
          h("tbody", { class: "tail" }, tableRow("all unknown ones", restA, restB, top)),
        ),
      ),
    ),
    h("figure", { class: "card" }, h("figcaption", {}, h("b", {}, "A and B, raw. "), h("small", {}, "Each line reaches from the lowest to the highest probability that a token can have.")), chart.element),
  );
  return {
    element,
    close: chart.close,
    download: {
      name: "retort-compare",
      json: () => record,
      csv: () => [
        ["token", "prob_a_low", "prob_a_high", "prob_b_low", "prob_b_high"],
        ...rows.map((row) => [row.token, row.a?.low ?? null, row.a?.high ?? null, row.b?.low ?? null, row.b?.high ?? null]),
      ],
      svg: () => chart.element,
    },
  };
}

function sideCard(name: "A" | "B", side: PartialPositionRecord): HTMLElement {
  return h(
    "section",
    { class: `card side-${name.toLowerCase()}`, "aria-label": name },
    h("h2", {}, h("span", { class: `side-mark mark-${name.toLowerCase()}` }, name), ` ${side.model}`),
    h("p", { class: "tokens side-prompt", dir: "auto" }, tokenElement(side.prompt)),
    knownNote(side, side.tokens.length, side.vocabulary, side.vocabulary_at_most),
  );
}

/** Tokens that either side knows, matched by their text, the likelier first; null where a side does not know one. */
function bothSides(a: PartialPositionRecord, b: PartialPositionRecord): Row[] {
  const rows = new Map<string, { a: Interval | null; b: Interval | null }>();
  ([["a", a], ["b", b]] as const).forEach(([key, side]) =>
    probsOf(knownOf(side), 1).forEach((probs, place) => {
      const token = side.tokens[place]!;
      const row = rows.get(token) ?? { a: null, b: null };
      row[key] ??= probs;
      rows.set(token, row);
    }),
  );
  const best = (row: { a: Interval | null; b: Interval | null }): number => Math.max(row.a?.high ?? 0, row.b?.high ?? 0);
  return [...rows].map(([token, row]) => ({ token, ...row })).sort((one, other) => best(other) - best(one));
}

function tableRow(name: HTMLElement | string, a: Interval | null, b: Interval | null, top: number): HTMLElement {
  const [barA, barB] = [endsBar("a"), endsBar("b")];
  setEnds(barA, a ?? { low: 0, high: 0 }, top);
  setEnds(barB, b ?? { low: 0, high: 0 }, top);
  const cell = (value: Interval | null, side: string): HTMLElement =>
    value === null
      ? h("td", { class: `figure ink-${side}` }, h("small", {}, "unknown"))
      : h("td", { class: `figure ink-${side}`, "data-low": value.low, "data-high": value.high }, probabilityRange(value.low, value.high));
  return h(
    "tr",
    {},
    h("th", { scope: "row", class: "token-cell" }, name),
    cell(a, "a"),
    cell(b, "b"),
    h("td", { class: "bar-cell" }, h("span", { class: "bar-box", "aria-hidden": "true" }, barA.element, barB.element)),
  );
}

function facts(record: PartialPairRecord): HTMLElement {
  const { compared } = record;
  const least = (value: Measured): string => (typeof value === "number" ? number(value) : lowOf(value) === -Infinity ? "∞" : `at least ${number(lowOf(value))}`);
  const shown: [string, string, string, string][] = [
    ["tv", "total variation", "0 same, 1 disjoint", range(lowOf(compared.total_variation), highOf(compared.total_variation))],
    ["kl-forward", "KL(A ‖ B)", "nats", least(compared.kl_ab)],
    ["kl-reverse", "KL(B ‖ A)", "nats", least(compared.kl_ba)],
    ["common", "tokens that both name", "", whole(compared.common)],
    ["logprob-difference", "largest difference of logprobs", "nats, among these", compared.logprob_difference === null ? "–" : number(compared.logprob_difference)],
  ];
  return h(
    "dl",
    { class: "measures" },
    ...shown.map(([key, name, unit, text]) => h("div", { class: "measure" }, h("dt", {}, name, " ", h("small", {}, unit)), h("dd", {}, h("b", { "data-measure": key }, text)))),
  );
}

const ROW = 20;
const LABEL = 120;
const EDGE = { right: 16, top: 8, bottom: 34 };
const FLOOR = 1e-6;

function rangesChart(rows: readonly Row[]): { element: SVGSVGElement; close(): void } {
  const height = EDGE.top + rows.length * ROW + EDGE.bottom;
  const title = svg("title");
  const holder = svg("g");
  const element = svg("svg", { viewBox: `0 0 640 ${height}`, class: "chart ranges", role: "img" }, title, holder);
  element.style.maxHeight = "none";
  const said = (value: Interval | null): string => (value === null ? "unknown" : probabilityRange(value.low, value.high));
  say(title, `Raw probability in A and B: ${rows.slice(0, 8).map((row) => `${tokenText(row.token)} ${said(row.a)} and ${said(row.b)}`).join("; ")}`);
  const close = atItsWidth(element, height, (width) => {
    const x = (value: number): number => LABEL + ((width - EDGE.right - LABEL) * Math.log(Math.max(value, FLOOR) / FLOOR)) / Math.log(1 / FLOOR);
    const ends = (value: Interval | null, side: string, y: number): SVGElement | null =>
      value === null || value.high < FLOOR ? null : svg("line", { class: `whisker whisker-${side}`, x1: x(value.low), x2: Math.max(x(value.high), x(value.low) + 3), y1: y, y2: y });
    fill(
      holder,
      ...[1, 1e-2, 1e-4, 1e-6].flatMap((tick) => [
        svg("line", { class: "grid", x1: x(tick), x2: x(tick), y1: EDGE.top, y2: height - EDGE.bottom }),
        svg("text", { x: x(tick), y: height - EDGE.bottom + 16, "text-anchor": tick === 1 ? "end" : "middle" }, tick === FLOOR ? "0" : `${100 * tick} %`),
      ]),
      ...rows.flatMap((row, place) => {
        const middle = EDGE.top + place * ROW + ROW / 2;
        const label = tokenText(row.token);
        return [
          svg("text", { class: "dot-label", x: LABEL - 8, y: middle + 4, "text-anchor": "end" }, label.length > 14 ? `${label.slice(0, 13)}…` : label),
          ends(row.a, "a", middle - 3),
          ends(row.b, "b", middle + 3),
        ];
      }),
      svg("text", { x: width - EDGE.right, y: height - 2, "text-anchor": "end" }, "probability →"),
    );
  });
  return { element, close };
}
