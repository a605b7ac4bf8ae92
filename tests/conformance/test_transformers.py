"""The same distribution as the installed transformers: each processor, drawn orders of them, and its whole stack.

Their sums run in float32, so a token that stands within a hair of a threshold may fall either way there. Each example
is therefore tried with every threshold moved by 1e-5 both ways; where that changes our own answer, it is left out.
"""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from retort.chain import Chain, Stage
from retort.chain.engines import find_engine
from retort.distribution import softmax
from retort.errors import InputError
from retort.sampling import SamplingParams
from retort.transforms import Context

torch = pytest.importorskip("torch")
processing = pytest.importorskip("transformers.generation.logits_process")

VOCABULARY = 12
HAIR = 1e-5
THRESHOLDS = ("top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff", "top_h")
QUIRKS = find_engine("transformers").quirks

# Multiples of 0.37 up to ±9: many exact ties, and none that a temperature or a penalty could make or break by rounding.
steps = st.integers(-9, 9).map(lambda step: 0.37 * step)
removed = st.one_of(steps, steps, steps, st.just(-math.inf))
rows = st.lists(removed, min_size=VOCABULARY, max_size=VOCABULARY).filter(
    lambda row: sum(value > -math.inf for value in row) >= 3
)
# For top_h: which of the tokens that tie at its edge it keeps is up to torch.topk, which does not say.
untied_rows = st.lists(steps, min_size=VOCABULARY, max_size=VOCABULARY, unique=True)
histories = st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=8)
shares = st.floats(0.02, 0.98)

SETTINGS = {
    "temperature": st.sampled_from([0.31, 0.8, 1.7, 5.3]),
    "repetition_penalty": st.sampled_from([0.83, 1.1, 1.3, 2.9]),
    "top_k": st.integers(1, VOCABULARY + 2),
    "top_p": shares,
    "min_p": shares,
    "typical_p": shares,
    "epsilon_cutoff": st.floats(0.001, 0.5),
    "eta_cutoff": st.floats(0.001, 0.5),
    "top_h": shares,
}


def warper(name: str, value: Any) -> Any:
    """transformers' processor for one of our transforms."""
    made = {
        "temperature": processing.TemperatureLogitsWarper,
        "repetition_penalty": processing.RepetitionPenaltyLogitsProcessor,
        "top_k": processing.TopKLogitsWarper,
        "top_p": processing.TopPLogitsWarper,
        "min_p": processing.MinPLogitsWarper,
        "typical_p": processing.TypicalLogitsWarper,
        "epsilon_cutoff": processing.EpsilonLogitsWarper,
        "eta_cutoff": processing.EtaLogitsWarper,
        "top_h": processing.TopHLogitsWarper,
    }[name]
    return made(value)


def stage(name: str, value: Any) -> Stage:
    """Our stage with transformers' rules for ties."""
    return Stage(name, value, **{key: v for key, v in QUIRKS.get(name, {}).items() if key != name})


def moved(chain: Chain, which: int, by: float) -> Chain:
    """The chain with one threshold (or all: -1) moved a hair."""
    stages = [
        one.having(**{one.name: min(1.0, one.value * (1 + by))})
        if one.name in THRESHOLDS and which in (-1, index)
        else one
        for index, one in enumerate(chain)
    ]
    return Chain(stages)


def ours(chain: Chain, logits: Any, history: list[int], prompt: int = 0) -> np.ndarray:
    """Our probabilities; the example is left out where a hair decides."""
    context = Context(history=[history], prompt_lengths=[prompt])
    result = softmax(chain.apply(logits, context=context).double().numpy())[0]
    for which in range(-1, len(chain)):
        for by in (HAIR, -HAIR):
            nearby = moved(chain, which, by).apply(logits, context=context).numpy()[0]
            assume(np.array_equal(nearby > -math.inf, result > 0))
    return result


def theirs(processors: list[Any], logits: Any, history: list[int]) -> np.ndarray:
    """Their probabilities, from float32 logits as `generate` hands them over."""
    scores = logits.to(dtype=torch.float32, copy=True)
    ids = torch.tensor([history])
    for processor in processors:
        scores = processor(ids, scores)
    return torch.softmax(scores.double(), dim=-1).numpy()[0]


def check(chain: Chain, processors: list[Any], row: list[float], history: list[int], dtype: Any) -> None:
    """Same support, and the same probabilities up to their float32."""
    logits = torch.tensor([row], dtype=torch.float64).to(dtype)
    expected = theirs(processors, logits, history)
    result = ours(chain, logits, history)
    np.testing.assert_array_equal(result > 0, expected > 0)
    np.testing.assert_allclose(result, expected, rtol=2e-5, atol=1e-30)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", SETTINGS)
@settings(max_examples=12)
@given(data=st.data(), row=rows, history=histories)
def test_each_processor(
    name: str, dtype: Any, data: st.DataObject, row: list[float], history: list[int]
) -> None:
    value = data.draw(SETTINGS[name])
    row = data.draw(untied_rows) if name == "top_h" else row
    check(Chain([stage(name, value)]), [warper(name, value)], row, history, dtype)


@settings(max_examples=60)
@given(data=st.data(), row=rows, history=histories)
def test_any_order_of_them(data: st.DataObject, row: list[float], history: list[int]) -> None:
    names = data.draw(st.lists(st.sampled_from(sorted(SETTINGS)), min_size=2, max_size=5, unique=True))
    values = {name: data.draw(SETTINGS[name]) for name in names}
    row = data.draw(untied_rows) if "top_h" in names else row
    if "repetition_penalty" in names:
        # A shift of all logits changes what this penalty does, and our temperature and sums shift by the maximum.
        names.remove("repetition_penalty")
        names.insert(0, "repetition_penalty")
    chain = Chain(stage(name, values[name]) for name in names)
    check(chain, [warper(name, values[name]) for name in names], row, history, torch.float32)


class Bare(pytest.importorskip("transformers").GenerationMixin):  # type: ignore[misc]
    """As much of a model as building the stack of processors needs."""

    config = SimpleNamespace(is_encoder_decoder=False)


def stack(config: Any, prompt: int, grammar: Any) -> list[Any]:
    """The processors that `generate` makes of a GenerationConfig."""
    ends = config.eos_token_id
    config._eos_token_tensor = None if ends is None else torch.tensor(ends).reshape(-1)
    allowed = None if grammar is None else lambda batch, ids: grammar(ids.tolist())
    return list(Bare()._get_logits_processor(config, prompt, prefix_allowed_tokens_fn=allowed, device="cpu"))


def next_few(ids: Any) -> list[int]:
    """A grammar: the last token and the five after it."""
    return [(ids[-1] + step) % VOCABULARY for step in range(6)]


CONFIGS = st.fixed_dictionaries(
    {},
    optional={
        **SETTINGS,
        "sequence_bias": st.dictionaries(
            st.integers(0, VOCABULARY - 1).map(lambda token: (token,)),
            st.sampled_from([-1.13, 0.5, 3.1]),
            min_size=1,
            max_size=3,
        ),
        "bad_words_ids": st.lists(
            st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=3), min_size=1, max_size=3
        ),
        "min_new_tokens": st.integers(1, 4),
        "eos_token_id": st.one_of(st.integers(0, 11), st.lists(st.integers(0, 11), min_size=1, max_size=2)),
    },
)


@settings(max_examples=80)
@given(CONFIGS, rows, histories, st.booleans(), st.data())
def test_the_whole_stack_from_a_generation_config(
    given_settings: dict[str, Any],
    row: list[float],
    history: list[int],
    constrained: bool,
    data: st.DataObject,
) -> None:
    """The chain of `Chain.like("transformers", …)` against what GenerationMixin builds from the same names."""
    from transformers import GenerationConfig

    prompt = data.draw(st.integers(1, len(history)))
    row = data.draw(untied_rows) if "top_h" in given_settings else row
    if "eos_token_id" not in given_settings:
        given_settings.pop("min_new_tokens", None)
    grammar = next_few if constrained else None
    # `generate` fills in these two before it builds the stack.
    config = GenerationConfig(do_sample=True, num_beams=1, num_return_sequences=1, **given_settings)
    logits = torch.tensor([row], dtype=torch.float32)
    processors = stack(config, prompt, grammar)
    expected = theirs(processors, logits, history)
    assume(np.isfinite(expected).all())
    params = SamplingParams.from_dict({**given_settings, "grammar": grammar})
    chain = Chain.like("transformers", params)
    # A grammar that allows only what is removed already is an error here; there it is obeyed.
    assume(something_left(chain, logits, history, prompt))
    result = ours(chain, logits, history, prompt)
    np.testing.assert_array_equal(result > 0, expected > 0)
    np.testing.assert_allclose(result, expected, rtol=2e-5, atol=1e-30)


def something_left(chain: Chain, logits: Any, history: list[int], prompt: int) -> bool:
    """True if the bans of the chain leave a token."""
    try:
        bans = Chain(one for one in chain if one.transform.bans)
        bans.apply(logits, context=Context(history=[history], prompt_lengths=[prompt]))
    except InputError:
        return False
    return True


def test_greedy_is_what_do_sample_false_takes() -> None:
    """No warpers, whatever their settings: the most likely token after the processors."""
    params = SamplingParams.from_dict(
        {"do_sample": False, "temperature": 0.3, "top_k": 1, "repetition_penalty": 1.5}
    )
    chain = Chain.like("transformers", params)
    assert str(chain) == "repetition_penalty=1.5 | temperature=0"
    assert np.flatnonzero(chain.apply(np.array([2.0, 1.9, 0.0]), [0]) > -math.inf).tolist() == [1]


def test_defaults_are_those_of_generation_config() -> None:
    from transformers import GenerationConfig

    defaults = GenerationConfig._get_default_generation_params()
    # Greedy, unless the model's generation_config.json asks for sampling; what the file leaves open is the library's.
    assert not defaults["do_sample"]
    assert str(Chain.like("transformers", {}, defaults=True)) == "temperature=0"
    ours = find_engine("transformers").filled({}, {"do_sample": True})
    assert ours == {name: defaults[name] for name in ours}
    assert (
        str(Chain.like("transformers", {}, model_defaults={"do_sample": True}))
        == "temperature=1 | top_k(50, ties=all)"
    )
    everything_else = {
        name: value for name, value in defaults.items() if name in SETTINGS and name not in ours
    }
    assert (
        len(Chain.like("transformers", SamplingParams.from_dict({"temperature": 1, **everything_else}))) == 1
    )
