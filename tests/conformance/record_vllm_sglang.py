"""Writes vllm_sglang.json: what the PyTorch paths of vLLM and SGLang do to some rows, for test_vllm_sglang.py.

Not a test. It needs torch and the unpacked wheels (neither is installed or imported: the few functions that cut are
taken out of their files, for neither package loads without a GPU's libraries):

    pip download --no-deps vllm==0.33.0 sglang==0.5.23, and unzip both
    python tests/conformance/record_vllm_sglang.py FOLDER_OF_VLLM FOLDER_OF_SGLANG > tests/conformance/vllm_sglang.json
"""

from __future__ import annotations

import ast
import json
import random
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Optional

import torch

SIZE = 10


def function(file: Path, name: str, owner: str | None = None) -> Any:
    """The function `name` of a file (a method of `owner`, if given), compiled alone."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    nodes = tree.body
    if owner is not None:
        nodes = next(node for node in nodes if isinstance(node, ast.ClassDef) and node.name == owner).body
    found = next(node for node in nodes if isinstance(node, ast.FunctionDef) and node.name == name)
    names: dict[str, Any] = {"torch": torch, "Optional": Optional}
    exec(compile(ast.Module([found], []), str(file), "exec"), names)
    return names[name]


def main() -> None:
    """All cases as one JSON document on stdout."""
    vllm, sglang = Path(sys.argv[1]), Path(sys.argv[2])
    cut = function(vllm / "vllm/v1/sample/ops/topk_topp_sampler.py", "apply_top_k_top_p_pytorch")
    min_p_of = function(vllm / "vllm/v1/sample/logits_processor/builtin.py", "apply", "MinPLogitsProcessor")
    joint = function(sglang / "sglang/srt/layers/sampler.py", "top_k_top_p_min_p_sampling_from_probs_torch")
    generator = random.Random(20261124)
    cases = []
    for number in range(60):
        tied = number % 3 == 0
        logits = [
            generator.choice([-1.0, 0.0, 1.0]) if tied else generator.gauss(0, 1.5) for _ in range(SIZE)
        ]
        k = generator.choice([None, 1, 3, 6])
        p = generator.choice([None, 0.31, 0.77, 0.93])
        min_p = generator.choice([None, 0.07, 0.23])
        temperature = generator.choice([0.6, 1.0, 1.7])
        tempered = torch.tensor([logits]) / temperature
        state = SimpleNamespace(min_p_count=int(min_p is not None), min_p=torch.tensor([[min_p or 0.0]]))
        scores = min_p_of(state, tempered.clone())
        scores = cut(
            scores, None if k is None else torch.tensor([k]), None if p is None else torch.tensor([p])
        )
        _, weights, ids, _ = joint(
            torch.softmax(tempered, dim=-1),
            torch.tensor([k or SIZE]),
            torch.tensor([p or 1.0]),
            torch.tensor([min_p or 0.0]),
            min_p is not None,
            None,
            torch.tensor([0]),
            return_filtered_probs=True,
        )
        cases.append(
            {
                "logits": logits,
                "settings": {"temperature": temperature, "top_k": k, "top_p": p, "min_p": min_p},
                "vllm": torch.nonzero(scores[0] > -torch.inf)[:, 0].tolist(),
                "sglang": sorted(ids[0][weights[0] > 0].tolist()),
            }
        )
    json.dump({"vllm": "0.33.0", "sglang": "0.5.23", "cases": cases}, sys.stdout, separators=(",", ":"))
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
