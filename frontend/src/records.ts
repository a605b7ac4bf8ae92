// What Python hands to the page. Field names are those of retort's records.

import type { PackedIds, PackedLogits } from "./math/unpack.ts";

export interface PositionRecord {
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

export interface PassageRecord {
  model: string;
  note: string | null;
  prompt: string;
  prompt_tokens: string[];
  chain: string;
  seed: number;
  finish_reason: string;
  text: string;
  tokens: PassageToken[];
  logprob_raw: number;
  mean_entropy_nats: number;
  flip_risk: number;
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

export interface PathRecord {
  model: string;
  note: string | null;
  prompt: string;
  seed: number;
  max_tokens: number;
  tokens: string[][];
  path: { leaves: Leaf[]; forward_passes: number; independent_passes: number; exact: boolean };
}

export interface PairRecord {
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

export interface PageData {
  version: string;
  title: string;
  studio?: boolean;
  position?: PositionRecord;
  text?: PassageRecord;
  path?: PathRecord;
  compare?: PairRecord;
  tune?: TuneRecord;
  distil?: DistilRecord;
}
