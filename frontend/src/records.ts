// What Python hands to the page. Field names are those of retort's records.

import type { History } from "./math/history.ts";
import type { PackedIds, PackedLogits } from "./math/unpack.ts";

/** A measure: one number where it is exact, else its two ends; null there stands for an infinity. */
export type Measured = number | { low: number | null; high: number | null };

export function lowOf(value: Measured): number {
  return typeof value === "number" ? value : (value.low ?? -Infinity);
}

export function highOf(value: Measured): number {
  return typeof value === "number" ? value : (value.high ?? Infinity);
}

export interface PositionRecord {
  known?: "full";
  model: string;
  prompt: string;
  prompt_tokens: string[];
  vocabulary: number;
  note: string | null;
  chain: string;
  logits: PackedLogits;
  ids: number[];
  tokens: string[];
  rank_ids: PackedIds | null;
  /** Ids of the tokens so far, the rank of each at this position (-1: it cannot come), and how many are the prompt. */
  history?: number[];
  history_ranks?: number[];
  prompt_length?: number;
}

/** What stages that look back can see. */
export function historyOf(record: PositionRecord): History {
  return { ids: record.history ?? [], ranks: record.history_ranks ?? [], promptLength: record.prompt_length ?? 0 };
}

export interface Alternative {
  token: string;
  id: number;
  prob_raw: number;
  prob_processed: number;
}

export interface PassageToken {
  token: string;
  id: number;
  given: boolean;
  rank: number;
  logprob_raw: number;
  logprob_processed: number | null;
  entropy_nats: number;
  entropy_processed_nats: number;
  margin: number;
  kept: number;
  kept_mass: number;
  removed_by: string | null;
  flip_risk: number;
  alternatives: Alternative[];
}

export interface PassageTotals {
  logprob_raw: number;
  entropy_nats: number;
  flip_risk: number;
}

export interface PassageRecord {
  known?: "full";
  model: string;
  note: string | null;
  prompt: string;
  prompt_tokens: string[];
  chain: string;
  seed: number;
  finish_reason: string;
  text: string;
  tokens: PassageToken[];
  totals: PassageTotals;
  noise_scale: number;
}

export interface Leaf {
  temperature_low: number;
  temperature_high: number;
  temperatures: number[];
  text: string;
  ids: number[];
  finish_reason: string;
  logprob_raw: number;
}

/** Whether a stage of the chain applies along the path, and how, or why not. */
export interface PathStage {
  stage: string;
  applies: boolean;
  why: string;
}

export interface PathRecord {
  model: string;
  note: string | null;
  prompt: string;
  seed: number;
  max_tokens: number;
  tokens: string[][];
  stages?: PathStage[];
  leaves: Leaf[];
  forward_passes: number;
  independent_passes: number;
  exact: boolean;
}

/** What was found out about a server before its numbers were used. */
export interface ProbeRecord {
  logprobs: string;
  temperature: string;
  top_p: string;
  top_k: string;
  seed: boolean | null;
  notes: string[];
}

/** A position of which only the most probable tokens are known. */
export interface PartialPositionRecord {
  known: "top_n";
  model: string;
  prompt: string;
  note: string | null;
  chain: string;
  vocabulary: number | null;
  vocabulary_at_most: number;
  rounding: number;
  tokens: string[];
  ids: (number | null)[];
  logprobs: number[];
  probe: ProbeRecord | null;
}

export interface PartialAlternative {
  token: string;
  id: number | null;
  prob_raw: Measured;
}

export interface PartialPassageToken {
  token: string;
  id: number | null;
  given: boolean;
  rank: number | null;
  logprob_raw: Measured;
  entropy_nats: Measured;
  margin: Measured;
  kept: number | null;
  kept_mass: Measured | null;
  removed_by: string | null;
  flip_risk: Measured;
  known_tokens: number;
  unseen: Measured;
  alternatives: PartialAlternative[];
}

export interface PartialTotals {
  tokens: number;
  unknown: number;
  logprob_raw: Measured;
  entropy_nats: Measured;
  removed: number;
  flip_risk: Measured;
}

export interface PartialPassageRecord {
  known: "top_n";
  model: string;
  note: string | null;
  prompt: string;
  chain: string;
  finish_reason: string;
  text: string;
  tokens: PartialPassageToken[];
  totals: PartialTotals | null;
  noise_scale: number;
  vocabulary: number | null;
  vocabulary_at_most: number;
  probe: ProbeRecord | null;
}

export interface PartialPairRecord {
  known: "top_n";
  a: PartialPositionRecord;
  b: PartialPositionRecord;
  /** null stands for an infinity: nothing bounds it. */
  compared: {
    common: number;
    logprob_difference: number | null;
    total_variation: Measured;
    kl_ab: Measured;
    kl_ba: Measured;
    top_a: string;
    top_b: string;
    parted: boolean;
  };
}

/** Whether a record is of a model that names its most probable tokens only. */
export function isPartial<R extends { known?: string }>(record: R): record is Extract<R, { known: "top_n" }> {
  return record.known === "top_n";
}

export interface PairRecord {
  known?: "full";
  a: PositionRecord;
  b: PositionRecord;
  comparable: boolean;
}

export interface TuneSetting {
  temperature: number | null;
  score: number;
  score_ci: [number, number];
  distinct: number | null;
  agreement: number | null;
  samples: number;
  setting?: Record<string, unknown>;
  /** More ways to say how different an item's answers are; null where not asked for or not known. */
  variety?: Record<string, number | string | null> | null;
}

export interface TuneRecord {
  task: string;
  model: string;
  goal: string;
  score: string;
  axis?: string | null;
  settings: TuneSetting[];
  recommendation: {
    setting: unknown;
    reason: string;
    detectable: boolean;
    difference: number;
    difference_ci: [number, number];
    reference: unknown;
    region: unknown[];
    held_out_difference: number | null;
    held_out_ci: [number, number] | null;
    chosen_again: number | null;
    minimum_detectable_difference: number | null;
  };
  forward_passes: number | null;
  independent_passes: number | null;
  items: number;
  samples_per_item: number;
  seed: number;
  chain: string;
}

export interface Difference {
  mean: number;
  ci: [number, number] | null;
  per_seed: number[];
}

export interface Student {
  seed: number;
  curve: [number, number, number][];
  val_nll: number | null;
  test_nll: number | null;
  seconds: number | null;
  tokens: number | null;
  steps: number | null;
}

/** A DistillResult; while it goes only `arms`, with the curves so far. */
export interface DistilRecord {
  arms: Record<string, Student[]>;
  difference?: Difference | null;
  difference_test?: Difference | null;
  difference_equal_time?: Difference | null;
  difference_equal_time_test?: Difference | null;
  verdict?: string;
  verdict_reason?: string;
  verdict_equal_time?: string;
  verdict_equal_time_reason?: string;
}

/** What a studio can do beside its models. */
export interface Offer {
  models: string[];
  tasks: string[];
  recipes: string[];
}

/** The row that the tour moves: of a real model, its first answer, the right one, and what draws said. */
export interface TourRecord {
  position: PositionRecord;
  first: string;
  right: string;
  draws: { temperature: number; texts: string[] }[];
}

export interface PageData {
  version: string;
  title: string;
  studio?: boolean;
  tour?: TourRecord;
  position?: PositionRecord | PartialPositionRecord;
  text?: PassageRecord | PartialPassageRecord;
  path?: PathRecord;
  compare?: PairRecord | PartialPairRecord;
  tune?: TuneRecord;
  distil?: DistilRecord;
}
