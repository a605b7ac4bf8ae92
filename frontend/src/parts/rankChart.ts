// The whole vocabulary in one picture: probability against rank, both logarithmic, with a line where each stage cuts.

import { scaleLog } from "d3-scale";
import { area, line } from "d3-shape";
import { size, stageText, type Explanation } from "../math/chain.ts";
import { holds, logProb, rankAt } from "../math/order.ts";
import type { Window } from "../math/window.ts";
import { fill, say, svg } from "./dom.ts";
import { number, whole } from "./format.ts";
import { atItsWidth } from "./frame.ts";

const HEIGHT = 260;
const EDGE = { left: 52, right: 14, top: 26, bottom: 34 };
const FLOOR = 1e-10;
const POINTS = 240;

type Scale = ReturnType<typeof scaleLog<number, number>>;

export interface RankChart {
  readonly element: SVGSVGElement;
  draw(explanation: Explanation): void;
  close(): void;
}

export function rankChart(count: number): RankChart {
  const x = scaleLog([1, Math.max(count, 2)], [EDGE.left, 640]);
  const y = scaleLog([FLOOR, 1], [HEIGHT - EDGE.bottom, EDGE.top]).clamp(true);
  const ranks = sampledRanks(count);
  const kept = svg("path", { class: "area-kept" });
  const raw = svg("path", { class: "line-raw" });
  const processed = svg("path", { class: "line-processed" });
  const cuts = svg("g", { class: "cuts" });
  const title = svg("title", {});
  const frame = svg("g", { class: "axes", "aria-hidden": "true" });
  let shownNow: Explanation | null = null;
  const element = svg(
    "svg",
    { viewBox: `0 0 640 ${HEIGHT}`, class: "chart rank-chart", role: "img" },
    title,
    frame,
    kept,
    raw,
    processed,
    cuts,
  );

  function path(window: Window): [number, number][] {
    return ranks
      .filter((rank) => holds(window, rank))
      .map((rank) => [x(rank + 1), y(Math.exp(logProb(window, rank)))]);
  }

  const close = atItsWidth(element, HEIGHT, (width) => {
    x.range([EDGE.left, width - EDGE.right]);
    fill(frame, ...rankAxes(count, x, y, width, HEIGHT, EDGE));
    if (shownNow !== null) draw(shownNow);
  });

  function draw(explanation: Explanation): void {
    shownNow = explanation;
    const { processed: left, raw: whole_ } = explanation;
    const shown = path(left);
    // The last kept token stands at the cut even where no sampled rank does.
    const lastRank = rankAt(left, left.to - 1);
    if (left.to - left.from > 1) shown.push([x(lastRank + 1), y(Math.exp(logProb(left, lastRank)))]);
    shown.sort((a, b) => a[0] - b[0]);
    raw.setAttribute("d", line()(path(whole_)) ?? "");
    processed.setAttribute("d", line()(shown) ?? "");
    kept.setAttribute("d", area<[number, number]>().x((d) => d[0]).y1((d) => d[1]).y0(y(FLOOR))(shown) ?? "");
    fill(cuts, ...cutLines(explanation, x));
    say(
      title,
      `Probability against rank. Raw: grey. Processed: ${whole(size(left))} of ${whole(size(whole_))} tokens, ` +
        `from ${number(Math.exp(logProb(left, rankAt(left, left.from))))} down to ${number(Math.exp(logProb(left, lastRank)))}.`,
    );
  }

  return { element, draw, close };
}

function cutLines(explanation: Explanation, x: Scale): SVGElement[] {
  const lines = explanation.stages.filter((stage) => stage.removed > 0 && stage.after.order === undefined && stage.after.to < stage.before.to);
  return lines.map((stage, place) => {
    const at = x(stage.after.to + 0.5);
    const end = at > x.range()[1]! * 0.75;
    return svg(
      "g",
      {},
      svg("line", { class: "cut", x1: at, x2: at, y1: EDGE.top, y2: HEIGHT - EDGE.bottom }),
      svg(
        "text",
        { class: "cut-label", x: at + (end ? -4 : 4), y: EDGE.top + 10 + 13 * place, "text-anchor": end ? "end" : "start" },
        stageText(stage.stage),
      ),
    );
  });
}

export interface Edge {
  readonly left: number;
  readonly right: number;
  readonly bottom: number;
}

/** Ranks below, probabilities at the left, both in powers of ten. */
export function rankAxes(count: number, x: Scale, y: Scale, width: number, height: number, edge: Edge): SVGElement[] {
  const ranks = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000].filter((rank) => rank <= count);
  const probs = [1, 1e-2, 1e-4, 1e-6, 1e-8, 1e-10];
  return [
    ...ranks.map((rank) =>
      svg("text", { x: x(rank), y: height - edge.bottom + 15, "text-anchor": rank === 1 ? "start" : x(rank) > width - edge.right - 24 ? "end" : "middle" }, whole(rank)),
    ),
    ...probs.flatMap((prob) => [
      svg("line", { class: "grid", x1: edge.left, x2: width - edge.right, y1: y(prob), y2: y(prob) }),
      svg("text", { x: edge.left - 6, y: y(prob) + 4, "text-anchor": "end" }, prob === 1 ? "1" : `10${sup(Math.log10(prob))}`),
    ]),
    svg("text", { x: width - edge.right, y: height - 4, "text-anchor": "end" }, "rank of the token →"),
    svg("text", { x: 2, y: 12 }, "probability"),
  ];
}

function sup(power: number): string {
  return String(Math.round(power)).replace(/[-0-9]/g, (sign) => (sign === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(sign)]!));
}

/** Ranks that a logarithmic axis can tell apart. */
function sampledRanks(count: number): number[] {
  const spread = Array.from({ length: POINTS }, (_, i) => Math.round(count ** (i / (POINTS - 1))) - 1);
  return [...new Set(spread)].sort((a, b) => a - b);
}
