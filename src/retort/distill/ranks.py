"""Several processes, one distillation: how they find each other, and how the others learn what the first one knows.

`torchrun` and `accelerate launch` start the same command once for every rank. All of them train; rank 0 alone looks
up what is finished, holds the clock, writes files and prints. Whatever decides what is done next comes from it to the
others, so that all take the same way: ranks that take different ones wait for each other for ever. With one process
all of this is nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

from retort.errors import InputError, RetortError

T = TypeVar("T")


class OtherRankError(RetortError):
    """Another rank says what went wrong; this one only ends."""


class LostRankError(RetortError):
    """Another rank ended in the middle of an exchange."""


def world_size() -> int:
    """How many processes work together, as torchrun and accelerate say it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """Which of them this one is, from 0."""
    return int(os.environ.get("RANK", "0")) if world_size() > 1 else 0


def leads() -> bool:
    """Whether this process writes and prints."""
    return rank() == 0


def join() -> None:
    """Find the other ranks, once: over the accelerators, or over gloo where there are none."""
    if world_size() == 1:
        return
    import torch
    from accelerate import PartialState

    # As Trainer does it: without `cpu` there would be no process group on a machine without accelerators.
    PartialState(cpu=not torch.accelerator.is_available())


def part() -> None:
    """Take leave of the others, so that none is waited for."""
    if world_size() == 1:
        return
    import torch.distributed as distributed

    if distributed.is_initialized():
        distributed.destroy_process_group()


def gathered(value: T) -> list[T]:
    """Every rank's value, in the order of ranks, on all of them."""
    if world_size() == 1:
        return [value]
    import torch.distributed as distributed

    values: list[Any] = [None] * world_size()
    _exchange(lambda: distributed.all_gather_object(values, value))
    return values


def agreed(make: Callable[[], T]) -> T:
    """What `make` returns on this rank, when it went well on all: where one fails, all of them raise.

    The first rank that failed raises its own error, the others OtherRankError.
    """
    result: T | None = None
    problem: Exception | None = None
    try:
        result = make()
    except Exception as error:  # whatever it is, the others must hear of it
        problem = error
    failed = [number for number, one in enumerate(gathered(problem is None)) if not one]
    if failed:
        if problem is not None and failed[0] == rank():
            raise problem
        raise OtherRankError(f"rank {failed[0]} failed; see its error message.") from problem
    return result  # type: ignore[return-value]  # every rank has one


def shared(make: Callable[[], T]) -> T:
    """What `make` returns on rank 0, on every rank; where it fails there, all of them raise."""
    if world_size() == 1:
        return make()
    import torch.distributed as distributed

    box: list[Any] = [agreed(lambda: make() if leads() else None)]
    _exchange(lambda: distributed.broadcast_object_list(box, src=0))
    value: T = box[0]
    return value


def need_same(name: str, value: str) -> None:
    """Raise InputError where the ranks differ in `value`, as they do where a file differs between two machines."""
    values = gathered(value)
    different = next((number for number, one in enumerate(values) if one != values[0]), None)
    if different is not None and leads():
        raise InputError(
            f"rank {different} has another {name} than rank 0; recipe, texts, models and versions must be the same"
            " everywhere."
        )
    if different is not None:
        raise OtherRankError("rank 0 says which.")


def together(work: Callable[[], T]) -> T:
    """`work` in which the ranks exchange tensors; an exchange that breaks off raises LostRankError."""
    return work() if world_size() == 1 else _exchange(work)


def _exchange(work: Callable[[], T]) -> T:
    import torch.distributed as distributed

    try:
        return work()
    except (OtherRankError, LostRankError):  # counted already, where they came from
        raise
    except Exception as error:
        first = _first_to_fail()
        # A connection that breaks off is a RuntimeError and no more (gloo), or a DistError (NCCL). All others, those of
        # memory too, are this rank's own.
        if type(error) is not RuntimeError and not isinstance(error, distributed.DistError):
            raise
        if first is None or first == rank():
            told = f"no other rank has said why ({' '.join(str(error).split())[:200]})"
        else:
            told = f"rank {first} failed; see its error message"
        raise LostRankError(f"rank {rank()} lost another rank and stops: {told}.") from error


def _first_to_fail() -> int | None:
    """The rank whose error came first; None where the store that says so is gone with the rank that held it."""
    import torch.distributed as distributed

    try:
        store = _store()
        # `add` counts in one place for all ranks, so exactly one of them gets 1.
        if store.add("retort/failed", 1) == 1:
            store.set("retort/first to fail", str(rank()))
        return int(store.get("retort/first to fail"))
    except distributed.DistError:
        return None


def _store() -> Any:
    """The keys and values that all ranks share, over which they found each other."""
    from torch.distributed.distributed_c10d import _get_default_store

    return _get_default_store()
