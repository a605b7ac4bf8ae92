// Which temperature suits a task: quality and variety with their intervals, and what can be told apart.

import { fill, h, say, type Child } from "../parts/dom.ts";
import { decimals, interval, number, percent, signed, signedInterval, tau, whole } from "../parts/format.ts";
import { factList, help, type Fact, type Term } from "../parts/help.ts";
import { lineChart, type Drawing, type Point } from "../parts/lineChart.ts";
import type { Answer, PageData, Setting, TuneRecord } from "../records.ts";
import type { Context, View } from "./view.ts";

export function tuneView(record: NonNullable<PageData["tune"]>, _context: Context): View {
  const places = record.settings.map((one, place) => placeOf(one, record.axis) ?? place);
  const ordered = record.settings.every((one) => placeOf(one, record.axis) !== null);
  const found = record.recommendation;
  const quality = lineChart();
  const variety = lineChart();
  const region = ordered ? numbersOf(found.region) : undefined;
  const common = {
    x: ordered ? axisName(record.axis) : "setting, as in the table",
    ...(region && { region: [region[0]!, region.at(-1)!] as const }),
    ...(ordered && typeof found.setting === "number" ? { mark: found.setting } : {}),
    ...(ordered ? {} : { ticks: places.map((place) => [place, String(place + 1)] as [number, string]) }),
  };
  const points = (value: (one: Setting) => number | null, ends?: (one: Setting) => [number, number]): Point[] =>
    record.settings.flatMap((one, place) => {
      const y = value(one);
      if (y === null) return [];
      return [{ x: places[place]!, y, ...(ends && { low: ends(one)[0], high: ends(one)[1] }) }];
    });
  quality.draw({
    ...common,
    title: `Quality of ${record.model} on ${record.task}`,
    y: record.score,
    series: [{ name: "score", ink: "accent", points: points((one) => one.score, (one) => one.score_ci) }],
  } satisfies Drawing);
  const mixed = [
    { name: "distinct answers", ink: "second" as const, points: points((one) => one.distinct) },
    { name: "agreement of two answers", ink: "raw" as const, dashed: true, points: points((one) => one.agreement) },
  ].filter((one) => one.points.length > 0);
  variety.draw({ ...common, title: "Variety of the answers", y: "share", yFrom: 0, yTo: 1, series: mixed });

  const answers = record.answers && record.answers.length > 0 ? answersCard(record, record.answers) : null;
  const element = h(
    "div",
    {},
    h(
      "section",
      { class: "card", "aria-label": "Recommendation" },
      h("p", { class: "meta" }, `${record.model} on ${record.task} (${record.goal}): ${whole(record.items)} items, ${whole(record.samples_per_item)} answers each, seed ${record.seed}${record.chain ? `, drawn through ${record.chain}` : ""}`),
      h("h2", { class: "verdict" }, found.setting === null ? "No recommendation" : `Recommended: ${settingText(found.setting, record.axis)}`),
      h("p", {}, found.reason),
      factList(facts(record), "measures recommendation"),
    ),
    h(
      "div",
      { class: "two" },
      h(
        "figure",
        { class: "card" },
        h("figcaption", {}, h("b", {}, "Quality "), help("score"), " ", h("small", {}, "The line is the score, the band around it each setting’s own 95% interval. Green: statistically tied with the best. Dashed: recommended. "), help("tied")),
        quality.element,
      ),
      mixed.length === 0
        ? null
        : h(
            "figure",
            { class: "card" },
            h("figcaption", {}, h("b", {}, "Variety "), h("span", { class: "legend" }, h("span", { class: "key key-second" }, "distinct: share of an item’s answers that differ ", help("distinct")), h("span", { class: "key key-dashed" }, "agreement: share of pairs that are the same ", help("agreement")))),
            variety.element,
          ),
    ),
    h("section", { class: "card scroll", tabindex: 0, "aria-label": "All settings" }, table(record, answers?.open)),
    answers?.element ?? null,
    questionsCard(record),
    varietyCard(record),
  );
  return {
    element,
    close: () => {
      quality.close();
      variety.close();
    },
    download: {
      name: "retort-tune",
      json: () => record,
      csv: () => [
        ["setting", "score", "score_low", "score_high", "distinct", "agreement", "samples", ...VARIETY.map(([key]) => key)],
        ...record.settings.map((one) => [
          settingText(one.temperature ?? one.setting, null), one.score, ...one.score_ci, one.distinct, one.agreement, one.samples,
          ...VARIETY.map(([key]) => one.variety?.[key] ?? null),
        ]),
      ],
      svg: () => quality.element,
    },
  };
}

function facts(record: TuneRecord): Fact[] {
  const found = record.recommendation;
  const bold = (text: string, ci?: readonly [number, number] | null): HTMLElement => h("span", {}, h("b", {}, text), ci ? h("small", {}, ` ${signedInterval(ci)}`) : null);
  return [
    { name: `score minus that at ${settingText(found.reference, record.axis)}`, unit: `95% interval ${found.planned ? "of this comparison" : "for all pairs together"}`, term: "interval", value: bold(signed(found.difference), found.difference_ci) },
    { name: "significantly better", term: "tied", value: bold(found.detectable ? "yes" : "no") },
    ...(found.held_out_difference === null ? [] : [{ name: "the same, on items not used to choose", term: "held-out-half" as const, value: bold(signed(found.held_out_difference), found.held_out_ci) }]),
    ...(found.chosen_again === null ? [] : [{ name: "chosen again on half the items", unit: "share of halves", term: "held-out-half" as const, value: bold(percent(found.chosen_again)) }]),
    ...(found.minimum_detectable_difference === null ? [] : [{ name: "smallest difference that would show", unit: "in 4 of 5 runs", term: "detectable" as const, value: bold(number(found.minimum_detectable_difference)) }]),
    ...(record.forward_passes === null || record.independent_passes === null ? [] : [{ name: "forward passes", unit: `${whole(record.independent_passes)} without sharing`, term: "forward-pass" as const, value: bold(whole(record.forward_passes)) }]),
  ];
}

/** Every setting, and every prompt where there are several; `open`, where the answers are there, shows those of a cell. */
function table(record: TuneRecord, open?: (place: number, prompt?: number) => void): HTMLElement {
  const prompts = [...new Set(record.cells.map(({ prompt }) => prompt))];
  const cellsOf = (one: Setting): typeof record.cells => record.cells.filter(({ setting }) => JSON.stringify(setting) === JSON.stringify(one.setting ?? { temperature: one.temperature }));
  // Of a narrow screen the last two are in the picture of the variety alone.
  const names: [string, Term, string?][] = [[axisName(record.axis), "temperature"], ["score", "score"], ["95% interval", "interval"], ["distinct", "distinct", "wide-only"], ["agreement", "agreement", "wide-only"]];
  return h(
    "table",
    { class: "plain-table numeric settings" },
    h("caption", {}, `Every setting: ${record.score}, its own interval, and how alike its answers are`),
    h("thead", {}, h("tr", {}, ...names.map(([name, term, only]) => h("th", { scope: "col", class: only }, `${name} `, help(term))), ...(prompts.length > 1 ? prompts.map((prompt) => h("th", { scope: "col" }, `prompt ${prompt}`)) : []), h("th", { scope: "col" }, "answers"))),
    h(
      "tbody",
      {},
      ...record.settings.map((one, place) => {
        const value = one.temperature ?? one.setting;
        const chosen = JSON.stringify(value) === JSON.stringify(record.recommendation.setting);
        const samples = whole(one.samples);
        const at = settingText(value, record.axis);
        const opener = (text: string, label: string, prompt?: number): Child => (open ? h("button", { type: "button", class: "quiet open-answers", "aria-label": label, onclick: () => open(place, prompt) }, text) : text);
        return h(
          "tr",
          { class: chosen ? "chosen" : "" },
          h("th", { scope: "row" }, chosen ? "→ " : "", settingText(value, null)),
          h("td", { class: "figure", "data-value": one.score }, decimals(one.score)),
          h("td", { class: "figure interval-cell" }, interval(one.score_ci)),
          h("td", { class: "figure wide-only" }, share(one.distinct)),
          h("td", { class: "figure wide-only" }, share(one.agreement)),
          ...(prompts.length > 1 ? cellsOf(one).map(({ prompt, score }) => h("td", { class: "figure" }, opener(decimals(score), `Prompt ${prompt} at ${at}: score ${decimals(score)}. Show its answers.`, prompt))) : []),
          h("td", { class: "figure" }, opener(samples, `Show the ${samples} answers at ${at}`)),
        );
      }),
    ),
  );
}

function share(value: number | null): string {
  return decimals(value, 2);
}

const ITEMS_SHOWN = 12;

/** The answers of two settings side by side, item by item; `open` shows those of a setting at the left. */
function answersCard(record: TuneRecord, answers: readonly Answer[]): { element: HTMLElement; open: (place: number, prompt?: number) => void } {
  const keys = [...new Set(answers.map(({ item, prompt }) => JSON.stringify([item, prompt])))];
  const prompts = [...new Set(answers.map(({ prompt }) => prompt))].sort((a, b) => a - b);
  const several = prompts.length > 1;
  const binary = answers.every(({ score }) => score === 0 || score === 1);
  const same = (value: unknown): number => record.settings.findIndex((one) => JSON.stringify(one.temperature ?? one.setting) === JSON.stringify(value));
  const first = Math.max(0, same(record.recommendation.setting));
  const second = [same(record.recommendation.reference), record.settings.length - 1].find((one) => one >= 0 && one !== first) ?? first;
  const body = h("tbody");
  let shown = ITEMS_SHOWN;
  const more = h("button", { type: "button", class: "quiet more", onclick: () => ((shown += ITEMS_SHOWN), draw()) });
  const which = h("select", { "aria-label": "Prompt", hidden: !several, onchange: () => draw() }, h("option", { value: "" }, "all prompts"), ...prompts.map((prompt) => h("option", { value: prompt }, `prompt ${prompt}`)));
  const [left, right] = [choice("Answers at", first), choice("beside those at", second)];

  function choice(label: string, chosen: number): HTMLSelectElement {
    const made = h("select", { "aria-label": label, onchange: () => draw() });
    record.settings.forEach((one, place) => made.append(h("option", { value: place, selected: place === chosen }, settingText(one.temperature ?? one.setting, record.axis))));
    return made;
  }

  /** Each different answer once, the most frequent first. */
  function cell(item: string, prompt: number, setting: number): HTMLElement {
    const counts = new Map<string, { text: string; score: number; times: number }>();
    for (const { text, score, ...one } of answers) {
      if (one.item !== item || one.prompt !== prompt || one.setting !== setting) continue;
      const key = JSON.stringify([text, score]);
      const known = counts.get(key) ?? { text, score, times: 0 };
      counts.set(key, { ...known, times: known.times + 1 });
    }
    const lines = [...counts.values()].sort((a, b) => b.times - a.times).map(({ text, score, times }) =>
      h(
        "p",
        { class: `answer${binary ? (score === 1 ? " right" : " wrong") : ""}` },
        binary ? h("span", {}, h("span", { "aria-hidden": "true" }, score === 1 ? "✓ " : "✗ "), h("span", { class: "sr" }, score === 1 ? "right: " : "wrong: ")) : h("small", {}, `${number(score)} `),
        text || "(empty)",
        times > 1 ? h("small", {}, ` × ${times}`) : null,
      ),
    );
    return h("td", { dir: "auto" }, ...lines);
  }

  function draw(): void {
    const wanted = keys.map((key) => JSON.parse(key) as [string, number]).filter(([, prompt]) => which.value === "" || prompt === Number(which.value));
    const rows = wanted.slice(0, shown);
    fill(body, ...rows.map(([item, prompt]) => h("tr", {}, h("th", { scope: "row" }, item, several ? h("small", {}, ` prompt ${prompt}`) : null), cell(item, prompt, Number(left.value)), cell(item, prompt, Number(right.value)))));
    more.hidden = shown >= wanted.length;
    say(more, `Show more of ${whole(wanted.length)} items`);
  }
  draw();
  const element = h(
    "section",
    { class: "card", "aria-label": "Answers side by side" },
    h("p", {}, h("b", {}, "Answers of two settings "), help("score"), " ", h("small", {}, binary ? "✓ scored 1, ✗ scored 0. " : "Each behind its score. "), which),
    h("table", { class: "plain-table answers" }, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "item"), h("th", { scope: "col" }, left), h("th", { scope: "col" }, right))), body),
    more,
  );
  return {
    element,
    open(place, prompt) {
      left.value = String(place);
      which.value = prompt === undefined ? "" : String(prompt);
      draw();
      element.scrollIntoView({ block: "start" });
      left.focus({ preventScroll: true });
    },
  };
}

/** The differences that somebody asks for, and what several answers together would give. */
function questionsCard(record: TuneRecord): HTMLElement | null {
  if (record.questions.length === 0 && record.votes.length === 0) return null;
  const votes = record.votes.map(({ kind, answers, recommendation }) =>
    h("li", {}, `${kind === "majority" ? `Majority of ${answers} answers` : `One of ${answers} answers is right`}: best at ${settingText(recommendation.setting, record.axis)}. `, help("pass-at-k")),
  );
  return h(
    "section",
    { class: "card scroll", tabindex: 0, "aria-label": "Differences that matter" },
    h("p", {}, h("b", {}, "Differences that matter "), help("interval")),
    record.questions.length === 0
      ? null
      : h(
          "table",
          { class: "plain-table" },
          h("thead", {}, h("tr", {}, ...["question", "score of", "minus score of", "difference, 95% interval"].map((name) => h("th", { scope: "col" }, name)))),
          h("tbody", {}, ...record.questions.map(({ question, better, than, difference, difference_ci }) => h("tr", {}, h("th", { scope: "row" }, question), h("td", {}, better), h("td", {}, than), h("td", {}, `${signed(difference)} (${signedInterval(difference_ci)})`)))),
        ),
    votes.length > 0 ? h("ul", {}, ...votes) : null,
  );
}

const VARIETY: readonly [key: string, name: string, term: Term][] = [
  ["distinct_1", "distinct words", "distinct-n"],
  ["distinct_2", "distinct pairs of words", "distinct-n"],
  ["self_bleu", "self-BLEU", "self-bleu"],
  ["vendi", "Vendi score", "vendi"],
  ["semantic_distinct", "groups of alike answers", "distinct"],
];

/** How different an item's answers are, in the other ways in which it was measured. */
function varietyCard(record: TuneRecord): HTMLElement | null {
  const first = record.settings.find((one) => one.variety)?.variety;
  if (!first) return null;
  const known = VARIETY.filter(([key]) => record.settings.some((one) => typeof one.variety?.[key] === "number"));
  return h(
    "section",
    { class: "card scroll", tabindex: 0, "aria-label": "Other measures of variety" },
    h("p", {}, h("b", {}, "Variety, in other ways "), h("small", {}, `Means over ${first["items"]} items, of up to ${first["answers"]} answers each, compared by ${first["likeness"]}.`)),
    h(
      "table",
      { class: "plain-table numeric" },
      h("caption", { class: "sr" }, "Every setting with the other measures of variety"),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, axisName(record.axis)), ...known.map(([, name, term]) => h("th", { scope: "col" }, `${name} `, help(term))))),
      h(
        "tbody",
        {},
        ...record.settings.map((one) =>
          h("tr", {}, h("th", { scope: "row" }, settingText(one.temperature ?? one.setting, null)), ...known.map(([key]) => h("td", { class: "figure" }, number(one.variety?.[key] as number | null)))),
        ),
      ),
    ),
  );
}

function placeOf(one: Setting, axis: string | null | undefined): number | null {
  const value = axis ? (one.setting?.[axis] ?? (axis === "temperature" ? one.temperature : null)) : null;
  return typeof value === "number" ? value : null;
}

function numbersOf(values: readonly unknown[]): number[] | undefined {
  return values.length > 0 && values.every((value) => typeof value === "number") ? (values as number[]) : undefined;
}

function axisName(axis: string | null | undefined): string {
  return axis === "temperature" ? "temperature τ" : (axis ?? "setting");
}

function settingText(value: unknown, axis: string | null | undefined): string {
  if (typeof value === "number") return axis === "temperature" ? `τ = ${tau(value)}` : axis ? `${axis} = ${tau(value)}` : tau(value);
  if (value !== null && typeof value === "object") return Object.entries(value).map(([name, one]) => `${name}=${one}`).join(" ");
  return String(value);
}
