// The page's mathematics against Python's numbers, to 1e-6 (most agree to 1e-12).

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { applyStage, chainText, ChainError, effectiveSupport, explain, leakage, parseChain, stageText } from "../src/math/chain.ts";
import { distances, equivalentTemperature } from "../src/math/comparison.ts";
import { asIn, ENGINES } from "../src/math/engines.ts";
import type { Interval } from "../src/math/interval.ts";
import { explainPartial, KnownTokens } from "../src/math/partial.ts";
import { logProb, prob } from "../src/math/order.ts";
import type { History } from "../src/math/history.ts";
import { unpackIds, unpackLogits } from "../src/math/unpack.ts";
import * as format from "../src/parts/format.ts";
import { margin, nucleusSize, sums, whole } from "../src/math/window.ts";

const golden = JSON.parse(readFileSync(new URL("golden.json", import.meta.url), "utf-8"));
type Vector = Record<string, any>;
const TOLERANCE = 1e-6;

/** JSON has null where Python has an infinity of either sign. */
function near(actual: number, expected: number | null, what: string): void {
  if (expected === null) expect(Math.abs(actual), what).toBe(Infinity);
  else expect(Math.abs(actual - expected), `${what}: ${actual}, Python ${expected}`).toBeLessThanOrEqual(TOLERANCE);
}

describe.each(golden.rows as Vector[])("$name", (row) => {
  const logits = unpackLogits(row.packed);
  const history: History = { ids: row.history.ids, ranks: row.history.ranks, promptLength: row.history.prompt_length };

  test("every logit arrives exactly", () => {
    expect(logits.length).toBe(row.packed.count);
    for (const [rank, value] of Object.entries(row.logits)) expect(logits[Number(rank)]! - (value as number)).toBe(0);
    expect(Math.abs(logits.reduce((total, value) => total + value, 0) - row.sum)).toBeLessThan(1e-9 * logits.length);
    near(margin(whole(logits)), row.margin, "margin");
  });

  test.each(row["temperatures"] as Vector[])("temperature $temperature", (expected) => {
    const window = applyStage(whole(logits), { name: "temperature", value: expected.temperature });
    near(sums(window).entropy, expected.entropy, "entropy");
    near(effectiveSupport(window) / expected.effective_support, 1, "effective support");
    expect(nucleusSize(window, 0.9)).toBe(expected.nucleus_90);
    for (const [rank, value] of Object.entries(expected.log_probs)) {
      near(logProb(window, Number(rank)), value as number | null, `log-probability of rank ${rank}`);
    }
  });

  test.each(row["chains"] as Vector[])("chain “$chain”", (expected) => {
    const explanation = explain(parseChain(expected.chain), logits, history);
    const { processed } = explanation;
    expect(explanation.stages.map((stage) => [stage.kept, stage.removed])).toEqual(
      expected.stages.map((stage: any) => [stage.kept, stage.removed]),
    );
    explanation.stages.forEach((stage, place) => {
      near(stage.keptMass.low, expected.stages[place].kept_mass, `mass kept by ${expected.stages[place].stage}`);
      near(stage.keptMassTotal.low, expected.stages[place].kept_mass_total, `mass left after ${expected.stages[place].stage}`);
    });
    expect(processed.to - processed.from).toBe(expected.kept);
    expect(explanation.warnings).toEqual(expected.warnings);
    near(sums(processed).entropy, expected.entropy, "entropy");
    near(effectiveSupport(processed) / expected.effective_support, 1, "effective support");
    near(leakage(explanation), expected.leakage, "leakage");
    expected.probs.forEach((value: number, rank: number) => near(prob(processed, rank), value, `probability of rank ${rank}`));
    expect(chainText(parseChain(expected.chain))).toBe(expected.spec);
  });
});

/** An interval against Python's two ends. */
function nearEnds(actual: Interval, expected: [number, number], what: string): void {
  near(actual.low, expected[0], `${what}, low`);
  near(actual.high, expected[1], `${what}, high`);
}

describe.each(golden.partial as Vector[])("known in part: $name", (row) => {
  const known = KnownTokens.of(row.log_probs, row.tokens, row.rounding);

  test.each(row["temperatures"] as Vector[])("temperature $temperature", (expected) => {
    const at = known.at(expected.temperature);
    nearEnds(at.entropy, expected.entropy, "entropy");
    nearEnds(at.unseen, expected.unseen, "share of the unknown");
    const nucleus = at.nucleus(0.9);
    expect([nucleus.low, nucleus.high]).toEqual(expected.nucleus_90);
    at.probs.forEach((one, rank) => nearEnds(one, expected.probs[rank], `probability of rank ${rank}`));
  });

  test.each(row["chains"] as Vector[])("chain “$chain”", (expected) => {
    if (expected.undecided !== undefined) {
      expect(() => explainPartial(parseChain(expected.chain), known)).toThrow(new ChainError(expected.undecided));
      return;
    }
    const found = explainPartial(parseChain(expected.chain), known);
    expect(found.stages.map((one) => [stageText(one.stage), one.kept, one.removed])).toEqual(
      expected.stages.map((one: any) => [one.stage, one.kept, one.removed]),
    );
    found.stages.forEach((one, place) => {
      nearEnds(one.keptMass, expected.stages[place].kept_mass, `mass kept by ${stageText(one.stage)}`);
      nearEnds(one.keptMassTotal, expected.stages[place].kept_mass_total, `mass left after ${stageText(one.stage)}`);
    });
    expect(found.kept).toBe(expected.kept);
    expect(found.warnings).toEqual(expected.warnings);
    nearEnds(found.entropy, expected.entropy, "entropy");
    nearEnds(found.unseen, expected.unseen, "share of the unknown");
    expected.probs.forEach((ends: [number, number], rank: number) => nearEnds(found.prob(rank), ends, `probability of rank ${rank}`));
  });
});

test("the engines' orders, ties and scopes", () => {
  const all = parseChain(Object.entries(golden.settings as Record<string, number>).map(([name, value]) =>
    name === "dry_multiplier" ? `dry(multiplier=${value})` : `${name}=${value}`).join(" | "));
  expect([...ENGINES.keys()].sort()).toEqual(["retort", ...Object.keys(golden.engines)].sort());
  for (const [name, text] of Object.entries(golden.engines as Record<string, string>)) {
    const known = parseChain(text);
    expect(chainText(asIn(name, all).slice(0, known.length)), name).toBe(text);
  }
});

describe("two distributions", () => {
  test.each(golden.pairs as Vector[])("$name: $a.chain against $b.chain", (pair: Vector) => {
    const [a, b] = [pair.a, pair.b].map((side) => ({
      window: explain(parseChain(side.chain), unpackLogits(side.packed)).processed,
      ids: unpackIds(side.ids),
    }));
    const found = distances(a!, b!, pair["vocabulary"]);
    const tempered = explain(parseChain(pair.a.chain), unpackLogits(pair.a.packed)).tempered;
    const matched = equivalentTemperature(
      { window: tempered, ids: a!.ids }, unpackLogits(pair.b.packed), b!.ids, pair.vocabulary,
    )!;
    near(matched.temperature / pair.equivalent_temperature.temperature, 1, "equivalent temperature");
    near(matched.residual, pair.equivalent_temperature.residual, "what is left at it");
    near(found.klForward, pair.kl_forward, "KL forward");
    near(found.klReverse, pair.kl_reverse, "KL reverse");
    near(found.jsd, pair.jsd, "JSD");
    near(found.totalVariation, pair.total_variation, "total variation");
  });
});

test("every number is written as retort.numerals writes it", () => {
  const wrong = (golden.numerals as Vector[]).flatMap(({ name, arguments: given, shown }) => {
    const call = (format as Record<string, any>)[name];
    const found = name === "span" ? call({ low: given[0], high: given[1] }) : call(...given);
    return found === shown ? [] : [`${name}(${given.join(", ")}) is ${found}, Python's ${shown}`];
  });
  expect(wrong).toEqual([]);
  expect([format.number(Infinity), format.number(-Infinity), format.number(NaN)]).toEqual(["inf", "−inf", "–"]);
  expect([format.span({ low: -Infinity, high: 2 }), format.span({ low: 1, high: Infinity })]).toEqual(["≤ 2", "≥ 1"]);
  expect(format.span({ low: 1, high: 2 }, format.nats)).toBe("1 … 2 nats");
});
