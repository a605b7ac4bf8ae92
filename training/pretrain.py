"""Trains a small Llama from scratch on rendered text: Muon for the matrices, AdamW for the rest.

Interruptible: a checkpoint every few minutes, written under a temporary name and renamed; the same
command goes on from it. Rows are a function of (pass, place), so a resumed run sees the same data.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from transformers import LlamaConfig, LlamaForCausalLM

CHECKPOINT_SECONDS = 240


@dataclass(frozen=True)
class Settings:
    """A run: model shape and optimisation. Rates are AdamW-like for both optimisers."""

    hidden_size: int
    intermediate_size: int
    layers: int
    heads: int
    steps: int
    rows_per_step: int = 48
    length: int = 128
    learning_rate: float = 2e-3
    warmup: int = 100
    decay_share: float = 0.45
    weight_decay: float = 0.1
    seed: int = 0
    vocabulary: int = 8192
    context: int = 256


def fresh_model(settings: Settings, end_id: int) -> LlamaForCausalLM:
    torch.manual_seed(settings.seed)
    config = LlamaConfig(
        vocab_size=settings.vocabulary,
        hidden_size=settings.hidden_size,
        intermediate_size=settings.intermediate_size,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        num_key_value_heads=settings.heads,
        max_position_embeddings=settings.context,
        tie_word_embeddings=True,
        bos_token_id=end_id,
        eos_token_id=end_id,
        pad_token_id=end_id,
    )
    return LlamaForCausalLM(config)


def rate(step: int, settings: Settings) -> float:
    """Warm-up, constant, then a straight line to 2 %."""
    decay_from = settings.steps * (1 - settings.decay_share)
    if step < settings.warmup:
        return (step + 1) / settings.warmup
    if step < decay_from:
        return 1.0
    return max(0.02, (settings.steps - step) / (settings.steps - decay_from))


def optimizers(model: torch.nn.Module, settings: Settings) -> list[torch.optim.Optimizer]:
    matrices = [p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name]
    others = [p for name, p in model.named_parameters() if not (p.ndim == 2 and "embed" not in name)]
    return [
        torch.optim.Muon(
            matrices,
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
            adjust_lr_fn="match_rms_adamw",
        ),
        torch.optim.AdamW(others, lr=settings.learning_rate, betas=(0.9, 0.95), weight_decay=0.0, fused=True),
    ]


@torch.inference_mode()
def held_out_nll(model: LlamaForCausalLM, rows: np.ndarray) -> float:
    """Mean negative log-likelihood in nats a token over [rows, length], each row on its own."""
    model.eval()
    total = 0.0
    for part in torch.from_numpy(rows.astype(np.int64)).split(32):
        logits = model(part, use_cache=False).logits[:, :-1]
        total += cross_entropy(
            logits.reshape(-1, logits.shape[-1]), part[:, 1:].reshape(-1), reduction="sum"
        ).item()
    model.train()
    return total / (rows.shape[0] * (rows.shape[1] - 1))


def _save(path: Path, state: dict[str, object]) -> None:
    temporary = path.with_suffix(".tmp")
    torch.save(state, temporary)
    temporary.replace(path)


def train(
    model: LlamaForCausalLM,
    rows: Iterator[np.ndarray],
    settings: Settings,
    work: Path,
    validation: np.ndarray,
    probe: Callable[[LlamaForCausalLM], dict[str, float]] | None = None,
    evaluate_every: int = 250,
) -> LlamaForCausalLM:
    """Runs to `settings.steps`, logging JSON lines to work/log.jsonl. Same settings and seed, same weights."""
    work.mkdir(parents=True, exist_ok=True)
    checkpoint = work / "checkpoint.pt"
    optimisers = optimizers(model, settings)
    first = 0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        if state["settings"] != asdict(settings):
            raise SystemExit(f"{checkpoint} is of other settings; delete {work} to start over")
        model.load_state_dict(state["model"])
        for optimiser, saved in zip(optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        first = state["step"]
    for _ in range(first * settings.rows_per_step):
        next(rows)
    model.train()
    started = last_saved = time.monotonic()
    running = math.nan
    for step in range(first, settings.steps):
        batch = torch.from_numpy(
            np.stack([next(rows) for _ in range(settings.rows_per_step)]).astype(np.int64)
        )
        for optimiser in optimisers:
            for group in optimiser.param_groups:
                group["lr"] = settings.learning_rate * rate(step, settings)
        loss_sum = 0.0
        parts = batch.split(16)
        for part in parts:
            logits = model(part, use_cache=False).logits[:, :-1]
            loss = cross_entropy(logits.reshape(-1, logits.shape[-1]), part[:, 1:].reshape(-1))
            (loss * (len(part) / len(batch))).backward()
            loss_sum += loss.item() * len(part) / len(batch)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimiser in optimisers:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        running = loss_sum if math.isnan(running) else 0.95 * running + 0.05 * loss_sum
        now = time.monotonic()
        done = step + 1
        if done % evaluate_every == 0 or done == settings.steps:
            record = {
                "step": done,
                "tokens": done * settings.rows_per_step * settings.length,
                "train_nll": round(running, 4),
                "validation_nll": round(held_out_nll(model, validation), 4),
                "seconds": round(now - started, 1),
                "left_seconds": round((now - started) / (done - first) * (settings.steps - done)),
                **(probe(model) if probe else {}),
            }
            with (work / "log.jsonl").open("a") as log:
                log.write(json.dumps(record) + "\n")
            print(record, flush=True)
        elif done % 25 == 0:
            left = (now - started) / (done - first) * (settings.steps - done)
            print(f"step {done}/{settings.steps} nll {running:.3f}, {left / 60:.0f} min left", flush=True)
        if now - last_saved > CHECKPOINT_SECONDS or done == settings.steps:
            last_saved = now
            _save(
                checkpoint,
                {
                    "settings": asdict(settings),
                    "step": done,
                    "model": model.state_dict(),
                    "optimisers": [optimiser.state_dict() for optimiser in optimisers],
                },
            )
    return model
