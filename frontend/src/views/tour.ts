// A tour of five steps for somebody who knows none of it: each one idea, one thing to move, one question with its answer.
//
// Every number is computed here from one recorded row of a real language model, so what the reader moves is not a picture.

import { effectiveSupport, explain, parseChain, size, type RowExplanation } from "../math/chain.ts";
import { massBeyond, prob } from "../math/order.ts";
import { unpackLogits } from "../math/unpack.ts";
import { sums } from "../math/window.ts";
import { fill, freshId, h, say, type Child } from "../parts/dom.ts";
import { decimals, number, probability, signed, tau, whole } from "../parts/format.ts";
import { everyFrame } from "../parts/frame.ts";
import { factList, help, type Term } from "../parts/help.ts";
import { lineChart, type Point } from "../parts/lineChart.ts";
import { slider, tauSlider } from "../parts/slider.ts";
import { tokenElement } from "../parts/tokens.ts";
import type { TourRecord } from "../records.ts";
import type { Context, View } from "./view.ts";

const SHOWN = 8;
const HOTTEST = 3;

/** What a step gives: what to move and what then changes. */
interface Widget {
  readonly element: HTMLElement;
  close?(): void;
}

/** Where a step's control was left: a look at the glossary does not move it. */
interface Kept {
  readonly start: string | undefined;
  keep(value: string): void;
}

interface Step {
  readonly title: string;
  /** The title where there is room for one word. */
  readonly short: string;
  readonly idea: readonly string[];
  /** What to move, and what to look at meanwhile. */
  readonly task: string;
  readonly widget: (row: Row, kept: Kept) => Widget;
  readonly question: string;
  readonly answer: string;
}

/** The recorded row, and where the two tokens of the story stand in it. */
interface Row {
  readonly record: TourRecord;
  readonly logits: Float64Array;
  readonly first: number;
  readonly right: number;
}

export function tourView(record: TourRecord, context: Context): View {
  const logits = unpackLogits(record.position.logits!);
  const rank = (token: string): number => Math.max(0, record.position.tokens.indexOf(token));
  const row: Row = { record, logits, first: rank(record.first), right: rank(record.right) };
  const { state, announce, data } = context;
  const body = h("div", { class: "tour-body" });
  let widget: Widget | undefined;

  const names = STEPS.map((step, place) =>
    h(
      "li",
      {},
      h(
        "button",
        { type: "button", class: "quiet", onclick: () => state.set("step", String(place + 1)) },
        h("b", {}, `${place + 1}. `),
        h("span", { class: "step-title" }, step.title),
        h("span", { class: "step-short", "aria-hidden": "true" }, step.short),
      ),
    ),
  );
  const back = h("button", { type: "button", class: "quiet", onclick: () => go(-1) }, "← Back");
  const next = h("button", { type: "button", class: "solid", onclick: () => go(1) });
  const after = data.studio || data.position ? "Try it yourself →" : "Start again";

  function place(): number {
    const asked = Number(state.get("step") ?? "1");
    return Number.isInteger(asked) && asked >= 1 && asked <= STEPS.length ? asked - 1 : 0;
  }

  function go(by: number): void {
    const to = place() + by;
    if (to < STEPS.length) state.set("step", String(to + 1));
    else if (data.studio || data.position) state.set("view", "position");
    else state.set("step", "1");
    body.querySelector("h2")?.focus();
  }

  function open(): void {
    const at = place();
    const step = STEPS[at]!;
    widget?.close?.();
    const name = `moved${at + 1}`;
    widget = step.widget(row, { start: state.get(name), keep: (value) => state.set(name, value) });
    names.forEach((name, index) => {
      if (index === at) name.firstElementChild!.setAttribute("aria-current", "step");
      else name.firstElementChild!.removeAttribute("aria-current");
    });
    back.disabled = at === 0;
    say(next, at === STEPS.length - 1 ? after : "Next →");
    fill(
      body,
      h("h2", { tabindex: "-1" }, `${at + 1}. ${step.title}`),
      ...step.idea.map((text) => h("p", {}, text)),
      h("div", { class: "card" }, h("p", { class: "task" }, h("b", {}, "Try it. "), step.task), widget.element),
      h("details", { class: "card question" }, h("summary", {}, h("b", {}, "Question: "), step.question), h("p", {}, h("b", {}, "Answer: "), step.answer)),
    );
    announce(`Step ${at + 1} of ${STEPS.length}: ${step.title}`);
  }

  const stop = state.listen((name) => name === "step" && open());
  open();
  return {
    element: h(
      "div",
      { class: "tour" },
      h("p", { class: "meta" }, `A real language model (${record.position.model.replace("embedded:", "")}) has read “${record.position.prompt}” and must say what comes next. It knows ${whole(logits.length)} tokens: words and pieces of words, shown here with ␣ for a space. Every number below comes from that model.`),
      h("nav", { "aria-label": "Steps of the tour" }, h("ol", { class: "tour-steps" }, ...names)),
      body,
      h("p", { class: "tour-go" }, back, next),
    ),
    download: null,
    close: () => {
      stop();
      widget?.close?.();
    },
  };
}

const STEPS: readonly Step[] = [
  {
    title: "Logits and softmax",
    short: "Softmax",
    idea: [
      "The model gives every token one number, its logit. The larger it is, the more the model expects this token, from the texts it has learned from; that need not be the truth. Logits are not probabilities: they can be negative, and they do not add up to anything.",
      "Softmax makes them probabilities: take e^logit (e ≈ 2.718), which is always positive, and divide by the sum over all tokens. Now they add up to 100%: if one grows, the others shrink. To write, the model draws one token, each as often as its probability says.",
    ],
    task: "Add 0.1 to the logit of Canberra. Which city is first now, and what happens to all the others?",
    widget: logitWidget,
    question: "What changes if every logit grows by 5? Tick the box above and see.",
    answer: "No probability changes. e^(logit + 5) = e^logit · e⁵, so every e^logit becomes e⁵ ≈ 148 times as large. So does their sum, and the 148 cancels in the division. Only the differences between logits count.",
  },
  {
    title: "What temperature does",
    short: "τ",
    idea: [
      "The temperature τ (tau) divides every logit before the softmax. Below 1 the differences grow, and the likely tokens take more. Above 1 they shrink, and the unlikely tokens gain.",
      "It never changes the order of the tokens: every logit is divided by the same positive number, so the larger stays larger, and so does its probability.",
    ],
    task: "Go down to 0.2, then up to 2. Who gains and who loses? Does any token overtake another?",
    widget: temperatureWidget,
    question: "What happens as τ approaches 0?",
    answer: "The largest logit gets 100%, so the most likely token is always drawn. This is called greedy decoding. The same prompt then gives the same text, unless two tokens are so close that rounding decides. At the other end, τ → ∞, every token becomes equally likely.",
  },
  {
    title: "Entropy and the runners-up",
    short: "Entropy",
    idea: [
      "Entropy says how uncertain the model is: 0 if one token has everything, and larger the more evenly the probability is spread. The effective support makes it a count: as uncertain as that many equally likely tokens.",
      "The runners-up hold knowledge too, called dark knowledge. Here the famous city is first and the right answer is a close second. At τ = 0 the right answer never appears.",
    ],
    task: "Move τ from 0 to 2. Where is Canberra’s best chance? What happens to both cities when it gets hot?",
    widget: runnersUpWidget,
    question: "Why can τ = 0.7 give another answer than τ = 0, and is it then more correct?",
    answer: "Because a draw may take a runner-up; the order has not changed. It is right more often only where the right answer is not first, as here. Where the first token is right, a draw can only replace it with a wrong one.",
  },
  {
    title: "Truncation and its order",
    short: "Truncation",
    idea: [
      "Truncation removes unlikely tokens before the draw. Top-k keeps the k most likely. Top-p keeps the most likely ones that together hold a share p. What is left is scaled up to 100%.",
      "The order counts: temperature 2 spreads the probability, so a top-p after it keeps far more tokens than one before it. The programs that run language models use different orders: vLLM sets the temperature first, llama.cpp last.",
    ],
    task: "Choose the second setting, then the third: the same numbers in another order. Count the tokens kept.",
    widget: truncationWidget,
    question: "Temperature 2 with top-k 5 and top-p 0.3: which of them decides?",
    answer: "The truncations. The temperature asks for variety, but top-k and top-p together leave a single token, so every draw is the same. Set the temperature first, then at most one truncation.",
  },
  {
    title: "From teacher to student",
    short: "Student",
    idea: [
      "A small model (the student) can learn from a large one (the teacher). Ordinary training shows it one right token: a hard label. Distilling shows it the teacher’s whole distribution: a soft target.",
      "A teacher that is sure gives its runners-up almost nothing to learn from. A somewhat higher τ lifts them, so the student also sees which tokens are alike: here Perth, Adelaide and Melbourne, cities too. A much higher τ lifts every token, and the cities are lost among all the others.",
    ],
    task: "Move τ slowly from 0.5 to 3. Where do Perth, Adelaide and Melbourne have the most? What takes the probability after that?",
    widget: studentWidget,
    question: "Many papers distil at τ = 3 to 4. Would you do so with this teacher?",
    answer: "Not from what this row shows. The three cities have the most near τ = 1.2; at τ = 3 they have 0.4%, and the 49,144 others together 98%. Values of 3 to 4 became popular with image classifiers: few classes, and a teacher so sure that it gives 99.9% to one class and shows its runners-up only at a higher τ. The surer the teacher and the fewer the classes, the higher τ may be. With our own language models τ = 1 did best in a short training; in a long one τ = 3 did better than 1. (The loss is multiplied by τ², since its gradient shrinks as 1/τ².) So try several, and compare each with the same student trained on hard labels. The teacher’s mistakes are passed on too: here Sydney. A hard label corrects them.",
  },
];

interface Column {
  readonly name: string;
  readonly term: Term;
}

/** What a table shows of one row: a text for each column, the bar's length, and the pale bar behind it. */
interface Line {
  readonly cells: readonly string[];
  readonly share: number;
  readonly behind?: number;
  readonly removed?: boolean;
}

/** The most likely tokens, all others in one row, and below them what `last` names. Bars reach from 0 to 100%. */
function rowsTable(row: Row, caption: string, columns: readonly Column[], last?: string): { element: HTMLElement; draw(line: (rank: number | "others" | "all") => Line): void } {
  const ranks: (number | "others" | "all")[] = [...Array.from({ length: SHOWN }, (_, rank) => rank), "others", ...(last ? ["all" as const] : [])];
  const lines = ranks.map((rank) => {
    const name = rank === "all" ? last! : rank === "others" ? `${whole(row.logits.length - SHOWN)} others` : tokenElement(row.record.position.tokens[rank]!);
    const cells = columns.map(() => h("td", { class: "figure" }));
    const behind = h("span", { class: "bar bar-behind" });
    const bar = h("span", { class: "bar bar-processed" });
    const element = h("tr", { class: rank === "all" ? "sum" : "" }, h("th", { scope: "row", class: "token-cell" }, name), ...cells, h("td", { class: "bar-cell" }, h("span", { class: "bar-box one", "aria-hidden": "true" }, behind, bar)));
    return { rank, cells, behind, bar, element };
  });
  const head = h("tr", {}, h("th", { scope: "col" }, "token ", help("token")), ...columns.map(({ name, term }) => h("th", { scope: "col", class: "figure" }, `${name} `, help(term))), h("th", { scope: "col" }, h("span", { class: "sr" }, "bar")));
  return {
    element: h("table", { class: "bars tour-table" }, h("caption", { class: "sr" }, caption), h("thead", {}, head), h("tbody", {}, ...lines.map((line) => line.element))),
    draw(of) {
      for (const { rank, cells, behind, bar, element } of lines) {
        const line = of(rank);
        cells.forEach((cell, place) => say(cell, line.cells[place] ?? ""));
        bar.style.transform = `scaleX(${rank === "all" ? 0 : line.share})`;
        behind.style.transform = `scaleX(${line.behind ?? 0})`;
        element.classList.toggle("removed", line.removed === true);
      }
    },
  };
}

const LOGIT: Column = { name: "logit", term: "logits" };
const PROBABILITY: Column = { name: "probability", term: "probability" };
const ADDED_TO_ALL = 5;

/** Always in per cent, so that a column has one unit. */
function percent(share: number): string {
  return share === 0 ? "0%" : share < 0.0001 ? "< 0.01%" : probability(share);
}

function logitWidget(row: Row, kept: Kept): Widget {
  const { raw } = explain([], row.logits) as RowExplanation;
  const table = rowsTable(row, "Logits, their powers and probabilities of the most likely tokens", [LOGIT, { name: "e^logit", term: "power" }, PROBABILITY], "sum");
  const sum = Math.exp(row.logits[0]!) / prob(raw, 0);
  let moved = within(kept.start, -2, 2, 0);
  const toAll = h("input", { type: "checkbox", onchange: () => draw() });
  const draw = everyFrame(() => {
    const more = toAll.checked ? ADDED_TO_ALL : 0;
    const logit = (rank: number): number => row.logits[rank]! + more + (rank === row.right ? moved : 0);
    const before = Math.exp(more) * sum;
    const all = before + Math.exp(logit(row.right)) - Math.exp(row.logits[row.right]! + more);
    table.draw((rank) => {
      const power = rank === "all" ? all : rank === "others" ? before * massBeyond(raw, SHOWN) : Math.exp(logit(rank));
      return { cells: [typeof rank === "number" ? decimals(logit(rank), 2) : "", whole(power), percent(power / all)], share: power / all };
    });
  });
  const name = row.record.right.trim();
  const knob = slider(
    { label: `added to the logit of ${name}`, term: "logits", min: -2, max: 2, step: 0.1, nudge: 0.1, write: (value) => signed(value, 1), marks: [[-2, "−2"], [0, "0"], [2, "+2"]] },
    (value) => (knob.show((moved = value)), kept.keep(String(value)), draw()),
  );
  knob.show(moved);
  draw();
  return { element: h("div", {}, knob.element, h("label", { class: "choice" }, toAll, ` add ${ADDED_TO_ALL} to every logit`), table.element) };
}

function temperatureWidget(row: Row, kept: Kept): Widget {
  const table = rowsTable(row, "Logits divided by the temperature, and probability of the most likely tokens", [{ name: "logit ÷ τ", term: "logits" }, PROBABILITY]);
  const raw = at(row, 1);
  const knob = knobOfTau(kept, (temperature) => {
    const now = at(row, temperature);
    table.draw((rank) => {
      const share = shareOf(now, temperature, rank);
      return { cells: [typeof rank !== "number" ? "" : temperature === 0 ? "–" : decimals(row.logits[rank]! / temperature, 2), percent(share)], share, behind: shareOf(raw, 1, rank) };
    });
  });
  return { element: h("div", {}, knob, table.element, h("p", { class: "legend" }, h("span", { class: "key key-accent" }, "at this τ"), h("span", { class: "key key-pale" }, "at τ = 1"))) };
}

function runnersUpWidget(row: Row, kept: Kept): Widget {
  const chart = lineChart(240);
  const entropy = h("b");
  const support = h("b");
  const chances = [row.first, row.right].map((rank) => ({ rank, value: h("b") }));
  // Close to 0 the curves bend: more points there.
  const grid = [...Array.from({ length: 30 }, (_, step) => step / 100), ...Array.from({ length: 55 }, (_, step) => 0.3 + step / 20)];
  const curves = chances.map(({ rank }) => grid.map((x): Point => ({ x, y: 100 * shareOf(at(row, x), x, rank) })));
  const knob = knobOfTau(kept, (temperature) => {
    const now = at(row, temperature);
    say(entropy, `${number(sums(now.processed).entropy)} nats`);
    say(support, asTokens(effectiveSupport(now.processed)));
    for (const { rank, value } of chances) say(value, percent(shareOf(now, temperature, rank)));
    chart.draw({
      title: "Probability of the two answers against temperature", x: "temperature τ", y: "probability, %", yFrom: 0, yTo: 100, mark: temperature,
      series: curves.map((points, place) => ({ name: nameOf(row, chances[place]!.rank), ink: place === 0 ? "second" : "accent", points, bare: true })),
    });
  });
  return {
    element: h(
      "div",
      {},
      knob,
      factList([
        { name: `chance of ${nameOf(row, row.first)}`, term: "tempered", value: chances[0]!.value },
        { name: `chance of ${nameOf(row, row.right)}`, term: "tempered", value: chances[1]!.value },
        { name: "entropy", term: "entropy", value: entropy },
        { name: "effective support", term: "effective-support", value: support },
      ]),
      h("p", { class: "legend" }, h("span", { class: "key key-second" }, `${nameOf(row, row.first)}: first, and wrong`), h("span", { class: "key key-accent" }, `${nameOf(row, row.right)}: second, and right`)),
      chart.element,
      row.record.draws.length > 0 ? drawsTable(row) : null,
    ),
    close: chart.close,
  };
}

const LONGEST_DRAW = 22;

/** What draws said, the two answers in their colours. */
function drawsTable(row: Row): HTMLElement {
  const chip = (text: string): HTMLElement => {
    const which = [row.first, row.right].findIndex((rank) => text === nameOf(row, rank));
    return h("span", { class: `chip ${["chip-second", "chip-accent"][which] ?? ""}`, title: text }, text.length > LONGEST_DRAW ? `${text.slice(0, LONGEST_DRAW - 2).trimEnd()} …` : text);
  };
  return h(
    "table",
    { class: "draws" },
    h("caption", {}, "What the model said in ten draws at each temperature"),
    h("tbody", {}, ...row.record.draws.map(({ temperature, texts }) => h("tr", {}, h("th", { scope: "row" }, `τ = ${tau(temperature)}`), h("td", {}, ...texts.flatMap((text): Child[] => [chip(text), " "]))))),
  );
}

const CHAINS: readonly (readonly [chain: string, words: string])[] = [
  ["top_p=0.9", "top-p 0.9 alone"],
  ["temperature=2 | top_p=0.9", "temperature 2, then top-p 0.9"],
  ["top_p=0.9 | temperature=2", "top-p 0.9, then temperature 2"],
  ["temperature=2 | top_k=5 | top_p=0.3", "temperature 2, then top-k 5, then top-p 0.3"],
];

function truncationWidget(row: Row, kept: Kept): Widget {
  const table = rowsTable(row, "What these settings leave of the most likely tokens", [{ name: "raw", term: "raw" }, { name: "processed", term: "processed" }]);
  const count = h("b", { role: "status" });
  const name = freshId("chain");
  const raw = at(row, 1);
  const show = (text: string): void => {
    const now = explain(parseChain(text), row.logits);
    const left = size(now.processed);
    table.draw((rank) => {
      const removed = rank === "all" ? false : rank === "others" ? left <= SHOWN : now.removedBy(rank) !== null;
      const share = shareOf(now, 1, rank);
      return { cells: [percent(shareOf(raw, 1, rank)), removed ? "removed" : percent(share)], share: removed ? 0 : share, behind: shareOf(raw, 1, rank), removed };
    });
    say(count, `${whole(left)} of ${whole(row.logits.length)}`);
  };
  const chosen = within(kept.start, 1, CHAINS.length, 1);
  const choices = CHAINS.map(([text, words], place) =>
    h("label", { class: "choice" }, h("input", { type: "radio", name, value: text, checked: place + 1 === chosen, onchange: () => (kept.keep(String(place + 1)), show(text)) }), h("span", {}, words)),
  );
  show(CHAINS[Math.floor(chosen) - 1]![0]);
  return {
    element: h(
      "div",
      {},
      h("fieldset", { class: "choices" }, h("legend", {}, "Settings, in the order in which they act"), ...choices),
      factList([{ name: "tokens kept", term: "truncation", value: count }]),
      table.element,
      h("p", { class: "legend" }, h("span", { class: "key key-accent" }, "what these settings leave"), h("span", { class: "key key-pale" }, "raw: the model’s own")),
    ),
  };
}

/** Wrong answers of the right kind, beside the first. */
const ALIKE = [" Perth", " Adelaide", " Melbourne"];

function studentWidget(row: Row, kept: Kept): Widget {
  const table = rowsTable(row, "The teacher's soft target at this temperature beside the hard label", [{ name: "hard label", term: "hard-labels" }, { name: "soft target", term: "soft-targets" }]);
  const [wrong, cities, support] = [h("b"), h("b"), h("b")];
  const alike = ALIKE.map((city) => row.record.position.tokens.indexOf(city)).filter((rank) => rank >= 0);
  const knob = knobOfTau(kept, (temperature) => {
    const now = at(row, temperature);
    table.draw((rank) => {
      const share = shareOf(now, temperature, rank);
      return { cells: [percent(Number(rank === row.right)), percent(share)], share, behind: Number(rank === row.right) };
    });
    say(wrong, percent(1 - shareOf(now, temperature, row.right)));
    say(cities, percent(alike.reduce((total, rank) => total + shareOf(now, temperature, rank), 0)));
    say(support, asTokens(effectiveSupport(now.processed)));
  });
  return {
    element: h(
      "div",
      {},
      knob,
      factList([
        { name: "all wrong tokens together", term: "tempered", value: wrong },
        { name: "of which Perth, Adelaide, Melbourne", term: "tempered", value: cities },
        { name: "effective support of the soft target", term: "effective-support", value: support },
      ]),
      table.element,
      h("p", { class: "legend" }, h("span", { class: "key key-accent" }, "soft target: the teacher at this τ"), h("span", { class: "key key-pale" }, "hard label: the right token alone")),
    ),
  };
}

/** The slider of τ in its box; `show` draws what it moves, once now and once a frame after that. */
function knobOfTau(kept: Kept, show: (temperature: number) => void): HTMLElement {
  let temperature = within(kept.start, 0, HOTTEST, 1);
  const draw = everyFrame(() => show(temperature));
  const knob = tauSlider((value) => (knob.show((temperature = value)), kept.keep(String(value)), draw()));
  knob.show(temperature);
  draw();
  return knob.element;
}

/** The number of a text, or `initial` where it is none or out of range. */
function within(text: string | undefined, least: number, most: number, initial: number): number {
  const value = Number(text ?? NaN);
  return value >= least && value <= most ? value : initial;
}

function at(row: Row, temperature: number): RowExplanation {
  return explain([{ name: "temperature", value: temperature }], row.logits);
}

/** The share of a rank, or of all that have no row of their own. At τ = 0 the first token has everything, also beside a tie. */
function shareOf({ processed }: RowExplanation, temperature: number, rank: number | "others" | "all"): number {
  if (rank === "all") return 1;
  if (temperature === 0) return Number(rank === 0);
  return rank === "others" ? massBeyond(processed, SHOWN) : prob(processed, rank);
}

function asTokens(count: number): string {
  const text = number(count);
  return `${text} ${text === "1" ? "token" : "tokens"}`;
}

function nameOf(row: Row, rank: number): string {
  return row.record.position.tokens[rank]!.trim();
}
