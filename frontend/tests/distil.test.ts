import { expect, test } from "vitest";
import { addPoint } from "../src/views/distil.ts";

test("points of a run that goes on find their arm and seed", () => {
  const points = [
    ["hard", 0, 10, 1.5, 7.0], ["hard", 0, 20, 3.0, 6.5], ["soft", 0, 10, 4.0, 6.8], ["hard", 1, 10, 1.4, 7.1],
  ] as const;
  let record = null;
  for (const [arm, seed, step, seconds, val_nll] of points) record = addPoint(record, { arm, seed, step, seconds, val_nll });
  expect(Object.keys(record!.arms)).toEqual(["hard", "soft"]);
  expect(record!.arms["hard"]!.map((one) => [one.seed, one.curve, one.val_nll])).toEqual([
    [0, [[10, 1.5, 7.0], [20, 3.0, 6.5]], 6.5],
    [1, [[10, 1.4, 7.1]], 7.1],
  ]);
  expect(record!.verdict).toBeUndefined();
});
