// What is known of a model on a server: how many tokens it names, whether its logprobs are raw, and what the probe saw.

import type { ProbeRecord } from "../records.ts";
import { h } from "./dom.ts";
import { whole } from "./format.ts";

export interface KnownOf {
  readonly known: string;
  readonly note: string | null;
  readonly probe: ProbeRecord | null;
}

/** The sentences that a reader of the numbers must know. */
export function knownNote(of: KnownOf, count: number, vocabulary: number | null, atMost: number): HTMLElement {
  if (of.known === "full") return h("p", { class: "note" }, `This model runs here: its ${whole(count)} most probable tokens are shown, and what they leave is the rest.`);
  const all = vocabulary === null
    ? `of an unknown number (the wide ends hold for up to ${whole(atMost)})`
    : `of ${whole(vocabulary)}`;
  return h(
    "div",
    { class: "note", role: "note" },
    h("p", {}, `The ${whole(count)} most probable tokens ${all} are known. Every number here is an interval that holds the truth: lowest – highest; one number where both ends round to it.`),
    of.probe ? h("p", {}, h("b", {}, of.probe.logprobs === "raw" ? "Its logprobs are raw: " : "Its logprobs are processed: "), probed(of.probe)) : null,
    of.note ? h("p", {}, of.note) : null,
  );
}

function probed(probe: ProbeRecord): string {
  const what = probe.logprobs === "raw"
    ? "the model’s own, before any setting."
    : "what the server’s own settings left of the model’s; a temperature set here comes on top.";
  const effect = (["temperature", "top_p", "top_k"] as const).map((name) => `${name} ${probe[name]}`).join(", ");
  const seed = probe.seed === null ? "unclear" : probe.seed ? "honoured" : "ignored";
  return `${what} Probed: ${effect}; seed ${seed}.`;
}
