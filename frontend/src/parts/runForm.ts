// A form that starts a run: its fields live in the linkable state, its progress streams, and it can be stopped.

import { RunStopped, type Api, type Running } from "../api.ts";
import { fill, freshId, h, say } from "./dom.ts";
import { whole } from "./format.ts";
import type { State } from "./state.ts";

export interface FormField {
  readonly name: string;
  readonly label: string;
  readonly kind: "text" | "lines" | "number" | "choice" | "chain";
  readonly initial: string;
  readonly choices?: readonly string[];
  readonly hint?: string;
}

export interface RunForm {
  readonly element: HTMLElement;
  /** Start it now, as if the button had been pressed. */
  run(): void;
  close(): void;
}

export interface FormOptions {
  readonly api: Api;
  readonly state: State;
  readonly kind: string;
  readonly verb: string;
  readonly fields: readonly FormField[];
  /** The request's body from the fields' texts. */
  readonly body: (values: Record<string, string>) => object;
  readonly onRecord: (record: any, run: string) => void;
  readonly onStart?: () => void;
  /** It failed, or could not begin: what was shown before belongs to another request. */
  readonly onFailed?: () => void;
  readonly onTold?: (name: string, data: any) => void;
  readonly announce: (text: string) => void;
}

export function runForm(options: FormOptions): RunForm {
  const { api, state, fields } = options;
  let running: Running | null = null;
  const controls = new Map(fields.map((field) => [field.name, control(field, state)]));
  const start = h("button", { type: "submit", class: "solid" }, options.verb);
  const stop = h("button", { type: "button", class: "quiet", hidden: true, onclick: () => running?.stop() }, "Stop");
  const bar = h("progress", { max: 1, "aria-label": `${options.verb}: progress`, hidden: true });
  const news = h("p", { class: "meta news" });
  const error = h("p", { class: "error", role: "alert" });
  const form = h(
    "form",
    { class: "card run-form", "aria-label": options.verb },
    h(
      "div",
      { class: "fields" },
      ...fields.map((field) =>
        h(
          "div",
          { class: `field field-${field.kind}` },
          h("label", { for: controls.get(field.name)!.id }, field.label),
          controls.get(field.name)!,
          field.hint ? h("small", {}, field.hint) : null,
        ),
      ),
    ),
    h("div", { class: "form-foot" }, start, stop, bar, news),
    error,
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    run();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) run();
    if (event.key === "Escape") running?.stop();
  });
  const unlisten = state.listen((name) => {
    const one = controls.get(name);
    const field = fields.find((other) => other.name === name);
    if (one && field && document.activeElement !== one) one.value = state.get(name) ?? field.initial;
  });

  function values(): Record<string, string> {
    return Object.fromEntries([...controls].map(([name, one]) => [name, one.value]));
  }

  function run(): void {
    const asked = values();
    for (const [name, value] of Object.entries(asked)) state.set(name, value);
    running?.stop();
    say(error, "");
    let body: object;
    try {
      body = options.body(asked);
    } catch (problem) {
      say(error, (problem as Error).message);
      options.onFailed?.();
      return;
    }
    options.onStart?.();
    const began = performance.now();
    let doing = "Starting";
    const tell = (): void => say(news, `${doing} · ${whole((performance.now() - began) / 1000)} s`);
    const clock = setInterval(tell, 1000);
    tell();
    const mine = api.start(options.kind, body, {
      onProgress: ({ done, total, detail }) => {
        bar.hidden = false;
        bar.max = total || 1;
        bar.value = done;
        doing = detail || `${whole(done)} of ${whole(total)}`;
        tell();
      },
      onLost: () => {
        doing = "The connection was lost; trying again";
        tell();
      },
      onTold: (name, data) => options.onTold?.(name, data),
    });
    running = mine;
    show(true);
    mine.result
      .then((record) => {
        if (running !== mine) return;
        clearInterval(clock);
        say(news, "");
        options.onRecord(record, mine.id!);
        options.announce(`${options.verb}: done`);
      })
      .catch((problem: Error) => {
        clearInterval(clock);
        if (running !== mine) return;
        say(news, "");
        if (problem instanceof RunStopped) say(news, "Stopped.");
        else {
          say(error, problem.message);
          options.onFailed?.();
        }
      })
      .finally(() => {
        if (running !== mine) return;
        running = null;
        show(false);
      });
  }

  function show(busy: boolean): void {
    stop.hidden = !busy;
    bar.hidden = true;
    if (busy) {
      bar.hidden = false;
      bar.removeAttribute("value");
    }
    form.setAttribute("aria-busy", String(busy));
  }

  if (!api.mayRun) {
    start.disabled = true;
    say(error, "To run a model, open the address that retort studio printed when it started: it carries the token.");
  }
  return {
    element: form,
    run: () => api.mayRun && run(),
    close: () => {
      unlisten();
      running?.stop();
    },
  };
}

function control(field: FormField, state: State): HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement {
  const id = freshId(field.name);
  const name = field.name;
  const value = state.get(name) ?? field.initial;
  if (field.kind === "choice") {
    const choice = h("select", { id, name });
    fill(choice, ...(field.choices ?? []).map((one) => h("option", { value: one }, one)));
    choice.value = field.choices?.includes(value) ? value : field.initial;
    // A long name may be cut off by the width of its field.
    const tell = (): string => (choice.title = choice.value);
    choice.addEventListener("change", tell);
    tell();
    return choice;
  }
  if (field.kind === "lines") {
    const lines = h("textarea", { id, name, rows: 2, dir: "auto", spellcheck: "false" });
    lines.value = value;
    return lines;
  }
  const input = h("input", {
    id, name, type: "text", inputmode: field.kind === "number" ? "decimal" : "text", dir: "auto", autocomplete: "off",
  });
  input.value = value;
  return input;
}
