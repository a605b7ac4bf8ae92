// A number between two ends, which are equal where it is known; every measure of the page is one.

import type { Measured } from "../records.ts";

export interface Interval {
  readonly low: number;
  readonly high: number;
}

export function exactly(value: number): Interval {
  return { low: value, high: value };
}

export function isExact({ low, high }: Interval): boolean {
  return low === high;
}

/** `of` of both ends, for a function that never falls. */
export function mapped({ low, high }: Interval, of: (value: number) => number): Interval {
  return { low: of(low), high: of(high) };
}

/** A record's measure, its infinite ends put back. */
export function endsOf(value: Measured): Interval {
  return typeof value === "number" ? exactly(value) : { low: value.low ?? -Infinity, high: value.high ?? Infinity };
}
