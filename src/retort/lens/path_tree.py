"""A temperature path as a tree: what neighbouring texts begin with is one branch, over all its temperatures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from retort.lens.conditions import Value
from retort.sampling.path import Leaf, TemperaturePath


@dataclass(frozen=True)
class PathBranch:
    """Tokens that the texts from `temperature_low` to `temperature_high` share here, and how they go on.

    `leaf` is the number (0 first) of the text that ends here, None where the branch parts into `branches`.
    """

    temperature_low: float
    temperature_high: float
    tokens: tuple[str, ...]
    leaf: int | None
    branches: tuple[PathBranch, ...]


def path_tree(path: TemperaturePath, tokens: Sequence[Sequence[str]]) -> tuple[PathBranch, ...]:
    """The branches that begin at the prompt, in order of temperature; `tokens` are the pieces of each leaf.

    Only neighbours share a branch: a text that comes again at a higher temperature, as it may for a chain that is not
    nested, stands there again.
    """
    return _branches(path.leaves, tokens, 0, len(path.leaves), 0)


def _branches(
    leaves: Sequence[Leaf], tokens: Sequence[Sequence[str]], first: int, end: int, depth: int
) -> tuple[PathBranch, ...]:
    found = []
    while first < end:
        last = first + 1
        while last < end and leaves[last].ids[: depth + 1] == leaves[first].ids[: depth + 1]:
            last += 1
        found.append(_branch(leaves, tokens, first, last, depth))
        first = last
    return tuple(found)


def _branch(
    leaves: Sequence[Leaf], tokens: Sequence[Sequence[str]], first: int, end: int, depth: int
) -> PathBranch:
    group = [leaf.ids for leaf in leaves[first:end]]
    shared = depth
    while shared < len(group[0]) and all(ids[: shared + 1] == group[0][: shared + 1] for ids in group):
        shared += 1
    alone = end - first == 1
    return PathBranch(
        leaves[first].temperature_low,
        leaves[end - 1].temperature_high,
        tuple(tokens[first][depth:shared]),
        first if alone else None,
        () if alone else _branches(leaves, tokens, first, end, shared),
    )


def path_measures(path: TemperaturePath) -> dict[str, list[Value]]:
    """What a condition can ask: of each text, and of the path as a whole."""
    return {
        "texts": [len(path.leaves)],
        "logprob": [leaf.logprob_raw for leaf in path.leaves],
        "tokens": [len(leaf.ids) for leaf in path.leaves],
        "width": [leaf.temperature_high - leaf.temperature_low for leaf in path.leaves],
        "forward_passes": [path.forward_passes],
    }
