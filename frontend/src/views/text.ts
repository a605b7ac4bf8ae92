// A text token by token: coloured by how sure the model was, with what could have stood there and what was cut away.

import { h } from "../parts/dom.ts";
import { nats, number, probability, tokens as tokenCount, whole } from "../parts/format.ts";
import { spokenToken, tokenElement } from "../parts/tokens.ts";
import type { PassageRecord, PassageToken } from "../records.ts";
import { readingView, type Measure } from "./reading.ts";
import type { Context, View } from "./view.ts";

const HOT_NATS = 6;
const HOT_RANK = 1000;

const MEASURES: readonly [Measure<PassageToken>, ...Measure<PassageToken>[]] = [
  {
    name: "entropy",
    label: "entropy",
    what: "entropy of the raw distribution",
    heat: (token) => token.entropy_nats / HOT_NATS,
    shown: (token) => nats(token.entropy_nats),
    ends: ["0 nats: sure", `${HOT_NATS} nats or more`],
  },
  {
    name: "rank",
    label: "rank",
    what: "rank of the token that stands here",
    heat: (token) => Math.log(token.rank) / Math.log(HOT_RANK),
    shown: (token) => `rank ${whole(token.rank)}`,
    ends: ["the first choice", `rank ${whole(HOT_RANK)} or beyond`],
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

export interface Branching {
  /** Go on from here with another token. */
  readonly branch: (place: number, id: number) => void;
}

export function textView(record: PassageRecord, context: Context, branching?: Branching): View {
  const drawn = `${record.model}, seed ${record.seed}, drawn through ${record.chain || "no chain (raw)"}`;
  return readingView(
    {
      tokens: record.tokens,
      prompt: record.prompt_tokens,
      measures: MEASURES,
      head: [
        h("p", { class: "meta" }, record.finish_reason === "" ? "Writing …" : drawn),
        record.note ? h("p", { class: "note" }, record.note) : null,
      ],
      totals: totals(record),
      describe: (place) => describe(record, place, branching),
      json: () => record,
      csv: () => asCsv(record),
    },
    context,
  );
}

function totals(record: PassageRecord): string {
  return (
    `${tokenCount(record.tokens.length)}: log-probability ${nats(record.totals.logprob_raw)} (raw, summed), mean entropy ` +
    `${nats(record.totals.entropy_nats)}, chance that a greedy replay differs somewhere ${probability(record.totals.flip_risk)} ` +
    `(noise ${number(record.noise_scale)} logits)`
  );
}

function describe(record: PassageRecord, place: number, branching?: Branching): HTMLElement[] {
  const token = record.tokens[place]!;
  const top = Math.max(...token.alternatives.map((one) => Math.max(one.prob_raw, one.prob_processed)), 1e-12);
  const facts: [string, string][] = [
    ["rank", whole(token.rank)],
    ["log-probability, raw", nats(token.logprob_raw)],
    ["log-probability, processed", token.logprob_processed === null ? "cannot come" : nats(token.logprob_processed)],
    ["entropy, raw", nats(token.entropy_nats)],
    ["entropy, processed", nats(token.entropy_processed_nats)],
    ["margin, raw logits", number(token.margin)],
    ["tokens kept", whole(token.kept)],
    ["mass kept", probability(token.kept_mass)],
    ["flip risk", probability(token.flip_risk)],
  ];
  return [
    h("h2", {}, h("small", {}, `${place + 1} of ${record.tokens.length} `), tokenElement(token.token), h("small", {}, token.given ? " given" : " drawn")),
    token.removed_by ? h("p", { class: "error" }, `${token.removed_by} would have removed it`) : h("p", { hidden: true }),
    h("dl", { class: "facts" }, ...facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
    h(
      "table",
      { class: "bars alternatives" },
      h("caption", {}, branching ? "Could have stood here; choose one to branch" : "Could have stood here"),
      h("thead", { class: "sr" }, h("tr", {}, h("th", { scope: "col" }, "token"), h("th", { scope: "col" }, "raw"), h("th", { scope: "col" }, "processed"), h("th", { scope: "col" }, "bar"))),
      h("tbody", {}, ...token.alternatives.map((one) => alternative(one, token, top, branching && (() => branching.branch(place, one.id))))),
    ),
  ];
}

function alternative(one: PassageToken["alternatives"][number], stands: PassageToken, top: number, branch?: () => void): HTMLElement {
  const here = one.id === stands.id;
  const shown = tokenElement(one.token);
  const raw = h("span", { class: "bar bar-raw" });
  const processed = h("span", { class: "bar bar-processed" });
  raw.style.transform = `scaleX(${one.prob_raw / top})`;
  processed.style.transform = `scaleX(${one.prob_processed / top})`;
  const cell = branch && !here
    ? h("button", { type: "button", class: "pick", onclick: branch, "aria-label": `Branch here with ${spokenToken(one.token)}` }, shown)
    : shown;
  return h(
    "tr",
    { class: one.prob_processed === 0 ? "removed" : "", "aria-current": here ? "true" : null },
    h("th", { scope: "row", class: "token-cell" }, cell),
    h("td", { class: "figure raw-ink" }, probability(one.prob_raw)),
    h("td", { class: "figure processed-ink" }, one.prob_processed === 0 ? "–" : probability(one.prob_processed)),
    h("td", { class: "bar-cell" }, h("span", { class: "bar-box", "aria-hidden": "true" }, raw, processed)),
  );
}

function asCsv(record: PassageRecord): (string | number | null)[][] {
  return [
    ["place", "id", "token", "given", "rank", "logprob_raw", "logprob_processed", "entropy_nats", "margin", "kept", "kept_mass", "removed_by", "flip_risk"],
    ...record.tokens.map((one, place) => [
      place + 1, one.id, one.token, String(one.given), one.rank, one.logprob_raw, one.logprob_processed, one.entropy_nats,
      one.margin, one.kept, one.kept_mass, one.removed_by, one.flip_risk,
    ]),
  ];
}

/** The record as far as it goes while the text is being written. */
export function addToken(record: PassageRecord | null, token: PassageToken): PassageRecord {
  const tokens = [...(record?.tokens ?? []), token];
  const total = (value: (one: PassageToken) => number): number => tokens.reduce((sum, one) => sum + value(one), 0);
  return {
    model: "writing", note: null, prompt: "", prompt_tokens: [], chain: "", seed: 0, finish_reason: "", text: "", tokens,
    totals: {
      logprob_raw: total((one) => one.logprob_raw),
      entropy_nats: total((one) => one.entropy_nats) / tokens.length,
      flip_risk: 1 - tokens.reduce((safe, one) => safe * (1 - one.flip_risk), 1),
    },
    noise_scale: NaN,
  };
}
