// A position as the views ask it: what any chain leaves of it, whether all its tokens are known or the best ones.

import { ChainError, effectiveSupport, explain, isRow, readableChain, type Chain, type Explanation } from "../math/chain.ts";
import { exactly, type Interval } from "../math/interval.ts";
import { explainPartial, KnownTokens } from "../math/partial.ts";
import { unpackLogits } from "../math/unpack.ts";
import { margin } from "../math/window.ts";
import type { PositionRecord } from "../records.ts";

export interface Subject {
  readonly record: PositionRecord;
  /** How many tokens there are (at most, where the number is not known), and how many of them are known. */
  readonly tokens: number;
  readonly seen: number;
  /** Raw logits by rank, or the log-probabilities that a server named. */
  readonly logits: Float64Array;
  /** The margin of the raw distribution. */
  readonly margin: Interval;
  /** What the model itself gives, at τ = 1. */
  readonly raw: Explanation;
  /** Throws ChainError where the known tokens do not decide the chain. */
  readonly explain: (chain: Chain) => Explanation;
  /** The chain to begin with: the record's, or τ = 1 where that cannot be decided. */
  readonly chain: string;
}

export function subjectOf(record: PositionRecord): Subject {
  if (record.logits !== null) {
    const logits = unpackLogits(record.logits);
    const history = { ids: record.history, ranks: record.history_ranks, promptLength: record.prompt_length };
    const of = (chain: Chain): Explanation => explain(chain, logits, history);
    const raw = of([]);
    const gap = isRow(raw) ? margin(raw.raw) : NaN;
    return { record, tokens: logits.length, seen: logits.length, logits, raw, explain: of, chain: record.chain, margin: exactly(gap) };
  }
  const known = KnownTokens.of(record.logprobs!, record.vocabulary_at_most, record.rounding);
  const of = (chain: Chain): Explanation => explainPartial(chain, known);
  return {
    record, tokens: known.tokens, seen: known.seen, logits: Float64Array.from(record.logprobs!), raw: of([]), explain: of,
    margin: known.margin, chain: decided(of, record.chain) ? record.chain : "temperature=1",
  };
}

/** The effective support, e^entropy. */
export function support(of: Explanation): Interval {
  return isRow(of) ? exactly(effectiveSupport(of.processed)) : { low: Math.exp(of.entropy.low), high: Math.exp(of.entropy.high) };
}

function decided(of: (chain: Chain) => Explanation, text: string): boolean {
  try {
    of(readableChain(text).chain);
    return true;
  } catch (problem) {
    if (problem instanceof ChainError) return false;
    throw problem;
  }
}
