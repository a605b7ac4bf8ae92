"""The tree of a temperature path: every text once, shared beginnings once, intervals that hold those below."""

from __future__ import annotations

from retort.lens.path_tree import PathBranch, path_measures, path_tree
from retort.sampling.path import Leaf, TemperaturePath


def path_of(*texts: str) -> TemperaturePath:
    """Text number i, a letter a token, from τ = i to i + 0.9."""
    leaves = tuple(
        Leaf(place, place + 0.9, (float(place),), text, tuple(map(ord, text)), "length", -1.0 - place)
        for place, text in enumerate(texts)
    )
    return TemperaturePath(leaves, 7, 12)


def tree_of(*texts: str) -> tuple[PathBranch, ...]:
    return path_tree(path_of(*texts), [list(text) for text in texts])


def texts_of(branches: tuple[PathBranch, ...], before: str = "") -> list[tuple[int, str]]:
    found = []
    for branch in branches:
        text = before + "".join(branch.tokens)
        found += [(branch.leaf, text)] if branch.leaf is not None else texts_of(branch.branches, text)
    return found


def test_the_branches_spell_every_text_in_order() -> None:
    texts = ("abc", "abd", "axy", "q", "abz")
    assert texts_of(tree_of(*texts)) == list(enumerate(texts))


def test_a_shared_beginning_is_one_branch_over_all_its_temperatures() -> None:
    first, last = tree_of("abcd", "abce", "abx", "q")
    assert (first.tokens, first.temperature_low, first.temperature_high, first.leaf) == (
        ("a", "b"),
        0,
        2.9,
        None,
    )
    inner, x = first.branches
    assert (inner.tokens, inner.temperature_high, x.tokens, x.leaf) == (("c",), 1.9, ("x",), 2)
    assert last == PathBranch(3, 3.9, ("q",), 3, ())


def test_only_neighbours_share_a_branch_and_one_text_is_one_line() -> None:
    assert [branch.tokens for branch in tree_of("ab", "q", "ab")] == [("a", "b"), ("q",), ("a", "b")]
    assert tree_of("abc") == (PathBranch(0, 0.9, ("a", "b", "c"), 0, ()),)


def test_what_conditions_can_ask() -> None:
    measures = path_measures(path_of("ab", "abc"))
    assert (measures["texts"], measures["tokens"], measures["forward_passes"]) == ([2], [2, 3], [7])
    assert measures["logprob"] == [-1, -2]
