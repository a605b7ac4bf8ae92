// A distribution whose tokens are in order of their logits: a window of ranks at a temperature, and its measures.
//
// Truncations keep a stretch of ranks (most of them the first n), so a kept set is two numbers; a temperature is one
// more, and no row is ever copied. Exponents are taken from the window's own largest logit, as Python does, and sums
// run in float64 from the most to the least probable token.

import type { Order } from "./order.ts";

/** The tokens at the places `from` (included) to `to` (excluded) of a falling row. A place is a rank unless `order` is set. */
export interface Window {
  readonly logits: Float64Array;
  readonly temperature: number;
  readonly from: number;
  readonly to: number;
  /** What a temperature has taken from every logit; matters to who asks whether a logit is above zero. */
  readonly zero?: number;
  readonly order?: Order;
}

export interface Sums {
  /** Σ exp((z - max z) / τ) */
  readonly total: number;
  /** Entropy in nats: `ln Σw - Σ w·x / Σw` with w = exp x. */
  readonly entropy: number;
}

/** A mass that is reached up to this share of it is reached: an exact tie must not hang on the order of summation. */
export const SLACK = 2 ** -40;

/** Below this exp is 0 in float64, and so it is for every token that follows in a falling row. */
const VANISHES = -745.2;

/** A part with less than this share of the mass is added up itself: in a difference of running sums its digits are lost. */
export const SMALL = 1e-3;

/** Running sums of a row at one temperature: `weights[n]` = Σ w, `moments[n]` = Σ w·x over the first n tokens. */
interface Sweep {
  temperature: number;
  readonly weights: Float64Array;
  readonly moments: Float64Array;
}

/** Temperatures kept a row: raw, the slider's, and one more. One pass over the row a move is all that a slider costs. */
const SWEEPS = 3;
const sweeps = new WeakMap<Float64Array, Sweep[]>();

function sweep(logits: Float64Array, temperature: number): Sweep {
  let kept = sweeps.get(logits);
  if (kept === undefined) sweeps.set(logits, (kept = []));
  const known = kept.find((one) => one.temperature === temperature);
  if (known !== undefined) return known;
  const count = logits.length;
  // The oldest but the raw one is written over: new arrays of a megabyte at every move would keep the collector busy.
  const old = kept.length < SWEEPS ? undefined : kept.splice(kept.findIndex((one) => one.temperature !== 1), 1)[0];
  const found = old ?? { temperature, weights: new Float64Array(count + 1), moments: new Float64Array(count + 1) };
  found.temperature = temperature;
  const { weights, moments } = found;
  const best = logits[0]!;
  let total = 0;
  let moment = 0;
  let rank = 0;
  for (; rank < count; rank++) {
    const x = (logits[rank]! - best) / temperature;
    if (x < VANISHES) break;
    const weight = Math.exp(x);
    total += weight;
    moment += weight * x;
    weights[rank + 1] = total;
    moments[rank + 1] = moment;
  }
  weights.fill(total, rank + 1);
  moments.fill(moment, rank + 1);
  kept.push(found);
  return found;
}

/** The whole row at τ = 1. */
export function whole(logits: Float64Array): Window {
  return { logits, temperature: 1, from: 0, to: logits.length };
}

/** The window at `temperature` times its own; 0 leaves the first token alone. */
export function tempered(window: Window, temperature: number): Window {
  const zero = window.logits[window.from]!;
  if (temperature === 0) return { ...window, to: window.from + 1, zero };
  if (temperature === 1) return window;
  return { ...window, temperature: window.temperature * temperature, zero };
}

/** `(z - max z) / τ` of a place: its logit below the window's best, in nats. */
export function depth(window: Window, rank: number): number {
  return (window.logits[rank]! - window.logits[window.from]!) / window.temperature;
}

/** The logit that stands at a place now, as Python has it. */
export function valueAt(window: Window, place: number): number {
  return (window.logits[place]! - (window.zero ?? 0)) / window.temperature;
}

/** Sums of windows that do not begin with the first token: every probability asks for them. */
const added = new WeakMap<Window, Sums>();

export function sums(window: Window): Sums {
  const { logits, temperature, from, to } = window;
  const known = added.get(window);
  if (known !== undefined) return known;
  let total: number;
  let moment: number;
  if (from === 0) {
    const { weights, moments } = sweep(logits, temperature);
    total = weights[to]!;
    moment = moments[to]!;
  } else {
    total = moment = 0;
    for (let rank = from; rank < to; rank++) {
      const x = (logits[rank]! - logits[from]!) / temperature;
      if (x < VANISHES) break;
      const weight = Math.exp(x);
      total += weight;
      moment += weight * x;
    }
  }
  const found = { total, entropy: Math.max(0, Math.log(total) - moment / total) };
  if (from > 0) added.set(window, found);
  return found;
}

/** Share of the window's mass on the ranks [from, to). */
export function mass(window: Window, from: number, to: number): number {
  const first = Math.max(from, window.from);
  const last = Math.min(to, window.to);
  if (first >= last) return 0;
  if (first === window.from && last === window.to) return 1;
  const { total } = sums(window);
  if (window.from === 0) {
    const { weights } = sweep(window.logits, window.temperature);
    const share = (weights[last]! - weights[first]!) / total;
    if (share > SMALL || first === 0) return share;
  }
  let part = 0;
  for (let rank = first; rank < last; rank++) {
    const x = depth(window, rank);
    if (x < VANISHES) break;
    const weight = Math.exp(x);
    part += weight;
    // All that is left weighs no more than this: what is shown does not change.
    if (weight * (last - rank) < part * 1e-12) break;
  }
  return part / total;
}

/** `z₁ - z₂` of the raw logits; ∞ where one token is left. The odds of first to second at τ are e^(margin/τ). */
export function margin(window: Window): number {
  if (window.to - window.from < 2) return Infinity;
  return window.logits[window.from]! - window.logits[window.from + 1]!;
}

/** `min{n : mass of the first n ≥ share}`. */
export function nucleusSize(window: Window, share: number): number {
  const size = window.to - window.from;
  if (share >= 1) return size;
  const wanted = share * sums(window).total * (1 - SLACK);
  if (window.from === 0) {
    const { weights } = sweep(window.logits, window.temperature);
    return Math.min(size, bisected(1, size, (count) => weights[count]! >= wanted));
  }
  let reached = 0;
  for (let rank = window.from; rank < window.to; rank++) {
    reached += Math.exp(depth(window, rank));
    if (reached >= wanted) return rank - window.from + 1;
  }
  return size;
}

/** `max{k : entropy of the first k, renormalised ≤ limit}` (nats): it rises with k. For windows from the first rank. */
export function entropySize(window: Window, limit: number): number {
  const within = (count: number): boolean => sums({ ...window, to: window.from + count }).entropy <= limit;
  return bisected(1, window.to - window.from + 1, (count) => !within(count)) - 1;
}

/** Σ exp((z - max z) / τ) over the places [first, last), max z the window's. */
export function weightOf(window: Window, first: number, last: number): number {
  const { logits, temperature, from } = window;
  const { weights } = sweep(logits, temperature);
  const part = weights[last]! - weights[first]!;
  if (part > SMALL * weights[last]!) return from === 0 ? part : part * Math.exp((logits[0]! - logits[from]!) / temperature);
  let total = 0;
  for (let place = first; place < last; place++) {
    const x = depth(window, place);
    if (x < VANISHES) break;
    total += Math.exp(x);
  }
  return total;
}

/** Running sums of `z - max z` and of its square over the first n tokens of a row. */
const moments = new WeakMap<Float64Array, { first: Float64Array; second: Float64Array }>();

function momentsOf(logits: Float64Array): { first: Float64Array; second: Float64Array } {
  const known = moments.get(logits);
  if (known !== undefined) return known;
  const [first, second] = [new Float64Array(logits.length + 1), new Float64Array(logits.length + 1)];
  for (let place = 0; place < logits.length; place++) {
    const x = logits[place]! - logits[0]!;
    first[place + 1] = first[place]! + x;
    second[place + 1] = second[place]! + x * x;
  }
  const found = { first, second };
  moments.set(logits, found);
  return found;
}

/** Where the mean is this many deviations away, its square would swallow their digits. */
const FAR = 1e4;

/** Standard deviation of the window's logits at its temperature (mean of squares). */
export function deviation(window: Window): number {
  const { logits, temperature, from, to } = window;
  const { first, second } = momentsOf(logits);
  const mean = (first[to]! - first[from]!) / (to - from);
  const square = (second[to]! - second[from]!) / (to - from) - mean * mean;
  if (square > (mean * mean) / FAR) return Math.sqrt(square) / temperature;
  let squares = 0;
  for (let place = from; place < to; place++) squares += (logits[place]! - logits[0]! - mean) ** 2;
  return Math.sqrt(squares / (to - from)) / temperature;
}

/** The first whole number in [low, high) for which `holds`, which goes from false to true once; `high` if none. */
function bisected(low: number, high: number, holds: (value: number) => boolean): number {
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The first rank of the window whose depth is below `threshold` (nats under the best token). */
export function firstBelow(window: Window, threshold: number): number {
  return bisected(window.from, window.to, (rank) => depth(window, rank) < threshold);
}
