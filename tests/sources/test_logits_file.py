"""A row of logits from a file: FACTS' example, and every way in which a file can be wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retort.errors import InputError, SourceError
from retort.sources import Capability, load, next_token_logits

SKY = {
    "tokens": ["blue", "cloudy", "clear", "dark", "green", "cheese"],
    "logits": [15.2, 10.1, 8.4, 6.2, 2.1, -4.8],
}


def write(folder: Path, record: Any) -> str:
    file = folder / "sky.json"
    file.write_text(record if isinstance(record, str) else json.dumps(record))
    return f"logits:{file}"


def test_the_row_comes_back_whatever_the_prompt(tmp_path: Path) -> None:
    source = load(write(tmp_path, SKY | {"comment": "other keys are ignored"}))
    assert source.vocab_size == 6 and source.capability is Capability.FULL and source.end_ids == frozenset()
    for prompt in ("The sky is", ""):
        logits = next_token_logits(source, prompt)
        assert logits.tolist() == SKY["logits"]  # exact: nothing is rounded to float32
    assert source.note is not None and "no effect" in source.note


def test_the_decoder_repeats_the_row_for_every_text(tmp_path: Path) -> None:
    source = load(write(tmp_path, SKY))
    decoder = source.start([[], [0]])
    decoder.advance([1, 0, 0], [0, 1, 5])
    assert decoder.logits.shape == (3, 6)
    assert (decoder.logits == SKY["logits"]).all()
    with pytest.raises(InputError, match="Token id 6"):
        decoder.advance([0], [6])
    decoder.advance([], [])
    assert decoder.logits.shape == (0, 6)


def test_words_are_joined_by_spaces_and_tokens_with_spaces_are_not(tmp_path: Path) -> None:
    assert load(write(tmp_path, SKY)).decode([0, 5]) == "blue cheese"
    assert load(write(tmp_path, {"tokens": [" blue", "ish"], "logits": [1, 2]})).decode([0, 1]) == " blueish"


def test_repeated_tokens_and_null_logits_are_allowed(tmp_path: Path) -> None:
    source = load(write(tmp_path, {"tokens": ["a", "a", "b"], "logits": [1, 2.5, None]}))
    np.testing.assert_array_equal(next_token_logits(source, "x"), np.array([1, 2.5, -np.inf]))
    assert [source.token_text(i) for i in range(3)] == ["a", "a", "b"]


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        ("{", "is not JSON"),
        ("[1]", "contains a list, not a JSON object"),
        ({"logits": [1]}, '"tokens" is missing'),
        ({"tokens": "ab", "logits": [1, 2]}, '"tokens" is str'),
        ({"tokens": ["a", "b"], "logits": [1]}, "2 tokens and 1 logits"),
        ({"tokens": [], "logits": []}, "at least one"),
        ({"tokens": ["a", 3], "logits": [1, 2]}, "token 1 is int"),
        ({"tokens": ["a", "b"], "logits": [1, "2"]}, "logit 1 is str"),
        ({"tokens": ["a", "b"], "logits": [1, True]}, "logit 1 is bool"),
        ('{"tokens": ["a"], "logits": [NaN]}', "logit 0 is nan"),
        ('{"tokens": ["a"], "logits": [Infinity]}', "logit 0 is inf"),
        ({"tokens": ["a"], "logits": [None]}, "every logit is null"),
    ],
)
def test_a_wrong_file_is_one_clear_sentence(tmp_path: Path, record: Any, sentence: str) -> None:
    with pytest.raises(SourceError, match=sentence):
        load(write(tmp_path, record))


def test_a_missing_file_is_named() -> None:
    with pytest.raises(SourceError, match=r"nowhere\.json cannot be read: there is no such file"):
        load("logits:nowhere.json")
