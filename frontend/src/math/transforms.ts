// The table of transforms that the page can compute: what each keeps, and the limits of its setting.
//
// The names, limits and off-values are those of retort.transforms; the shared golden vectors hold both to one answer.

import { dry, frequency, presence, repetition, type History } from "./history.ts";
import { firstTokens, typical, type Ties } from "./typical.ts";
import { depth, deviation, entropySize, firstBelow, nucleusSize, SLACK, sums, tempered, type Window } from "./window.ts";

/** A setting beside the main one: a number with its limits, or one of some words, or a scope. */
export interface Option {
  readonly name: string;
  readonly initial: number | string;
  readonly words?: readonly string[];
  readonly low?: number;
  readonly high?: number;
  readonly whole?: boolean;
  readonly scope?: boolean;
}

export type Options = Readonly<Record<string, number | string>>;

export interface Transform {
  readonly name: string;
  /** The main setting's own name, where it is another than the transform's. */
  readonly main?: string;
  readonly help: string;
  readonly low: number;
  readonly high: number;
  /** What a slider offers; a number that is typed may go beyond, up to `high`. */
  readonly slider: { low: number; high: number; step: number };
  readonly initial: number;
  readonly whole: boolean;
  readonly off: readonly number[];
  readonly truncates: boolean;
  /** Whether it stands in the place of the temperature. */
  readonly tempers?: boolean;
  /** Whether it looks back at the tokens so far. */
  readonly looksBack?: boolean;
  readonly aliases: readonly string[];
  readonly options?: readonly Option[];
  readonly apply: (window: Window, value: number, options: Options, history: History) => Window;
}

/** A token that stands exactly on a threshold is kept even if rounding puts it this far below (nats). */
const ROUNDING = 1e-12;

const MIN_KEEP: Option = { name: "min_keep", initial: 1, low: 1, whole: true };
const TIES: Option = { name: "ties", initial: "lowest", words: ["lowest", "all"] };
const THREE_TIES: Option = { name: "ties", initial: "lowest", words: ["lowest", "highest", "all"] };
const scope = (initial: string): Option => ({ name: "scope", initial, scope: true });

const ties = (options: Options): Ties => options["ties"] as Ties;
const least = (options: Options): number => options["min_keep"] as number;

/** Tokens with `ln p ≥ logFloor` (nats), and the `min_keep` most likely ones in any case. */
function above(window: Window, logFloor: number, options: Options): Window {
  const end = firstBelow(window, logFloor + Math.log(sums(window).total) - ROUNDING);
  const first = firstTokens(window, least(options), ties(options));
  return end > first.to ? { ...window, to: end } : first;
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
    tempers: true,
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
    options: [TIES],
    apply: (window, count, options) => firstTokens(window, count, ties(options)),
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
    options: [THREE_TIES, MIN_KEEP],
    apply: (window, share, options) => firstTokens(window, Math.max(nucleusSize(window, share), least(options)), ties(options)),
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
    options: [MIN_KEEP],
    apply: (window, share, options) => {
      const to = firstBelow(window, Math.log(share) - ROUNDING);
      return { ...window, to: Math.min(window.to, Math.max(to, window.from + least(options))) };
    },
  },
  {
    name: "typical_p",
    help: "keeps the tokens whose surprise is nearest to the entropy, up to this share of the probability",
    low: 0,
    high: 1,
    slider: { low: 0, high: 1, step: 0.01 },
    initial: 0.9,
    whole: false,
    off: [1],
    truncates: true,
    aliases: ["typical", "typ_p", "typ"],
    options: [TIES, MIN_KEEP],
    apply: (window, share, options) => typical(window, share, ties(options), least(options)),
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
    options: [TIES, MIN_KEEP],
    apply: (window, epsilon, options) => above(window, Math.log(epsilon), options),
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
    options: [TIES, MIN_KEEP],
    apply: (window, epsilon, options) => above(window, Math.min(Math.log(epsilon), 0.5 * Math.log(epsilon) - sums(window).entropy), options),
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
    options: [{ name: "entropy", initial: "kept", words: ["kept", "summed"] }, { name: "among", initial: 0, low: 0, whole: true }],
    apply: (window, share, options) => {
      const among = options["among"] ? firstTokens(window, options["among"] as number) : window;
      if (options["entropy"] === "summed") return firstTokens(window, summedSize(among, share));
      const limit = share * sums(among).entropy * (1 + SLACK);
      // Weights that are 0 in float64 add no entropy, so a bound of 0 has to be said to be passed.
      return firstTokens(window, limit > 0 ? Math.max(1, entropySize(among, limit)) : 1);
    },
  },
  {
    name: "dynatemp",
    main: "range",
    help: "a temperature this far below to this far above the given one, higher where the entropy is higher",
    low: Number.MIN_VALUE,
    high: Infinity,
    slider: { low: 0, high: 2, step: 0.01 },
    initial: 0.5,
    whole: false,
    off: [0],
    truncates: false,
    tempers: true,
    aliases: [],
    options: [{ name: "exponent", initial: 1, low: 0 }, { name: "temperature", initial: 1, low: 0 }],
    apply: (window, range, options) => tempered(window, dynamicTemperature(window, range, options)),
  },
  {
    name: "repetition_penalty",
    help: "divides the positive logits of seen tokens by this, multiplies the negative ones; above 1 discourages",
    low: Number.MIN_VALUE,
    high: Infinity,
    slider: { low: 0.5, high: 2, step: 0.01 },
    initial: 1.2,
    whole: false,
    off: [1],
    truncates: false,
    looksBack: true,
    aliases: ["repeat_penalty"],
    options: [scope("all")],
    apply: (window, penalty, options, history) => repetition(window, penalty, options["scope"] as string, history),
  },
  {
    name: "frequency_penalty",
    help: "takes this from a token's logit for each time it came",
    low: -Infinity,
    high: Infinity,
    slider: { low: -2, high: 2, step: 0.05 },
    initial: 0.5,
    whole: false,
    off: [0],
    truncates: false,
    looksBack: true,
    aliases: [],
    options: [scope("output")],
    apply: (window, penalty, options, history) => frequency(window, penalty, options["scope"] as string, history),
  },
  {
    name: "presence_penalty",
    help: "takes this from the logit of every token that came",
    low: -Infinity,
    high: Infinity,
    slider: { low: -2, high: 2, step: 0.05 },
    initial: 0.5,
    whole: false,
    off: [0],
    truncates: false,
    looksBack: true,
    aliases: [],
    options: [scope("output")],
    apply: (window, penalty, options, history) => presence(window, penalty, options["scope"] as string, history),
  },
  {
    name: "dry",
    main: "multiplier",
    help: "penalises the token that would continue a repetition, more the longer it is",
    low: 0,
    high: Infinity,
    slider: { low: 0, high: 4, step: 0.05 },
    initial: 0.8,
    whole: false,
    off: [0],
    truncates: false,
    looksBack: true,
    aliases: [],
    options: [
      { name: "base", initial: 1.75, low: 1 },
      { name: "allowed_length", initial: 2, low: 1, whole: true },
      { name: "last_n", initial: -1, low: -1, whole: true },
    ],
    apply: (window, multiplier, options, history) =>
      options["last_n"] === 0
        ? window
        : dry(window, multiplier, options["base"] as number, options["allowed_length"] as number, options["last_n"] as number, history),
  },
];

/** `low + (high - low)·(H / ln n)^exponent`, H the entropy and n the number of tokens that come in. */
function dynamicTemperature(window: Window, range: number, options: Options): number {
  const middle = options["temperature"] as number;
  if (middle === 0) return 0;
  const share = Math.min(sums(window).entropy / Math.log(Math.max(window.to - window.from, 2)), 1);
  const low = Math.max(middle - range, 0);
  return low + (middle + range - low) * share ** (options["exponent"] as number);
}

/** How many of the first tokens' terms `-p ln p` stay within this share of all terms; one at least. */
function summedSize(window: Window, share: number): number {
  const { total, entropy } = sums(window);
  let reached = 0;
  for (let place = window.from; place < window.to; place++) {
    const log = depth(window, place) - Math.log(total);
    reached += -Math.exp(log) * log;
    if (reached > share * entropy * (1 + SLACK)) return Math.max(1, place - window.from);
  }
  return window.to - window.from;
}

/** Stages that the page leaves out, and why. */
export const LEFT_OUT: ReadonlyMap<string, string> = new Map([
  ["xtc", "throws a coin for every token"],
  ["mirostat", "remembers the tokens before"],
  ["adaptive_p", "remembers the tokens before"],
  ["logit_bias", "names tokens by id"],
  ["bad_words", "names tokens by id"],
  ["min_tokens", "names tokens by id"],
  ["allowed", "names tokens by id"],
  ["grammar", "is a program"],
]);

export const TRANSFORMS: ReadonlyMap<string, Transform> = new Map(ROWS.map((row) => [row.name, row]));

/** The setting of every option of a stage, as it is given or by default. */
export function settings(row: Transform, given: Options | undefined): Options {
  return Object.fromEntries((row.options ?? []).map((option) => [option.name, given?.[option.name] ?? option.initial]));
}

const BY_NAME = new Map(ROWS.flatMap((row) => [row.name, ...row.aliases].map((name) => [name, row] as const)));

/** The transform of a name or alias, in snake or kebab case; undefined if the page does not compute it. */
export function findTransform(name: string): Transform | undefined {
  return BY_NAME.get(name.trim().toLowerCase().replaceAll("-", "_"));
}
