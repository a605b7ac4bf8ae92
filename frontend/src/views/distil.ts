// A distillation, also while it goes: both arms' held-out loss, and the paired difference that the verdict comes from.

import { scaleLinear } from "d3-scale";
import { h, svg, fill, say } from "../parts/dom.ts";
import { decimals, signed, signedInterval, whole } from "../parts/format.ts";
import { atItsWidth } from "../parts/frame.ts";
import { factList, help, type Term } from "../parts/help.ts";
import { lineChart, type Series } from "../parts/lineChart.ts";
import type { ArmResult, DistilDifference, DistilRecord } from "../records.ts";
import type { Context, View } from "./view.ts";

const ARMS: Record<string, { words: string; ink: Series["ink"]; dashed?: boolean }> = {
  hard: { words: "hard labels", ink: "raw" },
  soft: { words: "soft targets", ink: "accent" },
  hard_equal_time: { words: "hard labels, same time", ink: "second", dashed: true },
};

const EQUAL_TIME = "hard_equal_time";

/** What is known while the arms are being trained: the curves so far. */
export type DistilSoFar = Pick<DistilRecord, "arms"> & Partial<DistilRecord> & { readonly stopped?: boolean };

export function distilView(record: DistilSoFar, context: Context): View {
  const { state } = context;
  const learning = lineChart(260);
  const differences = differenceChart(record);
  const legend = h("span", { class: "legend" });
  const axis = h(
    "fieldset",
    { class: "choices" },
    h("legend", {}, "Draw it against"),
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
    // By steps the arm of the same time would reach far beyond the two that it is compared with.
    const shown = Object.entries(record.arms).filter(([arm]) => seconds || arm !== EQUAL_TIME);
    fill(legend, ...shown.map(([arm]) => h("span", { class: `key key-${ARMS[arm]?.ink ?? "good"}` }, ARMS[arm]?.words ?? arm)));
    const series = shown.flatMap(([arm, students]) => {
      const { words, ink, dashed } = ARMS[arm] ?? { words: arm, ink: "good" as const };
      const curves = students.map((one) => one.curve.map(([step, time, nll]) => ({ x: seconds ? time : step, y: nll })));
      const shared = { ink, ...(dashed && { dashed }) };
      // The mean over seeds where all have been measured at the same steps; else every seed is drawn in full.
      const mean = seconds || arm === EQUAL_TIME ? null : meanCurve(curves);
      return [
        ...curves.map((points, place) => ({ ...shared, name: `${words}, seed ${students[place]!.seed}`, points, thin: mean !== null })),
        ...(mean ? [{ ...shared, name: `${words}, mean`, points: mean }] : []),
      ];
    });
    learning.draw({
      title: "Held-out loss while training",
      x: seconds ? "seconds of training" : "steps",
      whole: !seconds,
      y: "loss on held-out text, nats per token (lower is better)",
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
      h("h2", { class: "verdict" }, record.verdict ? VERDICTS[record.verdict] : record.stopped ? "Stopped before a verdict" : "Training …"),
      record.verdict_reason ? h("p", {}, record.verdict_reason) : h("p", { class: "meta" }, unfinished(record)),
      record.verdict_equal_time_reason && record.arms[EQUAL_TIME]
        ? h("p", { class: "meta equal-time" }, `At the same wall-clock time: ${record.verdict_equal_time}. ${record.verdict_equal_time_reason}`)
        : null,
      record.difference_test
        ? factList([
            { name: "test loss, hard minus soft", unit: "nats per token, same steps", term: "paired-difference", value: h("b", {}, differenceText(record.difference_test)) },
            ...(record.difference_equal_time_test ? [{ name: "the same, in equal time", unit: "nats per token", term: "equal-time" as const, value: h("b", {}, differenceText(record.difference_equal_time_test)) }] : []),
            { name: "seeds", unit: "pairs of students", term: "seed", value: h("b", {}, whole(record.difference_test.seeds.length)) },
          ])
        : null,
    ),
    h(
      "figure",
      { class: "card" },
      h("figcaption", {}, h("b", {}, "Loss while training "), help("held-out-loss"), " ", legend, axis),
      learning.element,
    ),
    differences
      ? h(
          "figure",
          { class: "card" },
          h("figcaption", {}, h("b", {}, "Loss of the control minus loss of the distilled student "), help("paired-difference"), " ", h("small", {}, "Nats per token on held-out text. Right of 0 distilling gave the better student. Small dots are seeds, the large one is their mean, the bar its 95% interval.")),
          differences.element,
        )
      : null,
    Object.keys(record.arms).length > 0 ? h("section", { class: "card scroll", tabindex: 0, "aria-label": "Students" }, table(record)) : null,
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

/** What to expect, or how far it came, where there is no verdict. */
function unfinished({ arms, stopped }: DistilSoFar): string {
  const last = Object.values(arms).flat().sort((one, other) => one.seed - other.seed).at(-1); // each seed trains its arms in turn
  if (stopped) return last ? `The last measurement: ${ARMS[last.arm]?.words ?? last.arm}, seed ${last.seed}, step ${last.steps}.` : "Nothing was measured yet.";
  return last ? "The verdict comes with the last seed." : "The teacher and the text are being prepared; the first points of the curves come after that.";
}

const VERDICTS: Record<DistilRecord["verdict"], string> = {
  helps: "Distilling helps",
  "does not help": "Distilling does not help",
  "cannot tell": "Cannot tell yet whether distilling helps",
  "no control": "No control, so no verdict",
};

function differenceText(one: DistilDifference, digits = 4): string {
  return `${signed(one.mean, digits)}${one.ci ? ` (${signedInterval(one.ci, digits)})` : ""}`;
}

const ROW = 44;
const FOOT = 46;

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
  const height = rows.length * ROW + FOOT;
  const values = rows.flatMap(([, one]) => [...one.per_seed, one.mean, ...(one.ci ?? []), 0]);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = (high - low || 0.01) * 0.08;
  const title = svg("title");
  const holder = svg("g");
  const element = svg("svg", { viewBox: `0 0 640 ${height}`, class: "chart difference-chart", role: "img" }, title, holder);
  say(title, rows.map(([name, one]) => `${name}: ${differenceText(one)} nats per token`).join("; "));
  const close = atItsWidth(element, height, (width) => {
    const digits = width < 420 ? 2 : 4;
    const x = scaleLinear([low - room, high + room], [12, width - 24]);
    fill(
      holder,
      ...x.ticks(Math.max(3, Math.round(width / 120))).flatMap((tick) => [
        svg("line", { class: "grid", x1: x(tick), x2: x(tick), y1: 4, y2: height - FOOT + 6 }),
        svg("text", { x: x(tick), y: height - FOOT + 20, "text-anchor": "middle" }, signed(tick, 2)),
      ]),
      svg("line", { class: "cut", x1: x(0), x2: x(0), y1: 4, y2: height - FOOT + 6 }),
      svg("text", { x: 2, y: height - 6 }, "← hard labels better"),
      svg("text", { x: width - 4, y: height - 6, "text-anchor": "end" }, "distilled better →"),
      ...rows.map(([name, one], place) => {
        const y = place * ROW + 30;
        return svg(
          "g",
          { class: "ink-accent" },
          svg("text", { class: "row-label", x: 12, y: y - 14 }, `${name}: ${differenceText(one, digits)}`),
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
  const names: [string, Term][] = [["seed", "seed"], ["validation", "held-out-loss"], ["test", "held-out-loss"], ["seconds", "equal-time"], ["tokens", "token"], ["steps", "step"]];
  return h(
    "table",
    { class: "plain-table numeric" },
    h("caption", {}, "Every student: its loss on held-out text in nats per token, and what its training cost"),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "trained on ", help("control")), ...names.map(([name, term]) => h("th", { scope: "col", class: name === "tokens" ? "wide-only" : "" }, `${name} `, help(term))))),
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
            h("td", { class: "figure" }, decimals(one.val_nll, 4)),
            h("td", { class: "figure" }, decimals(one.test_nll, 4)),
            h("td", { class: "figure" }, decimals(one.seconds, 1)),
            h("td", { class: "figure wide-only" }, Number.isNaN(one.tokens) ? "–" : whole(one.tokens)),
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
