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

export interface PageData {
  version: string;
  title: string;
  studio?: boolean;
  position?: PositionRecord;
}
