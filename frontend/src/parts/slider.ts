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
  return {
    element: h(
      "div",
      { class: "tau-box" },
      h("span", { class: "tau-name" }, h("label", { for: id }, of.label), " ", help(of.term)),
      h("span", {}, note, " ", output),
      range,
      h("div", { class: "tau-ends", "aria-hidden": "true" }, ...named),
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
      label: "temperature τ", term: "temperature", min: 0, max: HOTTEST, step: 0.01, write: tau,
      meaning: (value) => (value === 0 ? "greedy" : value === 1 ? "the model’s own" : ""),
      marks: [[0, "0"], [1, "1"], [2, "2"], [3, "3"]],
    },
    onChange,
  );
}
