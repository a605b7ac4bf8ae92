"""How ranks agree, with the exchange played by the test; real ranks are in test_whole_recipe_on_ranks.py."""

from __future__ import annotations

from typing import Any

import pytest

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
    as_rank(monkeypatch, 1, others=None)

    def broken() -> None:
        raise RuntimeError(
            "[../third_party/gloo/transport/tcp/pair.cc:534] Connection closed by peer [127.0.0.1]:1"
        )

    with pytest.raises(
        ranks.LostRankError, match=r"rank 1 lost another rank and stops.*Connection closed by peer"
    ):
        ranks.together(broken)
    with pytest.raises(ZeroDivisionError):
        ranks.together(lambda: 1 / 0)
    with pytest.raises(InputError):
        ranks.together(fails)
