// A distribution whose tokens are in order of their logits: a window of ranks at a temperature, and its measures.
//
// Truncations keep a stretch of ranks (most of them the first n), so a kept set is two numbers; a temperature is one
// more, and no row is ever copied. Exponents are taken from the window's own largest logit, as Python does, and sums
// run in float64 from the most to the least probable token.

/** Tokens `from` (included) to `to` (excluded) by rank. `logits` are raw, of all ranks, falling. */
export interface Window {
  readonly logits: Float64Array;
  readonly temperature: number;
  readonly from: number;
  readonly to: number;
}

export interface Sums {
  /** Σ exp((z - max z) / τ) */
  readonly total: number;
  /** Entropy in nats: `ln Σw - Σ w·x / Σw` with w = exp x. */
  readonly entropy: number;
}

/** Below this exp is 0 in float64, and so it is for every token that follows in a falling row. */
const VANISHES = -745.2;

/** A mass that is reached up to this share of it is reached: an exact tie must not hang on the order of summation. */
const NUCLEUS_SLACK = 2 ** -40;

const REMEMBERED = 64;
const remembered = new WeakMap<Float64Array, Map<string, Sums>>();

/** The whole row at τ = 1. */
export function whole(logits: Float64Array): Window {
  return { logits, temperature: 1, from: 0, to: logits.length };
}

/** The window at `temperature` times its own; 0 leaves the first token alone. */
export function tempered(window: Window, temperature: number): Window {
  if (temperature === 0) return { ...window, to: window.from + 1 };
  return { ...window, temperature: window.temperature * temperature };
}

/** `(z - max z) / τ` of a rank: its logit below the window's best, in nats. */
export function depth(window: Window, rank: number): number {
  return (window.logits[rank]! - window.logits[window.from]!) / window.temperature;
}

/** The sums of a window; remembered, because every stage of a chain asks for those of the stage before. */
export function sums(window: Window): Sums {
  let ofRow = remembered.get(window.logits);
  if (ofRow === undefined) remembered.set(window.logits, (ofRow = new Map()));
  const key = `${window.temperature}/${window.from}/${window.to}`;
  let found = ofRow.get(key);
  if (found === undefined) {
    if (ofRow.size >= REMEMBERED) ofRow.clear();
    ofRow.set(key, (found = summed(window)));
  }
  return found;
}

function summed(window: Window): Sums {
  const { logits, temperature, from, to } = window;
  const best = logits[from]!;
  let total = 0;
  let moment = 0;
  for (let rank = from; rank < to; rank++) {
    const x = (logits[rank]! - best) / temperature;
    if (x < VANISHES) break;
    const weight = Math.exp(x);
    total += weight;
    moment += weight * x;
  }
  return { total, entropy: Math.max(0, Math.log(total) - moment / total) };
}

/** Log-probability in nats of a rank; -∞ outside the window. */
export function logProb(window: Window, rank: number): number {
  if (rank < window.from || rank >= window.to) return -Infinity;
  return depth(window, rank) - Math.log(sums(window).total);
}

export function prob(window: Window, rank: number): number {
  return Math.exp(logProb(window, rank));
}

/** Share of the window's mass on the ranks [from, to). */
export function mass(window: Window, from: number, to: number): number {
  const first = Math.max(from, window.from);
  const last = Math.min(to, window.to);
  if (first >= last) return 0;
  const { total } = sums(window);
  if (first === window.from && last === window.to) return 1;
  // The shorter of the part and its complement is added up.
  if (first === window.from && last - first > window.to - last) return 1 - weight(window, last, window.to) / total;
  return Math.min(1, weight(window, first, last) / total);
}

function weight(window: Window, from: number, to: number): number {
  let part = 0;
  for (let rank = from; rank < to; rank++) {
    const x = depth(window, rank);
    if (x < VANISHES) break;
    part += Math.exp(x);
  }
  return part;
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
  const wanted = share * sums(window).total * (1 - NUCLEUS_SLACK);
  let reached = 0;
  for (let rank = window.from; rank < window.to; rank++) {
    reached += Math.exp(depth(window, rank));
    if (reached >= wanted) return rank - window.from + 1;
  }
  return size;
}

/** The first rank of the window whose depth is below `threshold` (nats under the best token), by bisection. */
export function firstBelow(window: Window, threshold: number): number {
  let low = window.from;
  let high = window.to;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (depth(window, middle) >= threshold) low = middle + 1;
    else high = middle;
  }
  return low;
}
