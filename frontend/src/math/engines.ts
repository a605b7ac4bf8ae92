// How each engine applies the stages that the page knows: in which order, with which rule for ties, and how far it looks back.

import { withOptions, type Chain } from "./chain.ts";
import type { Options } from "./transforms.ts";

type Row = readonly [name: string, options?: Options];

const ALL: Options = { ties: "all" };
const HIGHEST: Options = { ties: "highest" };

export const ENGINES: ReadonlyMap<string, readonly Row[]> = new Map<string, readonly Row[]>([
  ["retort", [["repetition_penalty"], ["frequency_penalty"], ["presence_penalty"], ["dry"], ["temperature"], ["dynatemp"], ["top_k"], ["top_p"], ["min_p"], ["typical_p"], ["epsilon_cutoff"], ["eta_cutoff"], ["top_n_sigma"], ["top_h"]]],
  [
    "transformers",
    [
      ["repetition_penalty"], ["temperature"], ["top_h", { entropy: "summed", among: 100 }], ["top_k", ALL], ["top_p", HIGHEST],
      ["min_p"], ["typical_p", ALL], ["epsilon_cutoff", ALL], ["eta_cutoff", ALL],
    ],
  ],
  ["vllm", [["repetition_penalty"], ["frequency_penalty"], ["presence_penalty"], ["temperature"], ["min_p"], ["top_k"], ["top_p"]]],
  [
    "sglang",
    [["frequency_penalty"], ["presence_penalty"], ["repetition_penalty", { scope: "output" }], ["temperature"], ["top_k", ALL], ["top_p", ALL], ["min_p"]],
  ],
  [
    "llama.cpp",
    [
      ["repetition_penalty", { scope: "last:64" }], ["frequency_penalty", { scope: "last:64" }], ["presence_penalty", { scope: "last:64" }],
      ["dry", { last_n: 64 }], ["top_n_sigma"], ["top_k"], ["typical_p"], ["top_p"], ["min_p"], ["temperature"],
    ],
  ],
  [
    "mlx-lm",
    [
      ["repetition_penalty", { scope: "last:20" }], ["presence_penalty", { scope: "last:20" }], ["frequency_penalty", { scope: "last:20" }],
      ["top_p", ALL], ["min_p"], ["top_k"], ["temperature"],
    ],
  ],
  [
    "ollama",
    [
      ["repetition_penalty", { scope: "last:64" }], ["frequency_penalty", { scope: "last:64" }], ["presence_penalty", { scope: "last:64" }],
      ["top_k"], ["temperature"], ["top_p"], ["min_p"],
    ],
  ],
]);

/** The same settings as an engine applies them; stages that it does not have stay as they are, at the end. */
export function asIn(engine: string, chain: Chain): Chain {
  const rows = ENGINES.get(engine) ?? [];
  const place = (name: string): number => {
    const found = rows.findIndex(([one]) => one === name);
    return found < 0 ? rows.length : found;
  };
  return [...chain]
    .sort((one, other) => place(one.name) - place(other.name))
    .map((stage) => {
      const row = rows[place(stage.name)];
      if (row === undefined) return stage;
      const { ties: _ties, scope: _scope, ...own } = stage.options ?? {};
      return withOptions(stage, { ...row[1], ...own });
    });
}
