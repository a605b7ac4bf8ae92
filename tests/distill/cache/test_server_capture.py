"""A server as teacher: what is stored is what it gave, with true bounds on the rest; what it cannot give is refused."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mock_server import TOKENS, MockServer, serve, true_log_probs
from retort.distill import Recipe
from retort.distill.cache import Cache, capture
from retort.distill.data.rows import content_hash
from retort.distill.objective import CachedTargets, open_targets
from retort.errors import CapabilityError, InputError, SourceError
from retort.sources.server.probe import PROBES


def recipe_with(targets: Path) -> Recipe:
    data = {"train": "a", "validation": "b"}
    return Recipe.from_dict({"teacher": "t", "student": "s", "data": data, "targets": str(targets)})


TEXTS = [" ".join(f"w{(7 * n + 3 * i * i) % 60}" for i in range(5 + n % 4)) for n in range(9)]


@pytest.fixture
def server() -> Iterator[tuple[MockServer, str]]:
    PROBES.clear()
    mock = MockServer()
    with serve(mock) as url:
        yield mock, f"{url}#mock"


@pytest.fixture
def data(tmp_path: Path) -> str:
    file = tmp_path / "text.txt"
    file.write_text("\n\n".join(TEXTS), encoding="utf-8")
    return str(file)


@pytest.fixture
def tokenizer(tmp_path: Path) -> str:
    """One token a word, as the mock server cuts: the first of a text without the space in front."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = ["</s>", *TOKENS, *(token.strip() for token in TOKENS)]
    made = Tokenizer(models.WordLevel({word: n for n, word in enumerate(words)}, unk_token="</s>"))
    made.pre_tokenizer = pre_tokenizers.Split(Regex(r" ?\S+"), "isolated")
    PreTrainedTokenizerFast(tokenizer_object=made, eos_token="</s>").save_pretrained(tmp_path / "words")
    return str(tmp_path / "words")


def tempered(before: str, temperature: float) -> np.ndarray:
    weights = np.exp(np.asarray(true_log_probs(before)) / temperature)
    return np.asarray(weights / weights.sum())


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_the_top_and_true_bounds_on_the_rest(
    server: tuple[MockServer, str], data: str, tmp_path: Path, temperature: float
) -> None:
    _, model = server
    manifest = capture(model, data, tmp_path / "c", temperature=temperature, codec="topk:5", shard_tokens=12)
    cache = Cache(tmp_path / "c")
    cache.verify()
    texts = cache.token_texts()
    assert manifest.complete and manifest.shards > 2
    assert manifest.tokens == sum(len(text.split()) - 1 for text in TEXTS)
    for number, text in enumerate(TEXTS):
        words = text.split(" ")
        tokens, offsets = cache.document(number)
        assert [texts[one] for one in tokens] == [f" {word}" for word in words[1:]]
        assert offsets.tolist() == list(range(1, len(words)))
        found, rest = cache.targets(np.full(len(offsets), number), offsets), cache.rest(number)
        assert rest is not None
        for row, offset in enumerate(offsets.tolist()):
            probs = tempered(" ".join(words[:offset]), temperature)
            best = np.argsort(-probs)[:5]
            assert [texts[one] for one in found.ids[row]] == [TOKENS[one] for one in best]
            np.testing.assert_allclose(found.weights[row], probs[best] / probs[best].sum(), rtol=4e-3)
            # What is not told is inside the bounds: the truth is known here.
            assert rest[row, 0] <= 1 - probs[best].sum() <= rest[row, 1]
            assert 0 <= rest[row, 0] < rest[row, 1] <= 1
    server_entry = manifest.server
    assert server_entry is not None and server_entry["probe"]["echo"] is True
    assert 0 < server_entry["rest_low"] < server_entry["rest_high"] < 1


def test_what_a_server_cannot_give_is_refused_with_the_reason(
    server: tuple[MockServer, str], data: str, tmp_path: Path
) -> None:
    mock, model = server
    with pytest.raises(CapabilityError, match=r"codec is sampled:50.*topk:20, which is biased"):
        capture(model, data, tmp_path / "c")
    with pytest.raises(CapabilityError, match=r"topk:64.*gives 20 tokens per position; use topk:20"):
        capture(model, data, tmp_path / "c", codec="topk:64")
    assert not any(body.get("prompt") in TEXTS for body in mock.requests)
    PROBES.clear()
    mock.lies = {"no echo"}
    with pytest.raises(CapabilityError, match=r"\(echo in completions\).*its own request"):
        capture(model, data, tmp_path / "c", codec="topk:5")
    assert not (tmp_path / "c").exists()


def test_more_than_the_probe_asks_for_where_the_server_gives_it(
    server: tuple[MockServer, str], data: str, tmp_path: Path
) -> None:
    mock, model = server
    mock.most = 40
    capture(model, data, tmp_path / "c", codec="topk:30")
    assert (Cache(tmp_path / "c").targets([0], [1]).weights > 0).sum() == 30


def test_a_capture_that_broke_off_goes_on_without_asking_twice(
    server: tuple[MockServer, str], data: str, tmp_path: Path
) -> None:
    mock, model = server
    options: dict[str, Any] = {"codec": "topk:5", "shard_tokens": 12}
    capture(model, data, tmp_path / "whole", **options)

    asked = {"count": 0}
    answer = mock.answer

    def break_off(body: dict[str, Any], is_chat: bool) -> dict[str, Any]:
        if body.get("prompt") in TEXTS:
            asked["count"] += 1
            if asked["count"] == 5:
                mock.fault_always = "400"
        return answer(body, is_chat)

    mock.answer = break_off  # type: ignore[method-assign]
    with pytest.raises(SourceError, match=r"document 5: .*--resume"):
        capture(model, data, tmp_path / "c", **options)
    mock.fault_always, mock.answer = None, answer  # type: ignore[method-assign]
    done = Cache(tmp_path / "c").manifest
    assert not done.complete and 0 < done.documents < 5
    mock.requests.clear()
    capture(model, data, tmp_path / "c", resume=True, **options)
    sent = [body["prompt"] for body in mock.requests if body.get("prompt") in TEXTS]
    assert sent == TEXTS[done.documents :]
    for file in (tmp_path / "whole").glob("shard-*"):
        assert (tmp_path / "c" / file.name).read_bytes() == file.read_bytes()
    with pytest.raises(InputError, match=r"codec topk:5 / topk:4"):
        capture(model, data, tmp_path / "c", resume=True, codec="topk:4", shard_tokens=12)


def test_with_the_tokenizer_a_student_can_be_trained(
    server: tuple[MockServer, str], data: str, tokenizer: str, tmp_path: Path
) -> None:
    from transformers import AutoTokenizer

    _, model = server
    opened = AutoTokenizer.from_pretrained(tokenizer)
    capture(model, data, tmp_path / "c", codec="topk:5", tokenizer=tokenizer)
    capture(model, data, tmp_path / "texts", codec="topk:5")
    ids = [*opened(TEXTS[0], add_special_tokens=False)["input_ids"], opened.eos_token_id]
    contents = {0: content_hash(ids)}
    targets = open_targets(recipe_with(tmp_path / "c"), opened, contents)
    assert isinstance(targets, CachedTargets)
    with pytest.raises(InputError, match=r"names tokens by text.*--tokenizer"):
        open_targets(recipe_with(tmp_path / "texts"), opened, contents)

    # A row that begins with the marker: its first and last targets are those that no server tells.
    row = torch.tensor([[opened.eos_token_id, *ids]])
    sources = torch.tensor([[[-1, -1], *([0, n] for n in range(len(ids)))]])
    logits = torch.zeros((1, row.shape[1] - 1, len(opened)), dtype=torch.float64, requires_grad=True)
    total, count = targets.loss(logits, row[:, 1:], sources, 3.0, 1.0, "forward_kl")
    total.backward()
    assert int(count) == len(ids) and logits.grad is not None
    silent = logits.grad.abs().sum(-1)[0] == 0
    assert silent.tolist() == [True, *[False] * (len(ids) - 2), True]
    words, vocab = TEXTS[0].split(" "), len(opened)
    expected = 0.0
    for offset in range(1, len(words)):
        probs = np.sort(tempered(" ".join(words[:offset]), 3.0))[::-1][:5]
        probs = probs / probs.sum()
        expected += 9.0 * float((probs * np.log(probs)).sum() + math.log(vocab))
    assert float(total.detach()) == pytest.approx(expected, rel=2e-3)
    # Another text under the same number is still another text.
    other = CachedTargets(targets.cache, {0: content_hash(ids[:-2])})
    with pytest.raises(InputError, match="is not the text captured"):
        other.loss(logits, row[:, 1:], sources, 3.0, 1.0, "forward_kl")


def test_a_tokenizer_that_cuts_otherwise_is_refused_with_both(
    server: tuple[MockServer, str], data: str, tmp_path: Path
) -> None:
    from tiny_models import make_tokenizer

    make_tokenizer().save_pretrained(tmp_path / "bytes")
    with pytest.raises(InputError, match=r"splits document 0 into .* where .* has \[' w3'\]"):
        capture(server[1], data, tmp_path / "c", codec="topk:5", tokenizer=str(tmp_path / "bytes"))


def test_a_model_that_runs_here_takes_no_tokenizer(data: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has its own"):
        capture("embedded:base", data, tmp_path / "c", tokenizer="x")
