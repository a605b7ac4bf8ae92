// Which temperature suits a task: quality and variety with their intervals, and what can be told apart.

import { fill, h } from "../parts/dom.ts";
import { number, signed, tau, whole } from "../parts/format.ts";
import { help, type Term } from "../parts/help.ts";
import { lineChart, type Drawing, type Point } from "../parts/lineChart.ts";
import type { Answer, PageData, Setting, TuneRecord } from "../records.ts";
import type { Context, View } from "./view.ts";

export function tuneView(record: NonNullable<PageData["tune"]>, _context: Context): View {
  const places = record.settings.map((one, place) => placeOf(one, record.axis) ?? place);
  const ordered = record.settings.every((one) => placeOf(one, record.axis) !== null);
  const found = record.recommendation;
  const quality = lineChart();
  const variety = lineChart(200);
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

  const element = h(
    "div",
    {},
    h(
      "section",
      { class: "card", "aria-label": "Recommendation" },
      h("p", { class: "meta" }, `${record.model} on ${record.task} (${record.goal}): ${whole(record.items)} items, ${whole(record.samples_per_item)} answers each, seed ${record.seed}${record.chain ? `, drawn through ${record.chain}` : ""}`),
      h("h2", { class: "verdict" }, found.setting === null ? "No recommendation" : `Recommended: ${settingText(found.setting, record.axis)}`),
      h("p", {}, found.reason),
      h("dl", { class: "facts recommendation" }, ...facts(record)),
    ),
    h(
      "figure",
      { class: "card" },
      h("figcaption", {}, h("b", {}, "Quality. "), help("tied"), " ", h("small", {}, `${record.score}; the band is each setting's own 95 % interval, the shaded settings are statistically tied with the best, the dashed line is the recommended one.`)),
      quality.element,
    ),
    mixed.length === 0
      ? null
      : h(
          "figure",
          { class: "card" },
          h("figcaption", {}, h("b", {}, "Variety. "), h("span", { class: "legend" }, h("span", { class: "key key-second" }, "distinct: share of an item's answers that differ"), h("span", { class: "key key-dashed" }, "agreement: share of pairs that are the same"))),
          variety.element,
        ),
    h("section", { class: "card scroll", tabindex: 0, "aria-label": "All settings" }, table(record)),
    record.answers ? answersCard(record, record.answers) : null,
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

function facts(record: TuneRecord): HTMLElement[] {
  const found = record.recommendation;
  const rows: [string, string][] = [
    [`score minus the score at ${settingText(found.reference, record.axis)}`, `${signed(found.difference, 3)} (${signed(found.difference_ci[0], 3)} to ${signed(found.difference_ci[1], 3)}, ${found.planned ? "for this comparison" : "for all pairs together"})`],
    ["significantly better", found.detectable ? "yes" : "no"],
    ["advantage measured on the other half of the items", found.held_out_difference === null ? "–" : `${signed(found.held_out_difference, 3)}${found.held_out_ci ? ` (${signed(found.held_out_ci[0], 3)} to ${signed(found.held_out_ci[1], 3)})` : ""}`],
    ["chosen again on half the items", found.chosen_again === null ? "–" : `${Math.round(100 * found.chosen_again)} %`],
    ["smallest difference that would show", found.minimum_detectable_difference === null ? "–" : number(found.minimum_detectable_difference)],
  ];
  if (record.forward_passes !== null && record.independent_passes !== null) {
    rows.push(["forward passes", `${whole(record.forward_passes)}, against ${whole(record.independent_passes)} one by one`]);
  }
  // The first three are differences with an interval, what is significant, and what a new item can expect.
  const terms: (Term | undefined)[] = ["interval", "detectable", "planned", undefined, "detectable"];
  return rows.map(([name, value], place) => h("div", {}, h("dt", {}, `${name} `, terms[place] ? help(terms[place]) : null), h("dd", {}, value)));
}

function table(record: TuneRecord): HTMLElement {
  const names = ["", axisName(record.axis), "score", "95 % interval", "distinct", "agreement", "answers"];
  return h(
    "table",
    { class: "plain-table numeric" },
    h("caption", { class: "sr" }, "Every setting with its score and variety"),
    h("thead", {}, h("tr", {}, ...names.map((name) => h("th", { scope: "col" }, name || h("span", { class: "sr" }, "setting"))))),
    h(
      "tbody",
      {},
      ...record.settings.map((one, place) => {
        const value = one.temperature ?? one.setting;
        const chosen = JSON.stringify(value) === JSON.stringify(record.recommendation.setting);
        return h(
          "tr",
          { class: chosen ? "chosen" : "" },
          h("td", {}, chosen ? "→" : String(place + 1)),
          h("th", { scope: "row" }, settingText(value, null)),
          h("td", { class: "figure", "data-value": one.score }, one.score.toFixed(3)),
          h("td", { class: "figure" }, `${one.score_ci[0].toFixed(3)} to ${one.score_ci[1].toFixed(3)}`),
          h("td", { class: "figure" }, number(one.distinct)),
          h("td", { class: "figure" }, number(one.agreement)),
          h("td", { class: "figure" }, whole(one.samples)),
        );
      }),
    ),
  );
}

const ITEMS_SHOWN = 40;

/** The answers of two settings side by side, item by item. */
function answersCard(record: TuneRecord, answers: readonly Answer[]): HTMLElement {
  const keys = [...new Set(answers.map(({ item, prompt }) => JSON.stringify([item, prompt])))];
  const several = new Set(answers.map(({ prompt }) => prompt)).size > 1;
  const same = (value: unknown): number => record.settings.findIndex((one) => JSON.stringify(one.temperature ?? one.setting) === JSON.stringify(value));
  const first = Math.max(0, same(record.recommendation.setting));
  const second = [same(record.recommendation.reference), record.settings.length - 1].find((one) => one >= 0 && one !== first) ?? first;
  const body = h("tbody");
  let shown = ITEMS_SHOWN;
  const more = h("button", { type: "button", class: "quiet more", onclick: () => ((shown += ITEMS_SHOWN), draw()) }, "Show more items");
  const [left, right] = [choice("Answers at", first), choice("beside those at", second)];

  function choice(label: string, chosen: number): HTMLSelectElement {
    const made = h("select", { "aria-label": label, onchange: () => draw() });
    record.settings.forEach((one, place) => made.append(h("option", { value: place, selected: place === chosen }, settingText(one.temperature ?? one.setting, record.axis))));
    return made;
  }

  function cell(item: string, prompt: number, setting: number): HTMLElement {
    const here = answers.filter((one) => one.item === item && one.prompt === prompt && one.setting === setting);
    return h("td", { dir: "auto" }, ...here.flatMap(({ text, score }) => [h("p", { class: "answer" }, h("small", { title: "score" }, `${number(score)} `), text || "∅")]));
  }

  function draw(): void {
    const rows = keys.slice(0, shown).map((key) => JSON.parse(key) as [string, number]);
    fill(body, ...rows.map(([item, prompt]) => h("tr", {}, h("th", { scope: "row" }, item, several ? h("small", {}, ` prompt ${prompt}`) : null), cell(item, prompt, Number(left.value)), cell(item, prompt, Number(right.value)))));
    more.hidden = shown >= keys.length;
  }
  draw();
  return h(
    "section",
    { class: "card scroll", tabindex: 0, "aria-label": "Answers side by side" },
    h("p", {}, h("b", {}, "Answers. "), h("small", {}, "Each with its score.")),
    h("table", { class: "plain-table answers" }, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "item"), h("th", { scope: "col" }, left), h("th", { scope: "col" }, right))), body),
    more,
  );
}

const VARIETY: readonly [key: string, name: string][] = [
  ["distinct_1", "distinct words"],
  ["distinct_2", "distinct pairs of words"],
  ["self_bleu", "self-BLEU"],
  ["vendi", "Vendi score"],
  ["semantic_distinct", "groups of alike answers"],
];

/** How different an item's answers are, in the other ways in which it was measured. */
function varietyCard(record: TuneRecord): HTMLElement | null {
  const first = record.settings.find((one) => one.variety)?.variety;
  if (!first) return null;
  const known = VARIETY.filter(([key]) => record.settings.some((one) => typeof one.variety?.[key] === "number"));
  return h(
    "section",
    { class: "card scroll", tabindex: 0, "aria-label": "Other measures of variety" },
    h("p", {}, h("b", {}, "Variety, in other ways. "), h("small", {}, `Means over ${first["items"]} items, of up to ${first["answers"]} answers each, compared by ${first["likeness"]}.`)),
    h(
      "table",
      { class: "plain-table numeric" },
      h("caption", { class: "sr" }, "Every setting with the other measures of variety"),
      h("thead", {}, h("tr", {}, ...[axisName(record.axis), ...known.map(([, name]) => name)].map((name) => h("th", { scope: "col" }, name)))),
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
