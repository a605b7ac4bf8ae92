// The whole vocabulary of a model that names its best tokens only: what is known as ranges, the rest under a bound.

import { scaleLog } from "d3-scale";
import { area } from "d3-shape";
import type { Interval } from "../math/partial.ts";
import { fill, say, svg } from "./dom.ts";
import { probabilityRange, whole } from "./format.ts";
import { atItsWidth } from "./frame.ts";
import { rankAxes } from "./rankChart.ts";

const HEIGHT = 260;
const EDGE = { left: 52, right: 14, top: 26, bottom: 34 };
const FLOOR = 1e-10;
const POINTS = 60;

/** Probabilities of the known ranks and the share of all others; `largest`: the most that one unknown token can have. */
export interface Ranges {
  readonly probs: readonly Interval[];
  readonly unseen: Interval;
  readonly largest: number;
}

export function rangeChart(tokens: number): { element: SVGSVGElement; draw(raw: Ranges, processed: Ranges | null): void; close(): void } {
  const x = scaleLog([1, Math.max(tokens, 2)], [EDGE.left, 640]);
  const y = scaleLog([FLOOR, 1], [HEIGHT - EDGE.bottom, EDGE.top]).clamp(true);
  const frame = svg("g", { class: "axes", "aria-hidden": "true" });
  const title = svg("title", {});
  const holder = svg("g");
  const element = svg("svg", { viewBox: `0 0 640 ${HEIGHT}`, class: "chart range-chart", role: "img" }, title, frame, holder);
  let last: [Ranges, Ranges | null] | null = null;
  const close = atItsWidth(element, HEIGHT, (width) => {
    x.range([EDGE.left, width - EDGE.right]);
    fill(frame, ...rankAxes(tokens, x, y, width, HEIGHT, EDGE));
    if (last !== null) draw(...last);
  });

  /** No unknown token of rank n can have more than all from the first unknown one to it share. */
  function bound({ probs, unseen, largest }: Ranges): string {
    const seen = probs.length;
    if (unseen.high <= 0 || tokens <= seen) return "";
    const at = Array.from({ length: POINTS }, (_, i) => seen + 1 + (tokens - seen - 1) ** (i / (POINTS - 1)) - 1);
    const points = at.map((rank): [number, number] => [x(Math.max(rank, seen + 0.5)), y(Math.max(Math.min(largest, unseen.high / Math.max(rank - seen, 1)), FLOOR))]);
    return area<[number, number]>().x((d) => d[0]).y1((d) => d[1]).y0(y(FLOOR))(points) ?? "";
  }

  function marks(ranges: Ranges, kind: string, shift: number): SVGElement[] {
    return ranges.probs.flatMap(({ low, high }, rank) => {
      if (high <= FLOOR) return [];
      const at = x(rank + 1) + shift;
      const [top, bottom] = [y(high), Math.max(y(low), y(high) + 3)];
      return [svg("line", { class: `whisker whisker-${kind}`, x1: at, x2: at, y1: top, y2: bottom })];
    });
  }

  function draw(raw: Ranges, processed: Ranges | null): void {
    last = [raw, processed];
    fill(
      holder,
      svg("path", { class: "bound-raw", d: bound(raw) }),
      processed === null ? null : svg("path", { class: "bound-processed", d: bound(processed) }),
      ...marks(raw, "raw", -2),
      ...(processed === null ? [] : marks(processed, "processed", 2)),
    );
    const said = (name: string, one: Ranges): string =>
      `${name}: the first ${probabilityRange(one.probs[0]!.low, one.probs[0]!.high)}, all ${whole(tokens - one.probs.length)} unknown ones ${probabilityRange(one.unseen.low, one.unseen.high)}.`;
    say(title, `Lowest and highest probability against rank. ${said("Raw", raw)} ${processed === null ? "" : said("Processed", processed)}`);
  }
  return { element, draw, close };
}
