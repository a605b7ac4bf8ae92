// A text of a model that names its most probable tokens only: exact for those, bounded for the rest.

import { h } from "../parts/dom.ts";
import { nats, number, probability, probabilityRange, range, tokens as tokenCount, whole } from "../parts/format.ts";
import { knownNote } from "../parts/known.ts";
import { endsBar, mayFollow, setEnds } from "../parts/rangeBars.ts";
import { spokenToken, tokenElement } from "../parts/tokens.ts";
import type { PartialPassageRecord, PartialPassageToken } from "../records.ts";
import { readingView, type Measure } from "./reading.ts";
import type { Context, View } from "./view.ts";

const HOT_NATS = 6;

const MEASURES: readonly [Measure<PartialPassageToken>, ...Measure<PartialPassageToken>[]] = [
  {
    name: "entropy",
    label: "entropy",
    what: "middle of the interval of the raw entropy",
    heat: (token) => (token.entropy_low + token.entropy_high) / 2 / HOT_NATS,
    shown: (token) => `entropy ${range(token.entropy_low, token.entropy_high)} nats`,
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
    heat: (token) => 2 * token.flip_risk,
    shown: (token) => `flip risk ${probability(token.flip_risk)}`,
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
  const logprob = all.logprob_raw === null
    ? `at most ${nats(all.logprob_raw_high)} (${tokenCount(all.unknown)} not among the known)`
    : nats(all.logprob_raw);
  return (
    `${tokenCount(record.tokens.length)}: log-probability ${logprob} (raw, summed), mean entropy ` +
    `${range(all.entropy_low, all.entropy_high)} nats, chance that a greedy replay differs somewhere ${probability(all.flip_risk)} ` +
    `(noise ${number(record.noise_scale)} logits)`
  );
}

function describe(record: PartialPassageRecord, place: number, branching?: PartialBranching): HTMLElement[] {
  const token = record.tokens[place]!;
  const top = Math.max(...token.alternatives.map((one) => one.prob_high), token.unseen_high, 1e-12);
  const undecided = "not decided by the known tokens";
  const facts: [string, string][] = [
    ["rank", token.rank === null ? `beyond ${whole(token.known_tokens)}` : whole(token.rank)],
    ["log-probability, raw", token.logprob_raw === null ? `at most ${nats(token.logprob_at_most)}` : nats(token.logprob_raw)],
    ["entropy, raw, lowest – highest", `${range(token.entropy_low, token.entropy_high)} nats`],
    ["margin, raw logits", number(token.margin)],
    ["tokens kept", token.kept === null ? undecided : whole(token.kept)],
    ["mass kept, lowest – highest", token.kept_mass_low === null ? undecided : probabilityRange(token.kept_mass_low, token.kept_mass_high!)],
    ["flip risk", probability(token.flip_risk)],
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
          return rangeRow(cell, one.prob_low, one.prob_high, top, here);
        }),
      ),
      h("tbody", { class: "tail" }, rangeRow("all unknown ones", token.unseen_low, token.unseen_high, top, token.rank === null)),
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

function asCsv(record: PartialPassageRecord): (string | number | null)[][] {
  return [
    ["place", "id", "token", "given", "rank", "logprob_raw", "logprob_at_most", "entropy_low", "entropy_high", "margin", "kept", "kept_mass_low", "kept_mass_high", "removed_by", "flip_risk"],
    ...record.tokens.map((one, place) => [
      place + 1, one.id, one.token, String(one.given), one.rank, one.logprob_raw, one.logprob_at_most, one.entropy_low, one.entropy_high,
      one.margin, one.kept, one.kept_mass_low, one.kept_mass_high, one.removed_by, one.flip_risk,
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
