"""The shapes in which servers write log-probabilities, read into one: what came out, and what could have.

| shape | where |
|---|---|
| `openai-chat` | `choices[].logprobs.content[]` with `top_logprobs` lists; llama.cpp's completions too, with ids |
| `openai-completions` | `choices[].logprobs` with `tokens`, `token_logprobs` and `top_logprobs` objects |
| `llama.cpp` | `completion_probabilities[]`: logprobs, or, where the sampler had its say, probabilities |
| `vllm` | `prompt_logprobs[]` and `logprobs[]`: objects from token ids to `logprob`, `rank`, `decoded_token` |

Nothing here is corrected: whether the numbers make sense is for `check_top` and the probe to say.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from retort.errors import SourceError
from retort.sources.base import KnownToken

NOT_GIVEN = -9999.0  # what OpenAI writes for a token that is not among the most probable ones
UNDECODED = "\ufffd"
SUM_TOLERANCE = 1e-3  # logprobs rounded to a few digits may sum to a little more than one
FLOAT32_PASS = (
    1e-5  # nats: what the order of its sums moves a float32 forward pass, a few spacings of a logit of 20
)


@dataclass(frozen=True)
class Position:
    """One token of a text (None where only the candidates are known) and the most probable tokens there, falling.

    `text` is the token's text, for the first one of a prompt, which has no logprob.
    """

    chosen: KnownToken | None
    top: tuple[KnownToken, ...]
    text: str = ""


@dataclass(frozen=True)
class Choice:
    """One continuation: its text, why it ended, and its positions; no positions where the server gave no logprobs."""

    text: str
    finish_reason: str | None
    positions: tuple[Position, ...]


@dataclass(frozen=True)
class Reply:
    """What a server answered: the shape it was in, its choices, and the prompt's own positions where it gave them.

    `processed` is True where the shape itself says that the numbers come from after the sampler's stages.
    """

    shape: str
    choices: tuple[Choice, ...]
    prompt_positions: tuple[Position, ...] = ()
    processed: bool = False


def read_reply(record: Any, name: str) -> Reply:
    """The reply in one response of any of the shapes; SourceError, beginning with `name`, for none of them."""
    try:
        reply = _read(record, name)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise SourceError(
            f"{name}: the logprobs are in no shape that is known here ({type(error).__name__}: {error}); known are "
            "OpenAI chat and completions, llama.cpp completion_probabilities, and vLLM prompt_logprobs."
        ) from error
    if reply is None:
        raise SourceError(
            f"{name}: there are no choices and no logprobs in it; known are OpenAI chat and completions, "
            "llama.cpp completion_probabilities, and vLLM prompt_logprobs."
        )
    return reply


def _read(record: Any, name: str) -> Reply | None:
    if not isinstance(record, Mapping):
        raise SourceError(f"{name}: the answer is {type(record).__name__}, not a JSON object.")
    if "completion_probabilities" in record:
        entries = record["completion_probabilities"]
        positions = tuple(_llama_position(entry) for entry in entries)
        processed = any("top_probs" in entry or "probs" in entry for entry in entries)
        choice = Choice(str(record.get("content", "")), record.get("stop_type"), positions)
        return Reply("llama.cpp", (choice,), processed=processed)
    prompt = tuple(_vllm_position(entry) for entry in record.get("prompt_logprobs") or () if entry)
    if isinstance(record.get("outputs"), list):
        choices = tuple(
            Choice(
                str(o.get("text", "")),
                o.get("finish_reason"),
                tuple(map(_vllm_position, o.get("logprobs") or ())),
            )
            for o in record["outputs"]
        )
        return Reply("vllm", choices, prompt)
    if not isinstance(record.get("choices"), list):
        return Reply("vllm", (), prompt) if prompt else None
    shapes, choices = (
        zip(*(_choice(choice) for choice in record["choices"]), strict=True)
        if record["choices"]
        else ((), ())
    )
    for choice in record["choices"]:
        prompt = prompt or tuple(
            _vllm_position(entry) for entry in choice.get("prompt_logprobs") or () if entry
        )
    return Reply("vllm" if prompt else next(iter(shapes), "openai-chat"), choices, prompt)


def _choice(choice: Mapping[str, Any]) -> tuple[str, Choice]:
    message = choice.get("message")
    text = choice.get("text", "") if message is None else message.get("content")
    logprobs = choice.get("logprobs") or {}
    if logprobs.get("content") is not None:
        shape, positions = "openai-chat", tuple(_chat_position(entry) for entry in logprobs["content"])
    elif logprobs.get("tokens") is not None:
        shape, positions = "openai-completions", _completions_positions(logprobs)
    else:
        shape, positions = "openai-chat" if message is not None else "openai-completions", ()
    return shape, Choice(str(text or ""), choice.get("finish_reason"), positions)


def _chat_position(entry: Mapping[str, Any]) -> Position:
    top = [_token(candidate, "logprob") for candidate in entry.get("top_logprobs") or ()]
    return Position(_token(entry, "logprob"), _falling(top))


def _completions_positions(logprobs: Mapping[str, Any]) -> tuple[Position, ...]:
    tops = logprobs.get("top_logprobs") or [None] * len(logprobs["tokens"])
    positions = []
    for token, logprob, top in zip(logprobs["tokens"], logprobs["token_logprobs"], tops, strict=True):
        candidates = [_plain(text, value) for text, value in (top or {}).items()]
        # The first token of an echoed prompt has no logprob: nothing comes before it.
        chosen = None if logprob is None else _plain(token, logprob)
        positions.append(Position(chosen, _falling(candidates), str(token)))
    return tuple(positions)


def _llama_position(entry: Mapping[str, Any]) -> Position:
    if "probs" in entry:  # before 2025
        top = [KnownToken(str(c["tok_str"]), _log(c["prob"])) for c in entry["probs"]]
        chosen = next((token for token in top if token.token == entry.get("content")), None)
        return Position(chosen, _falling(top))
    if "top_probs" in entry:
        top = [_token({**c, "logprob": _log(c["prob"])}, "logprob") for c in entry["top_probs"]]
        return Position(_token({**entry, "logprob": _log(entry["prob"])}, "logprob"), _falling(top))
    return _chat_position(entry)


def _vllm_position(entry: Mapping[str, Any]) -> Position:
    ranked = [
        (
            value.get("rank"),
            KnownToken(str(value.get("decoded_token") or f"<{key}>"), float(value["logprob"]), int(key)),
        )
        for key, value in entry.items()
    ]
    # The text's own token is always there, whatever its rank, and comes first. Where ranks are missing between it and
    # the others it is no part of the top.
    chosen = ranked[0][1] if ranked else None
    if all(rank is not None for rank, _ in ranked):
        ranked.sort(key=lambda pair: pair[0])
        ranked = [pair for place, pair in enumerate(ranked, 1) if pair[0] <= place]
    return Position(chosen, _falling([token for _, token in ranked]))


def _token(entry: Mapping[str, Any], key: str) -> KnownToken:
    text, raw = str(entry["token"]), entry.get("bytes")
    if UNDECODED in text and raw:
        text = "".join(f"<0x{byte:02X}>" for byte in raw)
    token_id = entry.get("id")
    if token_id is None and text.startswith("token_id:"):
        token_id = int(text.removeprefix("token_id:"))
    return KnownToken(text, float(entry[key]), None if token_id is None else int(token_id))


def _plain(text: str, logprob: Any) -> KnownToken:
    return _token({"token": text, "logprob": logprob}, "logprob")


def _log(prob: Any) -> float:
    return math.log(prob) if prob > 0 else -math.inf


def _falling(tokens: Sequence[KnownToken]) -> tuple[KnownToken, ...]:
    given = [token for token in tokens if not token.logprob <= NOT_GIVEN]
    if any(math.isnan(token.logprob) for token in given):
        return tuple(given)
    return tuple(sorted(given, key=lambda token: -token.logprob))


def drop_extra(position: Position, asked: int) -> Position:
    """Without the drawn token that completions append when it is not among the most probable ones.

    It is then the last, and one token more than was asked for, or than the server gives anybody. Where the last may be
    either, it is dropped too: the rest are the most probable ones in any case.
    """
    if len(position.top) < 2 or len(position.top) == asked or position.chosen is None:
        return position
    last = position.top[-1]
    return replace(position, top=position.top[:-1]) if last.token == position.chosen.token else position


def rounding_of(tokens: Sequence[KnownToken]) -> float:
    """How far the logprobs may be from what was computed: half a unit of the last decimal that any of them uses."""
    decimals = max((_decimals(token.logprob) for token in tokens), default=0)
    return max(0.5 * 10.0**-decimals, FLOAT32_PASS)


def _decimals(value: float) -> int:
    mantissa, _, exponent = repr(value).partition("e")
    return len(mantissa.partition(".")[2].rstrip("0")) - int(exponent or 0) if math.isfinite(value) else 0


def complaint(tokens: Sequence[KnownToken]) -> str | None:
    """What makes these candidates unusable as log-probabilities in nats of different tokens; None if nothing does."""
    values = [token.logprob for token in tokens]
    if not values:
        return "gives no logprobs"
    if any(math.isnan(value) or value == math.inf for value in values):
        return f"gives a logprob that is {next(v for v in values if math.isnan(v) or v == math.inf)}"
    if max(values) > SUM_TOLERANCE:
        return f"gives a logprob of {max(values):.4g}, but a log-probability is 0 or less: these are something else"
    twice = _named_twice(tokens)
    if twice is not None:
        return f"names the token {twice!r} twice at one position, so its probability would count twice"
    total = sum(map(math.exp, values))
    if total > 1.0 + SUM_TOLERANCE:
        return f"gives logprobs whose probabilities sum to {total:.4g}, more than 1"
    return None


def in_base_ten(tokens: Sequence[KnownToken]) -> bool:
    """True where the numbers are too large to be natural logarithms, and possible as logarithms of base 10."""
    values = [token.logprob for token in tokens]
    if not values or not all(math.isfinite(value) and value <= SUM_TOLERANCE for value in values):
        return False
    return (
        sum(map(math.exp, values)) > 1.0 + SUM_TOLERANCE
        and sum(10.0**v for v in values) <= 1.0 + SUM_TOLERANCE
    )


def _named_twice(tokens: Sequence[KnownToken]) -> str | None:
    seen: set[object] = set()
    for token in tokens:
        key: object = token.token if token.id is None else token.id
        if token.id is None and UNDECODED in token.token:
            continue  # different bytes, all shown as the same sign
        if key in seen:
            return token.token
        seen.add(key)
    return None
