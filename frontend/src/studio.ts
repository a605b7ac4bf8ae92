// The studio's tabs: for each view a form that asks the model, and below it the view of what came.

import type { Api } from "./api.ts";
import { fill, h } from "./parts/dom.ts";
import { runForm, type FormField } from "./parts/runForm.ts";
import type { PositionRecord } from "./records.ts";
import { positionView } from "./views/position.ts";
import type { Context, View } from "./views/view.ts";

export interface StudioTab {
  readonly name: string;
  readonly label: string;
  readonly open: (context: Context) => View;
}

const FIRST_PROMPT = "The sky is";

/** What was found last by each tab, so that going to another one and back loses nothing. */
const found = new Map<string, { record: any; values: Record<string, string> }>();

interface Plan<R> {
  readonly name: string;
  readonly label: string;
  readonly kind: string;
  readonly verb: string;
  readonly fields: readonly FormField[];
  readonly body: (values: Record<string, string>, context: Context) => object;
  readonly view: (record: R, context: Context, again: () => void) => View;
  /** Whether to ask at once when the tab is first opened: cheap, and better than an empty page. */
  readonly eager?: boolean;
}

export function studioTabs(api: Api, models: readonly string[]): StudioTab[] {
  const model: FormField = { name: "model", label: "Model", kind: "choice", initial: models[0]!, choices: models };
  const prompt: FormField = {
    name: "prompt", label: "Prompt", kind: "lines", initial: FIRST_PROMPT, hint: "Ctrl+Enter looks",
  };
  return [
    tab<PositionRecord>(api, {
      name: "position",
      label: "Position",
      kind: "position",
      verb: "Look",
      eager: true,
      fields: [model, prompt],
      body: ({ model, prompt }, { state }) => ({ model, prompt, continuation: idsOf(state.get("continuation")) }),
      view: (record, context, again) =>
        positionView(record, context, (rank) => {
          const before = idsOf(context.state.get("continuation"));
          context.state.set("continuation", [...before, record.ids[rank]!].join(","));
          again();
        }),
    }),
  ];
}

function tab<R>(api: Api, plan: Plan<R>): StudioTab {
  return { name: plan.name, label: plan.label, open: (context) => studioView(api, plan, context) };
}

function studioView<R>(api: Api, plan: Plan<R>, context: Context): View {
  let view: View | null = null;
  const holder = h("div", { class: "holder" });
  const form = runForm({
    api,
    state: context.state,
    announce: context.announce,
    kind: plan.kind,
    verb: plan.verb,
    fields: plan.fields,
    body: (values) => plan.body(values, context),
    onRecord: (record, values) => {
      found.set(plan.name, { record, values });
      show(record);
    },
  });
  const forget = form.element;
  // A new prompt begins anew: tokens that were picked for the old one do not belong to it.
  forget.addEventListener("change", () => context.state.set("continuation", undefined));

  function show(record: R): void {
    view?.close();
    view = plan.view(record, context, form.run);
    fill(holder, view.element);
  }

  const last = found.get(plan.name);
  if (last) show(last.record as R);
  else if (plan.eager) form.run();
  return {
    element: h("div", {}, form.element, holder),
    get download() {
      return view?.download ?? null;
    },
    close: () => {
      form.close();
      view?.close();
    },
  };
}

function idsOf(text: string | undefined): number[] {
  return text ? text.split(",").map(Number).filter(Number.isSafeInteger) : [];
}
