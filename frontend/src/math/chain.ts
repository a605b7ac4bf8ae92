// The chain: stages in the order in which they apply. Read, written, changed, applied and explained.

import { findTransform, TRANSFORMS, type Transform } from "./transforms.ts";
import { mass, nucleusSize, sums, whole, type Window } from "./window.ts";

export interface Stage {
  readonly name: string;
  readonly value: number;
}

export type Chain = readonly Stage[];

/** What one stage did, with the fields of retort's StageReport. */
export interface StageReport {
  readonly stage: Stage;
  readonly before: Window;
  readonly after: Window;
  readonly kept: number;
  readonly removed: number;
  /** Share of the mass entering the stage that it keeps. */
  readonly keptMass: number;
  /** Share that the survivors have of the untruncated distribution at the temperature reached so far. */
  readonly keptMassTotal: number;
}

export interface Explanation {
  readonly raw: Window;
  /** The whole vocabulary at the chain's temperature. */
  readonly tempered: Window;
  /** What sampling draws from. */
  readonly processed: Window;
  readonly stages: readonly StageReport[];
  readonly warnings: readonly string[];
}

export class ChainError extends Error {}

/** The chain written as `name=value | name=value`. Stages that are off are dropped. Throws ChainError. */
export function parseChain(text: string): Chain {
  if (text.trim() === "") return [];
  return checked(text.split("|").map(parseStage));
}

/** What is said of stages that the page leaves out; null where there are none. */
export function leftOut(others: readonly string[]): string | null {
  if (others.length === 0) return null;
  return `The page does not compute ${others.join(", ")}: its numbers are without ${others.length === 1 ? "it" : "them"}.`;
}

/** The stages of a text that the page computes, and the others as they are written. */
export function readableChain(text: string): { chain: Chain; others: string[] } {
  const others: string[] = [];
  const stages = text.split("|").filter((part) => part.trim()).flatMap((part) => {
    try {
      return [parseStage(part)];
    } catch {
      others.push(part.trim());
      return [];
    }
  });
  return { chain: checked(stages), others };
}

function parseStage(part: string): Stage {
  if (part.includes("(")) throw new ChainError(`the page computes stages with one setting, not ${part.trim()}`);
  const [name, value] = part.split("=").map((piece) => piece.trim());
  if (!name || !value) {
    throw new ChainError(`a stage is written name=value, got “${part.trim()}”; for example temperature=0.8 | top_p=0.9`);
  }
  const row = findTransform(name);
  if (row === undefined) {
    throw new ChainError(`the page does not compute “${name}”; it knows ${[...TRANSFORMS.keys()].join(", ")}`);
  }
  return { name: row.name, value: checkedValue(row, Number(value), value) };
}

/** The number, if the transform allows it or reads it as off; else a ChainError that says what is allowed. */
export function checkedValue(row: Transform, value: number, typed: string = String(value)): number {
  if (row.off.includes(value)) return value;
  const inside = value >= row.low && value <= row.high && Number.isFinite(value);
  if (inside && !(row.whole && value % 1)) return value;
  const range = Number.isFinite(row.high) ? `from ${row.low} to ${row.high}` : `of ${row.low} or more`;
  throw new ChainError(`${row.name} must be a ${row.whole ? "whole " : ""}number ${range}, got ${typed}`);
}

function checked(stages: Chain): Chain {
  const kept = stages.filter(isOn);
  if (kept.filter((stage) => stage.name === "temperature").length > 1) {
    throw new ChainError("a chain may hold temperature once; two in a row are one temperature, their product");
  }
  return kept;
}

/** False for a value that means “off” (top_p=1, top_k=0). */
export function isOn(stage: Stage): boolean {
  return !TRANSFORMS.get(stage.name)!.off.includes(stage.value);
}

export function stageText(stage: Stage): string {
  return `${stage.name}=${written(stage.value)}`;
}

/** A number as Python writes it. */
function written(value: number): string {
  const size = Math.abs(value);
  if (size === 0 || (size >= 1e-4 && size < 1e16)) return String(value);
  return value.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
}

export function chainText(chain: Chain): string {
  return chain.map(stageText).join(" | ");
}

/** The chain's temperature; 1 if it has none. */
export function temperatureOf(chain: Chain): number {
  return chain.find((stage) => stage.name === "temperature")?.value ?? 1;
}

/** The chain with its temperature replaced where it stands; put first if it has none. */
export function atTemperature(chain: Chain, value: number): Chain {
  const hot = { name: "temperature", value };
  if (!chain.some((stage) => stage.name === "temperature")) return [hot, ...chain];
  return chain.map((stage) => (stage.name === "temperature" ? hot : stage));
}

export function applyStage(window: Window, stage: Stage): Window {
  return isOn(stage) ? TRANSFORMS.get(stage.name)!.apply(window, stage.value) : window;
}

function applyAll(window: Window, stages: Chain): Window {
  return stages.reduce(applyStage, window);
}

/** Every stage's effect on one row of falling logits, what is left, and where the settings conflict. */
export function explain(chain: Chain, logits: Float64Array): Explanation {
  const raw = whole(logits);
  let before = raw;
  let untruncated = raw;
  const stages: StageReport[] = [];
  for (const stage of chain) {
    const after = applyStage(before, stage);
    // Temperature 0 removes tokens itself, so its masses are those of the distribution that enters it.
    if (!TRANSFORMS.get(stage.name)!.truncates && stage.value !== 0) untruncated = applyStage(untruncated, stage);
    stages.push({
      stage,
      before,
      after,
      kept: size(after),
      removed: size(before) - size(after),
      keptMass: mass(before, after.from, after.to),
      keptMassTotal: mass(untruncated, after.from, after.to),
    });
    before = after;
  }
  const temperature = temperatureOf(chain);
  const atTau = temperature === 0 ? applyStage(raw, { name: "temperature", value: 0 }) : { ...raw, temperature };
  return { raw, tempered: atTau, processed: before, stages, warnings: warnings(chain, raw, stages) };
}

export function size(window: Window): number {
  return window.to - window.from;
}

/** Which stage removed a rank, or null if it is kept. */
export function removedBy(explanation: Explanation, rank: number): Stage | null {
  if (rank >= explanation.processed.from && rank < explanation.processed.to) return null;
  const report = explanation.stages.find(({ after }) => rank < after.from || rank >= after.to);
  return report?.stage ?? null;
}

/** Share of the processed distribution that lies outside the set holding 90 % at τ = 1. */
export function leakage(explanation: Explanation): number {
  const outside = nucleusSize(explanation.raw, 0.9);
  return mass(explanation.processed, outside, explanation.raw.to);
}

export function effectiveSupport(window: Window): number {
  return Math.exp(sums(window).entropy);
}

function warnings(chain: Chain, raw: Window, stages: readonly StageReport[]): string[] {
  const truncations = chain.filter((stage) => TRANSFORMS.get(stage.name)!.truncates);
  const final = applyAll(raw, chain);
  if (temperatureOf(chain) === 0) {
    if (truncations.length === 0) return [];
    return [`temperature=0 takes the most likely token in any case, so ${list(truncations)} cannot change the result.`];
  }
  const found: string[] = [];
  for (const report of stages) {
    if (!truncations.includes(report.stage)) continue;
    if (report.removed === 0) {
      const why = report.kept === 1 ? "one token reaches it" : `it keeps all ${count(report.kept)} that reach it`;
      found.push(`${stageText(report.stage)} removes nothing here: ${why}.`);
    } else if (same(applyAll(raw, chain.filter((other) => other !== report.stage)), final)) {
      found.push(`${stageText(report.stage)} is made moot by the rest: without it the same ${count(size(final))} would be kept.`);
    }
  }
  const alone = truncations.map((stage) =>
    size(applyAll(raw, chain.filter((other) => other === stage || !truncations.includes(other)))),
  );
  if (truncations.length > 1 && size(final) < Math.min(...alone)) {
    const each = truncations.map((stage, place) => `${stageText(stage)} alone keeps ${alone[place]!.toLocaleString("en")}`);
    found.push(`together the stages keep ${count(size(final))}, fewer than any of them alone (${each.join(", ")}).`);
  }
  const place = chain.findIndex((stage) => stage.name === "temperature");
  const early = chain.slice(0, Math.max(place, 0)).filter((stage) => truncations.includes(stage));
  if (early.length > 0) {
    const hot = chain[place]!;
    const first = size(applyAll(raw, [hot, ...chain.filter((stage) => stage !== hot)]));
    if (first !== size(final)) {
      found.push(
        `${list(early)} comes before ${stageText(hot)} and does not see it: ${count(size(final))} remain, and would be ` +
          `${first.toLocaleString("en")} with temperature first.`,
      );
    }
  }
  if (truncations.length > 0 && size(final) === 1 && size(raw) > 1) {
    found.push("one token is left, so every draw here is the greedy token, whatever temperature and seed.");
  }
  return found;
}

function same(a: Window, b: Window): boolean {
  return a.from === b.from && a.to === b.to;
}

function list(stages: Chain): string {
  const names = stages.map(stageText);
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

function count(tokens: number): string {
  return `${tokens.toLocaleString("en")} ${tokens === 1 ? "token" : "tokens"}`;
}
