// A number between two ends, which are equal where it is known; every measure of the page is one.

import type { Measured } from "../records.ts";

export interface Interval {
  readonly low: number;
  readonly high: number;
}

export function exactly(value: number): Interval {
  return { low: value, high: value };
}

/** A record's measure, its infinite ends put back. */
export function endsOf(value: Measured): Interval {
  return typeof value === "number" ? exactly(value) : { low: value.low ?? -Infinity, high: value.high ?? Infinity };
}
