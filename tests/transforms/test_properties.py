"""What every cutting transform promises: each row by itself, removed stays removed, torch as numpy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from retort.chain import Chain
from retort.errors import InputError
from retort.transforms import find_transform
from retort.transforms.context import Context, RowState
from transforms.four_tokens import kept

# Settings, and the same for each of three rows.
CASES: dict[str, tuple[tuple[Any, ...], tuple[Any, ...]]] = {
    "typical_p": ((0.6,), ([0.2, 1.0, 0.8],)),
    "epsilon_cutoff": ((0.1,), ([0.3, 0.0, 0.05],)),
    "eta_cutoff": ((0.3,), ([0.9, 0.0, 0.05],)),
    "top_n_sigma": ((1.0,), ([0.5, -1, 2.0],)),
    "top_h": ((0.6,), ([0.2, 1.0, 0.8],)),
    "xtc": ((0.5, 0.1), ([1.0, 0.0, 0.4], [0.1, 0.1, 0.05])),
    "dynatemp": ((0.5, 1.5, 0.8), ([0.5, 0.0, 2.0], [1.0, 1.0, 2.0], [0.8, 1.0, 0.0])),
    "mirostat": ((2, 1.0, 0.1), (1, [0.5, 1.0, 2.0], [0.1, 0.1, 0.2])),
    "adaptive_p": ((0.4, 0.9), ([0.2, -1, 0.7], [0.5, 0.9, 0.9])),
}
NAMES = list(CASES)
CUTS = [name for name in NAMES if find_transform(name).truncates]

# Few different values, so that ties are common, and removed tokens.
LOGITS = st.sampled_from([-math.inf, -3.0, -1.0, 0.0, 0.5, 2.0])
three_rows = arrays(np.float64, st.tuples(st.just(3), st.integers(1, 9)), elements=LOGITS).filter(
    lambda rows: bool((rows.max(axis=-1) > -math.inf).all())
)
COINS = np.array([0.2, 0.7, 0.3])
STATES = (
    RowState().having("mirostat", (1.5,)).having("adaptive_p", (3.0, 8.0)),
    None,
    RowState().having("mirostat", (2.5,)).having("adaptive_p", (0.5, 2.0)),
)


def run(name: str, logits: Any, settings: tuple[Any, ...], rows: slice = slice(None)) -> Any:
    """The transform on these rows, each with its own coin and state."""
    context = Context(uniforms=lambda stream: COINS[rows], states=STATES[rows])
    needs = find_transform(name).needs
    return find_transform(name).function(logits, *settings, **({"context": context} if needs else {}))


def of_row(settings: tuple[Any, ...], row: int) -> tuple[Any, ...]:
    """The settings of one row."""
    return tuple(value[row] if isinstance(value, list) else value for value in settings)


@pytest.mark.parametrize("name", NAMES)
@given(rows=three_rows)
def test_a_batch_equals_its_rows_alone(name: str, rows: np.ndarray) -> None:
    for settings in CASES[name]:
        batch = run(name, rows, settings)
        for row in range(3):
            alone = run(name, rows[row], of_row(settings, row), slice(row, row + 1))
            np.testing.assert_allclose(batch[row] - batch[row].max(), alone - alone.max(), atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
@given(rows=three_rows, data=st.data())
def test_ids_in_another_order_keep_the_same_logits(name: str, rows: np.ndarray, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(rows.shape[-1])))
    for settings in CASES[name]:
        first = np.sort(run(name, rows, settings), axis=-1)
        np.testing.assert_allclose(first, np.sort(run(name, rows[:, order], settings), axis=-1), atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
@given(rows=three_rows)
def test_something_is_kept_removed_stays_removed_and_the_input_is_untouched(
    name: str, rows: np.ndarray
) -> None:
    before = rows.copy()
    for settings in CASES[name]:
        result = run(name, rows, settings)
        np.testing.assert_array_equal(rows, before)
        assert not np.isnan(result).any()
        assert (result.max(axis=-1) > -math.inf).all()
        assert not (result > -math.inf)[rows == -math.inf].any()
        if name in CUTS:
            np.testing.assert_array_equal(result, np.where(result > -math.inf, rows, -math.inf))


@pytest.mark.parametrize("name", CUTS)
@given(rows=three_rows)
def test_a_constant_added_to_a_row_changes_nothing(name: str, rows: np.ndarray) -> None:
    for settings in CASES[name]:
        for shift in (-1024.0, 0.125, 65536.0):
            shifted, plain = run(name, rows + shift, settings), run(name, rows, settings)
            np.testing.assert_array_equal(shifted > -math.inf, plain > -math.inf)


@pytest.mark.parametrize("name", NAMES)
@given(rows=three_rows)
def test_torch_equals_numpy(name: str, rows: np.ndarray) -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.tensor(rows)
    for settings in CASES[name]:
        given_as_tensors = tuple(
            torch.tensor(v, dtype=torch.float64) if isinstance(v, list) else v for v in settings
        )
        for values in (settings, given_as_tensors):
            result = run(name, tensor, values)
            assert result.dtype == torch.float64
            np.testing.assert_allclose(result.numpy(), run(name, rows, settings), atol=1e-12)
    np.testing.assert_array_equal(tensor.numpy(), rows)


@pytest.mark.parametrize("kind", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("name", NAMES)
def test_torch_small_floats_keep_the_same_tokens(name: str, kind: str) -> None:
    """Above 4,096 tokens, so that the search among the first candidates is in it."""
    torch = pytest.importorskip("torch")
    tensor = torch.tensor(np.random.default_rng(7).normal(size=(3, 5000)) * [[2], [4], [8]])
    tensor = tensor.to(getattr(torch, kind))
    exact = tensor.double().numpy()
    for settings in CASES[name]:
        result, expected = run(name, tensor, settings), run(name, exact, settings)
        assert result.dtype == torch.float32
        np.testing.assert_array_equal(result.numpy() > -math.inf, expected > -math.inf)
        np.testing.assert_allclose(result.numpy(), expected, rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_torch_that_is_not_contiguous_and_a_gradient(name: str) -> None:
    torch = pytest.importorskip("torch")
    base = torch.tensor(np.random.default_rng(8).normal(size=(40, 3)), requires_grad=True)
    for settings in CASES[name]:
        result = run(name, base.T, settings)
        np.testing.assert_allclose(
            result.detach().numpy(), run(name, base.detach().numpy().T, settings), atol=1e-12
        )
        if name in CUTS:
            (gradient,) = torch.autograd.grad(torch.logsumexp(result, dim=-1).sum(), base)
            np.testing.assert_array_equal(gradient.T != 0, result > -math.inf)


@pytest.mark.parametrize("name", NAMES)
def test_leading_axes_and_empty_batches(name: str) -> None:
    rows = np.random.default_rng(9).normal(size=(3, 1, 20))
    settings = CASES[name][0]
    result = run(name, rows, settings)
    assert result.shape == rows.shape
    np.testing.assert_allclose(result[:, 0], run(name, rows[:, 0], settings), atol=1e-12)
    assert run(name, np.zeros((0, 5)), settings, slice(0, 0)).shape == (0, 5)
    assert run(name, np.zeros((3, 1)), settings).shape == (3, 1)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("fault", "said"), [(math.nan, "NaN"), (math.inf, r"\+inf"), (-math.inf, "every token is -inf")]
)
def test_unusable_rows_are_named(name: str, fault: float, said: str) -> None:
    rows = np.zeros((3, 2))
    rows[1] = fault
    with pytest.raises(InputError, match=f"row 1: {said}"):
        run(name, rows, CASES[name][0])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("typical_p=1.5", "typical_p must be a number from 0 to 1"),
        ("epsilon_cutoff=-0.1", "epsilon_cutoff must be a number from 0 to 1"),
        ("eta_cutoff=nan", "eta_cutoff must be a number from 0 to 1"),
        ("top_n_sigma=-2", "top_n_sigma must be a number above 0"),
        ("top_h=1.1", "top_h must be a number from 0 to 1"),
        ("xtc(probability=1.1)", "xtc_probability must be a number from 0 to 1"),
        ("xtc(probability=1, threshold=-1)", "xtc_threshold must be a number from 0 to 1"),
        ("dynatemp(range=-1)", "dynatemp_range must be a finite number above 0"),
        ("dynatemp(range=1, exponent=-1)", "dynatemp_exponent must be a finite number of 0 or more"),
        ("mirostat(version=3)", "mirostat must be 1 or 2"),
        ("mirostat(version=1.5)", "mirostat must be 1 or 2"),
        ("mirostat(version=2, tau=-1)", "mirostat_tau must be a finite number of bits, 0 or more"),
        ("mirostat(version=2, surprise=mine)", "surprise must be model .* or kept"),
        ("adaptive_p(target=1.5)", "adaptive_target must be a number from 0 to 1"),
        ("adaptive_p(target=0.5, decay=1)", "adaptive_decay must be a number from 0 to 0.99"),
    ],
)
def test_values_out_of_range_are_refused_with_the_range(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        Chain(text)


@pytest.mark.parametrize("name", NAMES)
def test_settings_of_rows_are_checked_too(name: str) -> None:
    settings = list(CASES[name][1])
    place = next(index for index, value in enumerate(settings) if isinstance(value, list))
    settings[place] = [*settings[place][:2], math.nan]
    with pytest.raises(InputError, match=r"must be .* got nan"):
        run(name, np.zeros((3, 4)), tuple(settings))
    settings[place] = [0.5, 0.5]
    with pytest.raises(InputError, match=r"shape of the rows \(3,\), got \(2,\)"):
        run(name, np.zeros((3, 4)), tuple(settings))


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("dry", ([1.0, 2.0],), "dry_multiplier must be a finite number"),
        ("dry", (1.0, [1.5, 2.0]), "dry_base must be a finite number"),
        ("mirostat", ([1, 2],), "mirostat must be 1 or 2"),
        ("top_p", (0.5, "lowest", [1, 2]), "min_keep must be a whole number"),
        ("top_p", (0.5, "first"), "ties must be lowest or highest"),
        ("min_tokens", ([1, 2], 1), "min_tokens must be a whole number"),
        ("frequency_penalty", (0.5, "some"), "penalty_scope must be all"),
    ],
)
def test_what_rows_share_is_one_number_and_words_are_known(name: str, settings: tuple, said: str) -> None:
    context = Context(history=[[1], [2]], prompt_lengths=[1, 1])
    needs = find_transform(name).needs
    with pytest.raises(InputError, match=said):
        find_transform(name).function(np.zeros((2, 4)), *settings, **({"context": context} if needs else {}))


@pytest.mark.parametrize("name", NAMES)
def test_the_text_of_a_stage_reads_back(name: str) -> None:
    chain = Chain(_text(name))
    assert len(chain) == 1 and Chain(str(chain)) == chain


def _text(name: str) -> str:
    row = find_transform(name)
    settings = ", ".join(f"{p.name}={v}" for p, v in zip(row.parameters, CASES[name][0], strict=False))
    return f"{name}({settings})"


@given(
    arrays(np.float64, st.integers(2, 12), elements=st.floats(-10, 10)),
    st.permutations(CUTS),
)
def test_any_stack_of_them_leaves_a_token(logits: np.ndarray, names: list[str]) -> None:
    chain = Chain(" | ".join(_text(name) for name in names))
    context = Context(uniforms=lambda stream: np.zeros(1))
    assert kept(chain.apply(logits, context=context))
