"""The models that ship: they fit, they know what they were told, and they know what is like what."""

from __future__ import annotations

import pytest

from retort.lens.similar import similar
from retort.sources import load
from retort.sources.embedded import embedded_models
from retort.tune import load_task, run

FAMILY = {"embedded:base", "embedded:instruct", "embedded:small", "embedded:small-distilled"}


def test_the_family_is_there_and_small_enough() -> None:
    found = {info.name: info for info in embedded_models()}
    assert found.keys() >= FAMILY
    assert all(found[name].size_bytes <= 25e6 for name in FAMILY)
    assert found["embedded:small"].parameters <= 0.1 * found["embedded:base"].parameters
    for name in FAMILY:
        nll = found[name].held_out_nll
        assert nll is not None and 0 < nll < 6
    assert found["embedded:small-distilled"].held_out_nll < found["embedded:small"].held_out_nll


def test_base_knows_the_facts_it_was_told_far_better_than_chance() -> None:
    """60 items, evenly spread. The best constant answer fits 23 % of the task; base is at 83 % on the whole of it."""
    task = load_task("exploit")
    few = type(task)(**{**vars(task), "items": task.items[::5]})
    assert len(few.items) == 60
    greedy = run(few, load("embedded:base"), [0.0, 1.0], 1).settings[0]
    assert greedy.temperature == 0 and greedy.score > 0.6


def test_pear_is_nearer_to_apple_than_to_hammer() -> None:
    found = similar(load("embedded:base"), ["pear", "apple", "hammer"])
    pear_apple, pear_hammer = found.divergence[0, 1], found.divergence[0, 2]
    assert pear_apple == pytest.approx(found.divergence[1, 0])
    assert pear_hammer > pear_apple + 0.1
