// The chain: stages in the order in which they apply. Read, written, changed, applied and explained.

import type { History } from "./history.ts";
import { holds, massBeyond, massOn, rankAt } from "./order.ts";
import { ChainError, isOn, readStage, stageText, withOptions, type Stage } from "./stage.ts";
import { LEFT_OUT, settings, TRANSFORMS } from "./transforms.ts";
import { nucleusSize, sums, whole, type Window } from "./window.ts";

export { ChainError, isOn, stageText, withOptions, type Stage };

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

/** The chain written as `name=value | name=value`. Stages that are off are dropped. Throws ChainError. */
export function parseChain(text: string): Chain {
  if (text.trim() === "") return [];
  return checked(text.split("|").map(readStage));
}

/** What is said of stages that the page leaves out; null where there are none. */
export function leftOut(others: readonly string[]): string | null {
  if (others.length === 0) return null;
  const told = others.map((other) => {
    const why = LEFT_OUT.get(/^[\w-]+/.exec(other)?.[0].toLowerCase().replaceAll("-", "_") ?? "");
    return why === undefined ? other : `${other} (it ${why})`;
  });
  return `The page does not compute ${told.join(", ")}: its numbers are without ${others.length === 1 ? "it" : "them"}.`;
}

/** The stages of a text that the page computes, and the others as they are written. */
export function readableChain(text: string): { chain: Chain; others: string[] } {
  const others: string[] = [];
  const stages = text.split("|").filter((part) => part.trim()).flatMap((part) => {
    try {
      return [readStage(part)];
    } catch {
      others.push(part.trim());
      return [];
    }
  });
  return { chain: checked(stages), others };
}

function checked(stages: Chain): Chain {
  const kept = stages.filter(isOn);
  if (kept.filter((stage) => TRANSFORMS.get(stage.name)!.tempers).length > 1) {
    throw new ChainError("a chain may hold temperature or dynatemp once; two temperatures in a row are one, their product");
  }
  return kept;
}

export function chainText(chain: Chain): string {
  return chain.map(stageText).join(" | ");
}

/** The stage that divides by a temperature, if there is one. */
function hotStage(chain: Chain): Stage | undefined {
  return chain.find((stage) => TRANSFORMS.get(stage.name)!.tempers);
}

/** The chain's temperature (the middle of dynatemp's range); 1 if it has none. */
export function temperatureOf(chain: Chain): number {
  const hot = hotStage(chain);
  if (hot === undefined) return 1;
  return hot.name === "temperature" ? hot.value : Number(hot.options?.["temperature"] ?? 1);
}

/** The chain with its temperature replaced where it stands; put first if it has none. */
export function atTemperature(chain: Chain, value: number): Chain {
  const hot = hotStage(chain);
  if (hot === undefined) return [{ name: "temperature", value }, ...chain];
  const next = hot.name === "temperature" ? { name: "temperature", value } : withOptions(hot, { ...hot.options, temperature: value });
  return chain.map((stage) => (stage === hot ? next : stage));
}

/** Whether a stage of the chain looks back at the tokens so far. */
export function looksBack(chain: Chain): boolean {
  return chain.some((stage) => TRANSFORMS.get(stage.name)!.looksBack);
}

const NO_HISTORY: History = { ids: [], ranks: [], promptLength: 0 };

export function applyStage(window: Window, stage: Stage, history: History = NO_HISTORY): Window {
  const row = TRANSFORMS.get(stage.name)!;
  return isOn(stage) ? row.apply(window, stage.value, settings(row, stage.options), history) : window;
}

/** Every stage's effect on one row of falling logits, what is left, and where the settings conflict. */
export function explain(chain: Chain, logits: Float64Array, history: History = NO_HISTORY): Explanation {
  const raw = whole(logits);
  const greedy = temperatureOf(chain) === 0;
  let before = raw;
  let untruncated = raw;
  const stages: StageReport[] = [];
  for (const stage of chain) {
    const after = applyStage(before, stage, history);
    const row = TRANSFORMS.get(stage.name)!;
    // Temperature 0 removes tokens itself, so its masses are those of the distribution that enters it.
    if (!row.truncates && !(row.tempers && greedy)) untruncated = applyStage(untruncated, stage, history);
    const removed = size(before) - size(after);
    stages.push({
      stage,
      before,
      after,
      kept: size(after),
      removed,
      keptMass: removed === 0 ? 1 : massOn(before, after),
      keptMassTotal: Math.min(1, massOn(untruncated, after)),
    });
    before = after;
  }
  const temperature = temperatureOf(chain);
  const atTau = temperature === 0 ? applyStage(raw, { name: "temperature", value: 0 }) : { ...raw, temperature };
  return { raw, tempered: atTau, processed: before, stages, warnings: warnings(chain, raw, stages, history) };
}

export function size(window: Window): number {
  return window.to - window.from;
}

/** Which stage removed a rank, or null if it is kept. */
export function removedBy(explanation: Explanation, rank: number): Stage | null {
  if (holds(explanation.processed, rank)) return null;
  const report = explanation.stages.find(({ after }) => !holds(after, rank));
  return report?.stage ?? null;
}

/** Share of the processed distribution that lies outside the set holding 90 % at τ = 1. */
export function leakage(explanation: Explanation): number {
  const outside = nucleusSize(explanation.raw, 0.9);
  return massBeyond(explanation.processed, outside);
}

export function effectiveSupport(window: Window): number {
  return Math.exp(sums(window).entropy);
}

function warnings(chain: Chain, raw: Window, stages: readonly StageReport[], history: History): string[] {
  const applyAll = (chosen: Chain): Window => chosen.reduce((window, stage) => applyStage(window, stage, history), raw);
  const truncations = chain.filter((stage) => TRANSFORMS.get(stage.name)!.truncates);
  const final = applyAll(chain);
  const hot = hotStage(chain);
  const temperature = temperatureOf(chain);
  if (temperature === 0) {
    if (truncations.length === 0) return [];
    return [`${stageText(hot!)} takes the most likely token in any case, so ${list(truncations)} cannot change the result.`];
  }
  const found: string[] = [];
  for (const report of stages) {
    if (!truncations.includes(report.stage)) continue;
    if (report.removed === 0) {
      const why = report.kept === 1 ? "one token reaches it" : `it keeps all ${count(report.kept)} that reach it`;
      found.push(`${stageText(report.stage)} removes nothing here: ${why}.`);
    } else if (same(applyAll(chain.filter((other) => other !== report.stage)), final)) {
      found.push(`${stageText(report.stage)} is made moot by the rest: without it the same ${count(size(final))} would be kept.`);
    }
  }
  const alone = truncations.map((stage) =>
    size(applyAll(chain.filter((other) => other === stage || !truncations.includes(other)))),
  );
  if (truncations.length > 1 && size(final) < Math.min(...alone)) {
    const each = truncations.map((stage, place) => `${stageText(stage)} alone keeps ${alone[place]!.toLocaleString("en")}`);
    found.push(`together the stages keep ${count(size(final))}, fewer than any of them alone (${each.join(", ")}).`);
  }
  const place = hot === undefined ? 0 : chain.indexOf(hot);
  const early = chain.slice(0, place).filter((stage) => truncations.includes(stage));
  if (hot !== undefined && early.length > 0) {
    const others = chain.filter((stage) => stage !== hot);
    const at = chain.indexOf(early[0]!);
    const first = size(applyAll([...others.slice(0, at), hot, ...others.slice(at)]));
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
  const nucleus = nucleusSize(raw, 0.9);
  if (temperature > 1 && truncations.length > 0 && size(final) < nucleus) {
    found.push(
      `temperature ${temperature} asks for more variety, but the truncations then keep ${count(size(final))}, fewer than the ` +
        `${nucleus.toLocaleString("en")} that hold 90 % of the probability at temperature 1: the settings pull in opposite directions.`,
    );
  }
  if (truncations.length > 2) {
    found.push(`${truncations.length} truncations are stacked (${list(truncations)}); one is usually enough, and easier to reason about.`);
  }
  return found;
}

/** Whether two windows hold the same tokens. */
function same(a: Window, b: Window): boolean {
  if (size(a) !== size(b)) return false;
  return a.logits === b.logits && a.order === b.order ? a.from === b.from : sameTokens(a, b);
}

function sameTokens(a: Window, b: Window): boolean {
  for (let place = a.from; place < a.to; place++) if (!holds(b, rankAt(a, place))) return false;
  return true;
}

function list(stages: Chain): string {
  const names = stages.map(stageText);
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

function count(tokens: number): string {
  return `${tokens.toLocaleString("en")} ${tokens === 1 ? "token" : "tokens"}`;
}
