"""How ranks agree, with the exchange played by the test; real ranks are in test_whole_recipe_on_ranks.py."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.distributed import DistNetworkError, HashStore

from retort.distill import ranks
from retort.errors import InputError


def as_rank(monkeypatch: pytest.MonkeyPatch, rank: int, others: Any) -> None:
    """This process is `rank` of two; the other one's value is `others`."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", str(rank))
    monkeypatch.setattr(ranks, "gathered", lambda value: [value, others] if rank == 0 else [others, value])


def fails() -> None:
    raise InputError("no such text.")


def test_alone_everything_is_as_without_ranks() -> None:
    assert (ranks.world_size(), ranks.rank(), ranks.leads()) == (1, 0, True)
    assert ranks.shared(lambda: 3) == ranks.agreed(lambda: 3) == ranks.together(lambda: 3) == 3
    assert ranks.gathered("a") == ["a"]
    ranks.need_same("text", "x")
    with pytest.raises(InputError, match="no such text"):
        ranks.agreed(fails)


def test_the_first_that_failed_says_why_and_the_others_only_end(monkeypatch: pytest.MonkeyPatch) -> None:
    as_rank(monkeypatch, 0, others=True)  # went well there
    with pytest.raises(InputError, match="no such text"):
        ranks.agreed(fails)
    as_rank(monkeypatch, 1, others=False)  # failed on both: rank 0 says it
    with pytest.raises(ranks.OtherRankError, match="rank 0 failed"):
        ranks.agreed(fails)
    as_rank(monkeypatch, 0, others=False)  # went well here
    with pytest.raises(ranks.OtherRankError, match="rank 1 failed"):
        ranks.agreed(lambda: 3)
    as_rank(monkeypatch, 1, others=True)
    with pytest.raises(InputError, match="no such text"):
        ranks.agreed(fails)


def test_ranks_that_would_train_on_different_things_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    as_rank(monkeypatch, 0, others="b")
    with pytest.raises(InputError, match="rank 1 has another training than rank 0"):
        ranks.need_same("training", "a")
    as_rank(monkeypatch, 1, others="b")
    with pytest.raises(ranks.OtherRankError):
        ranks.need_same("training", "a")
    as_rank(monkeypatch, 1, others="a")
    ranks.need_same("training", "a")


def test_an_exchange_that_breaks_off_is_a_lost_rank_and_other_errors_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By type and by who failed first, whatever the words: no message is looked at."""

    def broken() -> None:
        raise RuntimeError("whatever a library says")

    def full() -> None:
        raise torch.OutOfMemoryError("no memory left")

    for fails_here, kept in (
        (fails, InputError),
        (full, torch.OutOfMemoryError),
        (lambda: 1 / 0, ZeroDivisionError),
    ):
        store = HashStore()
        monkeypatch.setattr(ranks, "_store", lambda store=store: store)
        as_rank(monkeypatch, 1, others=None)
        with pytest.raises(kept):
            ranks.together(fails_here)
        as_rank(monkeypatch, 0, others=None)
        with pytest.raises(
            ranks.LostRankError, match=r"rank 0 lost another rank and stops: rank 1 failed; see"
        ):
            ranks.together(broken)
    # A rank that was killed says nothing, and its store may be gone with it.
    store = HashStore()
    monkeypatch.setattr(ranks, "_store", lambda: store)
    with pytest.raises(ranks.LostRankError, match=r"no other rank has said why \(whatever a library says\)"):
        ranks.together(broken)

    def gone() -> None:
        raise DistNetworkError("connection refused")

    monkeypatch.setattr(ranks, "_store", gone)
    with pytest.raises(ranks.LostRankError, match="no other rank has said why"):
        ranks.together(broken)


def test_what_another_rank_said_already_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    as_rank(monkeypatch, 1, others=False)
    with pytest.raises(ranks.OtherRankError, match="rank 0 failed"):
        ranks.together(lambda: ranks.agreed(lambda: 3))
    # The command says nothing of an OtherRankError, since that rank speaks; a lost one may have said nothing.
    assert not issubclass(ranks.LostRankError, ranks.OtherRankError)
