// The chain as a list of stages that can be set, switched off, removed, added and put in another order.
//
// Order by mouse or finger (drag the handle) and by keyboard (arrow keys on the handle); every move is announced.

import { chainText, isOn, type Chain, type Stage, type StageReport } from "../math/chain.ts";
import { checkedOption, checkedValue, withOptions } from "../math/stage.ts";
import { findTransform, TRANSFORMS, type Option, type Transform } from "../math/transforms.ts";
import { fill, freshId, h, say } from "./dom.ts";
import { probability, span, whole } from "./format.ts";

interface Row {
  stage: Stage;
  item: HTMLLIElement;
  handle: HTMLButtonElement;
  range: HTMLInputElement;
  number: HTMLInputElement;
  options: Map<Option, HTMLInputElement | HTMLSelectElement>;
  effect: HTMLElement;
}

export interface ChainEditor {
  readonly element: HTMLElement;
  /** Show this chain; controls that are being used keep their focus. */
  show(chain: Chain): void;
  /** Say under each stage what it did; `missing` of one that is on and has no report. */
  report(stages: readonly StageReport[], missing?: string): void;
}


/** `heat`: whether the temperature gets a slider here too (the Position view has a large one of its own). */
export function chainEditor(
  onChange: (chain: Chain) => void,
  announce: (text: string) => void,
  { heat }: { heat: boolean },
): ChainEditor {
  let rows: Row[] = [];
  const list = h("ol", { class: "chain", "aria-label": "Chain of stages, in the order in which they apply" });
  const adder = h("select", { class: "chain-add", "aria-label": "Add a stage at the end", onchange: () => add(adder.value) });
  const error = h("p", { class: "error", role: "alert" });
  const element = h("div", { class: "chain-editor" }, list, h("div", { class: "chain-tools" }, adder), error);
  const chain = (): Chain => rows.map((row) => row.stage);
  const changed = (): void => onChange(chain());

  function show(wanted: Chain): void {
    // A stage whose setting means “off” (top_p=1) is in no chain, but must not vanish under the hand that sets it.
    const on = chain().filter(isOn);
    if (chainText(wanted) === chainText(on)) return;
    const free = [...rows];
    rows = wanted.map((stage) => {
      const place = free.findIndex((row) => row.stage.name === stage.name);
      const row = place >= 0 ? free.splice(place, 1)[0]! : makeRow(stage);
      setRow(row, stage);
      return row;
    });
    arrange();
  }

  function arrange(): void {
    const focused = document.activeElement;
    const items = rows.map((row) => row.item);
    if (items.length !== list.children.length || items.some((item, place) => list.children[place] !== item)) {
      fill(list, ...items);
      if (focused instanceof HTMLElement && list.contains(focused)) focused.focus();
    }
    rows.forEach((row, place) => {
      row.handle.setAttribute(
        "aria-label",
        `${row.stage.name}, stage ${place + 1} of ${rows.length}. Arrow keys move it, Delete removes it.`,
      );
    });
    const tempered = rows.some((row) => TRANSFORMS.get(row.stage.name)!.tempers);
    const missing = [...TRANSFORMS.values()].filter((one) => !(one.tempers && tempered) && !rows.some((row) => row.stage.name === one.name));
    fill(
      adder,
      h("option", { value: "" }, "+ add a stage"),
      ...missing.map((one) => h("option", { value: one.name }, `${one.name}: ${one.help}`)),
    );
    adder.hidden = missing.length === 0;
    // With the temperature alone there is no order to show: the slider says it all.
    list.hidden = !heat && rows.length === 1 && rows[0]!.stage.name === "temperature";
  }

  function setRow(row: Row, stage: Stage): void {
    row.stage = stage;
    if (document.activeElement !== row.number) row.number.value = String(stage.value);
    row.range.value = String(stage.value);
    const told = row.item.querySelector(".stage-value"); // the temperature, where a slider of the view sets it
    if (told !== null) say(told, String(stage.value));
    row.range.setAttribute("aria-valuetext", `${stage.name} ${stage.value}`);
    for (const [option, control] of row.options) {
      const value = String(stage.options?.[option.name] ?? option.initial);
      if (document.activeElement !== control && control.value !== value) control.value = value;
    }
  }

  function makeRow(stage: Stage): Row {
    const transform = TRANSFORMS.get(stage.name)!;
    const id = freshId(stage.name);
    const slid = transform.name === "temperature" && !heat; // the view has a slider of its own
    const handle = h(
      "button",
      { type: "button", class: "handle", title: "Drag, or use the arrow keys, to change the order" },
      h("span", { "aria-hidden": "true" }, "⠿"),
    );
    const { low, high, step } = transform.slider;
    const range = h("input", {
      type: "range", min: low, max: high, step, "aria-label": stage.name, "data-stage": stage.name,
    });
    const number = h("input", {
      id, type: "number", min: transform.low, step: "any", inputmode: "decimal", "data-number": stage.name,
    });
    const effect = h("p", { class: "effect" });
    const options = new Map((transform.options ?? []).map((option) => [option, optionControl(option)] as const));
    const more = options.size === 0 ? null : h(
      "details",
      { class: "stage-options", open: stage.options !== undefined },
      h("summary", {}, "more settings"),
      ...[...options].map(([option, control]) => h("label", {}, `${option.name} `, control)),
    );
    const remove = h(
      "button",
      { type: "button", class: "quiet remove", "aria-label": `Remove ${stage.name}` },
      h("span", { "aria-hidden": "true" }, "×"),
    );
    const item = h(
      "li",
      { class: "stage", "data-name": stage.name },
      handle,
      h("label", { for: id, class: "stage-name", title: transform.help }, ...breakable(stage.name)),
      slid ? null : range,
      slid ? h("span", { class: "meta stage-value", title: "set by the slider above" }, String(stage.value)) : number,
      remove,
      effect,
      more,
    );
    const row: Row = { stage, item, handle, range, number, options, effect };
    for (const [option, control] of options) control.addEventListener("input", () => changeOption(row, transform, option, control));
    range.addEventListener("input", () => change(row, transform, range.value));
    number.addEventListener("input", () => change(row, transform, number.value));
    number.addEventListener("blur", () => setRow(row, row.stage));
    remove.addEventListener("click", () => removeRow(row));
    handle.addEventListener("keydown", (event) => onKey(row, event));
    draggable(row);
    return row;
  }

  function change(row: Row, transform: Transform, typed: string): void {
    try {
      if (typed.trim() === "") return;
      setRow(row, { ...row.stage, value: checkedValue(transform, Number(typed), typed) });
      row.number.removeAttribute("aria-invalid");
      say(error, "");
      changed();
    } catch (problem) {
      row.number.setAttribute("aria-invalid", "true");
      say(error, (problem as Error).message);
    }
  }

  function changeOption(row: Row, transform: Transform, option: Option, control: HTMLInputElement | HTMLSelectElement): void {
    try {
      if (control.value.trim() === "") return;
      const value = checkedOption(transform, option, control.value);
      setRow(row, withOptions(row.stage, { ...row.stage.options, [option.name]: value }));
      control.removeAttribute("aria-invalid");
      say(error, "");
      changed();
    } catch (problem) {
      control.setAttribute("aria-invalid", "true");
      say(error, (problem as Error).message);
    }
  }

  function add(name: string): void {
    const transform = findTransform(name);
    if (transform === undefined) return;
    const row = makeRow({ name: transform.name, value: transform.initial });
    setRow(row, row.stage);
    rows.push(row);
    arrange();
    changed();
    row.number.focus();
    announce(`${name} added as stage ${rows.length}`);
  }

  function removeRow(row: Row): void {
    const place = rows.indexOf(row);
    rows.splice(place, 1);
    arrange();
    changed();
    announce(`${row.stage.name} removed`);
    (rows[Math.min(place, rows.length - 1)]?.handle ?? adder).focus();
  }

  function move(row: Row, place: number): void {
    const from = rows.indexOf(row);
    if (place < 0 || place >= rows.length || place === from) return;
    rows.splice(from, 1);
    rows.splice(place, 0, row);
    arrange();
    changed();
    announce(`${row.stage.name} is now stage ${place + 1} of ${rows.length}`);
  }

  function onKey(row: Row, event: KeyboardEvent): void {
    const place = rows.indexOf(row);
    const to = { ArrowUp: place - 1, ArrowLeft: place - 1, ArrowDown: place + 1, ArrowRight: place + 1 }[event.key];
    if (to !== undefined) move(row, to);
    else if (event.key === "Delete" || event.key === "Backspace") removeRow(row);
    else return;
    event.preventDefault();
    row.handle.focus();
  }

  function draggable(row: Row): void {
    row.handle.addEventListener("pointerdown", (begin) => {
      if (begin.button !== 0) return;
      begin.preventDefault();
      row.handle.focus();
      row.handle.setPointerCapture(begin.pointerId);
      row.item.classList.add("dragged");
      const onMove = (event: PointerEvent): void => {
        const target = rows.findIndex(({ item }) => {
          const box = item.getBoundingClientRect();
          return event.clientY >= box.top && event.clientY < box.bottom;
        });
        if (target >= 0) move(row, target);
      };
      const onEnd = (): void => {
        row.item.classList.remove("dragged");
        row.handle.removeEventListener("pointermove", onMove);
        row.handle.removeEventListener("pointerup", onEnd);
        row.handle.removeEventListener("pointercancel", onEnd);
      };
      row.handle.addEventListener("pointermove", onMove);
      row.handle.addEventListener("pointerup", onEnd);
      row.handle.addEventListener("pointercancel", onEnd);
    });
  }

  function report(stages: readonly StageReport[], missing = "off"): void {
    for (const row of rows) {
      // The editor may show a stage that is off (top_p=1): the chain then has no report of it.
      const found = stages.find((stage) => stage.stage.name === row.stage.name);
      say(row.effect, found === undefined ? (isOn(row.stage) ? missing : "off") : effect(found));
    }
  }

  arrange();
  return { element, show, report };
}

function effect(report: StageReport): string {
  const row = TRANSFORMS.get(report.stage.name)!;
  if (row.looksBack) {
    const idle = report.after !== undefined && report.after === report.before;
    return idle ? "changes nothing here: no token in its scope came before" : "moves the logits of tokens that came before";
  }
  if (row.name === "dynatemp") return "a temperature that follows the entropy";
  if (!row.truncates && report.removed === 0) {
    return report.stage.value === 1 ? "leaves the model as it is" : report.stage.value < 1 ? "sharpens" : "flattens";
  }
  return `keeps ${whole(report.kept)}, removes ${whole(report.removed)}; keeps ${span(report.keptMass, probability)} of the mass that came in`;
}

/** A name that may break behind its underscores. */
function breakable(name: string): (string | HTMLElement)[] {
  return name.split(/(?<=_)/).flatMap((part, place) => (place === 0 ? [part] : [h("wbr"), part]));
}

function optionControl(option: Option): HTMLInputElement | HTMLSelectElement {
  if (option.words === undefined) {
    return h("input", { type: "text", inputmode: option.scope ? "text" : "decimal", autocomplete: "off", "data-option": option.name });
  }
  const choice = h("select", { "data-option": option.name });
  return fill(choice, ...option.words.map((word) => h("option", { value: word }, word)));
}
