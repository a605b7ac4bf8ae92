// A distribution of which some tokens are known: every measure is an interval that holds the truth.
//
// The formulas are those of retort.distribution.bounds and retort.chain.listed, where their proofs stand; the shared
// golden vectors hold both to one answer. k tokens are known, by falling rank, U are not; weights are p^(1/τ).

import { applyStage, explained, type Chain, type Explanation, type StageReport } from "./chain.ts";
import { ChainError, stageText, type Stage } from "./stage.ts";
import { exactly, type Interval } from "./interval.ts";
import { rankAt } from "./order.ts";
import { settings, TRANSFORMS } from "./transforms.ts";
import { SLACK, whole } from "./window.ts";

/** Probabilities may sum to more than one by this much; how far a sum of float64 probabilities may be from the truth. */
const FLOAT_ERROR = 1e-13;
const ROUNDING = 1e-12;

const exp = (value: number): number => Math.exp(Math.min(value, 700));
const share = (part: number, others: number): number => (part > 0 ? part / (part + others) : 0);
const term = (value: number): number => (value > 0 ? -value * Math.log(value) : 0);
const clip = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);
const sum = (values: ArrayLike<number>): number => Array.prototype.reduce.call(values, (total: any, one: any) => total + one, 0) as number;

/** As `PartialDistribution`: each known token's logarithm at τ = 1 lies from `low` to `high`, none unknown above `ceiling`. */
export class KnownTokens {
  private tailWeight: Interval | undefined;
  private scaled: [Float64Array, Float64Array] | undefined;
  readonly low: Float64Array;
  readonly high: Float64Array;
  readonly tokens: number;
  readonly ceiling: number;
  readonly temperature: number;
  readonly normalised: boolean;

  constructor(low: Float64Array, high: Float64Array, tokens: number, ceiling: number, temperature: number, normalised: boolean) {
    this.low = low;
    this.high = high;
    this.tokens = tokens;
    this.ceiling = ceiling;
    this.temperature = temperature;
    this.normalised = normalised;
  }

  /** The largest log-probabilities at τ = 1, falling, each up to `rounding` from the truth, of `tokens` tokens. */
  static of(logProbs: readonly number[], tokens: number, rounding: number): KnownTokens {
    const values = Float64Array.from(logProbs, (value) => Math.min(value, 0)).sort().reverse();
    const mass = sum(values.map(Math.exp));
    const moved = mass > Math.exp(rounding) + FLOAT_ERROR ? Math.log(mass) : rounding;
    const ceiling = Math.min(values.at(-1)! + moved, 0);
    return new KnownTokens(values.map((one) => one - moved), values.map((one) => Math.min(one + moved, 0)), tokens, ceiling, 1, true);
  }

  private static wholeOf(low: Float64Array, high: Float64Array): KnownTokens {
    return new KnownTokens(low, high, low.length, -Infinity, 1, false);
  }

  at(temperature: number): KnownTokens {
    return new KnownTokens(this.low, this.high, this.tokens, this.ceiling, temperature, this.normalised);
  }

  get seen(): number {
    return this.low.length;
  }

  get unknown(): number {
    return this.tokens - this.low.length;
  }

  /** True if no unknown token has any probability. */
  get whole(): boolean {
    return this.unknown === 0 || this.largestUnknown === 0;
  }

  get rounded(): boolean {
    return this.low.some((one, place) => one !== this.high[place]);
  }

  get exact(): boolean {
    return this.whole && !this.rounded;
  }

  private get unknownMass(): Interval {
    if (!this.normalised || this.unknown === 0) return exactly(0);
    const most = 1 - sum(this.low.map(Math.exp)) + FLOAT_ERROR;
    const least = 1 - sum(this.high.map(Math.exp)) - FLOAT_ERROR;
    const room = this.unknown * Math.exp(this.ceiling);
    return { low: clip(least, 0, room), high: clip(most, 0, room) };
  }

  private get largestUnknown(): number {
    return Math.min(Math.exp(this.ceiling), this.unknownMass.high);
  }

  /** How many of the known tokens are sure to be the most likely of all. */
  private get ranked(): number {
    if (this.whole) return this.seen;
    const limit = Math.log(this.largestUnknown);
    return this.low.filter((one, place) => one >= limit || this.high[place]! >= this.ceiling).length;
  }

  private get weights(): [Float64Array, Float64Array] {
    const shift = this.high[0]!;
    const scale = (ends: Float64Array): Float64Array => ends.map((one) => Math.exp((one - shift) / this.temperature));
    return (this.scaled ??= [scale(this.low), scale(this.high)]);
  }

  private get largestWeight(): number {
    return this.whole ? 0 : exp((Math.log(this.largestUnknown) - this.high[0]!) / this.temperature);
  }

  /** The weight of all unknown tokens: between a tail piled up at the largest and an even one. */
  private get unknownWeight(): Interval {
    if (this.whole) return exactly(0);
    if (this.tailWeight !== undefined) return this.tailWeight;
    const power = 1 / this.temperature;
    const shift = this.high[0]! * power;
    const even = (mass: number): number => exp(power * Math.log(mass) + (1 - power) * Math.log(this.unknown) - shift);
    const piled = (mass: number): number => exp(Math.log(mass) + (power - 1) * Math.log(this.largestUnknown) - shift);
    const { low: least, high: most } = this.unknownMass;
    const [low, high] = this.temperature >= 1 ? [piled(least), even(most)] : [even(least), piled(most)];
    return (this.tailWeight = { low, high: Math.min(Math.max(low, high), this.unknown * this.largestWeight) });
  }

  /** The most that any one of the unknown tokens can have at τ. */
  get largestShare(): number {
    const weight = this.largestWeight;
    return weight > 0 ? weight / (sum(this.weights[0]) + Math.max(weight, this.unknownWeight.low)) : 0;
  }

  /** Probability at τ of each known token, by rank. */
  get probs(): Interval[] {
    if (this.temperature === 0) {
      return Array.from(this.low, (_, rank) => ({ low: rank === 0 && this.ranked > 0 ? 1 : 0, high: rank === 0 ? 1 : 0 }));
    }
    const [low, high] = this.weights;
    if (this.exact) {
      const total = sum(low);
      return Array.from(low, (one) => exactly(one / total));
    }
    const [totalLow, totalHigh, tail] = [sum(low), sum(high), this.unknownWeight];
    return Array.from(low, (_, rank) => {
      let least = share(low[rank]!, Math.max(totalHigh - high[rank]!, 0) + tail.high);
      let most = share(high[rank]!, Math.max(totalLow - low[rank]!, 0) + tail.low);
      if (this.temperature === 1 && this.normalised) {
        // The numbers given are bounds themselves.
        const [given, givenMost] = [Math.exp(this.low[rank]!), Math.exp(this.high[rank]!)];
        [least, most] = this.rounded ? [Math.max(least, given), Math.min(most, givenMost)] : [given, givenMost];
      }
      return { low: Math.min(least, most), high: most };
    });
  }

  /** The share at τ of the known tokens for which `chosen` is true. */
  share(chosen: (rank: number) => boolean): Interval {
    if (this.temperature === 0) return { low: chosen(0) && this.ranked > 0 ? 1 : 0, high: chosen(0) ? 1 : 0 };
    const [low, high] = this.weights;
    const part = (ends: Float64Array, inside: boolean): number => sum(ends.filter((_, rank) => chosen(rank) === inside));
    let least = share(part(low, true), part(high, false) + this.unknownWeight.high);
    let most = share(part(high, true), part(low, false) + this.unknownWeight.low);
    if (this.temperature === 1 && this.normalised && this.unknown > 0) {
      least = Math.max(least, part(this.low.map(Math.exp), true));
      most = Math.min(most, part(this.high.map(Math.exp), true));
    }
    if (this.exact && this.high.every((one, rank) => one === -Infinity || chosen(rank))) least = most = 1;
    return { low: Math.min(least, most, 1), high: Math.min(most, 1) };
  }

  /** Share at τ of the n most likely known tokens, n = 1 to k. */
  private get firstShares(): Interval[] {
    if (this.temperature === 0) return Array.from(this.low, () => ({ low: this.ranked > 0 ? 1 : 0, high: 1 }));
    const [low, high] = this.weights;
    const [allLow, allHigh, tail] = [sum(low), sum(high), this.unknownWeight];
    const bounded = this.temperature === 1 && this.normalised && this.unknown > 0;
    let [firstLow, firstHigh, givenLow, givenHigh] = [0, 0, 0, 0];
    return Array.from(low, (_, rank) => {
      firstLow += low[rank]!;
      firstHigh += high[rank]!;
      givenLow += Math.exp(this.low[rank]!);
      givenHigh += Math.exp(this.high[rank]!);
      let least = share(firstLow, Math.max(allHigh - firstHigh, 0) + tail.high);
      let most = share(firstHigh, Math.max(allLow - firstLow, 0) + tail.low);
      if (bounded) [least, most] = [Math.max(least, givenLow), Math.min(most, givenHigh)];
      return { low: Math.min(least, most), high: Math.min(most, 1) };
    });
  }

  /** The share at τ of all tokens that are not known. */
  get unseen(): Interval {
    if (this.whole) return exactly(0);
    const { low, high } = this.share(() => true);
    return { low: Math.max(1 - high, 0), high: Math.max(1 - low, 0) };
  }

  /** How many tokens have any probability. */
  private get support(): Interval {
    if (this.temperature === 0) return exactly(1);
    const known = this.high.filter((one) => one > -Infinity).length;
    return { low: known + (this.unknownMass.low > 0 ? 1 : 0), high: known + (this.whole ? 0 : this.unknown) };
  }

  /** Entropy in nats at τ: the narrower of two bounds, one from the weights and one from the shares. */
  get entropy(): Interval {
    if (this.support.high === 1) return exactly(0);
    const probs = this.probs;
    if (this.exact || (this.whole && probs.every(({ low, high }) => low === high))) {
      return exactly(sum(probs.map(({ low }) => term(low))));
    }
    const [weights, shares] = [this.entropyByWeights(), this.entropyByShares(probs)];
    const high = Math.min(weights.high, shares.high, Math.log(this.tokens));
    return { low: Math.min(Math.max(weights.low, shares.low, 0), high), high };
  }

  /** The first logarithm minus the second at τ = 1, in nats. */
  get margin(): Interval {
    if (this.ranked === 0) return { low: 0, high: Infinity };
    const second = this.seen > 1;
    const above = Math.max(second ? this.high[1]! : -Infinity, this.whole ? -Infinity : Math.log(this.largestUnknown));
    const below = Math.max(second ? this.low[1]! : -Infinity, this.whole ? -Infinity : Math.log(this.unknownMass.low / this.unknown));
    const high = below === -Infinity ? Infinity : this.high[0]! - below;
    const low = above === -Infinity ? Infinity : Math.max(this.low[0]! - above, 0);
    return !this.rounded && this.ranked > 1 && Number.isFinite(low) ? exactly(high) : { low, high: Math.max(low, high) };
  }

  /** `min{n : mass of the first n ≥ wanted}` at τ, as whole numbers. */
  nucleus(wanted: number): Interval {
    if (this.temperature === 0 || wanted === 0) return exactly(1);
    if (wanted === 1) return this.support;
    const enough = wanted * (1 - SLACK);
    const first = this.ranked;
    const shares = this.firstShares.slice(0, first);
    const reached = (end: "low" | "high"): number | null => {
      const place = shares.findIndex((one) => one[end] >= enough);
      return place < 0 ? null : place + 1;
    };
    const last = shares.at(-1) ?? exactly(0);
    let [fewest, most] = [reached("high"), reached("low")];
    if (fewest === null) {
      const step = Math.max(this.largestShare, first < this.seen ? this.probs[first]!.high : 0);
      const more = step > 0 ? Math.ceil(((enough - last.high) / step) * (1 - 1e-9)) : 1;
      fewest = Math.min(first + Math.max(more, 1), this.tokens);
    }
    if (most === null) {
      const left = 1 - last.low;
      const more = left > 0 ? Math.ceil(((this.tokens - first) * (enough - last.low) / left) * (1 + 1e-13)) : 1;
      most = this.whole ? this.tokens : Math.min(first + Math.max(more, 1), this.tokens);
    }
    return { low: fewest, high: Math.max(fewest, most) };
  }

  /** Without the tokens that cannot come. */
  possible(): KnownTokens {
    const alive = (_: number, rank: number): boolean => this.high[rank]! > -Infinity;
    const lost = this.high.filter((one) => one === -Infinity).length + (this.whole ? this.unknown : 0);
    if (lost === 0) return this;
    return new KnownTokens(this.low.filter(alive), this.high.filter(alive), this.tokens - lost, this.ceiling, this.temperature, this.normalised);
  }

  /** What is left if only these known tokens are kept: a whole distribution at τ = 1. */
  kept(ranks: readonly number[]): KnownTokens {
    const top = this.high[ranks[0]!]!;
    const scale = this.temperature || 1;
    const ends = (from: Float64Array): Float64Array => Float64Array.from(ranks, (rank) => (from[rank]! - top) / scale);
    return KnownTokens.wholeOf(ends(this.low), ends(this.high));
  }

  /** This whole distribution at a temperature that is itself known in part. */
  divided({ low, high }: Interval): KnownTokens {
    const top = this.high[0]!;
    return KnownTokens.wholeOf(this.low.map((one) => (one - top) / low), this.high.map((one) => (one - top) / high));
  }

  private entropyByWeights(): Interval {
    const [low, high] = this.weights;
    let [total, moment, steepest] = [0, 0, 0];
    low.forEach((from, rank) => {
      const to = high[rank]!;
      if (to === 0) return;
      const middle = from > 0 ? Math.exp((Math.log(from) + Math.log(to)) / 2) : 0;
      total += middle;
      moment -= term(middle);
      steepest = Math.max(steepest, from > 0 ? (Math.log(to) - Math.log(from)) / 2 : Infinity);
    });
    const tail = this.unknownWeight;
    const entropy = (weight: number, each: number): number => {
      const z = total + weight;
      return Math.log(z) - (moment + (weight > 0 ? weight * each : 0)) / z;
    };
    let [least, most] = [entropy(0, 0), entropy(0, 0)];
    // Least with the tail piled up at the largest weight, most with an even one. Each has one turning point in the tail's
    // weight; the extreme lies there, or at the end of the weight's interval that is nearer to it.
    if (tail.high > 0) {
      const pile = Math.log(this.largestWeight);
      const leastAt = clip(pile * total - moment - total, tail.low, tail.high);
      const mostAt = clip(this.unknown * exp(moment / total), tail.low, tail.high);
      [least, most] = [entropy(leastAt, pile), entropy(mostAt, Math.log(mostAt / this.unknown))];
    }
    const moved = steepest * (Math.log(Math.max(this.tokens, 1)) / 2 + 1);
    return { low: least - moved, high: most + moved };
  }

  private entropyByShares(probs: readonly Interval[]): Interval {
    const tail = this.unseen;
    const unknown = this.whole ? 0 : this.unknown;
    const eachLow = unknown > 0 ? tail.low / unknown : 0;
    let cap = unknown > 0 ? this.largestShare : 0;
    const eachHigh = Math.max(eachLow, unknown > 0 ? Math.min(cap, tail.high / unknown) : 0);
    // The most even: every share as near to one level as its interval allows. 80 halvings in ln level: shares may be as
    // small as float64 goes.
    let [bottom, top] = [-745, 0];
    for (let step = 0; step < 80; step++) {
      const level = Math.exp((bottom + top) / 2);
      const all = sum(probs.map(({ low, high }) => clip(level, low, high))) + unknown * clip(level, eachLow, eachHigh);
      if (all < 1) bottom = (bottom + top) / 2;
      else top = (bottom + top) / 2;
    }
    const level = Math.exp(top);
    const most = sum(probs.map(({ low, high }) => term(clip(level, low, high)))) + unknown * term(clip(level, eachLow, eachHigh));
    // The most uneven: the first ones as large as they may be, the rest in pieces of `cap`. A share f lowers the entropy by
    // taking from the rest while -ln f - 1 ≤ -ln cap, which is e·f ≥ cap; where that fails nothing better than 0 is known.
    const first = unknown > 0 ? this.ranked : probs.length;
    cap = Math.max(cap, first < probs.length ? probs[first]!.high : 0);
    if (first === 0 || (cap > 0 && probs[first - 1]!.low * Math.E < cap)) return { low: 0, high: most + 1e-12 };
    const restLow = tail.low + sum(probs.slice(first).map(({ low }) => low));
    let room = Math.max(1 - sum(probs.slice(0, first).map(({ low }) => low)) - restLow, 0);
    let [filled, least] = [0, 0];
    for (const { low, high } of probs.slice(0, first)) {
      const value = low + clip(room, 0, high - low);
      room -= high - low;
      filled += value;
      least += term(value);
    }
    const rest = unknown > 0 || first < probs.length ? Math.max(1 - filled, restLow) : 0;
    if (rest > 0 && cap > 0) least -= rest * Math.log(cap);
    return { low: least - 1e-12, high: most + 1e-12 };
  }

  // What a truncation needs to know

  get rankedTokens(): number {
    return this.ranked;
  }

  get largestUnknownProb(): number {
    return this.largestUnknown;
  }
}

/** What a chain leaves of the known tokens: their ranks, rising, and whether the unknown ones are still there. */
interface Listed {
  readonly left: KnownTokens;
  readonly ranks: readonly number[];
  readonly tail: boolean;
  readonly kept: number;
  readonly temperature: Interval;
  readonly stages: readonly StageReport[];
}

/** As `explain`, of a list of known tokens. Throws ChainError that names the first stage which they do not decide. */
export function explainPartial(chain: Chain, known: KnownTokens): Explanation {
  const raw = known.at(1).possible();
  const found = through(known, chain);
  const probs = namedProbs(known, found);
  return explained({
    chain,
    stages: found.stages,
    before: raw.tokens,
    kept: found.kept,
    nucleus: raw.nucleus(0.9).low,
    survivors: (chosen) => through(known, chosen),
    size: ({ kept }) => kept,
    same: (a, b) => a.tail === b.tail && a.ranks.length === b.ranks.length && a.ranks.every((rank, place) => rank === b.ranks[place]),
    entropy: found.left.entropy,
    unseen: found.left.unseen,
    largestUnseen: found.tail ? found.left.largestShare : 0,
    prob: (rank) => probs[rank] ?? exactly(0),
    beyond: (rank) => ({
      share: restOf(found, rank),
      kept: found.ranks.filter((one) => one >= rank).length + (found.tail ? found.left.unknown : 0),
    }),
    removedBy: (rank) => (probs[rank]!.high > 0 ? null : (found.stages.find((one) => one.removedRanks!.includes(rank))?.stage ?? null)),
  });
}

function through(known: KnownTokens, chain: Chain): Listed {
  const raw = known.at(1).possible();
  let current = raw;
  let ranks: readonly number[] = Array.from(raw.low, (_, rank) => rank);
  let temperature = exactly(1);
  const stages: StageReport[] = [];
  for (const stage of chain) {
    const row = TRANSFORMS.get(stage.name)!;
    if (row.looksBack) throw undecidable(stage, "it depends on token ids or on the text before, and only ranks are known");
    const [alive, tail] = [ranks, !current.whole];
    let mass = exactly(1);
    const keep = (places: readonly number[]): void => {
      const inside = new Set(places);
      mass = current.share((place) => inside.has(place));
      current = current.kept(places);
      ranks = places.map((place) => alive[place]!);
    };
    if (row.tempers) {
      const divisor = divisorOf(current, stage);
      if (divisor.low === 0) {
        if (current.rankedTokens === 0) throw undecidable(stage, "an unknown token may be the most likely one");
        keep([0]);
      } else {
        temperature = divisor;
        current = divisor.low === divisor.high ? current.at(divisor.low) : current.divided(divisor);
      }
    } else {
      const places = keptBy(current, stage);
      if (places !== null && (tail || places.length < alive.length)) keep(places);
    }
    const unknown = current.whole ? 0 : current.unknown;
    const was = alive.length + (tail ? raw.unknown : 0);
    const kept = new Set(ranks);
    stages.push({
      stage,
      kept: ranks.length + unknown,
      removed: was - ranks.length - unknown,
      keptMass: mass,
      keptMassTotal: shapedMass(raw, ranks, unknown > 0, temperature),
      removedRanks: alive.filter((rank) => !kept.has(rank)),
    });
  }
  const tail = !current.whole;
  return { left: current, ranks, tail, kept: ranks.length + (tail ? current.unknown : 0), temperature, stages };
}

/** The share of what is left from this rank on: of all tokens but the first ones. */
function restOf({ left, ranks }: Listed, rank: number): Interval {
  const { low, high } = left.share((place) => ranks[place]! < rank);
  return { low: 1 - high, high: 1 - low };
}

/** Processed probability of each known token; of tokens that rounding lets change places, either may be the one kept. */
function namedProbs(known: KnownTokens, found: Listed): Interval[] {
  const raw = known.at(1).possible();
  const kept: Interval[] = Array.from(raw.low, () => exactly(0));
  found.left.probs.forEach((one, place) => (kept[found.ranks[place]!] = one));
  return Array.from(known.low, (_, place) => {
    if (place >= raw.seen) return exactly(0);
    let { low, high } = kept[place]!;
    for (let other = 0; other < raw.seen; other++) {
      if (!(raw.high[other]! > raw.low[place]! && raw.low[other]! < raw.high[place]!)) continue;
      low = Math.min(low, kept[other]!.low);
      high = Math.max(high, kept[other]!.high);
    }
    return { low, high };
  });
}

/** What a stage that tempers divides by. */
function divisorOf(current: KnownTokens, stage: Stage): Interval {
  const given = stage.name === "temperature" ? stage.value : Number(stage.options?.["temperature"] ?? 1);
  if (stage.name === "temperature" || given === 0) return exactly(given);
  if (!current.whole) throw undecidable(stage, "it follows the entropy of all tokens, and unknown ones are still there");
  if (current.exact) {
    const after = applyStage(whole(current.low.slice()), stage);
    return exactly(after.to - after.from === 1 && current.seen > 1 ? 0 : after.temperature);
  }
  const exponent = Number(settings(TRANSFORMS.get(stage.name)!, stage.options)["exponent"] ?? 1);
  const most = Math.log(Math.max(current.seen, 2));
  const [least, greatest] = [Math.max(given - stage.value, 0), given + stage.value];
  const end = (entropy: number): number => least + (greatest - least) * Math.min(entropy / most, 1) ** exponent;
  const found = { low: end(current.entropy.low), high: end(current.entropy.high) };
  if (found.low === 0 && found.high > 0) throw undecidable(stage, "rounding leaves open whether its temperature is 0");
  return found;
}

/** Places of the known tokens that a truncation keeps, all unknown ones being removed; null: it removes nothing. */
function keptBy(current: KnownTokens, stage: Stage): number[] | null {
  if (current.exact) {
    const row = current.low.map((one) => one / (current.temperature || 1));
    const after = applyStage(whole(row), stage);
    return Array.from({ length: after.to - after.from }, (_, place) => rankAt(after, after.from + place)).sort((a, b) => a - b);
  }
  const { name, value } = stage;
  if (name === "top_k") return value >= current.tokens ? null : first(current, stage, value);
  if (name === "top_p") {
    const { low, high } = current.nucleus(value);
    if (low !== high) throw undecidable(stage, `the nucleus holds ${low.toLocaleString("en")} to ${high.toLocaleString("en")} tokens`);
    return first(current, stage, low);
  }
  if (name === "min_p") return first(current, stage, above(current, stage, exactly(Math.log(value)), true));
  if (name === "epsilon_cutoff") return first(current, stage, Math.max(above(current, stage, exactly(Math.log(value)), false), 1));
  if (name === "eta_cutoff") {
    const floor = (entropy: number): number => Math.min(Math.log(value), Math.log(value) / 2 - entropy);
    const { low, high } = current.entropy;
    return first(current, stage, Math.max(above(current, stage, { low: floor(high), high: floor(low) }, false), 1));
  }
  if (!current.whole) {
    throw undecidable(stage, `it needs the whole vocabulary as long as nothing before it has cut off all but the ${current.seen} known tokens`);
  }
  if (name === "top_n_sigma") return upTo(withinSigmas(current, stage));
  if (name === "typical_p") return typicalOf(current, stage);
  const own = settings(TRANSFORMS.get(name)!, stage.options);
  if (name === "top_h" && own["entropy"] === "kept" && !own["among"]) return upTo(underEntropy(current, stage));
  throw undecidable(stage, "its logprobs are rounded");
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, place) => place);

/** The first `wanted` places and what the stage's own `min_keep` and rule for ties add. */
function first(current: KnownTokens, stage: Stage, wanted: number): number[] {
  const own = settings(TRANSFORMS.get(stage.name)!, stage.options);
  let count = "min_keep" in own ? Math.max(wanted, Math.min(Number(own["min_keep"]), current.tokens)) : wanted;
  if (current.whole) count = Math.min(count, current.seen);
  if (count > current.rankedTokens) {
    throw undecidable(stage, `the ${current.rankedTokens} most likely tokens are known, and it keeps ${count.toLocaleString("en")}`);
  }
  if (own["ties"] === "all" && count < current.tokens) count = withTies(current, stage, count);
  return upTo(count);
}

function withTies(current: KnownTokens, stage: Stage, count: number): number {
  const last = current.low[count - 1]!;
  if (!current.whole && Math.log(current.largestUnknownProb) >= last) throw undecidable(stage, "unknown tokens may tie with the last one kept");
  const after = current.high.subarray(count);
  if (!current.rounded) return count + after.filter((one) => one === current.high[count - 1]).length;
  if (after.length > 0 && after[0]! >= last) throw undecidable(stage, "rounding leaves open which tokens tie with the last one kept");
  return count;
}

/** How many tokens reach a floor in nats, under the largest token (`gaps`) or under probability 1. */
function above(current: KnownTokens, stage: Stage, floor: Interval, gaps: boolean): number {
  const scale = current.temperature;
  let own: Interval[];
  let unknown: number;
  if (gaps) {
    own = Array.from(current.low, (low, place) => {
      if (place === 0) return exactly(0);
      const most = (current.high[place]! - current.low[0]!) / scale;
      return current.rounded ? { low: (low - current.high[0]!) / scale, high: most } : exactly(most);
    });
    unknown = (Math.log(current.largestUnknownProb) - current.low[0]!) / scale;
  } else {
    own = current.probs.map(({ low, high }) => ({ low: Math.log(low), high: Math.log(high) }));
    unknown = Math.log(current.largestShare);
  }
  const inside = own.filter((one) => one.low >= floor.high - ROUNDING).length;
  const open = own.findIndex((one) => !(one.low >= floor.high - ROUNDING) && !(one.high < floor.low - ROUNDING));
  if (open >= 0) throw undecidable(stage, `the token of rank ${open + 1} is too near to its limit`);
  if (!current.whole && unknown >= floor.low - ROUNDING) throw undecidable(stage, `unknown tokens may pass it besides ${inside} known ones`);
  return inside;
}

/** top_n_sigma: the standard deviation moves by no more than the logits do. */
function withinSigmas(current: KnownTokens, stage: Stage): number {
  const scale = current.temperature;
  const centre = current.low.map((one, place) => (one + current.high[place]!) / 2 / scale);
  const half = Math.max(...current.low.map((one, place) => (current.high[place]! - one) / 2)) / scale;
  const mean = sum(centre) / centre.length;
  const limit = stage.value * Math.sqrt(sum(centre.map((one) => (one - mean) ** 2)) / centre.length);
  // If each logit moves by `half` at most, so does their deviation, and a gap by twice that.
  const slack = (2 + stage.value) * half;
  let count = 1;
  for (let place = 1; place < centre.length; place++) {
    const gap = centre[0]! - centre[place]!;
    if (gap <= limit - slack) count += 1;
    else if (gap <= limit + slack) throw undecidable(stage, "a token lies too near to its limit");
  }
  return count;
}

/** typical_p: the nearest tokens to the expected surprise, if the order and the mass are certain at the edge. */
function typicalOf(current: KnownTokens, stage: Stage): number[] {
  const entropy = current.entropy;
  const far = current.probs.map(({ low, high }) => {
    const [below, over] = [-Math.log(high) - entropy.high, -Math.log(low) - entropy.low];
    const most = Math.max(Math.abs(below), Math.abs(over));
    return { low: below <= 0 && over >= 0 ? 0 : Math.min(Math.abs(below), Math.abs(over)), high: most };
  });
  const order = upTo(far.length).sort((a, b) => far[a]!.low + far[a]!.high - far[b]!.low - far[b]!.high);
  const needed = stage.value * (1 - SLACK);
  const minKeep = Number(settings(TRANSFORMS.get(stage.name)!, stage.options)["min_keep"] ?? 1);
  // The first run that may hold the mass decides: a longer one would need it to be sure that this one falls short.
  for (let count = 1; count <= order.length; count++) {
    const inner = order.slice(0, count);
    const of = (places: readonly number[]): Interval => current.share((place) => places.includes(place));
    if (of(inner).high < needed) continue;
    const apart = count === order.length || Math.max(...inner.map((one) => far[one]!.high)) < Math.min(...order.slice(count).map((one) => far[one]!.low));
    const edge = Math.max(...inner.map((one) => far[one]!.low));
    const last = inner.filter((one) => far[one]!.high >= edge);
    const short = count === 1 || last.every((one) => of(inner.filter((other) => other !== one)).high < needed);
    if (apart && of(inner).low >= needed && short && count >= minKeep) return inner.sort((a, b) => a - b);
    break;
  }
  throw undecidable(stage, "rounding leaves open which tokens come first in its order");
}

/** top_h: the longest run from the top whose entropy stays under its share of the whole one. */
function underEntropy(current: KnownTokens, stage: Stage): number {
  const limit = current.entropy;
  const [low, high] = [limit.low, limit.high].map((end) => stage.value * end * (1 + SLACK)) as [number, number];
  // As on whole rows: a bound that is 0 in float64 is passed by every second token, whose own weight may be 0 as well.
  if (high <= 0) return 1;
  for (let count = 2; count <= current.seen; count++) {
    const own = current.kept(upTo(count)).entropy;
    if (own.low > high) return count - 1;
    if (own.high > low || low <= 0) throw undecidable(stage, `rounding leaves open whether ${count} tokens stay under its bound`);
  }
  return current.seen;
}

/** The share at the chain's temperature of the tokens that are left. */
function shapedMass(raw: KnownTokens, ranks: readonly number[], tail: boolean, temperature: Interval): Interval {
  if (tail || (ranks.length === raw.seen && raw.whole)) return exactly(1);
  const inside = new Set(ranks);
  const ends = [temperature.low, temperature.high].map((one) => raw.at(one).share((rank) => inside.has(rank)));
  if (temperature.low === temperature.high) return ends[0]!;
  if (!ranks.every((rank, place) => rank === place)) return { low: 0, high: 1 };
  return { low: Math.min(...ends.map((one) => one.low)), high: Math.max(...ends.map((one) => one.high)) };
}

function undecidable(stage: Stage, reason: string): ChainError {
  return new ChainError(
    `What ${stageText(stage)} keeps cannot be decided here: ${reason}; cut to the known tokens first (top_k), ask for more ` +
      "logprobs or more decimals, or use a model that runs here.",
  );
}
