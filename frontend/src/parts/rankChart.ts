// The whole vocabulary in one picture: probability against rank, both logarithmic, with a line where each stage cuts.
//
// Where only the best tokens are known they are ranges, and all others lie below a bound.

import { scaleLog } from "d3-scale";
import { area, line } from "d3-shape";
import { isRow, size, stageText, type Explanation } from "../math/chain.ts";
import { holds, logProb, rankAt } from "../math/order.ts";
import type { Window } from "../math/window.ts";
import { fill, say, svg } from "./dom.ts";
import type { Subject } from "../views/subject.ts";
import { number, probability, span, whole } from "./format.ts";
import { atItsWidth } from "./frame.ts";

const HEIGHT = 260;
const EDGE = { left: 52, right: 14, top: 26, bottom: 34 };
const FLOOR = 1e-10;
const POINTS = 240;

type Scale = ReturnType<typeof scaleLog<number, number>>;

export interface RankChart {
  readonly element: SVGSVGElement;
  /** null: the known tokens do not decide what the chain leaves. */
  draw(explanation: Explanation | null): void;
  close(): void;
}

/** What a rank chart draws of one explanation, and what it says of it. */
interface Drawn {
  readonly marks: SVGElement[];
  readonly said: string;
}

export function rankChart({ tokens, seen, raw }: Subject): RankChart {
  const x = scaleLog([1, Math.max(tokens, 2)], [EDGE.left, 640]);
  const y = scaleLog([FLOOR, 1], [HEIGHT - EDGE.bottom, EDGE.top]).clamp(true);
  const title = svg("title", {});
  const frame = svg("g", { class: "axes", "aria-hidden": "true" });
  const holder = svg("g");
  let last: Explanation | null = null;
  let before: Drawn | null = null; // the raw distribution changes with the width of the drawing only
  const ranks = sampledRanks(tokens);
  const element = svg("svg", { viewBox: `0 0 640 ${HEIGHT}`, class: `chart rank-chart${isRow(raw) ? "" : " range-chart"}`, role: "img" }, title, frame, holder);
  const close = atItsWidth(element, HEIGHT, (width) => {
    x.range([EDGE.left, width - EDGE.right]);
    fill(frame, ...rankAxes(tokens, x, y, width));
    before = null;
    draw(last);
  });

  function draw(explanation: Explanation | null): void {
    last = explanation;
    before ??= isRow(raw) ? curve(raw.raw, "raw") : ranges(raw, "raw", -2);
    const after = explanation === null ? null : isRow(explanation) ? curve(explanation.processed, "processed") : ranges(explanation, "processed", 2);
    fill(holder, ...before.marks, ...(after?.marks ?? []), ...(explanation === null ? [] : cutLines(explanation, x)));
    say(title, `Probability against rank. Raw: ${before.said}. Processed: ${after?.said ?? "not decided by the known tokens"}.`);
  }

  /** A whole row as one line, with the area below it where it is what sampling draws from. */
  function curve(window: Window, kind: "raw" | "processed"): Drawn {
    const at = (rank: number): [number, number] => [x(rank + 1), y(Math.exp(logProb(window, rank)))];
    // What lies below the axis is not drawn: a line along its foot would say that the tail has that probability.
    const drawn = (rank: number): boolean => holds(window, rank) && logProb(window, rank) >= Math.log(FLOOR);
    const points = ranks.filter(drawn).map(at);
    // The last kept token stands at the cut even where no sampled rank does.
    const edge = rankAt(window, window.to - 1);
    if (size(window) > 1 && drawn(edge)) points.push(at(edge));
    points.sort((a, b) => a[0] - b[0]);
    const below = area<[number, number]>().x((d) => d[0]).y1((d) => d[1]).y0(y(FLOOR))(points) ?? "";
    return {
      marks: [...(kind === "raw" ? [] : [svg("path", { class: "area-kept", d: below })]), svg("path", { class: `line-${kind}`, d: line()(points) ?? "" })],
      said: `${whole(size(window))} tokens, from ${number(Math.exp(logProb(window, rankAt(window, window.from))))} down to ${number(Math.exp(logProb(window, edge)))}`,
    };
  }

  /** Known tokens from their lowest to their highest probability; below the shade lies every unknown one. */
  function ranges(of: Explanation, kind: "raw" | "processed", shift: number): Drawn {
    const known = Array.from({ length: seen }, (_, rank) => of.prob(rank));
    const whiskers = known.flatMap(({ low, high }, rank) => {
      if (high <= FLOOR) return [];
      const at = x(rank + 1) + shift;
      return [svg("line", { class: `whisker whisker-${kind}`, x1: at, x2: at, y1: y(high), y2: Math.max(y(low), y(high) + 3) })];
    });
    return {
      marks: [svg("path", { class: `bound-${kind}`, d: bound(of) }), ...whiskers],
      said: `the first ${span(known[0]!, probability)}, all ${whole(tokens - seen)} unknown ones ${span(of.unseen, probability)}`,
    };
  }

  /** No unknown token of rank n can have more than all from the first unknown one to it share. */
  function bound({ unseen, largestUnseen }: Explanation): string {
    if (unseen.high <= 0 || tokens <= seen) return "";
    const at = Array.from({ length: POINTS / 4 }, (_, i) => seen + (tokens - seen) ** (i / (POINTS / 4 - 1)));
    const points = at.map((rank): [number, number] => [x(rank), y(Math.max(Math.min(largestUnseen, unseen.high / Math.max(rank - seen, 1)), FLOOR))]);
    return area<[number, number]>().x((d) => d[0]).y1((d) => d[1]).y0(y(FLOOR))(points) ?? "";
  }

  return { element, draw, close };
}

function cutLines(explanation: Explanation, x: Scale): SVGElement[] {
  const lines = explanation.stages.filter(({ removed, before, after }) => removed > 0 && before && after && after.order === undefined && after.to < before.to);
  return lines.map((stage, place) => {
    const at = x(stage.after!.to + 0.5);
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

/** Ranks below, probabilities at the left, both in powers of ten. */
function rankAxes(count: number, x: Scale, y: Scale, width: number): SVGElement[] {
  const ranks = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000].filter((rank) => rank <= count);
  const probs = [1, 1e-2, 1e-4, 1e-6, 1e-8, 1e-10];
  return [
    ...ranks.map((rank) =>
      svg("text", { x: x(rank), y: HEIGHT - EDGE.bottom + 15, "text-anchor": rank === 1 ? "start" : x(rank) > width - EDGE.right - 24 ? "end" : "middle" }, whole(rank)),
    ),
    ...probs.flatMap((prob) => [
      svg("line", { class: "grid", x1: EDGE.left, x2: width - EDGE.right, y1: y(prob), y2: y(prob) }),
      svg("text", { x: EDGE.left - 6, y: y(prob) + 4, "text-anchor": "end" }, prob === 1 ? "1" : `10${sup(Math.log10(prob))}`),
    ]),
    svg("text", { x: width - EDGE.right, y: HEIGHT - 4, "text-anchor": "end" }, "rank of the token →"),
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
