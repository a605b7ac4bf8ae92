// In which order each engine applies the stages that the page knows. The order only: ties and rounding stay retort's.

import type { Chain } from "./chain.ts";

export const ORDERS: ReadonlyMap<string, readonly string[]> = new Map([
  ["retort", ["temperature", "top_k", "top_p", "min_p"]],
  ["transformers", ["temperature", "top_h", "top_k", "top_p", "min_p", "epsilon_cutoff", "eta_cutoff"]],
  ["vllm", ["temperature", "min_p", "top_k", "top_p"]],
  ["sglang", ["temperature", "top_k", "top_p", "min_p"]],
  ["llama.cpp", ["top_n_sigma", "top_k", "top_p", "min_p", "temperature"]],
  ["mlx-lm", ["top_p", "min_p", "top_k", "temperature"]],
]);

/** The same stages in an engine's order; stages that it does not have keep their place at the end. */
export function inOrderOf(engine: string, chain: Chain): Chain {
  const order = ORDERS.get(engine) ?? [];
  const place = (name: string): number => (order.includes(name) ? order.indexOf(name) : order.length);
  return [...chain].sort((one, other) => place(one.name) - place(other.name));
}
