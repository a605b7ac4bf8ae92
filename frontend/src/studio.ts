// The studio's tabs: for each view a form that asks the model, and below it the view of what came.

import type { Api } from "./api.ts";
import { fill, h } from "./parts/dom.ts";
import { runForm, type FormField } from "./parts/runForm.ts";
import type { Offer, PageData, PairRecord, PassageRecord, PathRecord, PositionRecord } from "./records.ts";
import { compareView } from "./views/compare.ts";
import { addPoint, distilView, type DistilSoFar } from "./views/distil.ts";
import { pathView } from "./views/path.ts";
import { positionView } from "./views/position.ts";
import { addToken, textView } from "./views/text.ts";
import type { After } from "./views/tree.ts";
import { tuneView } from "./views/tune.ts";
import type { Context, View } from "./views/view.ts";

export interface StudioTab {
  readonly name: string;
  readonly label: string;
  readonly open: (context: Context) => View;
}

/** What was found last by each tab, and by which run, so that going to another one and back loses nothing. */
const found = new Map<string, { record: any; run: string }>();

/** The runs whose records are shown, by view: what a saved page holds. */
export function foundRuns(): Record<string, string> {
  return Object.fromEntries([...found].map(([name, { run }]) => [name, run]));
}

/** Where tokens chosen after the prompt stand: as ids for a model that runs here, as texts for one on a server. */
const CHOSEN = ["continuation", "given"];

interface Plan<R> {
  readonly name: string;
  readonly label: string;
  readonly kind: string;
  readonly verb: string;
  /** What the view answers, in a sentence: before a run there is nothing else to read. */
  readonly intro: string;
  readonly fields: readonly FormField[];
  readonly body: (values: Record<string, string>, context: Context) => object;
  readonly view: (record: R, context: Context, again: () => void) => View;
  /** Whether to ask at once when the tab is first opened: cheap, and better than an empty page. */
  readonly eager?: boolean;
  /** Whether tokens can be chosen in the view, to go on from. */
  readonly picks?: boolean;
  /** What to show while it runs, from what it tells: `so` is what was shown before, null at the start. */
  readonly begin?: () => R;
  /** What is shown of a run that was stopped, from what it told until then. */
  readonly stopped?: (so: R) => R;
  readonly live?: (so: R | null, name: string, data: any) => R | null;
}

export function studioTabs(api: Api, { models, prompts, tasks, recipes }: Offer): StudioTab[] {
  const model: FormField = { name: "model", label: "Model", kind: "choice", initial: models[0]!, choices: models };
  const prompt: FormField = {
    name: "prompt", label: "Prompt", kind: "lines", initial: prompts[models[0]!] ?? "", hint: "Ctrl+Enter asks, Esc stops", required: true,
  };
  const seed: FormField = { name: "seed", label: "Seed", kind: "number", initial: "0" };
  const maxTokens: FormField = { name: "max_tokens", label: "Most tokens", kind: "number", initial: "24" };
  const chain: FormField = { name: "chain", label: "Chain", kind: "chain", initial: "temperature=0.8" };
  const truncations: FormField = { name: "truncations", label: "Other settings", kind: "chain", initial: "", hint: "for example top_p=0.9" };
  const temperatures: FormField = {
    name: "temperatures", label: "Temperatures", kind: "text", initial: "0:2:41", hint: "first:last:count, or a list",
  };
  return [
    tab<PositionRecord>(api, {
      name: "position",
      label: "Position",
      kind: "position",
      intro: "How likely is each token after this prompt, and what do temperature and truncation make of it?",
      verb: "Look",
      eager: true,
      picks: true,
      fields: [model, prompt],
      body: ({ model, prompt }, { state }) => ({ model, prompt, continuation: idsOf(state.get("continuation")) }),
      view: (record, context, again) => {
        const asked = { model: context.state.get("model"), prompt: context.state.get("prompt"), continuation: idsOf(context.state.get("continuation")) };
        // A server takes no token ids: what was chosen goes behind the prompt as text.
        const byText = record.known !== "full";
        const pick = (rank: number): void => {
          const id = record.ids[rank];
          if (byText || id == null) context.state.set("prompt", record.prompt + record.tokens[rank]!);
          else context.state.set("continuation", [...idsOf(context.state.get("continuation")), id].join(","));
          again();
        };
        const after: After = (path) =>
          api.start("position", byText
            ? { ...asked, prompt: record.prompt + path.map(({ text }) => text).join("") }
            : { ...asked, continuation: [...asked.continuation, ...path.map(({ id }) => id)] }).result;
        return positionView(record, context, pick, api.mayRun ? after : undefined);
      },
    }),
    tab<PassageRecord>(api, {
      name: "text",
      label: "Text",
      kind: "text",
      intro: "The model writes a text. How sure was it of each token, and what else could it have said?",
      verb: "Write",
      picks: true,
      live: (so, name, data) => (name === "token" ? addToken(so, data) : null),
      fields: [model, prompt, chain, seed, maxTokens],
      body: ({ model, prompt, chain, seed, max_tokens }, { state }) => ({
        model, prompt, chain, seed: wholeNumber("seed", seed), max_tokens: wholeNumber("longest text", max_tokens),
        continuation: idsOf(state.get("continuation")), given: textsOf(state.get("given")),
      }),
      view: (record, context, again) =>
        textView(record, context, (place, token) => {
          const kept = record.tokens.slice(0, place);
          if (record.known === "full") context.state.set("continuation", [...kept, token].map((one) => one.id).join(","));
          else context.state.set("given", JSON.stringify([...kept, token].map((one) => one.token)));
          context.state.set("token", String(place));
          again();
        }),
    }),
    tab<PathRecord>(api, {
      name: "path",
      label: "Path",
      kind: "path",
      intro: "One seed, every temperature: the noise stays the same, so only τ changes the text. Where does it change?",
      verb: "Follow",
      fields: [model, prompt, { ...seed }, maxTokens, temperatures, truncations],
      body: ({ model, prompt, seed, max_tokens, temperatures, truncations }) => ({
        model, prompt, chain: truncations, seed: wholeNumber("seed", seed),
        max_tokens: wholeNumber("longest text", max_tokens), temperatures: numbers(temperatures),
      }),
      view: (record, context) => pathView(record, context),
    }),
    tab<PairRecord>(api, {
      name: "compare",
      label: "Compare",
      kind: "compare",
      intro: "How different are two models after one prompt, two prompts, or one model with two chains?",
      verb: "Compare",
      fields: [
        { ...model, label: "A: model" },
        { ...prompt, label: "A: prompt" },
        { ...model, name: "model_b", label: "B: model", initial: models[1] ?? models[0]! },
        { ...prompt, name: "prompt_b", required: false, label: "B: prompt", hint: "empty: the same as A's", initial: "" },
      ],
      // Whole distributions at first: a truncation on either side makes a KL infinite.
      body: ({ model, prompt, model_b, prompt_b }) => ({ model, prompt, model_b, prompt_b: prompt_b || prompt, chain: "temperature=1" }),
      view: (record, context) => compareView(record, context),
    }),
    tab<NonNullable<PageData["tune"]>>(api, {
      name: "tune",
      label: "Tune",
      kind: "tune",
      intro: "The model answers the items of a task at each temperature, and every answer is scored. Which temperature is best, and is that more than luck?",
      verb: "Tune",
      fields: [
        model,
        { name: "task", label: "Task", kind: "choice", initial: tasks[0]!, choices: tasks },
        { name: "task_file", label: "or your own task file", kind: "file", initial: "", hint: ".yaml, .json, .jsonl; promptfoo’s too" },
        { ...temperatures, name: "tune_temperatures", initial: "0:2:9" },
        { name: "samples", label: "Answers per item", kind: "number", initial: "4" },
        { name: "items", label: "Items", kind: "number", initial: "24", hint: "empty: all" },
        { ...truncations, kind: "text" },
        seed,
      ],
      body: ({ model, task, task_file, tune_temperatures, samples, items, truncations, seed }) => ({
        model, ...(task_file ? { file: JSON.parse(task_file) } : { task }), temperatures: numbers(tune_temperatures), samples: wholeNumber("answers per item", samples),
        chain: truncations, seed: wholeNumber("seed", seed), ...(items?.trim() ? { items: wholeNumber("items", items) } : {}),
      }),
      view: (record, context) => tuneView(record, context),
    }),
    tab<DistilSoFar>(api, {
      name: "distil",
      label: "Distil",
      kind: "distil",
      intro: "Two students with the same first weights read the same text. One learns from its tokens alone (hard labels), one from the teacher’s distributions as well (soft targets). Which predicts new text better?",
      verb: "Train",
      fields: [
        { name: "recipe", label: "Recipe", kind: "choice", initial: recipes[0]!, choices: recipes },
        { name: "steps", label: "Steps per arm", kind: "number", initial: "40" },
        { name: "seeds", label: "Seeds", kind: "number", initial: "3", hint: "3 or more for a verdict" },
        { name: "kd_temperature", label: "τ of the loss", kind: "number", initial: "1" },
        { name: "alpha", label: "α", kind: "number", initial: "0.9", hint: "weight of the soft targets" },
      ],
      body: ({ recipe, steps, seeds, kd_temperature, alpha }) => ({
        recipe, steps: wholeNumber("steps", steps), seeds: wholeNumber("seeds", seeds),
        temperature: Number(kd_temperature), alpha: Number(alpha),
      }),
      view: (record, context) => distilView(record, context),
      begin: () => ({ arms: {} }),
      stopped: (so) => ({ ...so, stopped: true }),
      live: (so, name, data) => (name === "point" ? addPoint(so, data) : null),
    }),
  ];
}

function tab<R>(api: Api, plan: Plan<R>): StudioTab {
  return { name: plan.name, label: plan.label, open: (context) => studioView(api, plan, context) };
}

function studioView<R>(api: Api, plan: Plan<R>, context: Context): View {
  let view: View | null = null;
  let live: R | null = null;
  const holder = h("div", { class: "holder" });
  const form = runForm({
    api,
    state: context.state,
    announce: context.announce,
    kind: plan.kind,
    verb: plan.verb,
    intro: plan.intro,
    fields: plan.fields,
    body: (values) => plan.body(values, context),
    onStart: () => {
      live = plan.begin?.() ?? null;
      if (live !== null) show(live);
    },
    onFailed: () => {
      found.delete(plan.name);
      view?.close();
      view = null;
      fill(holder);
    },
    onStopped: () => {
      if (live !== null && plan.stopped) show((live = plan.stopped(live)));
    },
    onTold: (name, data) => {
      const next = plan.live?.(live, name, data) ?? null;
      if (next !== null) show((live = next));
    },
    onRecord: (record, run) => {
      found.set(plan.name, { record, run });
      show(record);
    },
  });
  // A new prompt begins anew: tokens that were picked for the old one do not belong to it.
  form.element.addEventListener("change", () => {
    for (const name of CHOSEN) context.state.set(name, undefined);
  });
  const picked = h("p", { class: "meta picked" });
  const showPicked = (): void => {
    const ids = idsOf(context.state.get("continuation"));
    const texts = textsOf(context.state.get("given"));
    const count = ids.length || texts.length;
    picked.hidden = count === 0 || !plan.picks;
    const go = (keep: number): void => {
      if (ids.length > 0) context.state.set("continuation", ids.slice(0, keep).join(","));
      else context.state.set("given", keep === 0 ? undefined : JSON.stringify(texts.slice(0, keep)));
      form.run();
    };
    fill(
      picked,
      `${count} ${count === 1 ? "token" : "tokens"} chosen after the prompt. `,
      h("button", { type: "button", class: "quiet", onclick: () => go(count - 1) }, "Undo the last"),
      " ",
      h("button", { type: "button", class: "quiet", onclick: () => go(0) }, "Start over"),
    );
  };
  const stopPicked = context.state.listen((name) => CHOSEN.includes(name) && showPicked());
  showPicked();

  function show(record: R): void {
    view?.close();
    view = plan.view(record, context, form.run);
    fill(holder, view.element);
  }

  const last = found.get(plan.name);
  if (last) show(last.record as R);
  else if (plan.eager) form.run();
  return {
    element: h("div", {}, form.element, picked, holder),
    get download() {
      return view?.download ?? null;
    },
    close: () => {
      stopPicked();
      form.close();
      view?.close();
    },
  };
}

/** A whole number as JSON sends it; a sentence if it is none. */
function wholeNumber(name: string, text: string | undefined): number {
  const value = Number(text);
  if (!text?.trim() || !Number.isSafeInteger(value)) throw new Error(`${name} must be a whole number, got “${text ?? ""}”`);
  return value;
}

/** `first:last:count` or numbers apart by commas. */
function numbers(text: string | undefined): number[] {
  const range = /^\s*([\d.]+):([\d.]+):(\d+)\s*$/.exec(text ?? "");
  const found = range
    ? Array.from({ length: Number(range[3]) }, (_, i) => Number(range[1]) + ((Number(range[2]) - Number(range[1])) * i) / Math.max(1, Number(range[3]) - 1))
    : (text ?? "").split(",").map(Number);
  if (found.length === 0 || !found.every(Number.isFinite)) {
    throw new Error(`temperatures are first:last:count (0:2:41) or a list (0, 0.5, 1), got “${text ?? ""}”`);
  }
  return found.map((value) => Number(value.toFixed(10)));
}

function idsOf(text: string | undefined): number[] {
  return text ? text.split(",").map(Number).filter(Number.isSafeInteger) : [];
}

function textsOf(text: string | undefined): string[] {
  try {
    const found: unknown = JSON.parse(text ?? "[]");
    return Array.isArray(found) ? found.filter((one) => typeof one === "string") : [];
  } catch {
    return [];
  }
}
