// Made by frontend/records.py from Python's record types; do not edit.

/** A measure: one number where it is exact, else its two ends; null there stands for an infinity. */
export type Measured = number | { low: number | null; high: number | null };

/** retort.lens.packing.PackedLogits */
export interface PackedLogits {
  encoding: string;
  count: number;
  impossible: number;
  data: string;
}

/** retort.lens.packing.PackedIds */
export interface PackedIds {
  width: number;
  count: number;
  data: string;
}

/** retort.sources.server.probe.Probe */
export interface Probe {
  server: string;
  endpoint: string;
  shape: string;
  logprobs: string;
  log_base: string;
  asked: number;
  given: number;
  mass: number;
  temperature: string;
  top_p: string;
  top_k: string;
  seed: boolean | null;
  greedy: boolean | null;
  n: boolean | null;
  echo: boolean;
  replay: number;
  rounding: number;
  vocabulary: number | null;
  refused: string[];
  notes: string[];
}

/** retort.lens.page.Position */
export interface PositionRecord {
  known: string;
  model: string;
  prompt: string;
  vocabulary: number | null;
  vocabulary_at_most: number;
  note: string | null;
  chain: string;
  ids: (number | null)[];
  tokens: string[];
  prompt_tokens: string[];
  logits: PackedLogits | null;
  rank_ids: PackedIds | null;
  history: number[];
  history_ranks: number[];
  prompt_length: number;
  logprobs: number[] | null;
  rounding: number;
  probe: Probe | null;
}

/** retort.lens.page.Alternative */
export interface Alternative {
  token: string;
  id: number | null;
  prob_raw: Measured;
  prob_processed: Measured | null;
}

/** retort.lens.page.PassageToken */
export interface PassageToken {
  token: string;
  id: number | null;
  rank: number | null;
  logprob_raw: Measured;
  logprob_processed: Measured | null;
  entropy_nats: Measured;
  entropy_processed_nats: Measured | null;
  margin: Measured;
  kept: number | null;
  kept_mass: Measured | null;
  removed_by: string | null;
  flip_risk: Measured;
  best: string;
  best_prob: Measured;
  given: boolean;
  known_tokens: number;
  unseen: Measured;
  alternatives: Alternative[];
}

/** retort.lens.trace.TraceTotals */
export interface TraceTotals {
  tokens: number;
  unknown: number;
  logprob_raw: Measured;
  logprob_processed: Measured | null;
  perplexity: Measured;
  entropy_nats: Measured;
  kept_mass: Measured | null;
  removed: number;
  flip_risk: Measured;
}

/** retort.lens.page.Passage */
export interface PassageRecord {
  known: string;
  model: string;
  note: string | null;
  prompt: string;
  prompt_tokens: string[];
  chain: string;
  seed: number | null;
  finish_reason: string;
  text: string;
  tokens: PassageToken[];
  totals: TraceTotals;
  noise_scale: number;
  vocabulary: number | null;
  vocabulary_at_most: number;
  probe: Probe | null;
}

/** retort.lens.compare.ComparedPosition */
export interface ComparedPosition {
  prompt: number;
  position: number | null;
  token: string | null;
  kl_ab: Measured;
  kl_ba: Measured;
  jsd: Measured;
  total_variation: Measured;
  entropy_a: Measured;
  entropy_b: Measured;
  top_a: string;
  top_b: string;
  parted: boolean;
  common: number | null;
  logprob_difference: number | null;
}

/** retort.lens.page.Spelled */
export interface Spelled {
  text: string;
  tokens: string[];
  logprob: number;
}

/** retort.lens.page.Pair */
export interface PairRecord {
  known: string;
  a: PositionRecord;
  b: PositionRecord;
  comparable: boolean;
  compared: ComparedPosition | null;
  spelled: [Spelled[], Spelled[]];
}

/** retort.lens.path.PathStage */
export interface PathStage {
  stage: string;
  applies: boolean;
  why: string;
}

/** retort.sources.chat.Message */
export interface Message {
  role: string;
  content: string;
  written: Record<string, unknown> | null;
}

/** retort.sampling.path.Leaf */
export interface Leaf {
  temperature_low: number;
  temperature_high: number;
  temperatures: number[];
  text: string;
  ids: number[];
  finish_reason: "length" | "end" | "stop";
  logprob_raw: number;
}

/** retort.lens.path.PathFound */
export interface PathRecord {
  model: string;
  note: string | null;
  prompt: string;
  seed: number;
  max_tokens: number;
  tokens: string[][];
  stages: PathStage[];
  chain: string;
  messages: Message[] | null;
  rendered: string | null;
  leaves: Leaf[];
  forward_passes: number;
  independent_passes: number;
  exact: boolean;
}

/** retort.tune.report.Setting */
export interface Setting {
  temperature: number | null;
  score: number;
  score_ci: [number, number];
  distinct: number | null;
  agreement: number | null;
  samples: number;
  identical: number | null;
  valid: number | null;
  mean_tokens: number | null;
  raw_nll: number | null;
  second_nll: number | null;
  on_frontier: boolean | null;
  setting: Record<string, unknown>;
  variety: Record<string, number | string | null> | null;
}

/** retort.tune.recommend.Difference */
export interface Difference {
  setting: unknown;
  difference: number;
  interval: [number, number];
  interval_all: [number, number];
}

/** retort.tune.recommend.Recommendation */
export interface Recommendation {
  setting: unknown;
  reason: string;
  detectable: boolean;
  difference: number;
  difference_ci: [number, number];
  reference: unknown;
  region: unknown[];
  best: unknown;
  held_out_difference: number | null;
  held_out_ci: [number, number] | null;
  chosen_again: number | null;
  minimum_detectable_difference: number | null;
  power: number;
  error_rate: number;
  values: Record<string, unknown>;
  planned: boolean;
  tied: unknown[];
  lead_of_best: number;
  lead_of_best_ci: [number, number];
  differences: Difference[];
  anytime: boolean;
}

/** retort.tune.cells.VarianceShare */
export interface VarianceShare {
  lever: string;
  share: number;
  share_ci: [number, number];
}

/** retort.tune.cells.TurningPoint */
export interface TurningPoint {
  point: number;
  interval: [number, number];
  novelty: number[];
  incoherence: number[];
}

/** retort.tune.choice.Calibration */
export interface Calibration {
  temperature: number;
  at_bound: boolean;
  questions: number;
  nll: [number, number];
  brier: [number, number];
  ece: [number, number];
  bins: number;
  ece_reference: [number, number];
}

/** retort.tune.reweight.Reweighted */
export interface Reweighted {
  setting: Record<string, unknown>;
  source: Record<string, unknown>;
  score: number | null;
  score_ci: [number, number] | null;
  effective_sample_size: number | null;
  samples: number;
  refused: string | null;
  measured: number | null;
}

/** retort.tune.cells.Cell */
export interface Cell {
  model: string;
  prompt: number;
  setting: Record<string, unknown>;
  score: number;
  score_ci: [number, number];
  samples: number;
  prompt_tokens: number | null;
  answer_tokens: number | null;
  seconds: number | null;
  cost: number | null;
}

/** retort.tune.cells.Question */
export interface Question {
  question: string;
  better: string;
  than: string;
  difference: number;
  difference_ci: [number, number];
}

/** retort.tune.cells.Vote */
export interface Vote {
  kind: string;
  answers: number;
  scores: number[];
  recommendation: Recommendation;
}

/** retort.tune.cells.Example */
export interface Example {
  item: string;
  prompt: number;
  at_reference: string;
  at_setting: string;
  score_reference: number;
  score_setting: number;
  asked: string | null;
}

/** retort.tune.report.Regression */
export interface Regression {
  baseline: string;
  setting: Record<string, unknown>;
  was: Record<string, unknown>;
  difference: number;
  difference_ci: [number, number];
  items: number;
}

/** retort.tune.report.Unscored */
export interface Unscored {
  setting: Record<string, unknown>;
  items: number;
  distinct: number | null;
  agreement: number | null;
  identical: number | null;
}

/** retort.tune.report.Tuning */
export interface TuneRecord {
  task: string;
  model: string;
  goal: string;
  score: string;
  settings: Setting[];
  recommendation: Recommendation;
  forward_passes: number | null;
  independent_passes: number | null;
  items: number;
  samples_per_item: number;
  seed: number;
  chain: string;
  item_ids: string[];
  item_scores: unknown;
  axis: string | null;
  items_left_out: number;
  variance: VarianceShare[] | null;
  turning_point: TurningPoint | null;
  calibration: Calibration | null;
  reweighted: Reweighted[] | null;
  second_model: string | null;
  skipped: Record<string, number>;
  cells: Cell[];
  questions: Question[];
  votes: Vote[];
  examples: Example[];
  regression: Regression | null;
  answers_drawn: number | null;
  answers_of_grid: number | null;
  unscored: Unscored[];
  prompts: string[];
}

/** retort.distill.results.ArmResult */
export interface ArmResult {
  arm: string;
  seed: number;
  val_nll: number;
  test_nll: number | null;
  seconds: number;
  seconds_per_step: number;
  tokens: number;
  steps: number;
  kd_weight: number;
  ce_weight: number;
  curve: [number, number, number][];
  saved: string | null;
  targets: number | null;
  learning_rate: number | null;
  kept_step: number | null;
}

/** retort.distill.results.Difference */
export interface DistilDifference {
  part: "validation" | "test";
  mean: number;
  ci: [number, number] | null;
  per_seed: number[];
  seeds: number[];
  method: string;
}

/** retort.distill.results.Bin */
export interface Bin {
  low: number;
  high: number;
  tokens: number;
  share: number;
  hard_nll: number;
  soft_nll: number;
  difference: number;
  ci: [number, number] | null;
  part: number;
}

/** retort.distill.results.Try */
export interface Try {
  learning_rate: number;
  val_nll: number;
  seconds: number;
}

/** retort.distill.results.Search */
export interface Search {
  seed: number;
  steps: number;
  tried: Try[];
  chosen: number;
  at_edge: boolean;
}

/** retort.distill.results.DistillResult */
export interface DistilRecord {
  recipe: Record<string, unknown>;
  teacher: Record<string, unknown>;
  arms: Record<string, ArmResult[]>;
  difference: DistilDifference | null;
  difference_test: DistilDifference | null;
  difference_equal_time: DistilDifference | null;
  difference_equal_time_test: DistilDifference | null;
  verdict: "helps" | "does not help" | "cannot tell" | "no control";
  verdict_reason: string;
  verdict_equal_time: "helps" | "does not help" | "cannot tell" | "no control";
  verdict_equal_time_reason: string;
  gain_by: Record<string, Bin[]> | null;
  gain_by_part: "validation" | "test" | null;
  data: Record<string, Record<string, number>>;
  searches: Record<string, Search> | null;
  capture_seconds: number | null;
  sign: string;
}

/** retort.lens.page.Draws */
export interface Draws {
  temperature: number;
  texts: string[];
}

/** retort.lens.page.Tour */
export interface TourRecord {
  position: PositionRecord;
  first: string;
  right: string;
  draws: Draws[];
}

/** What a studio can do beside its models. */
export interface Offer {
  models: string[];
  prompts: Record<string, string>;
  tasks: string[];
  recipes: string[];
}

/** One answer of a sweep, by its item, the number of its setting in the table (from 0) and of its prompt (from 1). */
export interface Answer {
  item: string;
  setting: number;
  prompt: number;
  text: string;
  score: number;
}

/** The document that a page is opened with. */
export interface PageData {
  version: string;
  title: string;
  studio?: boolean;
  /** What a link's # holds, of a page that was saved. */
  state?: string;
  tour?: TourRecord;
  position?: PositionRecord;
  text?: PassageRecord;
  path?: PathRecord;
  compare?: PairRecord;
  tune?: TuneRecord & { answers?: Answer[] | null };
  distil?: DistilRecord;
}
