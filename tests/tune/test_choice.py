"""Multiple choice against a slow loop: the product over all tokens of a choice, at every temperature and length."""

from __future__ import annotations

import numpy as np
import pytest

from mock_source import MockSource
from retort.distribution import log_softmax, softmax
from retort.errors import InputError
from retort.sources.positions import position_logits
from retort.tune.run import run
from retort.tune.score import make_scorer
from retort.tune.task import Item, Task

CHOICES = ("w3 w4 w5", "w6", "w3 w7")
TEMPERATURES = (0.0, 0.5, 1.0, 2.0)


def task(per: str, choices: tuple[str, ...] = CHOICES) -> Task:
    scorer = make_scorer({"kind": "choice", "per": per}, (), "")
    items = tuple(Item(f"i{n}", {"p": f"w{n} w2"}, (choices[0],), choices=choices) for n in range(3))
    return Task("c", "exploit", "", ("{p}",), 1, (), scorer, items)


def by_hand(source: MockSource, item: Item, temperature: float, per: str) -> float:
    """The probability of the first choice, from the logits at every position of the whole text."""
    prompt = source.encode(item.variables["p"])
    totals = []
    for choice in item.choices:
        ids = source.encode(f"{item.variables['p']} {choice}")
        rows = position_logits(source, ids).astype(np.float64)
        total = 0.0
        for place in range(len(prompt), len(ids)):
            row = rows[place - 1]
            total += (
                row[ids[place]] - row.max() if temperature == 0 else log_softmax(row, temperature)[ids[place]]
            )
        totals.append(total / {"text": 1, "token": len(ids) - len(prompt), "byte": len(choice)}[per])
    return float(softmax(np.array(totals), 0.0 if temperature == 0 else 1.0)[0])


@pytest.mark.parametrize("per", ["text", "token", "byte"])
def test_a_choice_is_as_probable_as_all_its_tokens(per: str) -> None:
    source = MockSource(16)
    asked = task(per)
    found = run(asked, source, TEMPERATURES, 1)
    expected = [[by_hand(source, item, t, per) for t in TEMPERATURES] for item in asked.items]
    assert found.item_scores == pytest.approx(np.array(expected), abs=1e-9)


def test_a_choice_that_begins_another_is_refused() -> None:
    with pytest.raises(InputError, match="is the beginning of"):
        run(task("text", ("w3", "w3 w4")), MockSource(16), TEMPERATURES, 1)


def test_the_length_rule_is_one_of_three() -> None:
    with pytest.raises(InputError, match=r"per of scorer 'choice' is 'word'; allowed are text, token, byte"):
        make_scorer({"kind": "choice", "per": "word"}, (), "")
