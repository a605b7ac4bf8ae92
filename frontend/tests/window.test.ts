import { expect, test } from "vitest";
import { explain, parseChain } from "../src/math/chain.ts";
import { deviation, mass, sums, tempered, whole } from "../src/math/window.ts";
import { logProb, rankAt } from "../src/math/order.ts";

test("the digits of a tail that holds next to nothing are kept", () => {
  const logits = Float64Array.from([0, -40, -41, -42]);
  const exact = Math.exp(-40) + Math.exp(-41) + Math.exp(-42);
  expect(mass(whole(logits), 1, 4) / exact).toBeCloseTo(1, 12);
  expect(mass(whole(logits), 2, 4) / (Math.exp(-41) + Math.exp(-42))).toBeCloseTo(1, 12);
});

test("running sums that are written over do not change what other temperatures give", () => {
  const logits = Float64Array.from([3, 2.5, 1, 0, -2, -7]);
  const entropies = [0.3, 0.7, 1, 1.5, 2, 0.3, 1, 0.7].map((one) => [one, sums(tempered(whole(logits), one)).entropy] as const);
  for (const [temperature, entropy] of entropies) {
    const weights = [...logits].map((z) => Math.exp(z / temperature));
    const total = weights.reduce((a, b) => a + b);
    expect(entropy).toBeCloseTo(-weights.reduce((sum, w) => sum + (w / total) * Math.log(w / total), 0), 12);
  }
});

test("a window that does not begin with the first token is measured as the others are", () => {
  const logits = Float64Array.from([5, 2, 1, 0]);
  const window = { logits, temperature: 2, from: 1, to: 3 };
  const total = Math.exp(1) + Math.exp(0.5);
  expect(logProb(window, 1)).toBeCloseTo(Math.log(Math.exp(1) / total), 12);
  expect(logProb(window, 0)).toBe(-Infinity);
  expect(mass(window, 2, 4)).toBeCloseTo(Math.exp(0.5) / total, 12);
});

test("where settings conflict it is said", () => {
  const logits = Float64Array.from([5, 4, 3, 2, 1, 0]);
  const said = (chain: string): string => explain(parseChain(chain), logits).warnings.join(" ");
  expect(said("temperature=0 | top_p=0.5")).toMatch(/cannot change the result/);
  expect(said("top_k=100")).toMatch(/removes nothing here/);
  expect(said("top_k=3 | min_p=0.9")).toMatch(/top_k=3 is made moot/);
  expect(said("top_p=0.9 | temperature=3")).toMatch(/does not see that temperature/);
  expect(said("temperature=2 | top_k=4 | top_p=0.7")).toMatch(/fewer than any of them alone/);
  expect(said("temperature=0.7")).toBe("");
});

test("blocks of a row that a penalty has made hold the tokens that stand there now", () => {
  const logits = Float64Array.from({ length: 3000 }, (_, rank) => 8 - 2.5 * Math.log1p(rank) + 1e-3 * Math.sin(rank)).sort().reverse();
  const ranks = [0, 5, 255, 256, 257, 700, 1500, 2999];
  const history = { ids: ranks, ranks, promptLength: 0 };
  for (const penalties of ["repetition_penalty=1.7", "presence_penalty=-1.5", "top_k=2000 | frequency_penalty=0.8", "presence_penalty=3 | min_p=0.0000001 | repetition_penalty=0.6"]) {
    for (const temperature of [0.4, 1, 2.5]) {
      const { processed, beyond } = explain(parseChain(`temperature=${temperature} | ${penalties}`), logits, history);
      const tokens = Array.from({ length: processed.to - processed.from }, (_, place) => {
        const weight = Math.exp((processed.logits[processed.from + place]! - processed.logits[processed.from]!) / processed.temperature);
        return { rank: rankAt(processed, processed.from + place), weight };
      });
      const total = tokens.reduce((sum, { weight }) => sum + weight, 0);
      const entropy = -tokens.reduce((sum, { weight }) => sum + (weight / total) * Math.log(weight / total), 0);
      expect(sums(processed).total / total).toBeCloseTo(1, 12);
      expect(sums(processed).entropy).toBeCloseTo(entropy, 11);
      const mean = tokens.reduce((sum, { weight }) => sum + Math.log(weight), 0) / tokens.length;
      const squares = tokens.reduce((sum, { weight }) => sum + (Math.log(weight) - mean) ** 2, 0);
      expect(deviation(processed) / Math.sqrt(squares / tokens.length)).toBeCloseTo(1, 11);
      for (const first of [1, 6, 256, 1400]) {
        const there = tokens.filter(({ rank }) => rank >= first);
        expect(beyond(first).kept).toBe(there.length);
        expect(beyond(first).share.low).toBeCloseTo(there.reduce((sum, { weight }) => sum + weight / total, 0), 12);
      }
    }
  }
});
