"""How many of the exploit task's facts a model completes right, greedily: watched while it trains."""

from __future__ import annotations

import json

import torch
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

from training.tasks import TASKS


@torch.inference_mode()
def exploit_accuracy(model: LlamaForCausalLM, tokenizer: Tokenizer, max_tokens: int = 8) -> float:
    """Share of the items whose greedy answer, up to the full stop, is a reference."""
    was_training = model.training
    model.eval()
    items = [json.loads(line) for line in (TASKS / "exploit.jsonl").read_text(encoding="utf-8").splitlines()]
    by_length: dict[int, list[tuple[list[int], set[str]]]] = {}
    for item in items:
        ids = tokenizer.encode(f"{item['vars']['thing']} is a kind of").ids
        by_length.setdefault(len(ids), []).append((ids, set(item["references"])))
    right = 0
    for length, group in by_length.items():
        prompts = torch.tensor([ids for ids, _ in group])
        mask = torch.ones_like(prompts)
        texts = model.generate(prompts, attention_mask=mask, max_new_tokens=max_tokens, do_sample=False)
        for (_, references), row in zip(group, texts.tolist(), strict=True):
            right += tokenizer.decode(row[length:]).split(".")[0].strip() in references
    model.train(was_training)
    return right / len(items)
