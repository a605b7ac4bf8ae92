"""Temperature paths: every leaf is what `generate` gives, in all of its interval; the counts are of rows really run."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import get_ident
from typing import Any

import numpy as np
import pytest

from mock_source import MockSource
from retort.chain import Chain
from retort.errors import InputError
from retort.sampling import (
    Leaf,
    PathRequest,
    SamplingParams,
    TemperaturePath,
    generate,
    temperature_path,
    temperature_paths,
)
from retort.sources.recording import recording
from retort.studio.runs import Models
from retort.transforms import NAMES, TRANSFORMS, Parameter, Transform

GRID = [number / 10 for number in range(21)]
CHAINS = [
    "",
    "top_k=4",
    "top_p=0.8",
    "temperature=1 | top_k=9 | top_p=0.9 | min_p=0.05",
    "top_p=0.7 | temperature=1 | min_p=0.1",
]


def texts_at(
    source: MockSource, prompt: str, seed: int, temperatures: Sequence[float], chain: Chain, **rest: Any
) -> list[tuple[Any, ...]]:
    """What `generate` gives at each temperature, as `leaf_fields` gives it for a leaf."""
    params = [SamplingParams(chain=chain.at_temperature(value), seed=seed, **rest) for value in temperatures]
    texts = generate(source, [prompt] * len(params), params)
    return [
        (
            text.ids,
            text.text,
            text.finish_reason,
            pytest.approx(sum(token.logprob_raw for token in text.tokens)),
        )
        for text in texts
    ]


def leaf_fields(leaf: Leaf) -> tuple[Any, ...]:
    return leaf.ids, leaf.text, leaf.finish_reason, leaf.logprob_raw


def check_cover(path: TemperaturePath, grid: list[float]) -> None:
    """Each grid temperature once, in order; intervals rising and not overlapping."""
    assert [value for leaf in path.leaves for value in leaf.temperatures] == sorted(grid)
    for leaf in path.leaves:
        assert leaf.temperature_low <= leaf.temperatures[0] <= leaf.temperatures[-1] <= leaf.temperature_high
    for left, right in itertools.pairwise(path.leaves):
        assert left.temperature_high < right.temperature_low
        assert left.ids != right.ids


@pytest.mark.parametrize("text", CHAINS)
@pytest.mark.parametrize("ties", [False, True])
def test_leaves_are_what_generate_gives(text: str, ties: bool) -> None:
    source, chain, rng = MockSource(30, ties=ties), Chain.parse(text), np.random.default_rng(5)
    for seed in (2, 3):
        path = temperature_path(source, "the sky is", seed, GRID, chain=chain, max_tokens=6)
        check_cover(path, GRID)
        assert path.exact
        assert len(path.leaves) > 2
        for leaf in path.leaves:
            inside = rng.uniform(leaf.temperature_low, leaf.temperature_high, 3).tolist()
            inside += [*leaf.temperatures, leaf.temperature_low, leaf.temperature_high]
            texts = texts_at(source, "the sky is", seed, inside, chain, max_tokens=6)
            assert [leaf_fields(leaf)] * len(inside) == texts


@pytest.mark.parametrize("text", CHAINS)
def test_intervals_end_where_the_text_changes(text: str) -> None:
    source, chain = MockSource(30), Chain.parse(text)
    path = temperature_path(source, "a pear", 3, GRID, chain=chain, max_tokens=5)
    for leaf in path.leaves:
        beyond = [leaf.temperature_low - 1.01e-4, leaf.temperature_high + 1.01e-4]
        beyond = [value for value in beyond if GRID[0] < value < GRID[-1]]
        assert leaf.ids not in [
            text[0] for text in texts_at(source, "a pear", 3, beyond, chain, max_tokens=5)
        ]


def test_zero_is_greedy() -> None:
    source = MockSource(30)
    greedy = generate(source, "w1 w2", SamplingParams(temperature=0, max_tokens=8))[0]
    for seed in range(4):
        leaf = temperature_path(source, "w1 w2", seed, [0.0, 1.0], max_tokens=8).leaves[0]
        assert (leaf.temperatures[0], leaf.ids, leaf.text) == (0.0, greedy.ids, greedy.text)


@pytest.mark.parametrize("max_rows", [1, 3, 256])
def test_many_requests_together_are_each_what_they_are_alone(max_rows: int) -> None:
    source = MockSource(25, end_bias=1.0)
    requests = [PathRequest((1, 2 + number % 3), number // 3) for number in range(9)]
    together = temperature_paths(source, requests, GRID, max_tokens=6, max_rows=max_rows, stop=(" w7",))
    assert source.forward_rows == sum(path.forward_passes for path in together)
    assert source.largest_batch <= max(max_rows, 1)
    for request, path in zip(requests, together, strict=True):
        check_cover(path, GRID)
        assert (
            path.leaves == temperature_paths(source, [request], GRID, max_tokens=6, stop=(" w7",))[0].leaves
        )
    reasons = {leaf.finish_reason for path in together for leaf in path.leaves}
    assert reasons == {"end", "stop", "length"}


def test_passes_are_counted_as_they_are_run() -> None:
    source = MockSource(25, ends=False)
    path = temperature_path(source, "w1", 0, GRID, max_tokens=7)
    assert path.forward_passes == source.forward_rows
    assert path.forward_passes == len({leaf.ids[:length] for leaf in path.leaves for length in range(7)})
    separate = MockSource(25, ends=False)
    for temperature in GRID:
        generate(separate, "w1", SamplingParams(temperature=temperature, max_tokens=7))
    assert path.independent_passes == separate.forward_rows == 7 * len(GRID)
    assert path.forward_passes < path.independent_passes


def test_equal_prefixes_of_several_seeds_share_a_pass() -> None:
    """At temperature 0 every seed gives one text: its tokens are run once, and counted for the first request."""
    source = MockSource(25, ends=False)
    paths = temperature_paths(source, [PathRequest((1,), seed) for seed in range(6)], [0.0], max_tokens=4)
    assert source.forward_rows == 4
    assert [path.forward_passes for path in paths] == [4, 0, 0, 0, 0, 0]
    assert [path.independent_passes for path in paths] == [4] * 6
    assert len({path.leaves for path in paths}) == 1


def test_stop_strings_and_ends_close_a_branch() -> None:
    source = MockSource(8, end_bias=1.0)
    stop = (" w3", " w5 w")
    path = temperature_path(source, "w1", 1, GRID, max_tokens=9, stop=stop)
    for leaf in path.leaves:
        texts = texts_at(source, "w1", 1, leaf.temperatures, Chain(), max_tokens=9, stop=stop)
        assert [leaf_fields(leaf)] * len(texts) == texts


def test_path_finds_the_leaf_of_a_temperature() -> None:
    path = temperature_path(MockSource(25), "w1", 0, [0.0, 2.0, 0.5, 0.5], max_tokens=5)
    check_cover(path, [0.0, 0.5, 2.0])
    assert path.at(2.0) is path.leaves[-1]
    assert path.at(path.leaves[0].temperature_high) is path.leaves[0]
    with pytest.raises(InputError, match="no text for temperature 3"):
        path.at(3.0)


def test_progress_counts_finished_requests() -> None:
    seen: list[tuple[int, int]] = []
    temperature_paths(
        MockSource(25),
        [PathRequest((1,), seed) for seed in range(5)],
        GRID,
        max_tokens=4,
        max_rows=4,
        on_progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(done, 5) for done in range(1, 6)]


class Lanes(MockSource):
    """A source that says it may be decoded in three threads, and counts who came."""

    lanes = 3

    def enter_lane(self, lanes: int) -> None:
        self.entered = [*getattr(self, "entered", []), (lanes, get_ident())]


def test_several_threads_give_the_same_paths_and_end_together() -> None:
    requests = [PathRequest((prompt,), seed) for seed in (1, 2) for prompt in range(1, 8)]
    source, told = Lanes(), []
    found = temperature_paths(source, requests, GRID, max_tokens=6, on_progress=lambda *now: told.append(now))
    alone = temperature_paths(MockSource(), requests, GRID, max_tokens=6)
    assert [leaf_fields(leaf) for path in found for leaf in path.leaves] == [
        leaf_fields(leaf) for path in alone for leaf in path.leaves
    ]
    assert [path.forward_passes for path in found] == [path.forward_passes for path in alone]
    assert {lanes for lanes, _ in source.entered} == {3} and get_ident() not in {
        one for _, one in source.entered
    }
    assert told == [(done, len(requests)) for done in range(1, len(requests) + 1)]
    # One prompt is not cut in two, and two are not worth three threads.
    few = Lanes()
    temperature_paths(few, requests[:1], GRID, max_tokens=2)
    assert not hasattr(few, "entered")

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        temperature_paths(Lanes(), requests, GRID, max_tokens=6, on_progress=stop)


def test_what_wraps_a_source_is_one_lane(tmp_path: Path) -> None:
    """A recording is one file, and the studio's runs take turns."""
    for wrap in (
        lambda source: recording(source, tmp_path / "said.jsonl"),
        lambda source: Models(["m"], lambda _: source).borrow("m", lambda: None),
    ):
        source = Lanes()
        temperature_paths(
            wrap(source), [PathRequest((prompt,), 1) for prompt in range(1, 8)], [0, 1], max_tokens=2
        )
        assert source.forward_rows and not hasattr(source, "entered")


def test_chains_that_are_not_nested_give_the_asked_temperatures_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A truncation that drops the most likely token unless τ is high: texts may come, go and come again."""

    def drop_first(logits: np.ndarray, share: float) -> np.ndarray:
        logits = np.array(logits)
        probs = np.exp(logits - logits.max(axis=-1, keepdims=True))
        probs /= probs.sum(axis=-1, keepdims=True)
        logits[(probs > share) & (probs < probs.max(axis=-1, keepdims=True) + 1)] = -np.inf
        return logits

    share = Parameter("drop_first", "a number from 0 to 1", low=0, high=1)
    row = Transform("drop_first", drop_first, "for this test", (share,), nested=False)
    monkeypatch.setitem(TRANSFORMS, "drop_first", row)
    monkeypatch.setitem(NAMES, "drop_first", "drop_first")
    source, chain = MockSource(12, spread=1.0), Chain.parse("temperature=1 | drop_first=0.3")
    grid = [number / 10 for number in range(8, 31)]
    path = temperature_path(source, "w1", 0, grid, chain=chain, max_tokens=4)
    assert not path.exact
    assert [value for leaf in path.leaves for value in leaf.temperatures] == grid
    for leaf in path.leaves:
        assert (leaf.temperature_low, leaf.temperature_high) == (leaf.temperatures[0], leaf.temperatures[-1])
        texts = texts_at(source, "w1", 0, leaf.temperatures, chain, max_tokens=4)
        assert texts == [leaf_fields(leaf)] * len(texts)


def test_a_path_stays_exact_behind_what_looks_back() -> None:
    """Penalties and bans before the temperature: each asked-for temperature's text is that of `generate`."""
    source = MockSource(12, spread=1.5)
    chain = Chain.parse(
        "repetition_penalty=1.5 | presence_penalty=0.7 | dry(multiplier=0.8) | bad_words([3 4]) | temperature=1 | "
        "top_p=0.95"
    )
    grid = [0.0, 0.4, 0.8, 1.2, 2.0]
    path = temperature_path(source, "w1 w2", 3, grid, chain=chain, max_tokens=6)
    assert path.exact
    for leaf in path.leaves:
        texts = texts_at(source, "w1 w2", 3, leaf.temperatures, chain, max_tokens=6)
        assert texts == [leaf_fields(leaf)] * len(texts)
    plain = temperature_path(
        source, "w1 w2", 3, grid, chain=Chain("temperature=1 | top_p=0.95"), max_tokens=6
    )
    assert [leaf.ids for leaf in plain.leaves] != [leaf.ids for leaf in path.leaves]


def test_a_chain_that_tosses_coins_or_remembers_has_no_path() -> None:
    for text in ("xtc(probability=0.5)", "mirostat=2"):
        with pytest.raises(InputError, match="depends on temperature and noise alone"):
            temperature_path(MockSource(12), "w1", 0, [1.0], chain=Chain(text), max_tokens=2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"temperatures": []}, "at least one temperature"),
        ({"temperatures": [-0.5]}, "0 .greedy. or more, got -0.5"),
        ({"temperatures": [float("inf")]}, "got inf"),
        ({"max_tokens": 0}, "max_tokens must be"),
        ({"max_tokens": 30}, "lower max_tokens to 9"),
        ({"seed": -1}, "seed must be"),
        ({"prompt": ""}, "prompt is empty"),
        ({"stop": ("",)}, "stop must be"),
    ],
)
def test_arguments_that_cannot_be_used(arguments: dict[str, Any], words: str) -> None:
    source = MockSource(10, max_context=10)
    with pytest.raises(InputError, match=words):
        temperature_path(
            source, **{"prompt": "w1", "seed": 0, "temperatures": [1.0], "max_tokens": 4, **arguments}
        )
    assert source.starts == 0


def test_long_vocabularies_are_split_compiled_with_the_same_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel on and off: texts, exact intervals and counts are equal, tied, removed and flat logits included."""
    from retort.sampling import path as module

    rng = np.random.default_rng(4)
    rows = rng.standard_normal((7, 4500)) * np.array([3.5, 3.5, 0.01, 9.0, 2.0, 3.0, 1.0])[:, None]
    rows[1, ::2] = -np.inf
    rows[3, [5, 4000]] = rows[3].max() + 1.0
    rows[4] = np.round(rows[4])

    source = MockSource(rows.shape[1])
    monkeypatch.setattr(source, "logits_of", lambda ids: rows[sum(ids) % len(rows)].astype(np.float32))
    requests = [PathRequest((number, 3), seed) for number in range(4) for seed in (0, 1, 2**63 + 5)]
    compiled = temperature_paths(source, requests, GRID, max_tokens=5, max_rows=16)
    monkeypatch.setattr(module, "MIN_VOCABULARY", 2**62)
    assert len({leaf.ids for path in compiled for leaf in path.leaves}) > 50
    for one, other in zip(
        compiled, temperature_paths(source, requests, GRID, max_tokens=5, max_rows=16), strict=True
    ):
        assert [replace(leaf, logprob_raw=0.0) for leaf in one.leaves] == [
            replace(leaf, logprob_raw=0.0) for leaf in other.leaves
        ]
        assert [leaf.logprob_raw for leaf in one.leaves] == pytest.approx(
            [leaf.logprob_raw for leaf in other.leaves], abs=1e-9
        )
        assert one.forward_passes == other.forward_passes


def test_a_row_that_cannot_be_used_is_refused_by_the_kernel_too(monkeypatch: pytest.MonkeyPatch) -> None:
    row, source = np.zeros(4500, np.float32), MockSource(4500)
    row[7] = np.nan
    monkeypatch.setattr(source, "logits_of", lambda ids: row)
    with pytest.raises(InputError, match="NaN"):
        temperature_paths(source, [PathRequest((1,))], GRID, max_tokens=2)
