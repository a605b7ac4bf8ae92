// A text of a model that names its most probable tokens only: exact for those, bounded for the rest.

import { h } from "../parts/dom.ts";
import { nats, number, probabilityRange, range, tokens as tokenCount, whole } from "../parts/format.ts";
import { knownNote } from "../parts/known.ts";
import { endsBar, mayFollow, setEnds } from "../parts/rangeBars.ts";
import { spokenToken, tokenElement } from "../parts/tokens.ts";
import { highOf, lowOf, type Measured, type PartialPassageRecord, type PartialPassageToken } from "../records.ts";
import { readingView, type Measure } from "./reading.ts";
import type { Context, View } from "./view.ts";

const HOT_NATS = 6;

const MEASURES: readonly [Measure<PartialPassageToken>, ...Measure<PartialPassageToken>[]] = [
  {
    name: "entropy",
    label: "entropy",
    what: "middle of the interval of the raw entropy",
    heat: (token) => (lowOf(token.entropy_nats) + highOf(token.entropy_nats)) / 2 / HOT_NATS,
    shown: (token) => `entropy ${range(lowOf(token.entropy_nats), highOf(token.entropy_nats))} nats`,
    ends: ["0 nats: sure", `${HOT_NATS} nats or more`],
  },
  {
    name: "rank",
    label: "rank",
    what: "rank among the known tokens",
    heat: (token) => (token.rank === null ? 1 : Math.log(token.rank) / Math.log(token.known_tokens + 1)),
    shown: (token) => (token.rank === null ? `beyond rank ${token.known_tokens}` : `rank ${token.rank}`),
    ends: ["the first choice", "not among the known"],
  },
  {
    name: "flip",
    label: "flip risk",
    what: "chance that numerical noise makes another token the most likely one",
    heat: (token) => 2 * highOf(token.flip_risk),
    shown: (token) => `flip risk ${probabilityRange(lowOf(token.flip_risk), highOf(token.flip_risk))}`,
    ends: ["safe at τ = 0", "a coin toss"],
  },
];

export interface PartialBranching {
  /** Go on from here with another token, given as text. */
  readonly branch: (place: number, token: string) => void;
}

export function partialTextView(record: PartialPassageRecord, context: Context, branching?: PartialBranching): View {
  const writing = record.finish_reason === "";
  const first = record.tokens[0];
  const through = record.chain ? `; what ${record.chain} would leave is told at each token, where it can be decided` : "";
  return readingView(
    {
      tokens: record.tokens,
      prompt: [record.prompt],
      measures: MEASURES,
      head: [
        h("p", { class: "meta" }, writing ? "Writing …" : `${record.model}, the greedy text (its most probable token each time)${through}`),
        writing || first === undefined ? null : knownNote(record, first.known_tokens, record.vocabulary, record.vocabulary_at_most),
      ],
      totals: totals(record),
      describe: (place) => describe(record, place, branching),
      json: () => record,
      csv: () => asCsv(record),
    },
    context,
  );
}

function totals(record: PartialPassageRecord): string {
  const { totals: all } = record;
  if (all === null) return tokenCount(record.tokens.length);
  const logprob = typeof all.logprob_raw === "number"
    ? nats(all.logprob_raw)
    : `at most ${nats(highOf(all.logprob_raw))} (${tokenCount(all.unknown)} not among the known)`;
  return (
    `${tokenCount(record.tokens.length)}: log-probability ${logprob} (raw, summed), mean entropy ` +
    `${range(lowOf(all.entropy_nats), highOf(all.entropy_nats))} nats, chance that a greedy replay differs somewhere ${probabilityRange(lowOf(all.flip_risk), highOf(all.flip_risk))} ` +
    `(noise ${number(record.noise_scale)} logits)`
  );
}

function describe(record: PartialPassageRecord, place: number, branching?: PartialBranching): HTMLElement[] {
  const token = record.tokens[place]!;
  const top = Math.max(...token.alternatives.map((one) => highOf(one.prob_raw)), highOf(token.unseen), 1e-12);
  const undecided = "not decided by the known tokens";
  const facts: [string, string][] = [
    ["rank", token.rank === null ? `beyond ${whole(token.known_tokens)}` : whole(token.rank)],
    ["log-probability, raw", typeof token.logprob_raw === "number" ? nats(token.logprob_raw) : `at most ${nats(highOf(token.logprob_raw))}`],
    ["entropy, raw, lowest – highest", `${range(lowOf(token.entropy_nats), highOf(token.entropy_nats))} nats`],
    ["margin, raw logits", range(lowOf(token.margin), highOf(token.margin))],
    ["tokens kept", token.kept === null ? undecided : whole(token.kept)],
    ["mass kept, lowest – highest", token.kept_mass === null ? undecided : probabilityRange(lowOf(token.kept_mass), highOf(token.kept_mass))],
    ["flip risk", probabilityRange(lowOf(token.flip_risk), highOf(token.flip_risk))],
  ];
  return [
    h("h2", {}, h("small", {}, `${place + 1} of ${record.tokens.length} `), tokenElement(token.token), h("small", {}, token.given ? " given" : " the most probable")),
    token.removed_by ? h("p", { class: "error" }, `${token.removed_by} would have removed it`) : h("p", { hidden: true }),
    h("dl", { class: "facts" }, ...facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
    h(
      "table",
      { class: "bars alternatives range-bars" },
      h("caption", {}, branching ? "Could have stood here; choose one to branch" : "Could have stood here"),
      h("thead", { class: "sr" }, h("tr", {}, h("th", { scope: "col" }, "token"), h("th", { scope: "col" }, "raw, lowest – highest"), h("th", { scope: "col" }, "bar"))),
      h(
        "tbody",
        {},
        ...token.alternatives.map((one) => {
          const here = one.token === token.token;
          const shown = tokenElement(one.token);
          const branch = branching !== undefined && !here && mayFollow(one.token);
          const cell = branch
            ? h("button", { type: "button", class: "pick", onclick: () => branching.branch(place, one.token), "aria-label": `Branch here with ${spokenToken(one.token)}` }, shown)
            : shown;
          return rangeRow(cell, lowOf(one.prob_raw), highOf(one.prob_raw), top, here);
        }),
      ),
      h("tbody", { class: "tail" }, rangeRow("all unknown ones", lowOf(token.unseen), highOf(token.unseen), top, token.rank === null)),
    ),
  ];
}

function rangeRow(name: HTMLElement | string, low: number, high: number, top: number, here: boolean): HTMLElement {
  const bar = endsBar("raw");
  setEnds(bar, { low, high }, top);
  return h(
    "tr",
    { "aria-current": here ? "true" : null },
    h("th", { scope: "row", class: "token-cell" }, name),
    h("td", { class: "figure raw-ink", "data-low": low, "data-high": high }, probabilityRange(low, high)),
    h("td", { class: "bar-cell" }, h("span", { class: "bar-box", "aria-hidden": "true" }, bar.element)),
  );
}

function ends(value: Measured | null): (number | null)[] {
  return value === null ? [null, null] : [lowOf(value), highOf(value)].map((end) => (Number.isFinite(end) ? end : null));
}

function asCsv(record: PartialPassageRecord): (string | number | null)[][] {
  return [
    ["place", "id", "token", "given", "rank", "logprob_raw_low", "logprob_raw_high", "entropy_low", "entropy_high", "margin_low", "margin_high", "kept", "kept_mass_low", "kept_mass_high", "removed_by", "flip_risk_low", "flip_risk_high"],
    ...record.tokens.map((one, place) => [
      place + 1, one.id, one.token, String(one.given), one.rank, ...ends(one.logprob_raw), ...ends(one.entropy_nats), ...ends(one.margin), one.kept, ...ends(one.kept_mass),
      one.removed_by, ...ends(one.flip_risk),
    ]),
  ];
}

/** The record as far as it goes while the text is being written. */
export function addPartialToken(record: PartialPassageRecord | null, token: PartialPassageToken): PartialPassageRecord {
  return {
    known: "top_n", model: "writing", note: null, prompt: "", chain: "", finish_reason: "", text: "",
    tokens: [...(record?.tokens ?? []), token], totals: null, noise_scale: NaN, vocabulary: null, vocabulary_at_most: 0, probe: null,
  };
}
