"""Texts: the decode loop against a slow one, the batch against its texts alone, endings, limits and streaming."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from mock_source import MockSource
from retort.chain import Chain
from retort.errors import CapabilityError, InputError
from retort.sampling import Sample, SampledToken, SamplingParams, generate, sample, stream
from retort.sampling.noise import gumbel, uniform_at
from retort.sources.base import Capability
from retort.transforms import Context


def slowly(source: MockSource, prompt: str, params: SamplingParams) -> list[int]:
    """The ids of one text, one forward pass and one draw at a time."""
    prefix = source.encode(prompt)
    ids: list[int] = []
    while len(ids) < params.max_tokens and not (ids and ids[-1] in source.end_ids):
        logits = source.logits_of([*prefix, *ids])
        ids.append(int(sample(logits, params, seeds=[params.seed], positions=len(ids)).ids[0]))
    return ids


REQUESTS = [
    ("the sky is", SamplingParams(temperature=0.8, seed=1, max_tokens=9)),
    ("a pear", SamplingParams(temperature=0.0, seed=2, max_tokens=5)),
    ("the sky is", SamplingParams(temperature=1.5, top_p=0.8, seed=1, max_tokens=12)),
    ("w3 w4 w5 w6", SamplingParams(chain=Chain.parse("top_k=4 | temperature=2"), seed=9, max_tokens=7)),
    ("the sky is", SamplingParams(temperature=0.8, seed=1, max_tokens=4)),
]


def test_texts_are_what_a_slow_loop_gives() -> None:
    source = MockSource(40)
    texts = generate(source, [prompt for prompt, _ in REQUESTS], [params for _, params in REQUESTS])
    for (prompt, params), text in zip(REQUESTS, texts, strict=True):
        assert list(text.ids) == slowly(source, prompt, params)
        assert [token.id for token in text.tokens] == list(text.ids)
        assert text.finish_reason == ("end" if text.ids[-1] == 0 else "length")
        assert text.text == source.decode(text.ids)


@pytest.mark.parametrize("max_rows", [1, 2, 256])
def test_a_text_does_not_depend_on_its_batch(max_rows: int) -> None:
    source = MockSource(40)
    together = generate(
        source, [prompt for prompt, _ in REQUESTS], [params for _, params in REQUESTS], max_rows=max_rows
    )
    alone = [generate(source, prompt, params)[0] for prompt, params in REQUESTS]
    assert together == alone


def test_sample_i_uses_seed_plus_i_whatever_n_is() -> None:
    source = MockSource(60)
    params = SamplingParams(seed=2**64 - 4, max_tokens=6)
    many = generate(source, "w1", params, n=4)
    assert many[:2] == generate(source, "w1", params, n=2)
    for number, text in enumerate(many):
        assert [text] == generate(source, "w1", params.with_seed((params.seed + number) % 2**64))
    assert len({text.ids for text in many}) == 4


def test_prompts_are_read_once() -> None:
    source = MockSource(60, ends=False)
    generate(source, ["w1", "w2", "w1"], SamplingParams(max_tokens=5), n=10)
    assert source.starts == 1
    assert source.forward_rows == 2 + 30 * 4


def test_last_token_is_not_fed_back() -> None:
    source = MockSource(60, ends=False)
    generate(source, "w1", SamplingParams(max_tokens=1))
    assert source.forward_rows == 1


def test_stop_strings_cut_the_text_and_keep_the_tokens() -> None:
    source = MockSource(12, ends=False)
    free = generate(source, "w1", SamplingParams(max_tokens=20))[0]
    fifth = source.token_text(free.ids[4])
    first = list(free.ids).index(free.ids[4])
    stopped = generate(source, "w1", SamplingParams(max_tokens=20, stop=(fifth + " ",)))[0]
    # The string "wN " is complete only with the space that opens the next token.
    assert stopped.finish_reason == "stop"
    assert stopped.ids == free.ids[: first + 2]
    assert stopped.text == source.decode(free.ids[:first])
    early = generate(source, "w1", SamplingParams(max_tokens=20, stop=("zzz", "w")))[0]
    assert (early.text, early.finish_reason, len(early.ids)) == (" ", "stop", 1)


def test_end_token_ends_the_text_and_is_not_in_it() -> None:
    source = MockSource(6, end_bias=2.0)
    texts = generate(source, "w1", SamplingParams(max_tokens=30), n=20)
    ended = [text for text in texts if text.finish_reason == "end"]
    assert ended
    for text in ended:
        assert text.ids[-1] == 0 and 0 not in text.ids[:-1]
        assert "w0" not in text.text


def test_context_is_respected_with_one_clear_error() -> None:
    source = MockSource(20, ends=False, max_context=8)
    assert len(generate(source, "w1 w2 w3", SamplingParams(max_tokens=5))[0].ids) == 5
    with pytest.raises(
        InputError, match=r"3 tokens and max_tokens is 6.*reads at most 8.*lower max_tokens to 5"
    ):
        generate(source, ["w1", "w1 w2 w3"], SamplingParams(max_tokens=6))
    with pytest.raises(InputError, match=r"9 tokens .*; shorten the prompt$"):
        generate(source, "w1 " * 9, SamplingParams(max_tokens=1))
    assert source.starts == 1


def test_prompts_and_sources_that_cannot_be_used() -> None:
    source = MockSource(20)
    with pytest.raises(InputError, match="prompt is empty"):
        generate(source, "  ")
    with pytest.raises(InputError, match="2 params for 1 prompts"):
        generate(source, "w1", [SamplingParams()] * 2)
    with pytest.raises(InputError, match="n must be"):
        generate(source, "w1", n=0)
    source.capability = Capability.TOP_N
    with pytest.raises(CapabilityError, match="whole vocabulary"):
        generate(source, "w1")
    assert source.starts == 0


def test_tokens_are_streamed_in_order() -> None:
    seen: dict[int, list[SampledToken]] = {}
    texts: list[Sample] = generate(
        MockSource(30),
        ["w1", "w2"],
        SamplingParams(max_tokens=6),
        n=2,
        on_token=lambda index, token: seen.setdefault(index, []).append(token),
    )
    assert [tuple(seen[index]) for index in range(4)] == [text.tokens for text in texts]


def test_texts_with_a_memory_are_the_same_alone_and_together() -> None:
    """Mirostat's state belongs to its text: a batch of two gives what each gives alone."""
    source = MockSource(30)
    chain = Chain.parse("mirostat(2, tau=2, eta=0.3)")
    params = [SamplingParams(chain=chain, seed=seed, max_tokens=8) for seed in (3, 4)]
    together = generate(source, ["the sky is", "a"], params)
    alone = [
        generate(source, prompt, one)[0] for prompt, one in zip(["the sky is", "a"], params, strict=True)
    ]
    assert together == alone
    forgetful = SamplingParams(chain=Chain.parse("mirostat(2, tau=2, eta=0)"), seed=3, max_tokens=8)
    assert generate(source, "the sky is", forgetful)[0].tokens != alone[0].tokens


LOOKING = [
    "repetition_penalty(1.4, scope=all)",
    "presence_penalty(2, scope=output) | temperature=0.7",
    "dry(multiplier=6, allowed_length=1)",
    "xtc(probability=0.5, threshold=0.05)",
    "mirostat(version=2, tau=2, eta=0.3)",
    "temperature=1.2 | adaptive_p(target=0.3, decay=0.8)",
]


def test_each_text_keeps_its_own_history_coins_and_memory() -> None:
    """One batch of six kinds, against a loop that draws each text by itself from the chain, one token at a time."""
    source = MockSource(8, ends=False)
    prompts = ["w1 w2 w3", "w1 w2 w3", "w4", "w5 w6", "w1 w2 w3", "w7"]
    params = [
        SamplingParams(chain=Chain.parse(chain), seed=seed, max_tokens=16)
        for seed, chain in enumerate(LOOKING)
    ]
    texts = generate(source, prompts, params)
    for prompt, one, text in zip(prompts, params, texts, strict=True):
        prefix, states = source.encode(prompt), (None,)
        ids: list[int] = []
        for position in range(16):
            context = Context(
                history=[[*prefix, *ids]], prompt_lengths=[len(prefix)], states=states,
                uniforms=lambda stream, at=position, seed=one.seed: uniform_at([seed], [at], stream),
            )  # fmt: skip
            logits = source.logits_of([*prefix, *ids])[None]
            processed = one.resolved_chain.apply(logits.astype(np.float64), context=context)[0]
            ids.append(int(np.argmax(processed + gumbel(one.seed, position, 8))))
            states = one.resolved_chain.update(states, ids[-1:], logits.astype(np.float64), context)
        assert list(text.ids) == ids, str(one.chain)
        plain = generate(source, prompt, SamplingParams(seed=one.seed, max_tokens=16))[0]
        assert text.ids != plain.ids, f"{one.chain} changed nothing here"


@pytest.mark.parametrize("given", [{"min_tokens": 5}, {"chain": Chain.parse("min_tokens=5")}])
def test_min_tokens_knows_the_end_tokens_of_the_source(given: dict) -> None:
    source = MockSource(6, end_bias=4.0)
    lengths = {len(text.ids) for text in generate(source, "w1", SamplingParams(max_tokens=9, **given), n=8)}
    assert min(lengths) == 6  # the end token may be the sixth
    assert min(len(text.ids) for text in generate(source, "w1", SamplingParams(max_tokens=9), n=8)) < 5


def test_bad_words_never_come_even_across_the_prompts_end() -> None:
    source = MockSource(5, ends=False)
    free = generate(source, "w1 w2", SamplingParams(max_tokens=30, seed=1))[0].ids
    pairs = list(zip((2, *free), free, strict=False))
    banned = [list(pairs[0]), list(pairs[4]), [free[7]]]
    (text,) = generate(source, "w1 w2", SamplingParams(max_tokens=30, seed=1, bad_words=banned))
    ids = [2, *text.ids]
    assert free[7] not in text.ids
    assert not any(list(pair) in banned for pair in itertools.pairwise(ids))


def test_a_prompt_may_be_its_token_ids() -> None:
    source = MockSource(40)
    for prompt, params in REQUESTS[:2]:
        ids = source.encode(prompt)
        assert generate(source, [ids], params) == generate(source, prompt, params)
        pieces = [list(stream(source, asked, params)) for asked in (ids, prompt)]
        assert pieces[0] == pieces[1]
    with pytest.raises(InputError, match="empty"):
        generate(source, [[]], SamplingParams())


def test_a_text_is_one_line_in_a_notebook() -> None:
    short, long = generate(
        MockSource(40, ends=False), ["a pear", "w1"], [{"max_tokens": 3}, {"max_tokens": 60}]
    )
    assert repr(short) == f"<Sample: {short.text!r}, 3 tokens, length>"
    assert repr(long).endswith("…', 60 tokens, length>") and len(repr(long)) < 130
