"""A cache read back: in any order, one by one or all at once, by several processes, from rows packed otherwise."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from distill.packing import packed_rows
from retort.distill.cache import Cache, Manifest, Targets
from retort.distill.losses import IGNORE_INDEX
from retort.distill.models import open_model

Capture = Callable[..., Manifest]
CODECS = ("sampled:20", "topk:8", "topk+tail:8+4", "dense")


def dense_rows(found: Targets, vocabulary: int) -> np.ndarray:
    """Weights `[positions, vocabulary]`; filling adds nothing."""
    if found.log_probs is not None:
        return found.log_probs.astype(np.float32)
    rows = np.zeros((len(found.ids), vocabulary), np.float32)
    np.add.at(rows, (np.arange(len(rows))[:, None], found.ids), found.weights)
    return rows


class Positions(Dataset[torch.Tensor]):
    """Positions by their keys; the cache goes along to the processes that read."""

    def __init__(self, folder: Path, keys: np.ndarray) -> None:
        self.cache, self.keys = Cache(folder), keys

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, place: int) -> torch.Tensor:
        document, offset = self.keys[place]
        found = self.cache.targets([document], [offset])
        return torch.from_numpy(dense_rows(found, self.cache.origin.vocabulary)[0])


@pytest.mark.parametrize("codec", CODECS)
def test_targets_are_found_in_any_order_batch_and_number(
    captured: Capture, tmp_path: Path, codec: str
) -> None:
    """One position at a time, all at once, in order, shuffled over shards: the same weights for the same key."""
    manifest = captured(codec=codec)
    assert len(manifest.shards) > 4 and manifest.complete
    cache = Cache(tmp_path / "cache")
    vocabulary = cache.origin.vocabulary
    keys = np.asarray(
        [(document, int(offset)) for document in range(31) for offset in cache.document(document)[1]]
    )
    assert len(keys) == manifest.tokens
    in_order = dense_rows(cache.targets(keys[:, 0], keys[:, 1]), vocabulary)
    order = np.random.default_rng(0).permutation(len(keys))
    shuffled = dense_rows(cache.targets(keys[order, 0], keys[order, 1]), vocabulary)
    assert np.array_equal(shuffled, in_order[order])
    assert len(np.unique(in_order, axis=0)) > len(keys) / 4, "else finding the wrong one would not show"
    for place in range(0, len(keys), 37):
        alone = Cache(tmp_path / "cache").targets(keys[place : place + 1, 0], keys[place : place + 1, 1])
        assert np.array_equal(dense_rows(alone, vocabulary)[0], in_order[place])


@pytest.mark.parametrize(("workers", "batch"), [(0, 7), (2, 16)])
def test_any_number_of_workers_and_batch_size_read_the_same(
    captured: Capture, tmp_path: Path, workers: int, batch: int
) -> None:
    captured()
    cache = Cache(tmp_path / "cache")
    keys = np.asarray([(document, offset) for document in (30, 3, 17, 4) for offset in range(5)])
    expected = dense_rows(cache.targets(keys[:, 0], keys[:, 1]), cache.origin.vocabulary)
    loader = DataLoader(Positions(tmp_path / "cache", keys), batch_size=batch, num_workers=workers)
    assert np.array_equal(torch.cat(list(loader)).numpy(), expected)


def test_readers_travel_to_other_processes(captured: Capture, tmp_path: Path) -> None:
    captured()
    cache = Cache(tmp_path / "cache")
    cache.targets([3], [0])  # a shard is in memory now, and need not go along
    expected = cache.targets([3, 4], [0, 1])
    sent = pickle.dumps(cache)
    found = pickle.loads(sent).targets([3, 4], [0, 1])
    assert np.array_equal(found.ids, expected.ids) and len(sent) < 1000


def test_rows_packed_otherwise_ask_for_the_same_targets(
    captured: Capture, tmp_path: Path, teacher: str, text: str
) -> None:
    """Every token of rows of 8 and of 27 tokens has the target of its document and offset, and it is that token's."""
    captured()
    cache, tokenizer = Cache(tmp_path / "cache"), open_model(teacher).tokenizer
    end = int(tokenizer.eos_token_id)
    found: list[dict[tuple[int, int], bytes]] = []
    for length in (8, 27):
        rows = packed_rows(
            text,
            lambda texts: tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"],
            end,
            length,
            tokens=None,
            whole_rows=False,
            with_sources=True,
        )
        assert rows.sources is not None
        counted = rows.labels != IGNORE_INDEX
        keys, tokens = rows.sources[counted], rows.ids[counted]
        weights = dense_rows(cache.targets(keys[:, 0], keys[:, 1], rows.contents), cache.origin.vocabulary)
        for (document, offset), token in zip(keys[::11].tolist(), tokens[::11].tolist(), strict=True):
            assert cache.document(document)[0][offset] == token
        found.append({(int(d), int(o)): row.tobytes() for (d, o), row in zip(keys, weights, strict=True)})
    # A last row of one token predicts nothing and is left out.
    both = found[0].keys() & found[1].keys()
    assert len(both) >= cache.manifest.tokens - 1 and all(found[0][key] == found[1][key] for key in both)
