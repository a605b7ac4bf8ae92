// A form that starts a run: its fields live in the linkable state, its progress streams, and it can be stopped.

import { FinalError, RunStopped, type Api, type Running } from "../api.ts";
import { fill, freshId, h, say } from "./dom.ts";
import { whole } from "./format.ts";
import type { State } from "./state.ts";

export interface FormField {
  readonly name: string;
  readonly label: string;
  readonly kind: "text" | "lines" | "number" | "choice" | "chain" | "file";
  readonly initial: string;
  readonly choices?: readonly string[];
  readonly hint?: string;
  readonly required?: boolean;
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
  readonly intro: string;
  readonly fields: readonly FormField[];
  /** The request's body from the fields' texts. */
  readonly body: (values: Record<string, string>) => object;
  readonly onRecord: (record: any, run: string) => void;
  readonly onStart?: () => void;
  /** It failed, or could not begin: what was shown before belongs to another request. */
  readonly onFailed?: () => void;
  /** It was stopped: what was shown on the way is all that comes. */
  readonly onStopped?: () => void;
  readonly onTold?: (name: string, data: any) => void;
  readonly announce: (text: string) => void;
}

export function runForm(options: FormOptions): RunForm {
  const { api, state, fields } = options;
  let running: Running | null = null;
  let halting: (() => void) | null = null;
  const halt = (): void => {
    halting?.();
    running?.stop();
  };
  const controls = new Map(fields.map((field) => [field.name, control(field, state)]));
  const start = h("button", { type: "submit", class: "solid" }, options.verb);
  const stop = h("button", { type: "button", class: "quiet", hidden: true, onclick: () => halt() }, "Stop");
  const bar = h("progress", { max: 1, "aria-label": `${options.verb}: progress`, hidden: true });
  const news = h("p", { class: "meta news" });
  const error = h("p", { class: "error", role: "alert" });
  const form = h(
    "form",
    { class: "card run-form", "aria-label": options.verb },
    h("p", { class: "meta intro" }, options.intro),
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
    if (event.key === "Escape") halt();
  });
  let writing = false; // the state is being set from the fields: an emptied one must not get its first value back
  const unlisten = state.listen((name) => {
    if (writing) return;
    const one = controls.get(name);
    const field = fields.find((other) => other.name === name);
    if (one && field && field.kind !== "file" && document.activeElement !== one) one.value = state.get(name) ?? field.initial;
  });

  // A file is read when it is chosen; its value is its name and text, and no link carries it.
  const files = new Map<string, string>();
  for (const field of fields.filter(({ kind }) => kind === "file")) {
    const input = controls.get(field.name) as HTMLInputElement;
    input.addEventListener("change", () => {
      const file = input.files?.[0];
      files.delete(field.name);
      void file?.text().then((text) => files.set(field.name, JSON.stringify({ name: file.name, text })));
    });
  }

  function values(): Record<string, string> {
    return Object.fromEntries(fields.map(({ name, kind }) => [name, kind === "file" ? (files.get(name) ?? "") : controls.get(name)!.value]));
  }

  function run(): void {
    const asked = values();
    writing = true;
    for (const { name, kind } of fields) if (kind !== "file") state.set(name, asked[name]);
    writing = false;
    running?.stop();
    say(error, "");
    let body: object;
    try {
      const empty = fields.find(({ name, required }) => required && asked[name]!.trim() === "");
      if (empty) throw new Error(`The ${empty.name} is empty.`);
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
    let stopping = false;
    halting = () => {
      stopping = true;
      stop.disabled = true;
      doing = "Stopping …"; // the model ends its step first
      tell();
    };
    const mine = api.start(options.kind, body, {
      onProgress: ({ done, total, detail }) => {
        bar.hidden = false;
        bar.max = total || 1;
        bar.value = done;
        if (stopping) return;
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
        if (problem instanceof RunStopped) {
          say(news, "Stopped.");
          options.onStopped?.();
        }
        else {
          say(error, problem.message);
          if (problem instanceof FinalError) options.onFailed?.(); // a lost connection takes nothing away
        }
      })
      .finally(() => {
        if (running !== mine) return;
        running = halting = null;
        show(false);
      });
  }

  function show(busy: boolean): void {
    stop.hidden = !busy;
    stop.disabled = false;
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
  if (field.kind === "file") return h("input", { id, name, type: "file", accept: ".yaml,.yml,.json,.jsonl" });
  const input = h("input", {
    id, name, type: "text", inputmode: field.kind === "number" ? "decimal" : "text", dir: "auto", autocomplete: "off",
  });
  input.value = value;
  return input;
}
