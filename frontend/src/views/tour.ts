// A tour of five steps for somebody who knows none of it: each one idea, one thing to move, one question with its answer.
//
// Every number is computed here from one recorded row of a real language model, so what the reader moves is not a picture.

import { effectiveSupport, explain, parseChain, size, type RowExplanation } from "../math/chain.ts";
import { massBeyond, prob } from "../math/order.ts";
import { unpackLogits } from "../math/unpack.ts";
import { sums } from "../math/window.ts";
import { fill, freshId, h, say, type Child } from "../parts/dom.ts";
import { number, probability, tau, whole } from "../parts/format.ts";
import { everyFrame } from "../parts/frame.ts";
import { help, type Term } from "../parts/help.ts";
import { lineChart, type Point } from "../parts/lineChart.ts";
import { tokenElement, tokenText } from "../parts/tokens.ts";
import type { TourRecord } from "../records.ts";
import type { Context, View } from "./view.ts";

const SHOWN = 8;
const HOTTEST = 3;

/** What a step gives: what to move and what then changes. */
interface Widget {
  readonly element: HTMLElement;
  close?(): void;
}

interface Step {
  readonly title: string;
  readonly idea: Child[];
  readonly widget: (row: Row) => Widget;
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
  const { state, announce } = context;
  const body = h("div", { class: "tour-body" });
  let widget: Widget | undefined;

  const names = STEPS.map((step, place) =>
    h("li", {}, h("button", { type: "button", class: "quiet", onclick: () => state.set("step", String(place + 1)) }, `${place + 1}. ${step.title}`)),
  );
  const back = h("button", { type: "button", class: "quiet", onclick: () => go(-1) }, "← Back");
  const next = h("button", { type: "button", class: "solid", onclick: () => go(1) }, "Next →");

  function place(): number {
    const asked = Number(state.get("step") ?? "1");
    return Number.isInteger(asked) && asked >= 1 && asked <= STEPS.length ? asked - 1 : 0;
  }

  function go(by: number): void {
    state.set("step", String(Math.min(STEPS.length, Math.max(1, place() + 1 + by))));
    body.querySelector("h2")?.focus();
  }

  function open(): void {
    const at = place();
    const step = STEPS[at]!;
    widget?.close?.();
    widget = step.widget(row);
    names.forEach((name, index) => name.firstElementChild!.toggleAttribute("aria-current", index === at));
    back.disabled = at === 0;
    next.disabled = at === STEPS.length - 1;
    fill(
      body,
      h("h2", { tabindex: "-1" }, `${at + 1}. ${step.title}`),
      ...step.idea.map((text) => h("p", {}, text)),
      h("div", { class: "card" }, widget.element),
      h("details", { class: "card question" }, h("summary", {}, h("b", {}, "Question: "), step.question), h("p", {}, step.answer)),
    );
    announce(`Step ${at + 1} of ${STEPS.length}: ${step.title}`);
  }

  const stop = state.listen((name) => name === "step" && open());
  open();
  return {
    element: h(
      "div",
      { class: "tour" },
      h("p", { class: "meta" }, `${record.position.model} after “${record.position.prompt}”: one recorded row of ${whole(logits.length)} logits. Everything below is computed from it in this page.`),
      h("nav", { "aria-label": "Steps of the tour" }, h("ol", { class: "tour-steps" }, ...names)),
      body,
      h("p", { class: "tour-go" }, back, " ", next),
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
    idea: [
      "A language model ends in one number for each token that it knows: the logits. They are not probabilities. Softmax makes them so: raise e to each logit, and divide by the sum over all tokens.",
      "Only differences count. Raise one logit and its token takes probability from all the others, each in proportion to what it has.",
    ],
    widget: logitWidget,
    question: "What changes if every logit grows by 5?",
    answer: "Nothing. Every e^logit grows by the same factor, e⁵, and so does their sum: the factor cancels. That is why a logit alone means nothing, and why softmax can subtract the largest one first, so that nothing overflows.",
  },
  {
    title: "What temperature does",
    idea: [
      "Temperature τ divides every logit before the softmax. Below 1 the gaps grow, so the likely tokens take more. Above 1 the gaps shrink, so the unlikely ones gain.",
      "It never changes the order. Move the slider and look at the rows: no token overtakes another.",
    ],
    widget: temperatureWidget,
    question: "What does τ → 0 become?",
    answer: "Greedy decoding: the token with the largest logit gets all the probability, and the same prompt gives the same text, as far as the arithmetic repeats itself. τ → ∞ is the other end: every token becomes equally likely.",
  },
  {
    title: "Entropy and the runners-up",
    idea: [
      "Entropy says how uncertain the distribution is, in nats. e^entropy is the number of equally likely tokens that would be as uncertain.",
      "The runners-up are knowledge too. Here the most likely token is the famous city; the right answer is second, close behind. At τ = 0 it never comes. Some call this dark knowledge: it is in the model, and only sampling or a student can reach it.",
    ],
    widget: runnersUpWidget,
    question: "Why can τ = 0.7 give another answer than τ = 0, and is it then more correct?",
    answer: "Because a draw may take a runner-up; the order has not changed. It is more often correct only where the right answer is not at the top, as here. Where the top answer is right, every draw that leaves it is a loss.",
  },
  {
    title: "Truncation and its order",
    idea: [
      "Truncation removes unlikely tokens before the draw: top-k keeps the k most likely, top-p the smallest set that holds a share p of the probability. What is left is scaled up to sum to one.",
      "Top-p depends on the temperature that acts before it. The same two settings in another order keep other tokens, and engines do not agree on the order.",
    ],
    widget: truncationWidget,
    question: "Temperature 2 with top-k 5 and top-p 0.3: which of them decides?",
    answer: "The truncations do. The high temperature asks for variety, and then top-k and top-p together keep one or a few tokens: fewer than either would alone. Set the temperature first, then one truncation.",
  },
  {
    title: "From teacher to student",
    idea: [
      "A small model can learn from a large one. Instead of the one right token (a hard label) it is shown the teacher's whole distribution (a soft target). A higher τ lifts the runners-up, so the student sees what is similar to what.",
      "The gradient of the soft loss shrinks as 1/τ², so the loss is multiplied by τ² to keep the two parts in balance.",
    ],
    widget: studentWidget,
    question: "Why do people use τ = 3 to 4 for distilling?",
    answer: "At τ = 1 a sure teacher is almost a hard label: the runners-up weigh too little to teach. At 3 to 4 they weigh enough. Much higher, all tokens look alike and the signal drowns. It is a custom and not a law: on our own language models τ = 1 did better in short trainings. Always compare with the same student trained on hard labels.",
  },
];

/** The first rows of the table: a token, a number, a bar. `draw` gives each row's share and whether it is removed. */
function rowsTable(row: Row, caption: string): { element: HTMLElement; draw(shares: (rank: number) => [number, string], rest: number, gone?: (rank: number) => boolean): void } {
  const lines = Array.from({ length: SHOWN + 1 }, (_, rank) => {
    const value = h("td", { class: "figure" });
    const bar = h("span", { class: "bar bar-processed" });
    const name = rank < SHOWN ? tokenElement(row.record.position.tokens[rank]!) : `${whole(row.logits.length - SHOWN)} more tokens`;
    const extra = h("td", { class: "figure wide-only" });
    const element = h("tr", {}, h("th", { scope: "row", class: "token-cell" }, name), extra, value, h("td", { class: "bar-cell" }, h("span", { class: "bar-box one", "aria-hidden": "true" }, bar)));
    return { element, value, bar, extra };
  });
  const head = h("tr", {}, h("th", { scope: "col" }, "token"), h("th", { scope: "col", class: "figure wide-only" }, "logit"), h("th", { scope: "col", class: "figure" }, "probability"), h("th", { scope: "col" }, h("span", { class: "sr" }, "bar")));
  return {
    element: h("table", { class: "bars" }, h("caption", { class: "sr" }, caption), h("thead", {}, head), h("tbody", {}, ...lines.map((line) => line.element))),
    draw(shares, rest, gone = () => false) {
      lines.forEach((line, rank) => {
        const [share, logit] = rank < SHOWN ? shares(rank) : [rest, ""];
        say(line.value, gone(rank) ? "removed" : probability(share));
        say(line.extra, logit);
        line.bar.style.transform = `scaleX(${gone(rank) ? 0 : share})`;
        line.element.classList.toggle("removed", gone(rank));
      });
    },
  };
}

function slider(label: string, min: number, max: number, initial: number, spoken: (value: number) => string, onChange: (value: number) => void): HTMLElement {
  const id = freshId("tour");
  const output = h("output", { for: id, class: "tau-value" }, spoken(initial));
  const range = h("input", {
    id, type: "range", class: "tau", min, max, step: 0.05, value: initial, "aria-valuetext": spoken(initial),
    oninput: () => {
      const value = Number(range.value);
      say(output, spoken(value));
      range.setAttribute("aria-valuetext", spoken(value));
      onChange(value);
    },
  });
  return h("div", { class: "tau-box" }, h("label", { for: id }, label), output, range);
}

function logitWidget(row: Row): Widget {
  const { explanation, table } = drawn(row, "temperature=1", "Logits and probabilities of the most likely tokens");
  const share = prob(explanation.raw, row.right);
  let moved = 0;
  const draw = everyFrame(() => {
    // Only one weight changes: every other probability is divided by the new sum.
    const sum = 1 + share * (Math.exp(moved) - 1);
    const of = (rank: number): number => (prob(explanation.raw, rank) * (rank === row.right ? Math.exp(moved) : 1)) / sum;
    table.draw((rank) => [of(rank), number(row.logits[rank]! + (rank === row.right ? moved : 0))], massBeyond(explanation.raw, SHOWN) / sum);
  });
  draw();
  const name = tokenText(row.record.right);
  return { element: h("div", {}, slider(`add to the logit of ${name}`, -4, 4, 0, (value) => number(value), (value) => ((moved = value), draw())), table.element) };
}

function temperatureWidget(row: Row): Widget {
  const table = rowsTable(row, "Probability of the most likely tokens at this temperature");
  let temperature = 1;
  const draw = everyFrame(() => {
    const { processed } = at(row, temperature);
    table.draw((rank) => [temperature === 0 ? Number(rank === 0) : prob(processed, rank), number(row.logits[rank]!)], temperature === 0 ? 0 : massBeyond(processed, SHOWN));
  });
  draw();
  return { element: h("div", {}, tauSlider((value) => ((temperature = value), draw())), table.element) };
}

function runnersUpWidget(row: Row): Widget {
  const chart = lineChart(240);
  const entropy = h("b");
  const support = h("b");
  const chances = [row.first, row.right].map((rank) => ({ rank, value: h("b") }));
  const grid = Array.from({ length: 60 }, (_, step) => (HOTTEST * (step + 1)) / 60);
  const curves = chances.map(({ rank }) => grid.map((x): Point => ({ x, y: prob(at(row, x).processed, rank) })));
  let temperature = 1;
  const draw = everyFrame(() => {
    const { processed } = at(row, temperature);
    say(entropy, `${number(sums(processed).entropy)} nats`);
    say(support, number(effectiveSupport(processed)));
    for (const { rank, value } of chances) say(value, probability(temperature === 0 ? Number(rank === 0) : prob(processed, rank)));
    chart.draw({
      title: "Probability of the two answers against temperature", x: "temperature τ", y: "probability", yFrom: 0, yTo: 1, mark: temperature,
      series: curves.map((points, place) => ({ name: nameOf(row, chances[place]!.rank), ink: place === 0 ? "second" : "accent", points, bare: true })),
    });
  });
  draw();
  const draws = row.record.draws.map(({ temperature: hot, texts }) => h("tr", {}, h("th", { scope: "row" }, `τ = ${tau(hot)}`), h("td", {}, texts.join(" · "))));
  return {
    element: h(
      "div",
      {},
      tauSlider((value) => ((temperature = value), draw())),
      h(
        "dl",
        { class: "measures" },
        measure("entropy, nats, at this τ", entropy, "entropy"),
        measure("effective support, tokens", support, "effective-support"),
        ...chances.map(({ rank, value }) => measure(`probability of ${nameOf(row, rank)}`, value)),
      ),
      h("p", { class: "legend" }, h("span", { class: "key key-second" }, nameOf(row, row.first)), h("span", { class: "key key-accent" }, nameOf(row, row.right))),
      chart.element,
      draws.length > 0 ? h("table", { class: "draws" }, h("caption", {}, "What ten draws said at each temperature"), h("tbody", {}, ...draws)) : null,
    ),
    close: chart.close,
  };
}

const CHAINS = ["top_p=0.9", "temperature=2 | top_p=0.9", "top_p=0.9 | temperature=2", "temperature=2 | top_k=5 | top_p=0.3"];

function truncationWidget(row: Row): Widget {
  const table = rowsTable(row, "What these settings leave of the most likely tokens");
  const kept = h("p", { class: "meta", role: "status" });
  const notes = h("ul", { class: "warnings", "aria-label": "Where the settings conflict" });
  const name = freshId("chain");
  const show = (text: string): void => {
    const explanation = explain(parseChain(text), row.logits);
    const left = size(explanation.processed);
    table.draw((rank) => [prob(explanation.processed, rank), number(row.logits[rank]!)], massBeyond(explanation.processed, SHOWN), (rank) => (rank < SHOWN ? explanation.removedBy(rank) !== null : left <= SHOWN));
    say(kept, `${whole(left)} of ${whole(row.logits.length)} tokens are kept.`);
    fill(notes, ...explanation.warnings.map((warning) => h("li", {}, warning)));
    notes.hidden = explanation.warnings.length === 0;
  };
  const choices = CHAINS.map((text, place) =>
    h("label", { class: "choice" }, h("input", { type: "radio", name, value: text, checked: place === 0, onchange: () => show(text) }), " ", h("code", {}, text)),
  );
  show(CHAINS[0]!);
  return { element: h("div", {}, h("fieldset", { class: "choices" }, h("legend", {}, "Settings, in the order in which they act"), ...choices), kept, table.element, notes) };
}

function studentWidget(row: Row): Widget {
  const table = rowsTable(row, "The teacher's soft target at this temperature");
  const rest = h("b");
  const scale = h("b");
  const draw = (temperature: number): void => {
    const { processed } = at(row, temperature);
    table.draw((rank) => [prob(processed, rank), number(row.logits[rank]!)], massBeyond(processed, SHOWN));
    say(rest, probability(1 - prob(processed, 0)));
    say(scale, `1/${number(temperature * temperature)}`);
  };
  draw(1);
  return {
    element: h(
      "div",
      {},
      slider("temperature of the soft targets", 0.5, 8, 1, (value) => `τ = ${tau(value)}`, draw),
      h("dl", { class: "measures" }, measure("probability of the runners-up, all together", rest), measure("scale of the soft gradient, before τ²", scale)),
      table.element,
      h("p", { class: "meta" }, "A hard label would be 100 % on one token and nothing on the others."),
    ),
  };
}

function drawn(row: Row, chain: string, caption: string): { explanation: RowExplanation; table: ReturnType<typeof rowsTable> } {
  return { explanation: explain(parseChain(chain), row.logits), table: rowsTable(row, caption) };
}

function at(row: Row, temperature: number): RowExplanation {
  return explain([{ name: "temperature", value: temperature }], row.logits);
}

function tauSlider(onChange: (value: number) => void): HTMLElement {
  return slider("temperature", 0, HOTTEST, 1, (value) => `τ = ${tau(value)}${value === 0 ? ", greedy" : value === 1 ? ", the model's own" : ""}`, onChange);
}

function measure(name: string, value: HTMLElement, term?: Term): HTMLElement {
  return h("div", { class: "measure" }, h("dt", {}, name, " ", term ? help(term) : null), h("dd", {}, value));
}

function nameOf(row: Row, rank: number): string {
  return row.record.position.tokens[rank]!.trim();
}
