"""Drafting through real key-value caches: small random models, each drafted for by itself with disturbed weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from retort.sampling import SamplingParams, Speculation, generate
from retort.sampling.speculative import RoundCounts
from tiny_models import save_tiny_model

torch = pytest.importorskip("torch")

PROMPTS = ["a pear is a kind of", "the sky", "what is a hammer? a hammer is"]


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gemma2", "openai_gpt"])
def test_coupled_texts_are_those_without_a_draft(architecture: str, tmp_path: Path) -> None:
    """Rows of other lengths that take back other numbers of tokens; with windows, and without any cache."""
    from retort.sources.transformers import TransformersSource

    folder = str(save_tiny_model(tmp_path, architecture, padding=4))
    target, draft = TransformersSource(folder), TransformersSource(folder)
    torch.manual_seed(1)
    with torch.no_grad():
        for weights in draft.model.parameters():
            weights += 0.05 * torch.randn_like(weights)
    params = [
        SamplingParams(temperature=t, top_p=0.9, seed=3, max_tokens=m)
        for t, m in ((0.7, 20), (0, 12), (1.2, 25))
    ]
    plain = generate(target, PROMPTS, params, n=2)
    counts = RoundCounts()
    drafted = generate(target, PROMPTS, params, n=2, draft=Speculation(draft, 3, on_round=counts))
    for one, other in zip(plain, drafted, strict=True):
        assert one.ids == other.ids or any(token.near_tie for token in one.tokens)
    assert sum(one.ids == other.ids for one, other in zip(plain, drafted, strict=True)) >= 5
    assert 0.2 < (counts.acceptance or 0.0) < 1.0
