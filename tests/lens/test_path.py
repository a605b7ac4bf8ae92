"""`path`: the tree of its texts, the bands on a screen, and what is said of a chain's stages along it."""

from __future__ import annotations

import pytest

from mock_source import MockSource
from retort.chain import Chain
from retort.errors import InputError
from retort.lens.path import PathBranch, PathFound, band_lines, column_owners, path, path_stages, path_tree
from retort.sampling.path import Leaf, TemperaturePath


@pytest.mark.parametrize(
    ("chain", "said"),
    [
        ("", []),
        (
            "repetition_penalty=1.1 | top_k=5 | temperature=0.8 | top_n_sigma=2 | top_p=0.9 | top_k=5 | bad_words([3])",
            [
                (True, "before the temperature: does the same"),
                (True, "before the temperature: removes the same tokens"),
                (False, "the path sets τ itself: each of its temperatures replaces 0.8"),
                (True, "after the temperature, but removes the same tokens at every τ"),
                (True, "after the temperature: what it removes depends on τ"),
                (True, "after the temperature: what it removes depends on τ"),  # top_k=5 again, after top_p
                (True, "after the temperature: removes by rule"),
            ],
        ),
        (
            "top_k=5 | min_p=0.1 | presence_penalty=1",
            [
                (True, "after the temperature, which comes first, but removes the same"),
                (True, "after the temperature, which comes first: what it removes depends"),
                (True, "after the temperature, which comes first: changes the tempered logits"),
            ],
        ),
        ("dynatemp(range=0.5, temperature=0.7)", [(True, "around each τ of the path, instead of 0.7")]),
    ],
)
def test_each_stage_and_whether_it_applies(chain: str, said: list[tuple[bool, str]]) -> None:
    found = path_stages(Chain(chain))
    assert [one.stage for one in found] == [str(stage) for stage in Chain(chain)]
    assert len(found) == len(said)
    for one, (applies, why) in zip(found, said, strict=True):
        assert one.applies is applies and one.why.startswith(why), one


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
    measures = PathFound("m", None, "p", 0, 3, (("a", "b"), ("a", "b", "c")), path_of("ab", "abc")).measures()
    told = {name: [float(value) for value in values] for name, values in measures.items()}
    assert (told["texts"], told["tokens"], told["forward_passes"]) == ([2], [2, 3], [7])
    assert told["logprob"] == [-1, -2]


def test_the_function_takes_a_source_or_its_name_and_returns_the_commands_record(tmp_path) -> None:
    found = path(MockSource(20, ends=False), "w1 w2", [0.0, 1.0, 2.0], top_k=5, seed=3, max_tokens=4)
    assert (found.model, found.chain, found.seed) == ("mock:20", "top_k=5", 3)
    assert found.to_dict()["leaves"][0]["text"] == found.path.leaves[0].text
    assert [row["text"] for row in found.table_rows()] == [leaf.text for leaf in found.path.leaves]
    with pytest.raises(InputError, match="has its own order"):
        path(MockSource(20), "w1", [0.0], top_k=5, chain="top_p=0.9")


def leaf(low: float, high: float, text: str) -> Leaf:
    return Leaf(low, high, (low,), text, tuple(map(ord, text)), "length", -1.0)


def test_columns_belong_to_texts_and_a_narrow_one_gets_one_where_there_is_room() -> None:
    leaves = (leaf(0, 0.01, "a"), leaf(0.4, 1, "b"))
    assert column_owners(leaves, 10) == [1, None, None, None, *[2] * 6]
    crowded = (leaf(0, 0.96, "a"), leaf(0.97, 0.98, "b"), leaf(0.99, 1, "c"))
    assert column_owners(crowded, 4) == [1, 1, 1, 2]  # two texts within one column: the first has it


def test_wide_characters_do_not_move_the_bands() -> None:
    leaves = (leaf(0, 0.5, "日本"), leaf(0.5, 1, "日x"))
    found = PathFound("m", None, "p", 0, 2, (("日", "本"), ("日", "x")), TemperaturePath(leaves, 1, 1))
    _, first, second, axis = ("".join(text for text, _ in spans) for spans in band_lines(found, 24))
    assert (first.rstrip(), second.rstrip()) == ("  1 │日", "  2 │本       │x")
    assert axis.strip().startswith("0") and axis.endswith("1")
