// One stage of a chain: a transform with its settings, and the text that it is written as and read from.

import { findTransform, LEFT_OUT, TRANSFORMS, type Option, type Options, type Transform } from "./transforms.ts";

/** `value`: the main setting; `options`: those of the others that are not the default. */
export interface Stage {
  readonly name: string;
  readonly value: number;
  readonly options?: Options;
}

export type Chain = readonly Stage[];

export class ChainError extends Error {}

/** The stage that divides by a temperature, if there is one. */
export function hotStage(chain: Chain): Stage | undefined {
  return chain.find((stage) => TRANSFORMS.get(stage.name)!.tempers);
}

/** The chain's temperature (the middle of dynatemp's range); 1 if it has none. */
export function temperatureOf(chain: Chain): number {
  const hot = hotStage(chain);
  if (hot === undefined) return 1;
  return hot.name === "temperature" ? hot.value : Number(hot.options?.["temperature"] ?? 1);
}

/** False for a value that means “off” (top_p=1, top_k=0, a scope of no token). */
export function isOn(stage: Stage): boolean {
  const row = TRANSFORMS.get(stage.name)!;
  return !row.off.includes(stage.value) && stage.options?.["scope"] !== "last:0" && stage.options?.["last_n"] !== 0;
}

/** The stage as retort writes it; `readStage` reads it back. */
export function stageText({ name, value, options }: Stage): string {
  const row = TRANSFORMS.get(name)!;
  const told = (row.options ?? []).filter((option) => (options?.[option.name] ?? option.initial) !== option.initial || (row.main !== undefined && isNumber(option)));
  const others = told.map((option) => `${option.name}=${written(options?.[option.name] ?? option.initial)}`);
  if (row.main !== undefined) return `${name}(${[`${row.main}=${written(value)}`, ...others].join(", ")})`;
  return others.length === 0 ? `${name}=${written(value)}` : `${name}(${[written(value), ...others].join(", ")})`;
}

/** The stage written as `name=value`, `name(value, option=value)` or `name(one=value, other=value)`. Throws ChainError. */
export function readStage(part: string): Stage {
  const found = /^\s*([\w-]+)\s*(?:=\s*([^()]+?)|\(\s*(.*?)\s*\))\s*$/s.exec(part);
  if (found === null) {
    throw new ChainError(`a stage is written name=value, got “${part.trim()}”; for example temperature=0.8 | top_p=0.9`);
  }
  const [, name, alone, inside] = found;
  const row = findTransform(name!);
  if (row === undefined) {
    const why = LEFT_OUT.get(name!.trim().toLowerCase().replaceAll("-", "_"));
    throw new ChainError(
      why === undefined
        ? `the page does not compute “${name}”; it knows ${[...TRANSFORMS.keys()].join(", ")}`
        : `the page does not compute “${name}”: it ${why}`,
    );
  }
  if (alone !== undefined) return { name: row.name, value: checkedValue(row, Number(alone), alone) };
  const main = row.main ?? row.name;
  const names = [main, ...(row.options ?? []).map((option) => option.name)];
  const given = new Map<string, string>();
  inside!.split(",").forEach((argument, place) => {
    const [key, value] = argument.includes("=") ? argument.split("=").map((piece) => piece.trim()) : [names[place] ?? "", argument.trim()];
    if (!names.includes(key!)) throw new ChainError(`${row.name} has no setting “${key || argument.trim()}” here; it has ${names.join(", ")}`);
    given.set(key!, value!);
  });
  const typed = given.get(main);
  if (typed === undefined) throw new ChainError(`${row.name} needs its ${main}`);
  const options = (row.options ?? []).flatMap((option) => {
    const text = given.get(option.name);
    return text === undefined ? [] : [[option.name, checkedOption(row, option, text)] as const];
  });
  return withOptions({ name: row.name, value: checkedValue(row, Number(typed), typed) }, Object.fromEntries(options));
}

/** The stage with these options, the defaults among them left out. */
export function withOptions(stage: Stage, options: Options): Stage {
  const row = TRANSFORMS.get(stage.name)!;
  const kept = (row.options ?? []).filter((option) => (options[option.name] ?? option.initial) !== option.initial);
  const bare = { name: stage.name, value: stage.value };
  return kept.length === 0 ? bare : { ...bare, options: Object.fromEntries(kept.map((option) => [option.name, options[option.name]!])) };
}

/** The number, if the transform allows it or reads it as off; else a ChainError that says what is allowed. */
export function checkedValue(row: Transform, value: number, typed: string = String(value)): number {
  if (row.off.includes(value)) return value;
  return checkedNumber(row.main === undefined ? row.name : `${row.name}'s ${row.main}`, row.low, row.high, row.whole, value, typed);
}

/** The option's value, if it is allowed. */
export function checkedOption(row: Transform, option: Option, typed: string): number | string {
  const name = `${row.name}'s ${option.name}`;
  if (option.words !== undefined) {
    if (option.words.includes(typed)) return typed;
    throw new ChainError(`${name} must be ${option.words.join(" or ")}, got ${typed}`);
  }
  if (option.scope) {
    if (/^(all|output|last:\d+)$/.test(typed)) return typed;
    throw new ChainError(`${name} must be all, output or last:N, got ${typed}`);
  }
  return checkedNumber(name, option.low ?? -Infinity, option.high ?? Infinity, option.whole ?? false, Number(typed), typed);
}

function checkedNumber(name: string, low: number, high: number, isWhole: boolean, value: number, typed: string): number {
  const inside = value >= low && value <= high && Number.isFinite(value) && typed.trim() !== "";
  if (inside && !(isWhole && value % 1)) return value;
  const least = low === Number.MIN_VALUE ? "above 0" : `of ${low} or more`;
  const range = Number.isFinite(high) ? `from ${low} to ${high}` : Number.isFinite(low) ? least : "that is finite";
  throw new ChainError(`${name} must be a ${isWhole ? "whole " : ""}number ${range}, got ${typed}`);
}

function isNumber(option: Option): boolean {
  return option.words === undefined && !option.scope;
}

/** A number as Python writes it. */
function written(value: number | string): string {
  if (typeof value === "string") return value;
  const size = Math.abs(value);
  if (size === 0 || (size >= 1e-4 && size < 1e16)) return String(value);
  return value.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
}
