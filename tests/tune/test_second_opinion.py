"""A second model's likelihood of the answers: by formula, against a loop over tokens, and what cannot be asked."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.tune.knowing_source import KnowingSource
from tests.tune.test_run import EXPLOIT_KNOWN, task_of

from mock_source import MockSource
from retort.distribution import log_softmax
from retort.errors import CapabilityError, InputError
from retort.sources.base import Capability
from retort.sources.chat import prompt_for
from retort.tune import reweight, run
from retort.tune.reweight import _nll
from retort.tune.score import make_scorer
from retort.tune.task import Item, Task

GRID = (0.0, 1.0, 3.0)


def test_a_duller_model_finds_the_same_answers_less_likely_by_a_formula(tmp_path: Path) -> None:
    """One known word an item: its cost is ln Z − lead, any other word's ln Z."""
    task = task_of(EXPLOIT_KNOWN, "exploit", "references")
    second = KnowingSource(EXPLOIT_KNOWN, lead=2.0)
    found = run(task, KnowingSource(EXPLOIT_KNOWN), GRID, 4, second=second)
    normaliser = math.log(math.exp(2.0) + second.vocab_size - 2)
    for setting in found.settings:
        assert setting.second_nll == pytest.approx(normaliser - 2.0 * setting.score)
    assert found.second_model == "knowing" and found.to_dict()["second_model"] == "knowing"
    assert found.to_dict()["settings"][0]["second_nll"] == found.settings[0].second_nll
    plain = run(task, KnowingSource(EXPLOIT_KNOWN), GRID, 4)
    assert plain.second_model is None and plain.settings[0].second_nll is None
    assert plain.recommendation == found.recommendation


def test_a_text_is_read_after_its_prompt_token_by_token() -> None:
    source = MockSource(16)
    nats, tokens = _nll(source, prompt_for(source, "w1 w2"), " w3 w4 w5")
    expected, ids = 0.0, [1, 2]
    for token in (3, 4, 5):
        expected -= log_softmax(np.asarray(source.start([ids]).logits[0], dtype=np.float64))[token]
        ids.append(token)
    assert (nats, tokens) == (pytest.approx(expected), 3)
    assert _nll(source, prompt_for(source, "w1 w2"), "") == (0.0, 0)


def test_each_different_answer_is_read_once_and_of_few_enough_items(monkeypatch: pytest.MonkeyPatch) -> None:
    task = task_of(EXPLOIT_KNOWN, "exploit", "references")
    second = KnowingSource(EXPLOIT_KNOWN)
    run(task, KnowingSource(EXPLOIT_KNOWN), (0.0, 0.1), 8, second=second)
    assert second.rows <= 2 * len(EXPLOIT_KNOWN), "16 answers an item, all the same one"
    monkeypatch.setattr(reweight, "MOST_READ", 5)
    few = KnowingSource(EXPLOIT_KNOWN)
    run(task, KnowingSource(EXPLOIT_KNOWN), (0.0, 0.1), 8, second=few)
    assert 0 < few.rows <= 5 * 2


def test_what_cannot_be_asked() -> None:
    task = task_of(EXPLOIT_KNOWN, "exploit", "references")
    server = MockSource(16)
    server.capability = Capability.TOP_N
    with pytest.raises(CapabilityError, match="use a second model that runs here"):
        run(task, KnowingSource(EXPLOIT_KNOWN), GRID, 4, second=server)
    item = Item("1", {"word": next(iter(EXPLOIT_KNOWN))}, ("a",), ("a", "b"))
    choice: Task = replace(task, scorer=make_scorer("choice", (), ""), items=(item,))
    with pytest.raises(InputError, match="a second model has nothing to read"):
        run(choice, KnowingSource(EXPLOIT_KNOWN), GRID, 4, second=MockSource(16))
