// The table of transforms that the page can compute: what each keeps, and the limits of its setting.
//
// The names, limits and off-values are those of retort.distribution; the shared golden vectors hold both to one answer.

import { deviation, entropySize, firstBelow, nucleusSize, SLACK, sums, tempered, type Window } from "./window.ts";

export interface Transform {
  readonly name: string;
  readonly help: string;
  readonly low: number;
  readonly high: number;
  /** What a slider offers; a number that is typed may go beyond, up to `high`. */
  readonly slider: { low: number; high: number; step: number };
  readonly initial: number;
  readonly whole: boolean;
  readonly off: readonly number[];
  readonly truncates: boolean;
  readonly aliases: readonly string[];
  readonly apply: (window: Window, value: number) => Window;
}

/** A token that stands exactly on a threshold is kept even if rounding puts it this far below (nats). */
const ROUNDING = 1e-12;

function firstTokens(window: Window, count: number): Window {
  return { ...window, to: Math.min(window.to, window.from + count) };
}

/** Tokens with `ln p ≥ logFloor` (nats), the most likely one in any case. */
function above(window: Window, logFloor: number): Window {
  const end = firstBelow(window, logFloor + Math.log(sums(window).total) - ROUNDING);
  return { ...window, to: Math.max(end, window.from + 1) };
}

const ROWS: Transform[] = [
  {
    name: "temperature",
    help: "divides the logits; 0 is greedy, 1 leaves the model as it is",
    low: 0,
    high: Infinity,
    slider: { low: 0, high: 3, step: 0.01 },
    initial: 1,
    whole: false,
    off: [],
    truncates: false,
    aliases: ["temp"],
    apply: tempered,
  },
  {
    name: "top_k",
    help: "keeps this many of the most likely tokens",
    low: 1,
    high: Infinity,
    slider: { low: 1, high: 200, step: 1 },
    initial: 50,
    whole: true,
    off: [0, -1],
    truncates: true,
    aliases: [],
    apply: firstTokens,
  },
  {
    name: "top_p",
    help: "keeps the smallest set of tokens that holds this share of the probability",
    low: 0,
    high: 1,
    slider: { low: 0, high: 1, step: 0.01 },
    initial: 0.9,
    whole: false,
    off: [1],
    truncates: true,
    aliases: ["nucleus"],
    apply: (window, share) => firstTokens(window, nucleusSize(window, share)),
  },
  {
    name: "min_p",
    help: "keeps tokens with at least this share of the most likely token's probability",
    low: 0,
    high: 1,
    slider: { low: 0, high: 1, step: 0.01 },
    initial: 0.05,
    whole: false,
    off: [0],
    truncates: true,
    aliases: [],
    apply: (window, share) => ({ ...window, to: firstBelow(window, Math.log(share) - ROUNDING) }),
  },
  {
    name: "epsilon_cutoff",
    help: "keeps tokens with at least this probability",
    low: 0,
    high: 1,
    slider: { low: 0, high: 0.1, step: 0.0005 },
    initial: 0.001,
    whole: false,
    off: [0],
    truncates: true,
    aliases: [],
    apply: (window, epsilon) => above(window, Math.log(epsilon)),
  },
  {
    name: "eta_cutoff",
    help: "keeps tokens above a floor of this probability, which falls as the entropy rises",
    low: 0,
    high: 1,
    slider: { low: 0, high: 0.1, step: 0.0005 },
    initial: 0.001,
    whole: false,
    off: [0],
    truncates: true,
    aliases: [],
    apply: (window, epsilon) => above(window, Math.min(Math.log(epsilon), 0.5 * Math.log(epsilon) - sums(window).entropy)),
  },
  {
    name: "top_n_sigma",
    help: "keeps logits within this many standard deviations of the largest",
    low: Number.MIN_VALUE,
    high: Infinity,
    slider: { low: 0, high: 6, step: 0.05 },
    initial: 1,
    whole: false,
    off: [0, -1],
    truncates: true,
    aliases: ["top_nsigma", "nsigma"],
    apply: (window, count) => ({ ...window, to: firstBelow(window, -count * deviation(window) * (1 + SLACK)) }),
  },
  {
    name: "top_h",
    help: "keeps as many of the most likely tokens as this share of the entropy allows",
    low: 0,
    high: 1,
    slider: { low: 0, high: 1, step: 0.01 },
    initial: 0.5,
    whole: false,
    off: [1],
    truncates: true,
    aliases: [],
    apply: (window, share) => firstTokens(window, Math.max(1, entropySize(window, share * sums(window).entropy * (1 + SLACK)))),
  },
];

export const TRANSFORMS: ReadonlyMap<string, Transform> = new Map(ROWS.map((row) => [row.name, row]));

const BY_NAME = new Map(ROWS.flatMap((row) => [row.name, ...row.aliases].map((name) => [name, row] as const)));

/** The transform of a name or alias, in snake or kebab case; undefined if the page does not compute it. */
export function findTransform(name: string): Transform | undefined {
  return BY_NAME.get(name.trim().toLowerCase().replaceAll("-", "_"));
}
