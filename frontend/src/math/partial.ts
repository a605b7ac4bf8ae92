// A distribution of which only the most probable tokens are known: every measure is an interval that holds the truth.
//
// The formulas are those of retort.distribution.bounds, partial and partial_chain; the shared golden vectors hold both
// to one answer. k logprobs are seen, the largest ones, of V tokens; W is the weight of the unseen tail at τ.

import { ChainError, explain, stageText, type Chain, type Stage } from "./chain.ts";
import { prob } from "./order.ts";
import { TRANSFORMS } from "./transforms.ts";
import { SLACK, sums } from "./window.ts";

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** `logProbs` fall (nats, τ = 1); each may be `rounding` away from the truth. `tokens`: V, or a number beyond any. */
export interface Known {
  readonly logProbs: Float64Array;
  readonly tokens: number;
  readonly rounding: number;
}

const clip = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);

/** `[m p_k^{1/τ - 1}, (V - k)^{1 - 1/τ} m^{1/τ}]`; the ends change places below τ = 1. */
function temperedTail(mass: number, smallest: number, unseen: number, temperature: number): Interval {
  const m = clip(mass, 0, unseen * smallest);
  if (m === 0) return { low: 0, high: 0 };
  const power = 1 / temperature;
  const piled = m * smallest ** (power - 1);
  const even = Math.max(unseen, 1) ** (1 - power) * m ** power;
  const [low, high] = temperature >= 1 ? [piled, even] : [even, piled];
  return { low, high: Math.max(low, high) };
}

interface Tail extends Interval {
  readonly unseen: number;
  readonly largest: number;
}

/** The tail's weight at τ: its low end from the least mass that can be missing, its high end from the most. */
function tail({ logProbs, tokens, rounding }: Known, temperature: number): Tail {
  const unseen = tokens - logProbs.length;
  const mass = logProbs.reduce((total, value) => total + Math.exp(value), 0);
  const largest = Math.min(Math.exp(logProbs[logProbs.length - 1]!) * Math.exp(rounding), 1);
  const most = unseen * largest;
  const least = clip(1 - mass * Math.exp(rounding), 0, most);
  const greatest = clip(1 - mass * Math.exp(-rounding), 0, most);
  return {
    low: temperedTail(least, largest, unseen, temperature).low,
    high: temperedTail(greatest, largest, unseen, temperature).high,
    unseen,
    largest,
  };
}

/** `part / (part + others + W)`, where rounding moves the logarithm of every seen weight by up to `moved`. */
function share(part: number, others: number, rest: Interval, moved: number): Interval {
  const odds = Math.exp(2 * moved);
  const more = Math.max(others, 0);
  return {
    low: part / (part + more * odds + rest.high * Math.exp(moved)),
    high: part / (part + more / odds + rest.low * Math.exp(-moved)),
  };
}

function weights(known: Known, temperature: number): Float64Array {
  return known.logProbs.map((value) => Math.exp(value / temperature));
}

/** Probability at τ of each known token; at τ = 0 the first has it all. */
export function probsOf(known: Known, temperature: number): Interval[] {
  if (temperature === 0) return Array.from(known.logProbs, (_, rank) => exactly(rank === 0 ? 1 : 0));
  const all = weights(known, temperature);
  const total = all.reduce((sum, one) => sum + one, 0);
  const rest = tail(known, temperature);
  return Array.from(all, (one) => share(one, total - one, rest, known.rounding / temperature));
}

/** Share at τ of the n most probable tokens, n = 1 to k. */
export function firstShares(known: Known, temperature: number): Interval[] {
  if (temperature === 0) return Array.from(known.logProbs, () => exactly(1));
  const all = weights(known, temperature);
  const total = all.reduce((sum, one) => sum + one, 0);
  const rest = tail(known, temperature);
  let first = 0;
  return Array.from(all, (one) => {
    first += one;
    return share(first, total - first, rest, known.rounding / temperature);
  });
}

/** The share at τ of all tokens that are not known. */
export function unseenShare(known: Known, temperature: number): Interval {
  const shares = firstShares(known, temperature).at(-1)!;
  return { low: Math.max(1 - shares.high, 0), high: Math.max(1 - shares.low, 0) };
}

/** The most that any one of the unknown tokens can have at τ. */
export function largestUnseen(known: Known, temperature: number): number {
  if (temperature === 0) return 0;
  const last = probsOf(known, temperature).at(-1)!.high;
  return Math.min(last * Math.exp((2 * known.rounding) / temperature), unseenShare(known, temperature).high);
}

/** Entropy in nats at τ: `ln Z - (Σ w ln w)/Z`, which grows with the tail's weight. */
export function entropyOf(known: Known, temperature: number): Interval {
  if (temperature === 0) return exactly(0);
  const rest = tail(known, temperature);
  let seen = 0;
  let moment = 0;
  for (const value of known.logProbs) {
    const log = value / temperature;
    const weight = Math.exp(log);
    seen += weight;
    if (weight > 0) moment += weight * log;
  }
  const total = (weight: number, tailMoment: number): number => {
    const z = seen + weight;
    return Math.max(Math.log(z) - (moment + tailMoment) / z, 0);
  };
  const piled = rest.low > 0 ? (rest.low * Math.log(rest.largest)) / temperature : 0;
  const even = rest.high > 0 ? rest.high * Math.log(rest.high / rest.unseen) : 0;
  const moved = (known.rounding / temperature) * (Math.log(known.tokens) / 2 + 1);
  const low = Math.max(total(rest.low, piled) - moved, 0);
  const high = Math.min(total(rest.high, even) + moved, Math.log(known.tokens));
  return { low: Math.min(low, high), high };
}

/** `min{n : mass of the first n ≥ share}` at τ, as whole numbers. */
export function nucleusOf(known: Known, temperature: number, wanted: number): Interval {
  if (temperature === 0) return exactly(1);
  const enough = wanted * (1 - SLACK);
  const shares = firstShares(known, temperature);
  const unseen = known.tokens - shares.length;
  const size = (end: "low" | "high", beyond: number): number => {
    const reached = shares.findIndex((one) => one[end] >= enough);
    if (reached >= 0 || unseen === 0) return reached >= 0 ? reached + 1 : known.tokens;
    return Math.min(shares.length + Math.max(Math.ceil(beyond), 1), known.tokens);
  };
  const last = shares.at(-1)!;
  const largest = probsOf(known, temperature).at(-1)!.high * Math.exp((2 * known.rounding) / temperature);
  const fewest = largest > 0 ? (enough - last.high) / largest : 1;
  const most = last.low < 1 ? (unseen * (enough - last.low)) / (1 - last.low) : 1;
  return { low: size("high", fewest), high: size("low", most) };
}

export interface PartialReport {
  readonly stage: Stage;
  readonly kept: number;
  readonly removed: number;
  readonly keptMass: Interval;
}

export interface PartialExplanation {
  readonly stages: readonly PartialReport[];
  readonly kept: number;
  /** The chain's temperature as far as it was reached. */
  readonly temperature: number;
  /** Probability of each known token that is left: ends apart as long as the unknown tail is there, equal after a cut. */
  readonly probs: readonly Interval[];
  /** The share of all unknown tokens. */
  readonly unseen: Interval;
  readonly entropy: Interval;
  readonly warnings: readonly string[];
}

/** What each stage leaves. Throws ChainError that names the first stage which the known tokens do not decide. */
export function explainPartial(chain: Chain, known: Known): PartialExplanation {
  const { tokens } = known;
  const seen = known.logProbs.length;
  const stages: PartialReport[] = [];
  let temperature = 1;
  for (const [place, stage] of chain.entries()) {
    refuseHistory(stage);
    let kept: number;
    if (stage.name === "temperature") {
      temperature = stage.value;
      kept = temperature === 0 ? 1 : tokens;
      stages.push({ stage, kept, removed: tokens - kept, keptMass: kept > 1 ? exactly(1) : firstShares(known, 1)[0]! });
      if (kept > 1) continue;
    } else {
      kept = withTiesAndLeast(stage, known, keptBy(stage, known, temperature));
      if (kept === tokens && seen === tokens) {
        stages.push({ stage, kept, removed: 0, keptMass: exactly(1) });
        continue;
      }
      stages.push({ stage, kept, removed: tokens - kept, keptMass: firstShares(known, temperature)[kept - 1]! });
    }
    return onKnownTokens(known, temperature, kept, stages, chain.slice(place + 1));
  }
  return {
    stages, kept: tokens, temperature, probs: probsOf(known, temperature), unseen: unseenShare(known, temperature),
    entropy: entropyOf(known, temperature), warnings: [],
  };
}

/** The rest of the chain on the first `kept` tokens, which are all that is left: from here on everything is exact. */
function onKnownTokens(
  known: Known, temperature: number, kept: number, before: readonly PartialReport[], rest: Chain,
): PartialExplanation {
  rest.forEach(refuseHistory);
  const logits = known.logProbs.slice(0, kept).map((value) => value / (temperature || 1));
  const found = explain(rest, logits);
  const { from, to } = found.processed;
  const { entropy } = sums(found.processed);
  const probs = Array.from(logits, (_, rank) => exactly(prob(found.processed, rank)));
  const after = found.stages.map(({ stage, kept: left, removed, keptMass }) => ({ stage, kept: left, removed, keptMass: exactly(keptMass) }));
  return {
    stages: [...before, ...after], kept: to - from, temperature: temperature * found.tempered.temperature, probs,
    unseen: exactly(0), entropy: exactly(entropy), warnings: rest.length > 0 ? found.warnings : [],
  };
}

/** How many tokens a truncation keeps while the unknown tail is still there. */
function keptBy(stage: Stage, known: Known, temperature: number): number {
  const seen = known.logProbs.length;
  const everything = known.tokens;
  const { value } = stage;
  if (stage.name === "top_k") {
    if (value <= seen || seen === everything) return Math.min(value, everything);
    throw undecidable(stage, `the ${seen} most probable tokens are known`);
  }
  if (stage.name === "min_p") {
    const limit = known.logProbs[0]! / temperature + Math.log(value);
    const above = known.logProbs.filter((one) => one / temperature >= limit).length;
    if (above < seen || seen === everything) return above;
    throw undecidable(stage, `all ${seen} known tokens pass it, so unknown ones may`);
  }
  if (stage.name === "top_p") {
    const { low, high } = nucleusOf(known, temperature, value);
    if (low === high && high <= seen) return low;
    throw undecidable(stage, `the nucleus holds ${low.toLocaleString("en")} to ${high.toLocaleString("en")} tokens, as far as ${seen} known tokens tell`);
  }
  throw undecidable(stage, `it needs the whole vocabulary as long as nothing before it has cut off all but the ${seen} known tokens`);
}

/** The count with the stage's own `min_keep` and rule for ties, where it has them. */
function withTiesAndLeast(stage: Stage, known: Known, wanted: number): number {
  const seen = known.logProbs.length;
  const names = (TRANSFORMS.get(stage.name)!.options ?? []).map((option) => option.name);
  let count = wanted;
  if (names.includes("min_keep")) {
    count = Math.max(count, Math.min(Number(stage.options?.["min_keep"] ?? 1), known.tokens));
    if (count > seen) throw undecidable(stage, `it keeps ${count} tokens and the ${seen} most probable ones are known`);
  }
  if (stage.options?.["ties"] === "all" && count < known.tokens) {
    const last = known.logProbs[count - 1]!;
    count = known.logProbs.filter((one) => one >= last).length;
    if (count === seen && seen < known.tokens) throw undecidable(stage, "unknown tokens may tie with the last known one");
  }
  return count;
}

function refuseHistory(stage: Stage): void {
  if (TRANSFORMS.get(stage.name)!.looksBack) {
    throw undecidable(stage, "it depends on token ids or on the text before, and only ranks are known");
  }
}

function undecidable(stage: Stage, reason: string): ChainError {
  return new ChainError(
    `What ${stageText(stage)} keeps cannot be decided here: ${reason}; cut to the known tokens first (top_k), ask for more ` +
      "log-probabilities, or use a model that runs here.",
  );
}

export function exactly(value: number): Interval {
  return { low: value, high: value };
}
