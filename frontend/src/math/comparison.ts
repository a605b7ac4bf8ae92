// How far apart two distributions of one vocabulary are. Each is a window over its own ranks with the ids of the ranks.

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
  for (let rank = a.window.from; rank < a.window.to; rank++) {
    const logA = depth(a.window, rank) - normA;
    const p = Math.exp(logA);
    const other = inB[a.ids[rank]!]!;
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
  for (let rank = a.window.from; rank < a.window.to; rank++) inA[a.ids[rank]!] = 1;
  for (let rank = b.window.from; rank < b.window.to; rank++) {
    if (inA[b.ids[rank]!]) continue;
    const q = Math.exp(depth(b.window, rank) - normB);
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
