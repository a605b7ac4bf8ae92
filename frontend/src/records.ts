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

export interface PageData {
  version: string;
  title: string;
  studio?: boolean;
  position?: PositionRecord;
  text?: PassageRecord;
  path?: PathRecord;
  compare?: PairRecord;
}
