import { describe, expect, test } from "vitest";
import { mass, nucleusSize, sums, tempered, whole, type Window } from "../src/math/window.ts";

/** A row with near ties, exact ties, a wide head and a far tail: blocks added up from powers and blocks that cannot be. */
function row(count: number): Float64Array {
  let state = 12345;
  const uniform = (): number => ((state = (state * 1103515245 + 12345) % 2147483648) + 1) / 2147483650;
  const normal = (): number => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  const values = Array.from({ length: count }, (_, place) => (place % 97 === 0 ? 9 * normal() : Math.round(40 * normal()) / 16));
  return Float64Array.from(values.map(Math.fround).sort((a, b) => b - a));
}

function slowly({ logits, temperature, from, to }: Window, first: number, last: number): [number, number] {
  let [weight, moment] = [0, 0];
  for (let place = Math.max(first, from); place < Math.min(last, to); place++) {
    const x = (logits[place]! - logits[from]!) / temperature;
    weight += Math.exp(x);
    moment += Math.exp(x) * x;
  }
  return [weight, moment];
}

describe.each([300, 5_000, 60_000])("a row of %i tokens", (count) => {
  const logits = row(count);
  // The raw row first: only a row that has been added up before gets powers.
  sums(whole(logits));
  test.each([0.02, 0.1, 0.5, 1, 1.7, 5, 100])("at τ = %f block sums are those of all its tokens", (temperature) => {
    const windows = [tempered(whole(logits), temperature), { logits, temperature, from: 3, to: count - 7 }, { logits, temperature, from: count - 280, to: count }];
    for (const window of windows) {
      const [total, moment] = slowly(window, 0, count);
      expect(sums(window).total / total).toBeCloseTo(1, 12);
      expect(sums(window).entropy).toBeCloseTo(Math.log(total) - moment / total, 11);
      for (const first of [0, 1, 255, 256, 257, Math.floor(count / 2), count - 1]) {
        for (const last of [1, 256, 512, 513, count - 1, count]) {
          const part = slowly(window, first, last)[0] / total;
          const found = mass(window, first, last);
          // Blocks are added up from the row's best token, so a window far below it loses what is e⁻⁷⁴⁵ of that one.
          expect(Math.abs(found - part)).toBeLessThanOrEqual(1e-11 * part + 1e-250);
        }
      }
    }
  });

  test.each([0.01, 0.5, 0.9, 0.999])("the smallest set with a share of %f is found", (share) => {
    for (const temperature of [0.3, 1, 2]) {
      for (const window of [tempered(whole(logits), temperature), { logits, temperature, from: 5, to: count - 2 }]) {
        const size = nucleusSize(window, share);
        expect(mass(window, 0, window.from + size)).toBeGreaterThanOrEqual(share * (1 - 1e-11));
        expect(mass(window, 0, window.from + size - 1)).toBeLessThan(share);
      }
    }
  });
});
