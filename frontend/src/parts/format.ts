// How every number on the page is written: the rules of retort.numerals, to the digit (golden.json holds both to it).
//
// A true minus sign, thousands as in 12,345, shares as 13.54%, "–" where there is no number. No other file gives a
// number its own digits (tests/studio/test_numerals.py).

import type { Interval } from "../math/interval.ts";

type Written = number | null | undefined;

export const NONE = "–";
const LARGEST_IN_FULL = 1e7;
const SMALLEST_IN_FULL = 1e-4;

/** A number of unknown size: `digits` significant ones, and all before the point between 0.0001 and ten million. */
export function number(value: Written, digits = 4): string {
  if (missing(value)) return NONE;
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "−inf";
  if (value === 0) return "0";
  const precise = toPrecision(value, digits);
  const size = Math.abs(precise);
  if (size < SMALLEST_IN_FULL || size >= LARGEST_IN_FULL) return signs(precise.toExponential());
  return size >= 10 ** digits ? decimals(value, 0) : signs(apart(String(precise)));
}

/** A number with `places` decimals: columns of them line up. */
export function decimals(value: Written, places = 3): string {
  if (missing(value)) return NONE;
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "−inf";
  return signs(apart(toFixed(value, places)));
}

/** A difference: as `decimals`, with its sign, + too. */
export function signed(value: Written, places = 3): string {
  const text = decimals(value, places);
  return !missing(value) && value > 0 && /[1-9i]/.test(text) ? `+${text}` : text;
}

/** A share of a whole, as 42%. */
export function percent(share: Written, places = 0): string {
  return missing(share) ? NONE : `${signs(toFixed(100 * share, places))}%`;
}

/** Per cent with two decimals, a power of ten below 0.01%. */
export function probability(value: Written): string {
  if (missing(value)) return NONE;
  if (value === 0) return "0";
  return value >= SMALLEST_IN_FULL ? percent(value, 2) : signs(value.toExponential(1));
}

/** A count. */
export function whole(value: number): string {
  return decimals(value, 0);
}

export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${whole(count)} ${count === 1 ? noun : plural}`;
}

export function tokens(count: number): string {
  return counted(count, "token");
}

export function nats(value: Written): string {
  return `${number(value)} nats`;
}

/** A temperature: as few digits as tell it. */
export function tau(value: number): string {
  return String(Number(value.toFixed(4)));
}

/** A confidence interval. */
export function interval(ends: readonly [number, number] | null | undefined, write: (value: number) => string = decimals): string {
  return ends ? `${write(ends[0])} to ${write(ends[1])}` : NONE;
}

/** The interval of a difference: without plus signs where both ends are positive; an end near 0 does not look like 0. */
export function signedInterval(ends: readonly [number, number] | null | undefined, places = 3): string {
  const plus = ends && ends[0] < 0 ? signed : decimals;
  return interval(ends, (end) => {
    if (Math.abs(end) > 0 && Math.abs(end) < 0.5 * 10 ** -places) return end > 0 ? "above 0" : "below 0";
    return plus(end, places);
  });
}

/** What is known to lie between two numbers: one number, both ends, or the one end that is known. */
export function span({ low, high }: Interval, write: (value: number) => string = number): string {
  const [first, last] = [write(low), write(high)];
  if (first === last) return first;
  if (low === -Infinity) return `≤ ${last}`;
  if (high === Infinity) return `≥ ${first}`;
  const unit = first.endsWith(" nats") && last.endsWith(" nats") ? " nats" : ""; // once, where both have it
  return `${first.slice(0, first.length - unit.length)} … ${last}`;
}

function missing(value: Written): value is null | undefined {
  return value === null || value === undefined || Number.isNaN(value);
}

/** A true minus sign, none before a zero, and exponents as in 1.2e-5. */
function signs(text: string): string {
  const [mantissa, power] = text.split("e") as [string, string?];
  if (power !== undefined) return `${mantissa.replace("-", "−")}e${Number(power)}`;
  return /[1-9]/.test(mantissa) ? mantissa.replace("-", "−") : mantissa.replace("-", "");
}

/** Thousands apart. */
function apart(text: string): string {
  const [before, after] = text.split(".") as [string, string?];
  const grouped = BigInt(before.replace("-", "")).toLocaleString("en");
  return `${text.startsWith("-") ? "-" : ""}${grouped}${after === undefined ? "" : `.${after}`}`;
}

/** As toFixed, but a tie goes to the even digit, as in Python: 0.125 is 0.12. */
function toFixed(value: number, places: number): string {
  const scaled = Math.abs(value) * 10 ** places;
  if (scaled % 1 !== 0.5) return value.toFixed(places); // far from a tie
  const exact = Math.abs(value).toFixed(Math.min(places + 40, 100));
  const beyond = exact.slice(exact.indexOf(".") + 1 + places);
  if (!/^50*$/.test(beyond)) return value.toFixed(places);
  const even = 2 * Math.round(scaled / 2);
  return `${value < 0 ? "-" : ""}${(even / 10 ** places).toFixed(places)}`;
}

/** The number with so many significant digits; ties as in `toFixed`. */
function toPrecision(value: number, digits: number): number {
  const exponent = Number(value.toExponential(digits - 1).split("e")[1]);
  const places = digits - 1 - exponent;
  return places >= 0 && places <= 100 ? Number(toFixed(value, places)) : Number(value.toPrecision(digits));
}
