// A distillation, also while it goes: both arms' held-out loss, and the paired difference that the verdict comes from.

import { h, svg, fill, say } from "../parts/dom.ts";
import { nats, number, signed, whole } from "../parts/format.ts";
import { atItsWidth } from "../parts/frame.ts";
import { help } from "../parts/help.ts";
import { lineChart, type Series } from "../parts/lineChart.ts";
import type { ArmResult, DistilDifference, DistilRecord } from "../records.ts";
import type { Context, View } from "./view.ts";

const ARMS: Record<string, { words: string; ink: Series["ink"]; dashed?: boolean }> = {
  hard: { words: "hard labels", ink: "raw" },
  soft: { words: "soft targets", ink: "accent" },
  hard_equal_time: { words: "hard labels, same time", ink: "second", dashed: true },
};

/** What is known while the arms are being trained: the curves so far. */
export type DistilSoFar = Pick<DistilRecord, "arms"> & Partial<DistilRecord>;

export function distilView(record: DistilSoFar, context: Context): View {
  const { state } = context;
  const learning = lineChart(260);
  const differences = differenceChart(record);
  const axis = h(
    "fieldset",
    { class: "choices" },
    h("legend", {}, "Against"),
    ...(["steps", "seconds"] as const).map((one) =>
      h("label", {}, h("input", {
        type: "radio", name: "against", value: one, checked: (state.get("against") ?? "steps") === one,
        onchange: () => {
          state.set("against", one);
          draw();
        },
      }), ` ${one}`),
    ),
  );

  function draw(): void {
    const seconds = state.get("against") === "seconds";
    const series = Object.entries(record.arms).flatMap(([arm, students]) => {
      const { words, ink, dashed } = ARMS[arm] ?? { words: arm, ink: "good" as const };
      const curves = students.map((one) => one.curve.map(([step, time, nll]) => ({ x: seconds ? time : step, y: nll })));
      const shared = { ink, ...(dashed && { dashed }) };
      // The mean over seeds where all have been measured at the same steps; else every seed is drawn in full.
      const mean = seconds || arm === "hard_equal_time" ? null : meanCurve(curves);
      return [
        ...curves.map((points, place) => ({ ...shared, name: `${words}, seed ${students[place]!.seed}`, points, thin: mean !== null })),
        ...(mean ? [{ ...shared, name: `${words}, mean`, points: mean }] : []),
      ];
    });
    learning.draw({
      title: "Held-out loss while training",
      x: seconds ? "seconds of training" : "steps",
      y: "validation loss, nats per token",
      series,
    });
  }
  draw();

  const element = h(
    "div",
    {},
    h(
      "section",
      { class: "card", "aria-label": "Verdict" },
      h("h2", { class: "verdict" }, record.verdict ? `Distilling: ${record.verdict}` : "Training …"),
      record.verdict_reason ? h("p", {}, record.verdict_reason) : h("p", { class: "meta" }, Object.keys(record.arms).length === 0 ? "The teacher and the text are being prepared; the first points of the curves come after that." : "The verdict comes with the last seed."),
      record.verdict_equal_time_reason && record.arms["hard_equal_time"]
        ? h("p", { class: "meta" }, `At the same wall-clock: ${record.verdict_equal_time}. ${record.verdict_equal_time_reason}`)
        : null,
    ),
    h(
      "figure",
      { class: "card" },
      h("figcaption", {}, h("b", {}, "Both arms. "), help("soft-targets"), " ", h("span", { class: "legend" }, ...Object.keys(record.arms).map((arm) => h("span", { class: `key key-${ARMS[arm]?.ink ?? "good"}` }, ARMS[arm]?.words ?? arm))), axis),
      learning.element,
    ),
    differences
      ? h(
          "figure",
          { class: "card" },
          h("figcaption", {}, h("b", {}, "Paired difference, hard minus soft. "), help("control"), " ", h("small", {}, "Nats per token on held-out text; right of 0 distilling gave the better student. Small dots are seeds, the bar is the interval of their mean.")),
          differences.element,
        )
      : null,
    h("section", { class: "card scroll", tabindex: 0, "aria-label": "Students" }, table(record)),
  );
  return {
    element,
    close: () => {
      learning.close();
      differences?.close();
    },
    download: {
      name: "retort-distil",
      json: () => record,
      csv: () => [
        ["arm", "seed", "step", "seconds", "validation_nats_per_token"],
        ...Object.entries(record.arms).flatMap(([arm, students]) => students.flatMap((one) => one.curve.map(([step, time, nll]) => [arm, one.seed, step, time, nll]))),
      ],
      svg: () => learning.element,
    },
  };
}

function meanCurve(curves: { x: number; y: number }[][]): { x: number; y: number }[] | null {
  if (curves.length === 0) return null;
  return curves[0]!.flatMap(({ x }) => {
    const found = curves.map((curve) => curve.find((point) => point.x === x));
    if (found.some((point) => point === undefined)) return [];
    return [{ x, y: found.reduce((total, point) => total + point!.y, 0) / curves.length }];
  });
}

const ROW = 44;

function differenceChart(record: DistilSoFar): { element: SVGSVGElement; close(): void } | null {
  const rows = (
    [
      ["same steps, validation", record.difference],
      ["same steps, test", record.difference_test],
      ["same time, validation", record.difference_equal_time],
      ["same time, test", record.difference_equal_time_test],
    ] as [string, DistilDifference | null | undefined][]
  ).filter((row): row is [string, DistilDifference] => !!row[1]);
  if (rows.length === 0) return null;
  const height = rows.length * ROW + 34;
  const values = rows.flatMap(([, one]) => [...one.per_seed, one.mean, ...(one.ci ?? []), 0]);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = (high - low || 0.01) * 0.08;
  const title = svg("title");
  const holder = svg("g");
  const element = svg("svg", { viewBox: `0 0 640 ${height}`, class: "chart difference-chart", role: "img" }, title, holder);
  say(title, rows.map(([name, one]) => `${name}: ${signed(one.mean)}${one.ci ? ` from ${signed(one.ci[0])} to ${signed(one.ci[1])}` : ""} nats per token`).join("; "));
  const close = atItsWidth(element, height, (width) => {
    const digits = width < 420 ? 2 : 4;
    const x = (value: number): number => 12 + ((value - low + room) / (high - low + 2 * room)) * (width - 24);
    fill(
      holder,
      svg("line", { class: "cut", x1: x(0), x2: x(0), y1: 4, y2: height - 26 }),
      svg("text", { x: x(0), y: height - 10, "text-anchor": "middle" }, "0"),
      svg("text", { x: width - 4, y: height - 10, "text-anchor": "end" }, "distilling better →"),
      ...rows.map(([name, one], place) => {
        const y = place * ROW + 30;
        return svg(
          "g",
          { class: "ink-accent" },
          svg("text", { x: 12, y: y - 14 }, `${name}: ${signed(one.mean, digits)}${one.ci ? ` [${signed(one.ci[0], digits)}, ${signed(one.ci[1], digits)}]` : ""}`),
          one.ci ? svg("line", { class: "interval", x1: x(one.ci[0]), x2: x(one.ci[1]), y1: y, y2: y }) : null,
          ...one.per_seed.map((value) => svg("circle", { class: "seed-dot", cx: x(value), cy: y, r: 3 })),
          svg("circle", { class: "series-dot", cx: x(one.mean), cy: y, r: 5 }),
        );
      }),
    );
  });
  return { element, close };
}

function table(record: DistilSoFar): HTMLElement {
  const names = ["student", "seed", "validation (nats)", "test (nats)", "seconds", "tokens seen", "steps"];
  return h(
    "table",
    { class: "plain-table numeric" },
    h("caption", { class: "sr" }, "Every student, its loss and what it cost"),
    h("thead", {}, h("tr", {}, ...names.map((name) => h("th", { scope: "col" }, name)))),
    h(
      "tbody",
      {},
      ...Object.entries(record.arms).flatMap(([arm, students]) =>
        students.map((one) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, ARMS[arm]?.words ?? arm),
            h("td", { class: "figure" }, String(one.seed)),
            h("td", { class: "figure", title: nats(one.val_nll) }, number(one.val_nll)),
            h("td", { class: "figure" }, number(one.test_nll)),
            h("td", { class: "figure" }, one.seconds.toFixed(1)),
            h("td", { class: "figure" }, Number.isNaN(one.tokens) ? "–" : whole(one.tokens)),
            h("td", { class: "figure" }, whole(one.steps)),
          ),
        ),
      ),
    ),
  );
}

/** The record as far as it goes while the arms are being trained. */
export function addPoint(record: DistilSoFar | null, point: { arm: string; seed: number; step: number; seconds: number; val_nll: number }): DistilSoFar {
  const arms = { ...(record?.arms ?? {}) };
  const students = [...(arms[point.arm] ?? [])];
  const place = students.findIndex((one) => one.seed === point.seed);
  const curve = [...(students[place]?.curve ?? []), [point.step, point.seconds, point.val_nll] as [number, number, number]];
  const now: ArmResult = {
    arm: point.arm, seed: point.seed, curve, val_nll: point.val_nll, test_nll: null, seconds: point.seconds, steps: point.step, tokens: NaN,
    seconds_per_step: NaN, kd_weight: NaN, ce_weight: NaN, saved: null, targets: null, learning_rate: null, kept_step: null,
  };
  arms[point.arm] = place < 0 ? [...students, now] : students.with(place, now);
  return { arms };
}
