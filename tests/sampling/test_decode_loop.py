"""`Sampler`: a decode loop draws what `generate` draws; and `sample` says so where a loop forgets positions."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from retort.errors import InputError
from retort.sampling import Sampler, SamplingParams, sample
from retort.sampling import draw as drawing

SETTINGS = {"temperature": 0.9, "top_p": 0.95, "repetition_penalty": 1.2, "seed": 5}


def model(history: list[int], vocab: int = 50) -> np.ndarray:
    """Logits that depend on the tokens so far."""
    return np.random.default_rng([len(history), *history]).normal(0, 2, vocab)


def test_positions_history_and_seeds_are_those_of_single_calls() -> None:
    prompts = [[1, 2, 3], [4]]
    sampler = Sampler(SETTINGS, prompts)
    texts = [list(prompt) for prompt in prompts]
    for step in range(6):
        logits = np.stack([model(text) for text in texts])
        drawn = sampler(logits)
        law = sample(
            logits, SETTINGS, seeds=[5, 6], positions=step, history=texts, prompt_lengths=[3, 1]
        )  # fmt: skip
        assert drawn.ids.tolist() == law.ids.tolist()
        for text, token in zip(texts, drawn.ids.tolist(), strict=True):
            text.append(token)
    assert sampler.history == texts and sampler.positions == [6, 6]
    assert prompts == [[1, 2, 3], [4]]


def test_steps_draw_different_noise() -> None:
    sampler = Sampler({"temperature": 1.0})
    tokens = [int(sampler(np.zeros(1000)).ids[0]) for _ in range(8)]
    assert len(set(tokens)) == 8


def test_a_chain_that_remembers() -> None:
    settings = {"mirostat": 2, "mirostat_tau": 3.0, "seed": 1}
    sampler, states = Sampler(settings), None
    for step in range(5):
        logits = np.random.default_rng(step).normal(0, 2, 200)
        law = sample(logits, settings, positions=step, states=states)
        assert sampler(logits).ids[0] == law.ids[0]
        states = law.states


def test_sequences_that_go_on_keep_their_seed_and_place() -> None:
    sampler = Sampler({"seed": 10})
    sampler(np.zeros((3, 100)))
    sampler.keep([2, 0])
    drawn = sampler(np.zeros((2, 100)))
    law = sample(np.zeros((2, 100)), {}, seeds=[12, 10], positions=1)
    assert drawn.ids.tolist() == law.ids.tolist()
    with pytest.raises(InputError, match="draws 2 sequences, got logits of 3 rows"):
        sampler(np.zeros((3, 100)))
    with pytest.raises(InputError, match="rows from 0 to 1, got 2"):
        sampler.keep([2])


def test_torch_in_torch_out() -> None:
    torch = pytest.importorskip("torch")
    logits = torch.randn(2, 300, dtype=torch.bfloat16, requires_grad=True)
    for drawn in (Sampler(SETTINGS, torch.tensor([[1, 2], [3, 4]]))(logits), sample(logits, {}, positions=0)):
        for name in ("ids", "logprob_raw", "margin", "near_tie"):
            assert isinstance(getattr(drawn, name), torch.Tensor), name
        assert drawn.ids.dtype == torch.int64 and drawn.ids.device == logits.device
    assert torch.cat([torch.tensor([[1], [2]]), drawn.ids[:, None]], dim=1).shape == (2, 2)


@pytest.fixture
def unwarned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "_warned", False)
    monkeypatch.setattr(drawing, "_last_call", (None, b"", 0))


@pytest.mark.usefixtures("unwarned")
def test_a_loop_without_positions_is_told_once() -> None:
    params = SamplingParams(seed=3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for step in range(8):
            sample(np.random.default_rng(step).normal(size=40), params)
    assert len(caught) == 1
    assert "without positions" in str(caught[0].message) and "retort.Sampler" in str(caught[0].message)


@pytest.mark.usefixtures("unwarned")
def test_a_grown_history_without_positions_is_told_at_once() -> None:
    with pytest.warns(UserWarning, match="without positions"):
        sample(np.zeros(40), {"repetition_penalty": 1.1}, history=[[1, 2, 3]], prompt_lengths=[2])


@pytest.mark.usefixtures("unwarned")
def test_what_is_no_loop_is_not_spoken_of() -> None:
    params, logits = SamplingParams(), np.random.default_rng(0).normal(size=40)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for step in range(6):
            sample(logits, params)  # the same draw again, for a measurement
            sample(logits + step, params, seeds=[step])
            sample(logits * step, params, positions=step)
        for seed in range(6):
            sample(
                logits + seed, SamplingParams(seed=seed)
            )  # new params, perhaps at the address of the last ones


def test_settings_may_be_a_mapping_and_what_is_none_is_refused_in_a_sentence() -> None:
    logits = np.random.default_rng(0).normal(size=(2, 40))
    assert sample(logits, {"temperature": 0.5, "top_k": 3}).ids.tolist() == (
        sample(logits, SamplingParams(temperature=0.5, top_k=3)).ids.tolist()
    )
    assert sample(logits, [{"seed": 1}, SamplingParams(seed=2)]).ids.tolist() == (
        sample(logits, {}, seeds=[1, 2]).ids.tolist()
    )
    for wrong in ("temperature=1", 3, None):
        with pytest.raises(InputError, match="params must be SamplingParams or a mapping"):
            sample(logits, wrong)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=f"seed {2**64 - 1} is too large for 2 rows"):
        sample(logits, {"seed": 2**64 - 1})
