"""Chains over some rows of an engine's logits: what the processors of vLLM and SGLang share.

An engine hands over the logits of its whole batch; only some requests have a chain, and a row that cannot be processed
must not stop the others. No engine is imported here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any

from retort.chain import Chain
from retort.distribution import bad_rows
from retort.errors import InputError, RetortError
from retort.sampling.noise import MAX_SEED, uniform_at
from retort.sampling.params import SamplingParams
from retort.transforms import Context, RowState

KEY = "retort"
"""The name of a request's extra argument (vLLM) or custom parameter (SGLang) that says its chain."""

LOG = logging.getLogger("retort.adapters")


@dataclass(frozen=True)
class _Step:
    """What a request drew from at its last step: to be settled when the engine says which token it took."""

    logits: Any  # [1, vocab]
    context: Context
    length: int  # tokens of the text at that step


@dataclass
class Request:
    """One text in an engine: its chain, the seed of its coins, and what the chain's stages remember of it."""

    chain: Chain
    seed: int = 0
    state: RowState | None = None
    last: _Step | None = None

    def settle(self, tokens: Sequence[int]) -> None:
        """Bring the state up to date with the token that was drawn at the last step."""
        # A step whose token is still on its way from the device is settled at a later call.
        if self.last is not None and len(tokens) > self.last.length:
            drawn = [tokens[self.last.length]]
            self.state = self.chain.update([self.state], drawn, self.last.logits, self.last.context)[0]
            self.last = None


@dataclass(frozen=True)
class Row:
    """A row of the engine's logits; `tokens()` gives its prompt and drawn tokens, asked only of chains that look."""

    place: int
    request: Request
    tokens: Callable[[], tuple[Sequence[int], Sequence[int]]]


def request_of(spec: Any, engine_seed: int | None = None) -> Request:
    """The request that a chain's text, or a mapping of sampling settings (see `SamplingParams.from_dict`), means.

    The seed, which only stages with coins of their own (xtc) use, is the mapping's, else the engine's, else 0.
    Raises InputError.
    """
    if isinstance(spec, str):
        return Request(_parsed(spec), (engine_seed or 0) & MAX_SEED)
    if isinstance(spec, Mapping):
        params = SamplingParams.from_dict({"seed": (engine_seed or 0) & MAX_SEED, **spec})
        return Request(params.resolved_chain, params.seed)
    raise InputError(
        f"{KEY} must be a chain's text such as 'typical_p=0.9 | temperature=0.8', or a mapping of sampling settings, "
        f"got {type(spec).__name__}"
    )


def check_engine_temperature(request: Request, temperature: float | None) -> None:
    """Nothing unless chain and engine would both temper; then raises InputError."""
    if request.chain.temperature != 1.0 and temperature not in (None, 0.0, 1.0):
        raise InputError(
            f"the chain ({request.chain}) has a temperature and the request has temperature {temperature} too, and "
            "the engine applies its own after the chain; set the request's temperature to 1"
        )


def apply_rows(logits: Any, rows: Iterable[Row]) -> None:
    """Write the processed logits of these rows into `logits` `[rows, vocab]` (torch, any device), each by its chain.

    Removed tokens are -inf. A row that cannot be processed (NaN, +inf, nothing left) stays as it was and is logged as
    an error, because an exception here would end the engine and every request in it.
    """
    # Rows of one chain are processed together, as rows of one array.
    by_chain: dict[Chain, list[Row]] = {}
    for row in rows:
        by_chain.setdefault(row.request.chain, []).append(row)
    for chain, group in by_chain.items():
        places = [row.place for row in group]
        raw = logits[places]
        context = _context(chain, group)
        try:
            processed = chain.apply(raw, context=context)
        except InputError:
            _one_by_one(logits, chain, group)
            continue
        logits[places] = processed.to(logits.dtype)
        # Which token the engine takes is known at the next step only, so what it was drawn from is kept until then.
        if "state" in chain.needs:
            for number, row in enumerate(group):
                assert context.history is not None
                length = len(context.history[number])
                row.request.last = _Step(raw[number : number + 1].clone(), context.row(number), length)


def _one_by_one(logits: Any, chain: Chain, group: Sequence[Row]) -> None:
    """The rows of a group of which some cannot be processed."""
    if len(group) > 1:
        for row in group:
            apply_rows(logits, [row])
        return
    # A group of one has been tried by itself, so this row is at fault.
    place = group[0].place
    fault = next(
        iter(bad_rows(logits[place : place + 1]).values()),
        "the chain leaves no token, or lacks what it reads",
    )
    LOG.error("row %d of the batch is left as it is, without its chain (%s): %s", place, chain, fault)


def _context(chain: Chain, group: Sequence[Row]) -> Context:
    """What the chain reads beside the logits; nothing is fetched from the engine for a chain that reads nothing."""
    if not chain.needs:
        return Context()
    texts = [row.tokens() for row in group]
    history = [[*prompt, *drawn] for prompt, drawn in texts]
    for row, tokens in zip(group, history, strict=True):
        row.request.settle(tokens)
    seeds = [row.request.seed for row in group]
    positions = [len(drawn) for _, drawn in texts]
    return Context(
        history=history,
        prompt_lengths=[len(prompt) for prompt, _ in texts],
        uniforms=lambda stream: uniform_at(seeds, positions, stream),
        states=[row.request.state for row in group],
    )


@lru_cache(maxsize=1024)
def _parsed(text: str) -> Chain:
    return Chain.parse(text)


def derived(module: str, name: str, ours: type, theirs: str, engine: str, version: str) -> type:
    """`ours` as the class `module.name`, derived from the engine's own class `theirs` (its module and name).

    `version`: the release whose interface this is. Raises RetortError where the engine cannot be imported.
    """
    path, _, base = theirs.rpartition(".")
    try:
        bases = (ours, getattr(import_module(path), base))
    except ImportError as error:
        raise RetortError(
            f"{module}.{name} derives from a class of {engine} ({error}); install retort-lm into the "
            f"environment that runs {engine}, {version} or one with the same interface"
        ) from error
    return type(name, bases, {"__doc__": ours.__doc__, "__module__": module})
