// Places and ranks: a rank is a token's place in the model's own row; a stage that moves logits gives tokens new places.

import { depth, mass, sums, weightOf, type Window } from "./window.ts";

/** A part with less than this share of the mass is added up itself: in a difference its digits are lost. */
const SMALL = 1e-3;

export interface Order {
  /** Rank of the token at every place of the row. */
  readonly ranks: Uint32Array;
  /** Place of every rank; `GONE` for a token that is not in the row. */
  readonly places: Uint32Array;
  /** The ranks that have been moved: without them, ranks rise from place to place. */
  readonly moved: ReadonlySet<number>;
}

export const GONE = 0xffffffff;

/** The order in which `ranks` stand, for a model of `count` tokens. */
export function orderOf(ranks: Uint32Array, count: number, moved: ReadonlySet<number>): Order {
  const places = new Uint32Array(count).fill(GONE);
  for (let place = 0; place < ranks.length; place++) places[ranks[place]!] = place;
  return { ranks, places, moved };
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
  const { begin, above, below } = beyond(window, window.order, first);
  const weight = (ranks: number[]): number => ranks.reduce((all, rank) => all + Math.exp(depth(window, placeOf(window, rank))), 0);
  const stretch = weightOf(window, begin, window.to);
  const part = stretch + weight(above) - weight(below);
  if (part >= SMALL * stretch) return part / sums(window).total;
  return massWhere(window, window, (rank) => rank >= first);
}

/** How many of the window's tokens have a rank of `first` or more. */
export function countBeyond(window: Window, first: number): number {
  if (window.order === undefined) return Math.max(0, window.to - Math.max(first, window.from));
  const { begin, above, below } = beyond(window, window.order, first);
  return window.to - begin + above.length - below.length;
}

/** The tokens with a rank of `first` or more: those from the place `begin` on, and `above` it, without those `below`. */
function beyond(window: Window, { places, moved }: Order, first: number): { begin: number; above: number[]; below: number[] } {
  let next = first;
  while (next < places.length && (places[next] === GONE || moved.has(next))) next += 1;
  const begin = next < places.length ? Math.min(Math.max(places[next]!, window.from), window.to) : window.to;
  const here = [...moved].filter((rank) => holds(window, rank));
  return {
    begin,
    above: here.filter((rank) => rank >= first && places[rank]! < begin),
    below: here.filter((rank) => rank < first && places[rank]! >= begin),
  };
}

/** Share of the window's mass on the tokens that `kept`, a part of it, holds too. */
export function massOn(window: Window, kept: Window): number {
  // One row, whatever the order among its ties: then both are stretches of it.
  if (window.logits === kept.logits) return mass(window, kept.from, kept.to);
  if (kept.to - kept.from === window.to - window.from) return 1;
  return massWhere(window, kept, () => true);
}

/** Share of the window's mass on those of `tokens` that count. */
function massWhere(window: Window, tokens: Window, counts: (rank: number) => boolean): number {
  let part = 0;
  for (let place = tokens.from; place < tokens.to; place++) {
    const rank = rankAt(tokens, place);
    if (counts(rank) && holds(window, rank)) part += Math.exp(depth(window, placeOf(window, rank)));
  }
  return part / sums(window).total;
}
