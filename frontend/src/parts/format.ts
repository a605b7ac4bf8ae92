// Numbers as the page writes them: as retort's tables do, with units, and a true minus sign.

import type { Interval } from "../math/interval.ts";

/** Per cent where that can be read, powers of ten below. */
export function probability(value: number): string {
  if (value === 0) return "0 %";
  if (value >= 0.0001) return `${(100 * value).toFixed(2)} %`;
  const [digits, power] = value.toExponential(1).split("e");
  return `${digits}·10${superscript(Number(power))}`;
}

/** Four significant digits; a dash where there is no number. */
export function number(value: number | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e6)) {
    const [digits, power] = value.toExponential(2).split("e");
    return minus(`${digits}·10${superscript(Number(power))}`);
  }
  return minus(size >= 1000 ? whole(value) : String(Number(value.toPrecision(4))));
}

export function nats(value: number | null | undefined): string {
  return `${number(value)} nats`;
}

export function signed(value: number, digits = 4): string {
  return `${value > 0 ? "+" : ""}${minus(value.toFixed(digits))}`;
}

/** A whole number with thousands apart. */
export function whole(value: number): string {
  return minus(Math.round(value).toLocaleString("en"));
}

export function tokens(count: number): string {
  return `${whole(count)} ${count === 1 ? "token" : "tokens"}`;
}

/** A temperature: as few digits as tell it. */
export function tau(value: number): string {
  return String(Number(value.toFixed(4)));
}

function minus(text: string): string {
  return text.replace("-", "−");
}

function superscript(power: number): string {
  return String(power).replace(/[-0-9]/g, (sign) => (sign === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(sign)]!));
}

/** Two ends as one text; a single number where both round to it, the unit once where both have it. */
export function span({ low, high }: Interval, write: (value: number) => string = number): string {
  const [first, last] = [write(low), write(high)];
  if (first === last) return first;
  const unit = [" %", " nats"].find((one) => first.endsWith(one) && last.endsWith(one)) ?? "";
  return `${first.slice(0, first.length - unit.length)} … ${last}`;
}
