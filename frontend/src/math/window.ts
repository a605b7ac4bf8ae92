// A distribution whose tokens are in order of their logits: a window of ranks at a temperature, and its measures.
//
// Truncations keep a stretch of ranks (most of them the first n), so a kept set is two numbers; a temperature is one
// more, and no row is copied for either. Exponents are taken from the window's own largest logit, as Python does.
//
// A slider asks for another temperature at every frame, and 262,144 exponentials take longer than a frame has. In a
// sorted row neighbours are alike, so blocks of it are added up once as powers of their distance from the block's middle:
// Σ exp(βv) = Σₖ βᵏ/k! Σ vᵏ, to the last digit where |βv| is small. A new temperature then costs a sum per block.

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

/** Beyond this exponent a block's sum, taken from the row's best token, has lost the digits that a deep window needs. */
const DEEP = 600;

const BLOCK = 256;
const POWERS = 12;
/** With |βv| up to this the powers left out are below 1e-16 of the sum: 0.33¹³/13! < 1e-16. */
const NEAR = 0.33;
/** The slope of a block's sum needs one power more than the sum itself, and there is a power 0. */
const WIDTH = POWERS + 2;

/** Sums of powers of a row's logits around each block's middle, from power 0 on, and how far a block reaches. */
interface Powers {
  readonly middles: Float64Array;
  /** ∞: the sums are not this block's. */
  readonly reaches: Float64Array;
  readonly sums: Float64Array;
}

/** Per block of a row at one temperature: Σ w and Σ w·x, with x = (z - max z) / τ and w = exp x. */
interface Sweep {
  readonly temperature: number;
  readonly weights: Float64Array;
  readonly moments: Float64Array;
}

/** Temperatures kept a row: raw, the slider's, and one more. */
const SWEEPS = 3;
const sweeps = new WeakMap<Float64Array, Sweep[]>();
const powers = new WeakMap<Float64Array, Powers>();
/** Where each block of a row begins, and the row's end. */
const starts = new WeakMap<Float64Array, Uint32Array>();

function startsOf(logits: Float64Array): Uint32Array {
  let known = starts.get(logits);
  if (known === undefined) {
    known = Uint32Array.from({ length: Math.ceil(logits.length / BLOCK) + 1 }, (_, block) => Math.min(block * BLOCK, logits.length));
    starts.set(logits, known);
  }
  return known;
}

/** The first block that begins at a place or behind it: behind the last block, the row's end. */
function blockFrom(begins: Uint32Array, place: number): number {
  return bisected(0, begins.length, (block) => begins[block]! >= place);
}

function powersOf(logits: Float64Array): Powers {
  const known = powers.get(logits);
  if (known !== undefined) return known;
  const begins = startsOf(logits);
  const blocks = begins.length - 1;
  const found = { middles: new Float64Array(blocks), reaches: new Float64Array(blocks), sums: new Float64Array(blocks * WIDTH) };
  for (let block = 0; block < blocks; block++) {
    const [first, last] = [begins[block]!, begins[block + 1]!];
    const middle = (logits[first]! + logits[last - 1]!) / 2;
    found.middles[block] = middle;
    found.reaches[block] = logits[first]! - middle;
    for (let place = first; place < last; place++) {
      let power = 1;
      for (let k = 0; k < WIDTH; k++, power *= logits[place]! - middle) found.sums[block * WIDTH + k]! += power;
    }
  }
  powers.set(logits, found);
  return found;
}

/**
 * Gives `row` the blocks of the window that it was made of, whose tokens at the places `leaving` now stand before those at
 * the places `arriving` (both rise). A few tokens touch a few blocks; all others hold what they held, and so do their powers:
 * otherwise a slider that makes a new row at every move would pay for 262,144 tokens each time.
 */
export function inheritBlocks(row: Float64Array, { logits, from, to }: Window, leaving: readonly number[], arriving: readonly number[]): void {
  const begins = startsOf(logits);
  const blocks = begins.length - 1;
  const { middles, reaches, sums } = powersOf(logits);
  const mine = new Uint32Array(blocks + 1).fill(row.length);
  const reached = reaches.slice();
  let [gone, come] = [0, 0];
  for (let block = 0; block < blocks; block++) {
    const [first, last] = [Math.max(begins[block]!, from), Math.min(begins[block + 1]!, to)];
    // Outside the window a block is empty: before it at the row's beginning, behind it at the row's end.
    if (first >= last) {
      if (first <= from) mine[block] = 0;
      continue;
    }
    mine[block] = first - from - gone + come;
    const before = gone + come;
    while (gone < leaving.length && leaving[gone]! < last) gone += 1;
    // What stands before the next block's first token is that block's; behind the last token there is no next one.
    while (come < arriving.length && (arriving[come]! < last || last === to)) come += 1;
    if (gone + come > before || last - first < begins[block + 1]! - begins[block]!) reached[block] = Infinity;
  }
  starts.set(row, mine);
  powers.set(row, { middles, reaches: reached, sums });
}

function sweep(logits: Float64Array, temperature: number): Sweep {
  let kept = sweeps.get(logits);
  if (kept === undefined) sweeps.set(logits, (kept = []));
  const known = kept.find((one) => one.temperature === temperature);
  if (known !== undefined) return known;
  // A row that is asked for one temperature alone is added up token by token: its powers would cost as much.
  const near = powers.get(logits) ?? (kept.length > 0 ? powersOf(logits) : null);
  const begins = startsOf(logits);
  const blocks = begins.length - 1;
  const found: Sweep = { temperature, weights: new Float64Array(blocks), moments: new Float64Array(blocks) };
  const beta = 1 / temperature;
  for (let block = 0; block < blocks; block++) {
    const [first, last] = [begins[block]!, begins[block + 1]!];
    if (first === last) continue;
    if ((logits[first]! - logits[0]!) * beta < VANISHES) break;
    const [weight, moment] =
      near !== null && near.reaches[block]! * beta < NEAR
        ? nearly(near, block, beta, logits[0]!)
        : directly(logits, temperature, 0, first, last);
    found.weights[block] = weight;
    found.moments[block] = moment;
  }
  // The oldest but the raw one goes.
  if (kept.length === SWEEPS) kept.splice(kept.findIndex((one) => one.temperature !== 1), 1);
  kept.push(found);
  return found;
}

/** A block's Σ w and Σ w·x from its powers. */
function nearly({ middles, sums }: Powers, block: number, beta: number, best: number): [number, number] {
  let [weight, slope, factor] = [0, 0, 1];
  for (let k = 0; k <= POWERS; k++) {
    weight += factor * sums[block * WIDTH + k]!;
    slope += factor * sums[block * WIDTH + k + 1]!;
    factor *= beta / (k + 1);
  }
  const x = (middles[block]! - best) * beta;
  const scale = Math.exp(x);
  return [scale * weight, scale * (x * weight + beta * slope)];
}

/** Σ w and Σ w·x over places, token by token, exponents from the token at `from`. */
function directly(logits: Float64Array, temperature: number, from: number, first: number, last: number): [number, number] {
  let [weight, moment] = [0, 0];
  const best = logits[from]!;
  for (let place = first; place < last; place++) {
    const x = (logits[place]! - best) / temperature;
    if (x < VANISHES) break;
    const one = Math.exp(x);
    weight += one;
    moment += one * x;
  }
  return [weight, moment];
}

/** Σ w and Σ w·x over the places [first, last), exponents from the window's own best token. */
function added({ logits, temperature, from }: Window, first: number, last: number): [number, number] {
  const shift = (logits[from]! - logits[0]!) / temperature;
  const begins = startsOf(logits);
  const [begin, end] = [blockFrom(begins, first), blockFrom(begins, last + 1) - 1];
  if (begin >= end || shift < -DEEP) return directly(logits, temperature, from, first, last);
  const { weights, moments } = sweep(logits, temperature);
  let [weight, moment] = directly(logits, temperature, from, first, begins[begin]!);
  const scale = Math.exp(-shift);
  for (let block = begin; block < end; block++) {
    weight += scale * weights[block]!;
    moment += scale * (moments[block]! - shift * weights[block]!);
  }
  const [rest, restMoment] = directly(logits, temperature, from, begins[end]!, last);
  return [weight + rest, moment + restMoment];
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

const known = new WeakMap<Window, Sums>();

/** Kept per window: every probability asks for them. */
export function sums(window: Window): Sums {
  const before = known.get(window);
  if (before !== undefined) return before;
  const [total, moment] = added(window, window.from, window.to);
  const found = { total, entropy: Math.max(0, Math.log(total) - moment / total) };
  known.set(window, found);
  return found;
}

/** Share of the window's mass on the ranks [from, to). */
export function mass(window: Window, from: number, to: number): number {
  const first = Math.max(from, window.from);
  const last = Math.min(to, window.to);
  if (first >= last) return 0;
  if (first === window.from && last === window.to) return 1;
  return weightOf(window, first, last) / sums(window).total;
}

/** `z₁ - z₂` of the raw logits; ∞ where one token is left. The odds of first to second at τ are e^(margin/τ). */
export function margin(window: Window): number {
  if (window.to - window.from < 2) return Infinity;
  return window.logits[window.from]! - window.logits[window.from + 1]!;
}

/** `min{n : mass of the first n ≥ share}`. */
export function nucleusSize(window: Window, share: number): number {
  const { from, to } = window;
  if (share >= 1) return to - from;
  const wanted = share * sums(window).total * (1 - SLACK);
  let reached = 0;
  let place = from;
  // By blocks up to the one in which it is reached, then token by token.
  const begins = startsOf(window.logits);
  for (let block = blockFrom(begins, from + 1); place < to; block++) {
    const next = Math.min(to, begins[block]!);
    const weight = weightOf(window, place, next);
    if (reached + weight >= wanted) break;
    reached += weight;
    place = next;
  }
  for (; place < to; place++) {
    reached += Math.exp(depth(window, place));
    if (reached >= wanted) return place - from + 1;
  }
  return to - from;
}

/** `max{k : entropy of the first k, renormalised ≤ limit}` (nats): it rises with k. For windows from the first rank. */
export function entropySize(window: Window, limit: number): number {
  const within = (count: number): boolean => sums({ ...window, to: window.from + count }).entropy <= limit;
  return bisected(1, window.to - window.from + 1, (count) => !within(count)) - 1;
}

/** Σ exp((z - max z) / τ) over the places [first, last), max z the window's. */
export function weightOf(window: Window, first: number, last: number): number {
  return added(window, first, last)[0];
}

/** Where the mean is this many deviations away, its square would swallow their digits. */
const FAR = 1e4;

/** Standard deviation of the window's logits at its temperature (mean of squares). */
export function deviation({ logits, temperature, from, to }: Window): number {
  const [first, second] = squared(logits, from, to);
  const mean = first / (to - from);
  const square = second / (to - from) - mean * mean;
  if (square > (mean * mean) / FAR) return Math.sqrt(square) / temperature;
  let squares = 0;
  for (let place = from; place < to; place++) squares += (logits[place]! - logits[0]! - mean) ** 2;
  return Math.sqrt(squares / (to - from)) / temperature;
}

/** Σ x and Σ x² over the places [from, to), x = z - max z of the row. */
function squared(logits: Float64Array, from: number, to: number): [number, number] {
  const begins = startsOf(logits);
  const near = powers.get(logits);
  let [first, second] = [0, 0];
  for (let block = blockFrom(begins, from + 1) - 1; begins[block]! < to; block++) {
    const [begin, end] = [Math.max(begins[block]!, from), Math.min(begins[block + 1]!, to)];
    if (near !== undefined && near.reaches[block]! < Infinity && end - begin === begins[block + 1]! - begins[block]!) {
      const [x, one, two] = [near.middles[block]! - logits[0]!, near.sums[block * WIDTH + 1]!, near.sums[block * WIDTH + 2]!];
      first += one + (end - begin) * x;
      second += two + 2 * x * one + (end - begin) * x * x;
    } else {
      for (let place = begin; place < end; place++) {
        const x = logits[place]! - logits[0]!;
        first += x;
        second += x * x;
      }
    }
  }
  return [first, second];
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
