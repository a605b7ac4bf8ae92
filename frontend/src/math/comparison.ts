// How far apart two distributions of one vocabulary are. Each is a window over its own ranks with the ids of the ranks.

import { placeOf, rankAt } from "./order.ts";
import { depth, sums, type Window } from "./window.ts";

export interface Ranked {
  readonly window: Window;
  /** Token id of every rank of the row. */
  readonly ids: Uint32Array;
}

export interface Distances {
  /** KL(a ‖ b) and KL(b ‖ a) in nats; ∞ where one gives probability to a token that the other has removed. */
  readonly klForward: number;
  readonly klReverse: number;
  readonly jsd: number;
  readonly totalVariation: number;
}

/** Rank of every token id; ids that are in no rank (-∞ in the model itself) have `count`, which no window holds. */
export function ranksOf(ids: Uint32Array, vocabulary: number): Uint32Array {
  const ranks = new Uint32Array(vocabulary).fill(ids.length);
  ids.forEach((id, rank) => (ranks[id] = rank));
  return ranks;
}

/** KL both ways, Jensen-Shannon divergence (β = ½) and total variation, over the whole vocabulary, in float64. */
export function distances(a: Ranked, b: Ranked, vocabulary: number): Distances {
  const inB = ranksOf(b.ids, vocabulary);
  const normA = Math.log(sums(a.window).total);
  const normB = Math.log(sums(b.window).total);
  let klForward = 0;
  let klReverse = 0;
  let jsd = 0;
  let difference = 0;
  for (let place = a.window.from; place < a.window.to; place++) {
    const logA = depth(a.window, place) - normA;
    const p = Math.exp(logA);
    const other = placeOf(b.window, inB[a.ids[rankAt(a.window, place)]!]!);
    if (other < b.window.from || other >= b.window.to) {
      if (p > 0) klForward = Infinity;
      jsd += 0.5 * p * Math.LN2;
      difference += p;
      continue;
    }
    const logB = depth(b.window, other) - normB;
    const q = Math.exp(logB);
    klForward += p === 0 ? 0 : p * (logA - logB);
    klReverse += q === 0 ? 0 : q * (logB - logA);
    const mixture = Math.log((p + q) / 2);
    jsd += 0.5 * ((p === 0 ? 0 : p * (logA - mixture)) + (q === 0 ? 0 : q * (logB - mixture)));
    difference += Math.abs(p - q);
  }
  // What only b has.
  const inA = new Uint8Array(vocabulary);
  for (let place = a.window.from; place < a.window.to; place++) inA[a.ids[rankAt(a.window, place)]!] = 1;
  for (let place = b.window.from; place < b.window.to; place++) {
    if (inA[b.ids[rankAt(b.window, place)]!]) continue;
    const q = Math.exp(depth(b.window, place) - normB);
    if (q > 0) klReverse = Infinity;
    jsd += 0.5 * q * Math.LN2;
    difference += q;
  }
  return {
    klForward: Math.max(0, klForward),
    klReverse: Math.max(0, klReverse),
    jsd: Math.max(0, jsd),
    totalVariation: difference / 2,
  };
}

const COLDEST = 1e-3;
const HOTTEST = 1e3;

export interface Matched {
  readonly temperature: number;
  /** KL that is left at that temperature, in nats. */
  readonly residual: number;
  /** The best temperature lies at or beyond the range that is searched: a limit, not a match. */
  readonly atBound: boolean;
}

/**
 * The τ at which b, whole, is nearest to a: argmin KL(a ‖ b_τ). Convex in β = 1/τ with derivative E_b[z_b] - E_a[z_b],
 * so its zero is found by bisection. null where a can give a token that b never can: the KL is then infinite.
 */
export function equivalentTemperature(a: Ranked, logitsB: Float64Array, idsB: Uint32Array, vocabulary: number): Matched | null {
  const inB = ranksOf(idsB, vocabulary);
  const normA = Math.log(sums(a.window).total);
  const best = logitsB[0]!;
  let wanted = 0;
  for (let rank = a.window.from; rank < a.window.to; rank++) {
    const p = Math.exp(depth(a.window, rank) - normA);
    const other = inB[a.ids[rank]!]!;
    if (other >= logitsB.length) {
      if (p > 0) return null;
    } else wanted += p * (logitsB[other]! - best);
  }
  const mean = (temperature: number): number => {
    let total = 0;
    let moment = 0;
    for (let rank = 0; rank < logitsB.length; rank++) {
      const z = logitsB[rank]! - best;
      const weight = Math.exp(z / temperature);
      if (weight === 0) break;
      total += weight;
      moment += weight * z;
    }
    return moment / total;
  };
  // The mean logit falls as τ rises: hotter gives more to the low ones.
  let [low, high] = [Math.log(COLDEST), Math.log(HOTTEST)];
  if (mean(COLDEST) <= wanted) return left(COLDEST, true);
  if (mean(HOTTEST) >= wanted) return left(HOTTEST, true);
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (mean(Math.exp(middle)) > wanted) low = middle;
    else high = middle;
  }
  return left(Math.exp((low + high) / 2), false);

  function left(temperature: number, atBound: boolean): Matched {
    const b = { window: { logits: logitsB, temperature, from: 0, to: logitsB.length }, ids: idsB };
    return { temperature, residual: distances(a, b, vocabulary).klForward, atBound };
  }
}
