// Made by frontend/records.py from Python's record types; do not edit.

/** A measure: one number where it is exact, else its two ends; null there stands for an infinity. */
export type Measured = number | { low: number | null; high: number | null };

/** A sorted row. `count` finite logits, largest first; `impossible` tokens more are -inf and come last. */
export interface PackedLogits {
  encoding: string;
  count: number;
  impossible: number;
  data: string;
}

/** Token ids by rank, `width` bits each, most significant bit first, base64. */
export interface PackedIds {
  width: number;
  count: number;
  data: string;
}

/** What was found out. `logprobs` is "raw" (the model's own) or "processed" (after the sampler's stages). */
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

/** What comes after the tokens `history`, for the page. `known` is "full" or "top_n". */
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

/** A token that could stand here: its raw and its processed probability (0 where the chain removes it, None where that is not known). */
export interface Alternative {
  token: string;
  id: number | null;
  prob_raw: Measured;
  prob_processed: Measured | null;
}

/** One position. `given`: the token came with the request; `known_tokens`: how many the source names there, `unseen` the share of all others; `alternatives`: the most likely tokens, by falling logit. */
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

/** Over the tokens: sums of logprobs (nats; processed is None where one is None), means of entropy and kept mass. */
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

/** A prompt and what follows. `text` is what follows as text; the totals are over its tokens. */
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

/** One position: the token before it, and what A and B expect after it; divergences in nats. */
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

/** Two positions. `comparable`: both have one vocabulary, so that distances between them have a meaning. */
export interface PairRecord {
  known: string;
  a: PositionRecord;
  b: PositionRecord;
  comparable: boolean;
  compared: ComparedPosition | null;
}

/** A stage as the chain writes it, whether it applies along the path, and how, or why not, in a few words. */
export interface PathStage {
  stage: string;
  applies: boolean;
  why: string;
}

/** Who says what. The roles are the template's: user, assistant and system almost everywhere. */
export interface Message {
  role: string;
  content: string;
  written: Record<string, unknown> | null;
}

/** One text and the temperatures that give it. */
export interface Leaf {
  temperature_low: number;
  temperature_high: number;
  temperatures: number[];
  text: string;
  ids: number[];
  finish_reason: "length" | "end" | "stop";
  logprob_raw: number;
}

/** A temperature path with the text of every token of every leaf, which the leaves themselves hold only as ids. */
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

/** One setting. `score`: the mean over items, with its own interval (not corrected for other settings). */
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

/** Score at `setting` minus score at the reference. `interval`: of this comparison alone, as if it was planned; `interval_all`: holds for all pairs of settings together. */
export interface Difference {
  setting: unknown;
  difference: number;
  interval: [number, number];
  interval_all: [number, number];
}

/** The setting to take, and how sure that is. */
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

/** One lever's share of the variance of scores, with its interval (bootstrap over items, 95 %). */
export interface VarianceShare {
  lever: string;
  share: number;
  share_ci: [number, number];
}

/** The setting up to which more heat buys more novelty than incoherence, and its interval (bootstrap over items). */
export interface TurningPoint {
  point: number;
  interval: [number, number];
  novelty: number[];
  incoherence: number[];
}

/** How far the choices' probabilities come true, as the model is (τ = 1) and at the temperature that suits best. */
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

/** The score at `setting`, estimated from answers drawn at `source`; None with a sentence in `refused` instead. */
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

/** One model, prompt (by number from 1) and setting. `score_ci` is not corrected for other cells. */
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

/** A difference that somebody asks for: the score of `better` minus the score of `than`, paired by item, with an interval that holds for all of these questions and every other pair of the columns they look at. */
export interface Question {
  question: string;
  better: string;
  than: string;
  difference: number;
  difference_ci: [number, number];
}

/** What `answers` answers together give at each setting: `kind` "majority" (the answer that most of them give; ties are averaged) or "any" (one of them is right, pass@k). `recommendation` is for that use. */
export interface Vote {
  kind: string;
  answers: number;
  scores: number[];
  recommendation: Recommendation;
}

/** An item whose answers changed from the reference to the suggested setting: the first answer of each, as the scorer compares them, and the item's scores. */
export interface Example {
  item: string;
  prompt: number;
  at_reference: string;
  at_setting: string;
  score_reference: number;
  score_setting: number;
}

/** The score of this run minus that of an earlier one (`baseline`), each at `setting` of this run and `was` of that one, paired by item over the `items` that both have. `worse`: the interval lies below 0. */
export interface Regression {
  baseline: string;
  setting: Record<string, unknown>;
  was: Record<string, unknown>;
  difference: number;
  difference_ci: [number, number];
  items: number;
}

/** A whole sweep. `item_scores` [items, settings] are what the statistics were computed from. */
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
}

/** One trained student. `seconds` is training alone; `curve` holds (step, seconds, validation nats a token). */
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

/** Hard minus soft, paired over seeds; positive: distillation is better. `ci` is None with a single seed. */
export interface DistilDifference {
  part: "validation" | "test";
  mean: number;
  ci: [number, number] | null;
  per_seed: number[];
  seeds: number[];
  method: string;
}

/** The held-out tokens whose value lies in [low, high]; nats a token at τ = 1, means over seeds. */
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

/** One training of the search: nats a token on the validation text, seconds of training. */
export interface Try {
  learning_rate: number;
  val_nll: number;
  seconds: number;
}

/** What an arm tried and took. `at_edge`: the best is the smallest or largest given; a better one may lie beyond. */
export interface Search {
  seed: number;
  steps: number;
  tried: Try[];
  chosen: number;
  at_edge: boolean;
}

/** Everything a distillation has to report; `to_dict` gives plain values for JSON. */
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
  sign: string;
}

/** What draws at one temperature said. */
export interface Draws {
  temperature: number;
  texts: string[];
}

/** The row that the page's tour moves: a model's first answer, the right one, and what draws said. */
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
  tune?: TuneRecord;
  distil?: DistilRecord;
}
