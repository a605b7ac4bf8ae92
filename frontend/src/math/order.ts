// Places and ranks: a rank is a token's place in the model's own row; a stage that moves logits gives tokens new places.

import { depth, mass, sums, type Window } from "./window.ts";

/** A part with less than this share of the mass is added up itself: in a difference its digits are lost. */
const SMALL = 1e-3;

export interface Order {
  /** Rank of the token at every place of the row. */
  readonly ranks: Uint32Array;
  /** Place of every rank; `GONE` for a token that is not in the row. */
  readonly places: Uint32Array;
}

export const GONE = 0xffffffff;

/** The order in which `ranks` stand, for a model of `count` tokens. */
export function orderOf(ranks: Uint32Array, count: number): Order {
  const places = new Uint32Array(count).fill(GONE);
  for (let place = 0; place < ranks.length; place++) places[ranks[place]!] = place;
  return { ranks, places };
}

export function rankAt(window: Window, place: number): number {
  return window.order === undefined ? place : window.order.ranks[place]!;
}

/** Where a rank stands in the window's row; `GONE`, which no window holds, if nowhere. */
export function placeOf(window: Window, rank: number): number {
  return window.order === undefined ? rank : (window.order.places[rank] ?? GONE);
}

/** Whether the token of this rank is in the window. */
export function holds(window: Window, rank: number): boolean {
  const place = placeOf(window, rank);
  return place >= window.from && place < window.to;
}

/** Log-probability in nats of a rank; -∞ outside the window. */
export function logProb(window: Window, rank: number): number {
  if (!holds(window, rank)) return -Infinity;
  return depth(window, placeOf(window, rank)) - Math.log(sums(window).total);
}

export function prob(window: Window, rank: number): number {
  return Math.exp(logProb(window, rank));
}

/** Share of the window's mass on ranks of `first` or more. */
export function massBeyond(window: Window, first: number): number {
  if (window.order === undefined) return mass(window, first, window.to);
  let before = 0;
  for (let rank = 0; rank < first; rank++) before += prob(window, rank);
  if (1 - before > SMALL) return 1 - before;
  return massWhere(window, (rank) => rank >= first);
}

/** How many of the window's tokens have a rank of `first` or more. */
export function countBeyond(window: Window, first: number): number {
  if (window.order === undefined) return Math.max(0, window.to - Math.max(first, window.from));
  let count = 0;
  for (let place = window.from; place < window.to; place++) if (window.order.ranks[place]! >= first) count += 1;
  return count;
}

/** Share of the window's mass on the tokens that `kept` holds too. */
export function massOn(window: Window, kept: Window): number {
  // One row, whatever the order among its ties: then both are stretches of it.
  if (window.logits === kept.logits) return mass(window, kept.from, kept.to);
  if (kept.to - kept.from === window.to - window.from) return 1;
  return massWhere(window, (rank) => holds(kept, rank));
}

function massWhere(window: Window, counts: (rank: number) => boolean): number {
  let part = 0;
  for (let place = window.from; place < window.to; place++) {
    if (counts(rankAt(window, place))) part += Math.exp(depth(window, place));
  }
  return part / sums(window).total;
}
