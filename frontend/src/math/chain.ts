// The chain: stages in the order in which they apply. Read, written, changed, applied and explained.

import { warnings, type Setup } from "./conflicts.ts";
import type { History } from "./history.ts";
import { exactly, type Interval } from "./interval.ts";
import { countBeyond, holds, massBeyond, massOn, prob, rankAt } from "./order.ts";
import { ChainError, hotStage, isOn, readStage, stageText, temperatureOf, withOptions, type Chain, type Stage } from "./stage.ts";
import { LEFT_OUT, settings, TRANSFORMS } from "./transforms.ts";
import { nucleusSize, sums, whole, type Window } from "./window.ts";

export { ChainError, isOn, stageText, temperatureOf, withOptions, type Chain, type Stage };

/** What one stage did, with the fields of retort's StageReport. */
export interface StageReport {
  readonly stage: Stage;
  readonly kept: number;
  readonly removed: number;
  /** Share of the mass entering the stage that it keeps. */
  readonly keptMass: Interval;
  /** Share that the survivors have of the untruncated distribution at the temperature reached so far. */
  readonly keptMassTotal: Interval;
  /** The row before and after, where the whole vocabulary is known; else the ranks that were removed. */
  readonly before?: Window;
  readonly after?: Window;
  readonly removedRanks?: readonly number[];
}

/** What a chain does to a position, whether all its tokens are known or the best ones. */
export interface Explanation {
  readonly stages: readonly StageReport[];
  readonly warnings: readonly string[];
  readonly kept: number;
  readonly keptMass: Interval;
  /** Of the processed distribution: its entropy in nats, the share of unknown tokens, and the most that one of them has. */
  readonly entropy: Interval;
  readonly unseen: Interval;
  readonly largestUnseen: number;
  /** Processed probability of the token of this rank. */
  readonly prob: (rank: number) => Interval;
  /** Which stage removed the token of this rank, or null if it is kept. */
  readonly removedBy: (rank: number) => Stage | null;
  /** The share of all tokens from this rank on, and how many of them are kept. */
  readonly beyond: (rank: number) => { share: Interval; kept: number };
}

/** Of a whole row: the rows themselves, too. */
export interface RowExplanation extends Explanation {
  readonly raw: Window;
  /** The whole vocabulary at the chain's temperature. */
  readonly tempered: Window;
  /** What sampling draws from. */
  readonly processed: Window;
}

/** Whether the whole row is known. */
export function isRow(explanation: Explanation): explanation is RowExplanation {
  return "processed" in explanation;
}

/** An explanation and its warnings, from what each stage did. */
export function explained<S>(found: Omit<Explanation, "warnings" | "keptMass"> & Setup<S> & { stages: readonly StageReport[] }): Explanation {
  const { stages, kept, entropy, unseen, largestUnseen, prob, removedBy, beyond } = found;
  return { stages, kept, entropy, unseen, largestUnseen, prob, removedBy, beyond, keptMass: stages.at(-1)?.keptMassTotal ?? exactly(1), warnings: warnings(found) };
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
export function explain(chain: Chain, logits: Float64Array, history: History = NO_HISTORY): RowExplanation {
  const raw = whole(logits);
  const temperature = temperatureOf(chain);
  let before = raw;
  let shaped = raw;
  const stages: StageReport[] = [];
  for (const stage of chain) {
    const after = applyStage(before, stage, history);
    const row = TRANSFORMS.get(stage.name)!;
    // Temperature 0 removes tokens itself, so its masses are those of the distribution that enters it.
    if (!row.truncates && !(row.tempers && temperature === 0)) shaped = applyStage(shaped, stage, history);
    const removed = size(before) - size(after);
    stages.push({
      stage,
      before,
      after,
      kept: size(after),
      removed,
      keptMass: exactly(removed === 0 ? 1 : massOn(before, after)),
      keptMassTotal: exactly(Math.min(1, massOn(shaped, after))),
    });
    before = after;
  }
  const processed = before;
  const common = explained({
    chain,
    stages,
    before: size(raw),
    kept: size(processed),
    nucleus: nucleusSize(raw, 0.9),
    survivors: (chosen) => chosen.reduce((window, stage) => applyStage(window, stage, history), raw),
    size,
    same,
    entropy: exactly(sums(processed).entropy),
    unseen: exactly(0),
    largestUnseen: 0,
    prob: (rank) => exactly(prob(processed, rank)),
    beyond: (rank) => ({ share: exactly(massBeyond(processed, rank)), kept: countBeyond(processed, rank) }),
    removedBy: (rank) => (holds(processed, rank) ? null : (stages.find(({ after }) => !holds(after!, rank))?.stage ?? null)),
  });
  const tempered = temperature === 0 ? applyStage(raw, { name: "temperature", value: 0 }) : { ...raw, temperature };
  return { ...common, raw, tempered, processed };
}

export function size(window: Window): number {
  return window.to - window.from;
}

/** Share of the processed distribution that lies outside the set holding 90% at τ = 1. */
export function leakage(explanation: RowExplanation): number {
  const outside = nucleusSize(explanation.raw, 0.9);
  return massBeyond(explanation.processed, outside);
}

export function effectiveSupport(window: Window): number {
  return Math.exp(sums(window).entropy);
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
