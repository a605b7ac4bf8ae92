// Stages that keep a stretch from the middle, or choose among ties: the places of tied tokens are exchanged where the
// tokens that Python keeps would otherwise leave a gap.

import { orderOf } from "./order.ts";
import { depth, firstBelow, SLACK, sums, weightOf, type Window } from "./window.ts";

export type Ties = "lowest" | "highest" | "all";

/** The first `count` tokens of a window; of those that tie for the last places the lowest or highest ids, or all. */
export function firstTokens(window: Window, count: number, ties: Ties = "lowest"): Window {
  const to = Math.min(window.to, window.from + count);
  if (ties === "lowest" || to === window.to || window.logits[to] !== window.logits[to - 1]) return { ...window, to };
  const [first, end] = tied(window, to - 1);
  return ties === "all" ? { ...window, to: end } : { ...exchanged(window, first, end, end - to), to };
}

/** The smallest set of this mass in order of |surprise - entropy|: the more likely of two equally far ones first. */
export function typical(window: Window, share: number, ties: Ties, minKeep: number): Window {
  const { logits, from, to } = window;
  const { total, entropy } = sums(window);
  const middle = Math.log(total) - entropy; // the expected depth
  const distance = (place: number): number => Math.abs(depth(window, place) - middle);
  const needed = Math.max(share * total * (1 - SLACK), Number.MIN_VALUE);
  const least = Math.min(minKeep, to - from);
  // The nearest n tokens are a stretch around the middle: l of them above it, n - l below, the last two equally far.
  const start = firstBelow(window, middle);
  const above = (count: number): number => {
    let [low, high] = [Math.max(0, count - (to - start)), Math.min(count, start - from)];
    while (low < high) {
      const l = (low + high) >> 1;
      // One more from above belongs to the nearest if it is no farther than the last that is taken from below.
      if (distance(start - l - 1) <= distance(start + count - l - 1)) low = l + 1;
      else high = l;
    }
    return low;
  };
  const reaches = (count: number): boolean => {
    const l = above(count);
    return weightOf(window, start - l, start - l + count) >= needed;
  };
  let [few, many] = [Math.max(least, 1), to - from];
  while (few < many) {
    const half = (few + many) >> 1;
    if (reaches(half)) many = half;
    else few = half + 1;
  }
  let low = start - above(few);
  let high = low + few;
  if (ties === "all") {
    const level = Math.max(low < high ? distance(low) : 0, low < high ? distance(high - 1) : 0);
    while (low > from && distance(low - 1) <= level) low -= 1;
    while (high < to && distance(high) <= level) high += 1;
    return { ...window, from: low, to: high };
  }
  // Above the middle the stretch grows towards the lower ids, so of a tie it cuts it holds the highest: exchange them.
  if (low > from && low < high && logits[low] === logits[low - 1]) {
    const [first, end] = tied(window, low);
    const last = Math.min(end, high);
    return { ...exchanged(window, first, last, last - low), from: low, to: high };
  }
  return { ...window, from: low, to: high };
}

/** The places from … to (excluded) that tie with a place of the window. */
function tied({ logits, from, to }: Window, place: number): [number, number] {
  let [first, end] = [place, place + 1];
  while (first > from && logits[first - 1] === logits[place]) first -= 1;
  while (end < to && logits[end] === logits[place]) end += 1;
  return [first, end];
}

/** The window with the first `count` of the tied places first … end (excluded) put behind the others. */
function exchanged(window: Window, first: number, end: number, count: number): Window {
  const ranks = window.order?.ranks.slice() ?? new Uint32Array(window.logits.length);
  if (window.order === undefined) for (let place = 0; place < ranks.length; place++) ranks[place] = place;
  const group = ranks.slice(first, end);
  const behind = group.slice(0, count);
  ranks.set([...group.slice(count), ...behind], first);
  return { ...window, order: orderOf(ranks, window.order?.places.length ?? ranks.length, new Set([...(window.order?.moved ?? []), ...behind])) };
}
