// The large slider of the temperature.

import { freshId, h, say } from "./dom.ts";
import { tau } from "./format.ts";

const HOTTEST = 3;

export function tauSlider(onChange: (value: number) => void): { element: HTMLElement; show(value: number): void } {
  const id = freshId("tau");
  const range = h("input", {
    id, type: "range", min: 0, max: HOTTEST, step: 0.01, class: "tau",
    oninput: () => onChange(Number(range.value)),
  });
  const output = h("output", { for: id, class: "tau-value" });
  return {
    element: h(
      "div",
      { class: "tau-box" },
      h("label", { for: id }, "temperature τ"),
      output,
      range,
      h("div", { class: "tau-ends", "aria-hidden": "true" }, h("span", {}, "0 greedy"), h("span", {}, "1 raw"), h("span", {}, "3")),
    ),
    show(value) {
      range.value = String(value);
      range.setAttribute("aria-valuetext", `τ ${tau(value)}${value === 0 ? ", greedy" : value === 1 ? ", the model's own" : ""}`);
      say(output, tau(value));
    },
  };
}
