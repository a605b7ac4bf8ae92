// Stages that look back at the tokens so far: they move the logits of a few tokens, which then stand elsewhere in the row.

import { GONE, holds, orderOf, placeOf, rankAt, type Order } from "./order.ts";
import { inheritBlocks, type Window } from "./window.ts";

/** The tokens so far: their ids in order, the rank of each in this position's row (-1: it cannot come), the prompt's length. */
export interface History {
  readonly ids: readonly number[];
  readonly ranks: readonly number[];
  readonly promptLength: number;
}

const LARGEST = 3.4028234663852886e38;

/** Where in the history a scope begins. */
function start({ ids, promptLength }: History, scope: string): number {
  if (scope === "output") return promptLength;
  return scope.startsWith("last:") ? Math.max(0, ids.length - Number(scope.slice(5))) : 0;
}

/** How often each rank came within the scope. */
function counts(history: History, scope: string): Map<number, number> {
  const found = new Map<number, number>();
  for (const rank of history.ranks.slice(start(history, scope))) if (rank >= 0) found.set(rank, (found.get(rank) ?? 0) + 1);
  return found;
}

export function repetition(window: Window, penalty: number, scope: string, history: History): Window {
  const seen = counts(history, scope);
  return moved(window, seen.keys(), (value) => (value < 0 ? value * penalty : value / penalty));
}

export function frequency(window: Window, penalty: number, scope: string, history: History): Window {
  const seen = counts(history, scope);
  return moved(window, seen.keys(), (value, rank) => value - penalty * seen.get(rank)! * window.temperature);
}

export function presence(window: Window, penalty: number, scope: string, history: History): Window {
  return moved(window, counts(history, scope).keys(), (value) => value - penalty * window.temperature);
}

/** `multiplier · base^(n - allowed)` from each token that would make a repetition of length n longer. */
export function dry(window: Window, multiplier: number, base: number, allowed: number, lastN: number, history: History): Window {
  const first = lastN < 0 ? 0 : Math.max(0, history.ids.length - lastN);
  const lengths = continuations(history.ids.slice(first), history.ranks.slice(first));
  const penalties = new Map<number, number>();
  for (const [rank, length] of lengths) {
    if (length < allowed) continue;
    const size = (length - allowed) * Math.log(base) + Math.log(multiplier);
    penalties.set(rank, size >= Math.log(LARGEST) ? LARGEST : multiplier * base ** (length - allowed));
  }
  return moved(window, penalties.keys(), (value, rank) => value - penalties.get(rank)! * window.temperature);
}

/** Rank → the length of the longest run that ends the history, came before, and was followed by that token. */
export function continuations(ids: readonly number[], ranks: readonly number[]): Map<number, number> {
  const backwards = [...ids].reverse();
  const best = new Map<number, number>();
  commonLengths(backwards).forEach((length, place) => {
    if (place === 0 || length === 0) return;
    const next = ranks[ranks.length - place]!;
    if (next >= 0) best.set(next, Math.max(best.get(next) ?? 0, length));
  });
  return best;
}

/** For each place, how many tokens from it on equal those from 0 on: the Z algorithm (Gusfield 1997, 1.4). */
function commonLengths(tokens: readonly number[]): number[] {
  const lengths = tokens.map(() => 0);
  let [left, right] = [0, 0];
  for (let place = 1; place < tokens.length; place++) {
    let length = place < right ? Math.min(right - place, lengths[place - left]!) : 0;
    while (place + length < tokens.length && tokens[length] === tokens[place + length]) length += 1;
    lengths[place] = length;
    if (place + length > right) [left, right] = [place, place + length];
  }
  return lengths;
}

let counted = new Uint32Array(0);
/** 0, 1, 2, …: `count` of them at least. */
function identity(count: number): Uint32Array {
  if (counted.length < count) counted = Uint32Array.from({ length: count }, (_, place) => place);
  return counted;
}

/** Rows made last of each row: a slider behind a penalty asks for the same one at every move. */
const KEPT = 6;
const made = new WeakMap<Float64Array, { key: string; from: Order | undefined; logits: Float64Array; order: Order }[]>();

/**
 * The window's tokens with `change(logit, rank)` in place of the logits of the seen ranks, in their new order. The logits are
 * in the units of the row, before the division by the temperature: all others stay as they are and are copied in stretches,
 * and a change that does not depend on the temperature makes one row for all temperatures.
 */
function moved(window: Window, seen: Iterable<number>, change: (value: number, rank: number) => number): Window {
  const { logits, from, to, zero = 0 } = window;
  const arriving = [...seen]
    .filter((rank) => holds(window, rank))
    .map((rank) => ({ rank, logit: change(logits[placeOf(window, rank)]! - zero, rank) + zero }))
    .sort((one, other) => other.logit - one.logit || one.rank - other.rank)
    .map((one) => ({ ...one, place: placeFor(window, one.logit, one.rank) }));
  if (arriving.length === 0) return window;
  const key = `${from} ${to} ${arriving.map(({ rank, logit }) => `${rank} ${logit}`).join()}`;
  let kept = made.get(logits);
  if (kept === undefined) made.set(logits, (kept = []));
  let row = kept.find((one) => one.key === key && one.from === window.order);
  if (row === undefined) {
    kept.push((row = { key, from: window.order, ...rearranged(window, arriving) }));
    if (kept.length > KEPT) kept.shift();
  }
  return { logits: row.logits, temperature: window.temperature, from: 0, to: to - from, zero, order: row.order };
}

interface Arrival {
  readonly rank: number;
  readonly logit: number;
  /** The place before which it now stands. */
  readonly place: number;
}

/** The window's row with these tokens at their new places. */
function rearranged(window: Window, arriving: readonly Arrival[]): { logits: Float64Array; order: Order } {
  const { logits, from, to } = window;
  const leaving = arriving.map(({ rank }) => placeOf(window, rank)).sort((one, other) => one - other);
  const count = window.order?.places.length ?? logits.length;
  const row = new Float64Array(to - from);
  const ranks = new Uint32Array(to - from);
  // In a row of its own order a stretch only moves: its ranks, and the places of its ranks, are copied in one piece.
  const own = window.order === undefined ? identity(count) : null;
  const places = own && new Uint32Array(count);
  if (places && to - from < count) places.fill(GONE);
  let [next, gone, old, place] = [0, 0, from, 0];
  while (old < to || next < arriving.length) {
    const arrival = arriving[next]?.place ?? to;
    const departure = leaving[gone] ?? to;
    const end = Math.min(arrival, departure);
    row.set(logits.subarray(old, end), place);
    ranks.set((window.order?.ranks ?? own!).subarray(old, end), place);
    places?.set(own!.subarray(place, place + end - old), old);
    place += end - old;
    old = end;
    if (next < arriving.length && arrival <= departure) {
      row[place] = arriving[next]!.logit;
      if (places) places[arriving[next]!.rank] = place;
      ranks[place++] = arriving[next++]!.rank;
    } else if (gone < leaving.length) {
      gone += 1;
      old += 1;
    }
  }
  inheritBlocks(row, window, leaving, arriving.map(({ place }) => place));
  const moved = new Set([...(window.order?.moved ?? []), ...arriving.map(({ rank }) => rank)]);
  return { logits: row, order: places ? { ranks, places, moved } : orderOf(ranks, count, moved) };
}

/** The first place of the window whose token stands behind one of this logit and rank: equal logits, the lower rank first. */
function placeFor(window: Window, logit: number, rank: number): number {
  let [low, high] = [window.from, window.to];
  while (low < high) {
    const middle = (low + high) >> 1;
    const there = window.logits[middle]!;
    if (there > logit || (there === logit && rankAt(window, middle) < rank)) low = middle + 1;
    else high = middle;
  }
  return low;
}
