// What is known of a model on a server: how many tokens it names, whether its logprobs are raw, and what the probe saw.

import type { PositionRecord, Probe } from "../records.ts";
import { h } from "./dom.ts";
import { whole } from "./format.ts";

export type KnownOf = Pick<PositionRecord, "known" | "note" | "probe" | "vocabulary" | "vocabulary_at_most">;

/** The sentences that a reader of the numbers must know; null where there are none. `count`: how many tokens are known. */
export function knownNote(of: KnownOf, count: number, list: boolean): HTMLElement | null {
  if (!list) return of.note ? h("p", { class: "note" }, of.note) : null;
  if (of.known === "full") return h("p", { class: "note" }, `This model runs here: its ${whole(count)} most likely tokens are shown, and what they leave is the rest.`);
  const all = of.vocabulary === null
    ? `of an unknown number (the wide ends hold for up to ${whole(of.vocabulary_at_most)})`
    : `of ${whole(of.vocabulary)}`;
  return h(
    "div",
    { class: "note", role: "note" },
    h("p", {}, `${whole(count)} tokens ${all} are known. Every number here is an interval with the true value inside: lowest … highest; one number where both ends round to it.`),
    of.probe ? h("p", {}, h("b", {}, of.probe.logprobs === "raw" ? "Its logprobs are raw: " : "Its logprobs are processed: "), probed(of.probe)) : null,
    of.note ? h("p", {}, of.note) : null,
  );
}

function probed(probe: Probe): string {
  const what = probe.logprobs === "raw"
    ? "the model’s own, before any setting."
    : "what the server’s own settings left of the model’s; a temperature set here comes on top.";
  const effect = (["temperature", "top_p", "top_k"] as const).map((name) => `${name} ${probe[name]}`).join(", ");
  const seed = probe.seed === null ? "unclear" : probe.seed ? "honoured" : "ignored";
  return `${what} Probed: ${effect}; seed ${seed}.`;
}
