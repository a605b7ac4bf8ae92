"""generate inside transformers: its tokens against retort.generate and against transformers' own, on random models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import chi2
from transformers import LogitsProcessor, T5Config, T5ForConditionalGeneration, TextIteratorStreamer

import retort
from retort.adapters.transformers import generate
from retort.chain import Chain
from retort.distribution import log_softmax
from retort.errors import InputError
from retort.sampling import BadRowsError, SampleBatch, SamplingParams
from retort.sources.transformers import TransformersSource
from tiny_models import save_tiny_model

PROMPTS = [
    "the sky is", "a pear", "what is a hammer? a hammer is", "w", "a pear is a kind of fruit, and an",
    "the sea", "is a", "the hammer is heavy; the sky",
]  # fmt: skip
SAMPLING = SamplingParams(temperature=0.8, top_p=0.9, seed=5, max_tokens=12)
ERROR_RATE = 1e-4  # of each statistical test


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], TransformersSource]:
    """Sources by architecture, each made once, with a tokenizer that pads on the left."""
    made: dict[str, TransformersSource] = {}

    def source(architecture: str) -> TransformersSource:
        if architecture not in made:
            folder: Path = save_tiny_model(tmp_path_factory.mktemp(architecture), architecture)
            made[architecture] = TransformersSource(str(folder))
            tokenizer = made[architecture].tokenizer
            tokenizer.pad_token, tokenizer.padding_side = tokenizer.eos_token, "left"
        return made[architecture]

    return source


@pytest.fixture
def llama(tiny: Callable[[str], TransformersSource]) -> TransformersSource:
    return tiny("llama")


def run(source: TransformersSource, prompts: Sequence[str], **settings: Any) -> list[list[int]]:
    """The generated ids of every row, what follows an end token left out."""
    prompt = source.tokenizer(list(prompts), return_tensors="pt", padding=True)
    settings.setdefault("max_new_tokens", 12)
    out = source.model.generate(**prompt, custom_generate=generate, **settings)
    return [ended(source, row) for row in out[:, prompt.input_ids.shape[1] :].tolist()]


def ended(source: TransformersSource, ids: list[int]) -> list[int]:
    ends = [place for place, token in enumerate(ids) if token in source.end_ids]
    return ids[: ends[0] + 1] if ends else ids


def assert_same_but_for_near_ties(ids: Sequence[int], text: retort.sampling.Sample) -> None:
    """Equal tokens, up to the first one that the last digits of the logits could have decided."""
    for place, token in enumerate(text.tokens):
        if place >= len(ids) or ids[place] != token.id:
            assert token.near_tie, f"token {place}: {ids[place:]} for {text.ids[place:]}"
            return
    assert len(ids) == len(text.ids)


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "qwen3", "gemma2", "mixtral", "openai_gpt"])
def test_a_padded_batch_gives_what_retort_generate_and_each_prompt_alone_give(
    tiny: Callable[[str], TransformersSource], architecture: str
) -> None:
    source = tiny(architecture)
    texts = retort.generate(source, PROMPTS, SAMPLING)
    batch = run(source, PROMPTS, retort_params=SAMPLING)
    for prompt, text, ids in zip(PROMPTS, texts, batch, strict=True):
        assert_same_but_for_near_ties(ids, text)
        assert_same_but_for_near_ties(run(source, [prompt], retort_params=SAMPLING)[0], text)
    assert len({tuple(ids) for ids in batch}) > len(PROMPTS) // 2


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gemma2"])
def test_greedy_is_transformers_own_greedy(
    tiny: Callable[[str], TransformersSource], architecture: str
) -> None:
    source = tiny(architecture)
    prompt = source.tokenizer(PROMPTS, return_tensors="pt", padding=True)
    own = source.model.generate(**prompt, max_new_tokens=15, do_sample=False)
    for given in ({"retort_params": {"temperature": 0}}, {"retort_params": {"top_k": 1}}, {}):
        ours = source.model.generate(**prompt, max_new_tokens=15, custom_generate=generate, **given)
        assert ours.tolist() == own.tolist()


def test_each_returned_sequence_has_its_own_seed(llama: TransformersSource) -> None:
    drawn = run(llama, PROMPTS[:2], retort_params=SAMPLING, num_return_sequences=3, do_sample=True)
    texts = retort.generate(llama, PROMPTS[:2], SAMPLING, n=3)
    for ids, text in zip(drawn, texts, strict=True):
        assert_same_but_for_near_ties(ids, text)
    assert len({tuple(ids) for ids in drawn}) == 6
    seeded = run(llama, PROMPTS[:2], retort_params=SAMPLING, retort_seed=[7, 2**64 - 1])
    again = [run(llama, [prompt], retort_params=SAMPLING.with_seed(seed))[0]
             for prompt, seed in zip(PROMPTS[:2], [7, 2**64 - 1], strict=True)]  # fmt: skip
    assert seeded == again
    assert run(llama, PROMPTS[:1], retort_params=SAMPLING, retort_seed=7) == again[:1]


def g_test(counts: np.ndarray, log_probs: np.ndarray) -> float:
    """The chance of counts this far from their expectation, under log_probs."""
    kept = log_probs > -np.inf
    assert counts[~kept].sum() == 0
    expected = np.exp(log_probs[kept]) * counts.sum()
    seen = counts[kept]
    statistic = 2 * np.sum(seen[seen > 0] * np.log(seen[seen > 0] / expected[seen > 0]))
    return float(chi2.sf(statistic, np.count_nonzero(kept) - 1))


@pytest.mark.parametrize("given", [{}, {"retort_params": {"temperature": 1.3, "top_k": 7, "top_p": 0.9}}])
def test_first_tokens_follow_transformers_own_law(llama: TransformersSource, given: dict) -> None:
    """4,000 draws of one token: a G-test against the scores that transformers itself samples from."""
    prompt = llama.tokenizer("the sky is", return_tensors="pt")
    config = {"do_sample": True, "temperature": 1.3, "top_k": 7, "top_p": 0.9, "max_new_tokens": 1}
    own = llama.model.generate(**prompt, **config, output_scores=True, return_dict_in_generate=True)
    drawn = llama.model.generate(
        **prompt, **config, custom_generate=generate, retort_seed=0, num_return_sequences=4000, **given
    )
    counts = np.bincount(drawn[:, -1].numpy(), minlength=llama.vocab_size)
    assert g_test(counts, log_softmax(own.scores[0][0].numpy().astype(np.float64))) > ERROR_RATE
    assert np.count_nonzero(counts) > 3


def test_each_prompt_has_its_own_params_and_length(llama: TransformersSource) -> None:
    params = [
        SamplingParams(temperature=0, max_tokens=3),
        {"chain": "top_k=4 | temperature=2", "seed": 9},
        SamplingParams(temperature=1.5, min_p=0.1, seed=4, max_tokens=7),
    ]
    drawn = run(llama, PROMPTS[:3], retort_params=params, max_new_tokens=9)
    for prompt, given, ids in zip(PROMPTS, params, drawn, strict=False):
        one = (
            given
            if isinstance(given, SamplingParams)
            else SamplingParams.from_dict({**given, "max_tokens": 9})
        )
        text = retort.generate(llama, prompt, one)[0]
        pad = llama.tokenizer.pad_token_id
        assert_same_but_for_near_ties(ids if text.finish_reason == "end" else ids[: len(text.ids)], text)
        assert set(ids[len(text.ids) :]) <= {pad}


def test_padding_is_no_history_and_every_row_has_its_own_memory(llama: TransformersSource) -> None:
    params = [
        SamplingParams(chain=Chain.parse(chain), seed=seed, max_tokens=14 - seed)
        for seed, chain in enumerate([
            "frequency_penalty(-2, scope=all)", "presence_penalty(2, scope=output)",
            "dry(multiplier=2, allowed_length=1)",
            "mirostat(version=2, tau=2, eta=0.3)", "xtc(probability=0.5, threshold=0.02)",
            "mirostat(version=1, tau=2, eta=0.3)",
        ])
    ]  # fmt: skip
    record: list[SampleBatch] = []
    drawn = run(llama, PROMPTS[:6], retort_params=params, max_new_tokens=20, retort_record=record)
    for row, (prompt, one, ids) in enumerate(zip(PROMPTS, params, drawn, strict=False)):
        text = retort.generate(llama, prompt, one)[0]
        assert_same_but_for_near_ties(ids[: len(text.ids)], text)
        # The padding is the end token: counted as history, the first chain would give it all of the probability.
        expected = [text.tokens[0].logprob_processed, text.tokens[0].entropy_nats]
        assert [record[0].logprob_processed[row], record[0].entropy[row]] == pytest.approx(expected, abs=1e-4)


def test_scores_are_those_of_a_chain_that_remembers(llama: TransformersSource) -> None:
    prompt = llama.tokenizer(PROMPTS[0], return_tensors="pt")
    record: list[SampleBatch] = []
    out = llama.model.generate(
        **prompt, custom_generate=generate, retort_params={"chain": "mirostat(version=2, tau=1, eta=0.5)"},
        retort_record=record, max_new_tokens=6, output_scores=True, return_dict_in_generate=True,
    )  # fmt: skip
    assert len({step.states[0] for step in record}) == len(record)
    for scores, step in zip(out.scores, record, strict=True):
        expected = log_softmax(scores[0].numpy().astype(np.float64))[step.ids[0]]
        assert step.logprob_processed[0] == pytest.approx(expected, abs=1e-5)


def test_min_tokens_knows_the_end_tokens_of_the_config(llama: TransformersSource) -> None:
    ending = int(
        np.argmax(np.bincount([ids[0] for ids in run(llama, PROMPTS, retort_params={"temperature": 0})]))
    )
    params = {"temperature": 0, "min_tokens": 4}
    free, held = (
        run(llama, PROMPTS, retort_params=given, eos_token_id=ending)
        for given in ({"temperature": 0}, params)
    )
    assert min(row.index(ending) for row in free if ending in row) == 0
    assert all(row.index(ending) >= 4 for row in held if ending in row)


def test_stop_strings_end_a_row_and_the_rest_is_padding(llama: TransformersSource) -> None:
    free = run(llama, PROMPTS[:2], retort_params={"seed": 3}, max_new_tokens=20)
    stop = llama.decode(free[0][:6])[-3:]
    stopped = run(
        llama, PROMPTS[:2], retort_params={"seed": 3, "stop": stop}, retort_tokenizer=llama.tokenizer,
        max_new_tokens=20,
    )  # fmt: skip
    text = retort.generate(llama, PROMPTS[0], SamplingParams(seed=3, stop=(stop,), max_tokens=20))[0]
    assert text.finish_reason == "stop" and len(text.ids) <= 6
    assert stopped[0][: len(text.ids)] == list(text.ids)
    assert set(stopped[0][len(text.ids) :]) <= {llama.tokenizer.pad_token_id}
    with pytest.raises(InputError, match="retort_tokenizer"):
        run(llama, PROMPTS[:1], retort_params={"stop": "x"})


def test_a_streamer_gets_the_text_and_its_end(llama: TransformersSource) -> None:
    streamer = TextIteratorStreamer(llama.tokenizer, skip_prompt=True, skip_special_tokens=True, timeout=20)
    prompt = llama.tokenizer(PROMPTS[0], return_tensors="pt")
    settings = {"max_new_tokens": 12, "custom_generate": generate, "retort_params": SAMPLING}
    thread = Thread(target=llama.model.generate, kwargs={**prompt, **settings, "streamer": streamer})
    thread.start()
    pieces = list(streamer)
    thread.join()
    assert "".join(pieces) == retort.generate(llama, PROMPTS[0], SAMPLING)[0].text
    assert len(pieces) > 2


@pytest.mark.parametrize("settings", [
    {"cache_implementation": "static"}, {"cache_implementation": "dynamic"}, {"use_cache": False},
    {"prefill_chunk_size": 2},
])  # fmt: skip
def test_every_cache_gives_the_same_texts(llama: TransformersSource, settings: dict) -> None:
    texts = retort.generate(llama, PROMPTS, SAMPLING)
    for ids, text in zip(run(llama, PROMPTS, retort_params=SAMPLING, **settings), texts, strict=True):
        assert_same_but_for_near_ties(ids, text)


def test_scores_logits_and_record(llama: TransformersSource) -> None:
    prompt = llama.tokenizer(PROMPTS[:3], return_tensors="pt", padding=True)
    record: list[SampleBatch] = []
    params = [SamplingParams(temperature=0.7, top_k=5, max_tokens=length) for length in (2, 6, 4)]
    out = llama.model.generate(
        **prompt, custom_generate=generate, retort_params=params, retort_record=record, max_new_tokens=9,
        return_dict_in_generate=True, output_scores=True, output_logits=True, do_sample=True,
    )  # fmt: skip
    steps = out.sequences.shape[1] - prompt.input_ids.shape[1]
    assert steps == len(out.scores) == len(out.logits) == len(record) == 6
    chain = params[0].resolved_chain
    for step, (scores, logits, drawn) in enumerate(zip(out.scores, out.logits, record, strict=True)):
        assert torch.isfinite(logits).all()
        for row in range(3):
            if step < params[row].max_tokens:
                expected = chain.apply(logits[row].numpy())
                np.testing.assert_allclose(scores[row].numpy(), expected, rtol=1e-6)
                token = out.sequences[row, prompt.input_ids.shape[1] + step].item()
                assert token == drawn.ids[row]
                assert drawn.logprob_processed[row] == pytest.approx(log_softmax(expected)[token], abs=1e-6)
            else:
                assert drawn.ids[row] == -1 and np.isnan(drawn.entropy[row])
    assert out.past_key_values is not None if hasattr(out, "past_key_values") else out.cache is not None


class Forbid(LogitsProcessor):
    """Takes one token out."""

    def __init__(self, token: int) -> None:
        self.token = token

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        scores = scores.clone()
        scores[:, self.token] = -torch.inf
        return scores


def test_processors_of_the_config_and_the_user_run_before_the_chain(llama: TransformersSource) -> None:
    greedy = run(llama, PROMPTS[:1], retort_params={"temperature": 0})[0]
    for settings in ({"bad_words_ids": [[greedy[0]]]}, {"logits_processor": [Forbid(greedy[0])]}):
        banned = run(llama, PROMPTS[:1], retort_params={"temperature": 0}, **settings)[0]
        assert greedy[0] not in banned
    # The config's own truncation is replaced: with its top_k of 1 every seed would give the same text.
    texts = {tuple(run(llama, PROMPTS[:1], retort_params={"seed": seed}, do_sample=True, top_k=1)[0])
             for seed in range(4)}  # fmt: skip
    assert len(texts) == 4


@pytest.mark.parametrize(("settings", "said"), [
    ({"num_beams": 3}, "beam search"),
    ({"num_beams": 3, "do_sample": True}, "beam sample"),
    ({"prompt_lookup_num_tokens": 3}, "assisted generation"),
    ({"retort_params": [{}] * 3}, "retort_params has 3 entries for 2 prompts"),
    ({"retort_seed": [1]}, "retort_seed has 1 entries for 2 prompts"),
    ({"retort_seed": -1}, "seed must be"),
    ({"retort_params": {"temprature": 1}}, "unknown sampling setting"),
])  # fmt: skip
def test_what_cannot_be_done_is_said(llama: TransformersSource, settings: dict, said: str) -> None:
    with pytest.raises(InputError, match=said):
        run(llama, PROMPTS[:2], **settings)


def test_an_assistant_is_refused(llama: TransformersSource) -> None:
    with pytest.raises(InputError, match="assisted generation"):
        run(llama, PROMPTS[:1], assistant_model=llama.model)


class Spoil(LogitsProcessor):
    """NaN in one row from some column on."""

    def __init__(self, row: int, width: int) -> None:
        self.row, self.width = row, width

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        scores = scores.clone()
        if input_ids.shape[1] >= self.width:
            scores[self.row, 3] = torch.nan
        return scores


def test_a_row_that_cannot_be_sampled_is_named_as_in_the_batch(llama: TransformersSource) -> None:
    width = llama.tokenizer(PROMPTS[:3], padding=True, return_tensors="pt").input_ids.shape[1]
    params = [SamplingParams(max_tokens=2, temperature=0), SAMPLING, SAMPLING]
    with pytest.raises(BadRowsError, match="row 2: ") as caught:
        run(llama, PROMPTS[:3], retort_params=params, logits_processor=[Spoil(2, width + 4)],
            min_new_tokens=8)  # fmt: skip
    # Row 0 was over by then: the row is numbered as in the batch, and the good row's token is there.
    assert list(caught.value.rows) == [2]
    assert caught.value.results.ids[0] == -1 and caught.value.results.ids[1] >= 0


def test_encoder_decoders_work_too() -> None:
    torch.manual_seed(0)
    config = T5Config(vocab_size=80, d_model=16, d_kv=4, d_ff=32, num_layers=2, num_heads=4, decoder_start_token_id=0,
                      initializer_factor=3.0)  # fmt: skip
    model = T5ForConditionalGeneration(config).eval()
    ids = torch.tensor([[5, 6, 7, 8], [0, 0, 9, 3]])
    prompt = {"input_ids": ids, "attention_mask": (ids != 0).long()}
    own = model.generate(**prompt, max_new_tokens=8)
    assert model.generate(**prompt, max_new_tokens=8, custom_generate=generate).tolist() == own.tolist()
    params = [{"seed": 3, "chain": Chain.parse("temperature=2")}] * 2
    both = model.generate(**prompt, max_new_tokens=8, custom_generate=generate, retort_params=params)
    assert len({tuple(row) for row in both.tolist()}) == 2
