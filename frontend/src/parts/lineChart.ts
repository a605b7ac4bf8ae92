// Lines with intervals over one axis: what the Tune and Distil views draw. Reads the same as an image and as a table.

import { extent } from "d3-array";
import { scaleLinear } from "d3-scale";
import { area, line } from "d3-shape";
import { fill, say, svg } from "./dom.ts";
import { number } from "./format.ts";
import { atItsWidth } from "./frame.ts";

export interface Point {
  readonly x: number;
  readonly y: number;
  readonly low?: number;
  readonly high?: number;
}

export interface Series {
  readonly name: string;
  /** Colours it: line-…, dot-…, area-… in style.css. */
  readonly ink: "accent" | "second" | "raw" | "good";
  readonly points: readonly Point[];
  readonly thin?: boolean;
  /** A curve: no dot at each of its points. */
  readonly bare?: boolean;
  readonly dashed?: boolean;
}

export interface Drawing {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly series: readonly Series[];
  /** A stretch of the axis that is pointed out. */
  readonly region?: readonly [number, number];
  readonly mark?: number;
  /** x counts something: no ticks between whole numbers. */
  readonly whole?: boolean;
  readonly yFrom?: number;
  readonly yTo?: number;
  readonly ticks?: readonly [number, string][];
}

const EDGE = { left: 56, right: 16, top: 24, bottom: 38 };

export interface LineChart {
  readonly element: SVGSVGElement;
  draw(drawing: Drawing): void;
  close(): void;
}

export function lineChart(height = 240): LineChart {
  const title = svg("title");
  const holder = svg("g");
  const element = svg("svg", { viewBox: `0 0 640 ${height}`, class: "chart line-chart", role: "img" }, title, holder);
  let width = 640;
  let last: Drawing | null = null;
  const close = atItsWidth(element, height, (now) => {
    width = now;
    if (last) draw(last);
  });

  function draw(drawing: Drawing): void {
    last = drawing;
    const points = drawing.series.flatMap((series) => series.points);
    if (points.length === 0) {
      fill(holder);
      return;
    }
    const [left, right] = padded(extent(points, (point) => point.x) as [number, number], 0);
    const [bottom, top] = padded(
      extent(points.flatMap((point) => [point.y, point.low ?? point.y, point.high ?? point.y])) as [number, number],
      0.06,
    );
    const x = scaleLinear([left, right], [EDGE.left, width - EDGE.right]);
    const y = scaleLinear([drawing.yFrom ?? bottom, drawing.yTo ?? top], [height - EDGE.bottom, EDGE.top]);
    const ticks = drawing.ticks ?? x.ticks(Math.max(3, Math.round(width / 90))).filter((tick) => !drawing.whole || Number.isInteger(tick)).map((tick) => [tick, number(tick)] as const);
    say(title, `${drawing.title}. ${drawing.series.filter((one) => !one.thin).map(spoken).join(". ")}`);
    fill(
      holder,
      drawing.region
        ? svg("rect", {
            class: "region", x: x(drawing.region[0]) - 5, y: EDGE.top,
            width: x(drawing.region[1]) - x(drawing.region[0]) + 10, height: height - EDGE.top - EDGE.bottom, rx: 4,
          })
        : null,
      ...y.ticks(5).flatMap((tick) => [
        svg("line", { class: "grid", x1: EDGE.left, x2: width - EDGE.right, y1: y(tick), y2: y(tick) }),
        svg("text", { x: EDGE.left - 6, y: y(tick) + 4, "text-anchor": "end" }, number(tick)),
      ]),
      ...ticks.map(([tick, label]) => svg("text", { x: x(tick), y: height - EDGE.bottom + 16, "text-anchor": "middle" }, label)),
      drawing.mark === undefined ? null : svg("line", { class: "cut", x1: x(drawing.mark), x2: x(drawing.mark), y1: EDGE.top, y2: height - EDGE.bottom }),
      ...drawing.series.map((series) => oneSeries(series, x, y)),
      svg("text", { x: width - EDGE.right, y: height - 4, "text-anchor": "end" }, `${drawing.x} →`),
      svg("text", { x: 2, y: 12 }, drawing.y),
    );
  }

  return { element, draw, close };
}

type Scale = (value: number) => number;

function oneSeries(series: Series, x: Scale, y: Scale): SVGElement {
  const banded = series.points.filter((point) => point.low !== undefined);
  const path = line<Point>().x((point) => x(point.x)).y((point) => y(point.y));
  const band = area<Point>().x((point) => x(point.x)).y0((point) => y(point.low!)).y1((point) => y(point.high!));
  return svg(
    "g",
    { class: `ink-${series.ink}${series.thin ? " thin" : ""}` },
    banded.length > 1 ? svg("path", { class: "series-band", d: band(banded) }) : null,
    svg("path", { class: "series-line", d: path([...series.points]), "stroke-dasharray": series.dashed ? "5 4" : null }),
    ...(series.thin || series.bare ? [] : series.points.map((point) => svg("circle", { class: "series-dot", cx: x(point.x), cy: y(point.y), r: 3.5 }, svg("title", {}, told(series, point))))),
  );
}

function told(series: Series, point: Point): string {
  const range = point.low === undefined ? "" : ` (${number(point.low)} to ${number(point.high)})`;
  return `${series.name} at ${number(point.x)}: ${number(point.y)}${range}`;
}

function spoken(series: Series): string {
  const every = Math.ceil(series.points.length / 30);
  return `${series.name}: ${series.points.filter((_, place) => place % every === 0).map((point) => `${number(point.x)}: ${number(point.y)}`).join(", ")}`;
}

function padded([low, high]: [number, number], share: number): [number, number] {
  const room = high === low ? Math.abs(low) * 0.1 || 1 : (high - low) * share;
  return [low - room, high + room];
}
