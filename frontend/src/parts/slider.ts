// The large slider: of the temperature in most views, of a logit in the tour.

import { freshId, h, say } from "./dom.ts";
import { tau } from "./format.ts";
import { help, type Term } from "./help.ts";

const HOTTEST = 3;

export interface SliderOf {
  readonly label: string;
  readonly term: Term;
  readonly min: number;
  readonly max: number;
  readonly step: number | "any";
  /** How far one press of the − and + beside it goes: a finger cannot set 0.1 on a slider. */
  readonly nudge?: number;
  /** The value as it is shown, and what it means in words where that has a name. */
  readonly write: (value: number) => string;
  readonly meaning?: (value: number) => string;
  /** Places on the scale that are named below it. */
  readonly marks: readonly (readonly [value: number, name: string])[];
  readonly onKey?: (event: KeyboardEvent) => void;
}

export interface Slider {
  readonly element: HTMLElement;
  /** `spoken`: what a screen reader says besides the value. */
  show(value: number, spoken?: string): void;
}

export function slider(of: SliderOf, onChange: (value: number) => void): Slider {
  const id = freshId("tau");
  const meaning = (value: number): string => of.meaning?.(value) ?? "";
  const range = h("input", {
    id, type: "range", min: of.min, max: of.max, step: of.step, class: "tau",
    oninput: () => onChange(Number(range.value)),
    ...(of.onKey && { onkeydown: of.onKey }),
  });
  const output = h("output", { for: id, class: "tau-value" });
  const note = h("span", { class: "meta tau-meaning" });
  const named = of.marks.map(([value, name]) => {
    const mark = h("span", {}, name);
    mark.style.left = `${(100 * (value - of.min)) / (of.max - of.min)}%`; // an attribute would be against the studio's policy
    return mark;
  });
  const { nudge } = of;
  const press = (sign: -1 | 1): HTMLElement | null => {
    if (nudge === undefined) return null;
    // To the next multiple: from 0.97 up to 1, so that the places with a name are met.
    const to = (): number => {
      const steps = Number(range.value) / nudge;
      const next = sign > 0 ? Math.floor(steps + 1e-6) + 1 : Math.ceil(steps - 1e-6) - 1;
      return Math.min(of.max, Math.max(of.min, next * nudge));
    };
    return h(
      "button",
      { type: "button", class: "quiet nudge", "aria-label": `${of.label}: ${sign < 0 ? "less" : "more"} by ${nudge}`, onclick: () => onChange(Number(to().toPrecision(9))) },
      sign < 0 ? "−" : "+",
    );
  };
  return {
    element: h(
      "div",
      { class: "tau-box" },
      h("div", { class: "tau-head" }, h("span", { class: "tau-name" }, h("label", { for: id }, of.label), " ", help(of.term)), h("span", {}, note, " ", output)),
      h(
        "div",
        { class: "tau-row" },
        press(-1),
        h("div", { class: "tau-scale" }, range, h("div", { class: "tau-ends", "aria-hidden": "true" }, ...named)),
        press(1),
      ),
    ),
    show(value, spoken = meaning(value)) {
      range.value = String(value);
      range.setAttribute("aria-valuetext", [`${of.label} ${of.write(value)}`, spoken].filter((part) => part !== "").join(", "));
      say(output, of.write(value));
      say(note, meaning(value));
    },
  };
}

/** The slider of τ from greedy to hot. */
export function tauSlider(onChange: (value: number) => void): Slider {
  return slider(
    {
      label: "temperature τ", term: "temperature", min: 0, max: HOTTEST, step: 0.01, nudge: 0.1, write: tau,
      meaning: (value) => (value === 0 ? "greedy" : value === 1 ? "the model’s own" : ""),
      marks: [[0, "0"], [1, "1"], [2, "2"], [3, "3"]],
    },
    onChange,
  );
}
