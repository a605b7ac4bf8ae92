// One seed, every temperature: the τ axis as bands of tokens, and a slider that morphs the text.

import { scaleLinear } from "d3-scale";
import { fill, h, say, svg } from "../parts/dom.ts";
import { decimals, nats, tau, whole } from "../parts/format.ts";
import { atItsWidth } from "../parts/frame.ts";
import { factList, help } from "../parts/help.ts";
import { slider } from "../parts/slider.ts";
import { tokenElement, tokenText } from "../parts/tokens.ts";
import type { Leaf, PathRecord } from "../records.ts";
import type { Context, View } from "./view.ts";

const ROW = 22;
const MOST_ROWS = 40;
const EDGE = { left: 30, right: 8, top: 22, bottom: 34 };
const LETTER = 7.4;

export function pathView(record: PathRecord, context: Context): View {
  const { leaves } = record;
  const low = leaves[0]!.temperature_low;
  const high = leaves.at(-1)!.temperature_high;
  const { state } = context;
  let place = -1;

  const knob = slider(
    {
      label: "temperature τ", term: "temperature", min: low, max: high, step: "any", write: tau, onKey,
      marks: [[low, tau(low)], [high, tau(high)]],
    },
    move,
  );
  const text = h("p", { class: "tokens path-text", dir: "auto" });
  const [range, number_, end, logprob] = [h("b"), h("b"), h("b"), h("b")];
  const bands = bandChart(record, low, high, (temperature) => move(temperature));
  const step = (by: number): void => {
    const next = leaves[Math.min(leaves.length - 1, Math.max(0, place + by))]!;
    move(middle(next));
  };

  function onKey(event: KeyboardEvent): void {
    const by = { PageUp: 1, PageDown: -1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    step(by);
  }

  function move(temperature: number): void {
    state.set("tau", tau(temperature));
    show(temperature);
  }

  function show(temperature: number): void {
    const found = leafAt(leaves, temperature);
    const leaf = leaves[found]!;
    knob.show(temperature, leaf.text);
    bands.show(temperature, found);
    const between = temperature < leaf.temperature_low || temperature > leaf.temperature_high;
    say(range, `${interval(leaf)}${between ? " (the nearest listed temperature)" : ""}`);
    say(number_, `${whole(found + 1)} of ${whole(leaves.length)}`);
    say(end, ENDS[leaf.finish_reason] ?? leaf.finish_reason);
    say(logprob, nats(leaf.logprob_raw));
    if (found === place) return;
    const before = leaves[place]?.ids;
    place = found;
    fill(
      text,
      ...record.tokens[found]!.map((token, index) => {
        const element = tokenElement(token);
        if (before && before[index] !== leaf.ids[index]) element.classList.add("changed");
        return element;
      }),
    );
  }

  const stop = state.listen((name) => name === "tau" && state.get("tau") !== undefined && show(Number(state.get("tau"))));
  show(Math.min(high, Math.max(low, Number(state.get("tau") ?? Math.min(high, Math.max(low, 0.7))) || 0)));
  const asked = leaves.reduce((total, leaf) => total + leaf.temperatures.length, 0);
  const element = h(
    "div",
    { class: "path" },
    h("div", { class: "prompt" }, h("p", { class: "meta" }, `${record.model}, seed ${record.seed}, after “${record.prompt}”`), record.note ? h("p", { class: "note" }, record.note) : null, stageList(record)),
    h(
      "div",
      { class: "card path-slider" },
      knob.element,
      h(
        "div",
        { class: "steps" },
        h("button", { type: "button", class: "quiet", onclick: () => step(-1) }, "← cooler text"),
        h("button", { type: "button", class: "quiet", onclick: () => step(1) }, "hotter text →"),
      ),
    ),
    h(
      "section",
      { class: "card", "aria-label": "Text at the chosen temperature" },
      text,
      factList([
        { name: "this text comes at", unit: record.exact ? "exact ends" : "ends as far as asked for", term: "path", value: range },
        { name: "text", unit: "counted from the coldest", term: "path", value: number_ },
        { name: "logprob", unit: "raw, summed", term: "logprob", value: logprob },
        { name: "ended by", term: "token", value: end },
      ], "measures path-facts"),
    ),
    h(
      "figure",
      { class: "card" },
      h(
        "figcaption",
        {},
        h("b", {}, `${leaves.length} different texts at ${asked} temperatures `), help("path"), " ",
        h("small", {}, `Each column is a text, each row one token of it; a click goes there. It took ${whole(record.forward_passes)} forward passes instead of ${whole(record.independent_passes)}. `), help("forward-pass"),
      ),
      bands.element,
    ),
    h("details", { class: "card" }, h("summary", {}, "All texts as a table"), table(record)),
  );
  return {
    element,
    close: () => {
      stop();
      bands.close();
    },
    download: { name: "retort-path", json: () => record, csv: () => asCsv(record), svg: () => bands.element },
  };
}

/** The chain that every temperature of the path goes through. */
function stageList(record: PathRecord): HTMLElement | null {
  if (!record.stages?.length) return null;
  return h(
    "ol",
    { class: "path-stages", "aria-label": "Stages of the chain along the path" },
    ...record.stages.map(({ stage, applies, why }) =>
      h("li", { class: applies ? "" : "set-aside" }, h("code", {}, stage), " ", h("small", {}, `${applies ? "applies" : "does not apply:"} ${why}`)),
    ),
  );
}

function middle(leaf: Leaf): number {
  return (leaf.temperature_low + leaf.temperature_high) / 2;
}

/** The leaf that holds a temperature, or the nearest one. */
export function leafAt(leaves: readonly Leaf[], temperature: number): number {
  let best = 0;
  let nearest = Infinity;
  leaves.forEach((leaf, place) => {
    const away = Math.max(leaf.temperature_low - temperature, temperature - leaf.temperature_high, 0);
    if (away < nearest) [best, nearest] = [place, away];
  });
  return best;
}

/** Why a text ends, in words. */
const ENDS: Record<string, string> = { end: "the model’s end token", length: "the longest text asked for", stop: "a stop text" };

function interval(leaf: Leaf): string {
  return leaf.temperature_low === leaf.temperature_high
    ? `τ = ${tau(leaf.temperature_low)}`
    : `τ = ${tau(leaf.temperature_low)} to ${tau(leaf.temperature_high)}`;
}

interface Cell {
  from: number;
  to: number;
  row: number;
  first: number;
  last: number;
  token: string;
}

/** One cell for each stretch of neighbouring leaves that share the text up to and with this token. */
function cells(record: PathRecord): Cell[] {
  const { leaves } = record;
  const found: Cell[] = [];
  const rows = Math.min(MOST_ROWS, Math.max(...leaves.map((leaf) => leaf.ids.length)));
  for (let row = 0; row < rows; row++) {
    for (let first = 0; first < leaves.length; ) {
      let last = first;
      const prefix = leaves[first]!.ids.slice(0, row + 1).join();
      while (last + 1 < leaves.length && leaves[last + 1]!.ids.slice(0, row + 1).join() === prefix) last += 1;
      if (leaves[first]!.ids.length > row) {
        found.push({
          from: leaves[first]!.temperature_low, to: leaves[last]!.temperature_high, row, first, last,
          token: record.tokens[first]![row]!,
        });
      }
      first = last + 1;
    }
  }
  return found;
}

function bandChart(record: PathRecord, low: number, high: number, onPick: (temperature: number) => void): {
  element: SVGSVGElement; show(temperature: number, place: number): void; close(): void;
} {
  const all = cells(record);
  const rows = 1 + Math.max(...all.map((cell) => cell.row));
  const height = EDGE.top + rows * ROW + EDGE.bottom;
  const x = scaleLinear([low, high === low ? low + 1 : high], [EDGE.left, 640 - EDGE.right]);
  const drawn = svg("g");
  const frame = svg("g", { class: "axes", "aria-hidden": "true" });
  const line = svg("line", { class: "now", y1: EDGE.top, y2: height - EDGE.bottom });
  const title = svg("title", {}, "Bands of tokens along the temperature axis");
  const element = svg("svg", { viewBox: `0 0 640 ${height}`, class: "chart bands", role: "img" }, title, drawn, frame, line);
  element.style.maxHeight = "none";
  let now: [number, number] = [low, 0];
  element.addEventListener("click", (event) => {
    const box = element.getBoundingClientRect();
    const at = x.invert(((event.clientX - box.left) / box.width) * element.viewBox.baseVal.width);
    onPick(Math.min(high, Math.max(low, at)));
  });
  const close = atItsWidth(element, height, (width) => {
    x.range([EDGE.left, width - EDGE.right]);
    fill(drawn, ...all.map((cell) => band(cell, x)));
    fill(
      frame,
      ...x.ticks(Math.max(3, Math.round(width / 90))).flatMap((tick) => [
        svg("line", { class: "grid", x1: x(tick), x2: x(tick), y1: height - EDGE.bottom, y2: height - EDGE.bottom + 5 }),
        svg("text", { x: x(tick), y: height - EDGE.bottom + 18, "text-anchor": tick === low ? "start" : tick === high ? "end" : "middle" }, tau(tick)),
      ]),
      svg("text", { x: width - EDGE.right, y: height - 2, "text-anchor": "end" }, "temperature τ →"),
      svg("text", { x: 2, y: 12 }, "place of the token in the text ↓"),
      ...Array.from({ length: rows }, (_, row) => row).filter((row) => row === 0 || row % 5 === 4).map((row) =>
        svg("text", { x: EDGE.left - 6, y: EDGE.top + row * ROW + 15, "text-anchor": "end" }, String(row + 1)),
      ),
    );
    show(...now);
  });
  function show(temperature: number, place: number): void {
    now = [temperature, place];
    line.setAttribute("x1", String(x(temperature)));
    line.setAttribute("x2", String(x(temperature)));
    all.forEach((cell, index) => drawn.children[index]?.classList.toggle("on", place >= cell.first && place <= cell.last));
  }
  return { element, show, close };
}

function band(cell: Cell, x: (temperature: number) => number): SVGElement {
  const left = x(cell.from);
  const width = Math.max(1.5, x(cell.to) - left);
  const label = tokenText(cell.token);
  const fits = Math.floor((width - 6) / LETTER);
  return svg(
    "g",
    { class: "band" },
    svg("rect", { x: left, y: EDGE.top + cell.row * ROW + 1, width, height: ROW - 2, rx: Math.min(3, width / 3) }),
    fits >= Math.min(label.length, 2)
      ? svg("text", { x: left + 4, y: EDGE.top + cell.row * ROW + 15 }, label.length > fits ? `${label.slice(0, fits - 1)}…` : label)
      : null,
  );
}

function table(record: PathRecord): HTMLElement {
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": "All texts" },
    h(
      "table",
      { class: "plain-table" },
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "τ from ", help("path")), h("th", { scope: "col" }, "to ", help("path")), h("th", { scope: "col" }, "text"), h("th", { scope: "col" }, "ended by"), h("th", { scope: "col" }, "logprob, raw (nats) ", help("logprob")))),
      h(
        "tbody",
        {},
        ...record.leaves.map((leaf, place) =>
          h(
            "tr",
            {},
            h("td", { class: "figure" }, tau(leaf.temperature_low)),
            h("td", { class: "figure" }, tau(leaf.temperature_high)),
            h("td", { dir: "auto" }, ...record.tokens[place]!.map(tokenElement)),
            h("td", {}, ENDS[leaf.finish_reason] ?? leaf.finish_reason),
            h("td", { class: "figure" }, decimals(leaf.logprob_raw)),
          ),
        ),
      ),
    ),
  );
}

function asCsv(record: PathRecord): (string | number | null)[][] {
  return [
    ["temperature_low", "temperature_high", "text", "finish_reason", "logprob_raw"],
    ...record.leaves.map((leaf) => [leaf.temperature_low, leaf.temperature_high, leaf.text, leaf.finish_reason, leaf.logprob_raw]),
  ];
}
