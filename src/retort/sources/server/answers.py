"""One parser for what servers answer: texts, and the log-probabilities of what came out and what could have.

In: the JSON of one answer. Out: a `Reply`. Every shape is a pydantic model below, so a list where an object belongs, a
byte of 300 or an id that is none ends in one sentence. Which shape it is follows from its keys:

| shape | where |
|---|---|
| `openai-chat` | `choices[].logprobs.content[]` with `top_logprobs` lists; llama.cpp's completions and streams too |
| `openai-completions` | `choices[].logprobs` with `tokens`, `token_logprobs` and `top_logprobs` objects |
| `openai-responses` | `output[].content[].logprobs[]` |
| `llama.cpp` | `completion_probabilities[]`: logprobs, or, where the sampler had its say, probabilities |
| `vllm` | `prompt_logprobs[]` and `logprobs[]`: objects from token ids to `logprob`, `rank`, `decoded_token` |
| `sglang` | `meta_info` with `output_token_logprobs` and `output_top_logprobs`: lists of logprob, id, text |
| `ollama` | `response` or `message`, with a list `logprobs` |
| `koboldcpp` | `results[]`, each as a choice of OpenAI |
| `tgi` | `details.tokens` and `details.top_tokens`, or `token` and `top_tokens` in a stream |
| `gemini` | `candidates[].logprobsResult` with `chosenCandidates` and `topCandidates` |
| `anthropic` | `content[]` of a message: texts only |

A list of candidates is not always "the k most likely": it may hold the drawn token instead of one of them (vLLM's
chat), or not hold it at all. `position_of` merges the drawn token and says what bounds the others. Nothing here is
corrected: whether the numbers make sense is for `complaint` and the probe to say.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from retort.errors import SourceError, printable
from retort.files import kind_of
from retort.numerals import number
from retort.sources.base import KnownToken, text_of_bytes

NOT_GIVEN = -9999.0  # what OpenAI writes for a token that is not among the most likely ones
UNDECODED = "\ufffd"
SUM_TOLERANCE = 1e-3  # logprobs rounded to a few digits may sum to a little more than one
FLOAT32_PASS = (
    1e-5  # nats: what the order of its sums moves a float32 forward pass, a few spacings of a logit of 20
)
LONGEST_TOKEN = 4096  # bytes
LARGEST_ID = 2**31 - 1
LONGEST_REASON = 80  # characters of why a text ended


@dataclass(frozen=True)
class Position:
    """One token of a text (`chosen`; None where its logprob is not given) and the known candidates there, falling.

    `ceiling` bounds the logprob of every other token, as in `KnownTop`. `text` is the token's text.
    """

    chosen: KnownToken | None
    known: tuple[KnownToken, ...]
    ceiling: float | None = None
    text: str = ""

    @property
    def num_ranked(self) -> int:
        """How many of the known tokens are certainly the most likely ones, as far as the list itself says it."""
        ceiling = -math.inf if self.ceiling is None else self.ceiling
        return sum(token.logprob >= ceiling for token in self.known)


@dataclass(frozen=True)
class Choice:
    """One continuation: its text, why it ended, and its positions; no positions where the server gave no logprobs."""

    text: str
    finish_reason: str | None
    positions: tuple[Position, ...]


@dataclass(frozen=True)
class Usage:
    """Tokens that were paid for."""

    prompt: int
    completion: int


@dataclass(frozen=True)
class Reply:
    """What a server answered: the shape it was in, its choices, and the prompt's own positions where it gave them.

    `processed` is True where the shape itself says that the numbers come from after the sampler's stages.
    """

    shape: str
    choices: tuple[Choice, ...]
    prompt_positions: tuple[Position, ...] = ()
    processed: bool = False
    usage: Usage | None = None


# What may stand in an answer, shape by shape, and how each becomes a Reply. Keys that are not named are ignored, since
# servers add their own.


class _Shape(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


def _aliases(*names: str) -> Any:
    return Field(None, validation_alias=AliasChoices(*names))


def _text(value: Any) -> Any:
    """Half a surrogate pair, which JSON can hold and no file or terminal can take, is a character not decoded."""
    return (
        value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if isinstance(value, str)
        else value
    )


Text = Annotated[str, BeforeValidator(_text)]
Byte = Annotated[int, Field(ge=0, le=255)]
Id = Annotated[int, Field(ge=-1, le=LARGEST_ID)]


class _Candidate(_Shape):
    token: Text | None = _aliases("token", "text", "tok_str", "decoded_token", "content")
    logprob: float | None = _aliases("logprob", "logProbability")
    prob: float | None = None
    bytes: Annotated[list[Byte], Field(max_length=LONGEST_TOKEN)] | None = None
    id: Id | None = _aliases("id", "tokenId", "token_id")

    def known(self) -> KnownToken | None:
        """None where neither a logprob nor a probability is given (null stands for what JSON cannot say)."""
        logprob = self.logprob
        if logprob is None and self.prob is not None:
            logprob = math.log(self.prob) if self.prob > 0 else -math.inf
        token_id = self.id if self.id is not None and self.id >= 0 else None
        text = self.token or ""
        if self.bytes:
            text = text_of_bytes(bytes(self.bytes))  # two tokens may be shown alike: these are the truth
        elif not text and token_id is not None:
            text = f"<{token_id}>"
        return _plain(text, logprob, token_id)


class _Entry(_Candidate):
    top: list[_Candidate] | None = _aliases("top_logprobs", "top_probs", "probs")
    top_probs: list[_Candidate] | None = None
    probs: list[_Candidate] | None = None

    def position(self) -> Position:
        found = position_of(self.known(), _known(self.top))
        if (
            found.chosen is None and self.probs is not None
        ):  # llama.cpp before 2025 gives the drawn text alone
            chosen = next((token for token in found.known if token.token == self.token), None)
            return position_of(chosen, found.known)
        return found


class _Ranked(_Shape):
    logprob: float | None = None
    rank: int | None = None
    decoded_token: Text | None = None


Ranks = list[dict[str, _Ranked] | None]


class _Logprobs(_Shape):
    content: list[_Entry] | None = None
    tokens: list[Text] | None = None
    token_logprobs: list[float | None] | None = None
    top_logprobs: list[dict[str, float | None] | list[_Candidate] | None] | None = None

    def completions(self, asked: int | None) -> tuple[Position, ...]:
        tokens, values = self.tokens or [], self.token_logprobs or []
        tops = self.top_logprobs or [None] * len(tokens)
        positions = []
        for token, value, top in zip(tokens, values, tops, strict=False):
            named = [_plain(text, one) for text, one in top.items()] if isinstance(top, dict) else None
            listed = named if named is not None else _known(top if isinstance(top, list) else ())
            # The first token of an echoed prompt has no logprob: nothing comes before it.
            found = position_of(_plain(token, value), listed, asked=asked)
            if (
                named
                and any(UNDECODED in one.token for one in named if one)
                and len(named) < (asked or math.inf)
            ):
                # Tokens that are no whole characters share one name here, so some that were listed are lost.
                found = replace(found, ceiling=math.inf)
            positions.append(replace(found, text=token))
        return tuple(positions)


class _Part(_Shape):
    type: str | None = None
    text: Text | None = None
    logprobs: list[_Entry] | None = None


class _Message(_Shape):
    content: Text | list[_Part] | None = None

    def text(self) -> str:
        return _joined(self.content)


class _Choice(_Shape):
    index: int = 0
    text: Text | None = None
    message: _Message | None = None
    delta: _Message | None = None
    finish_reason: Any = None
    logprobs: _Logprobs | None = None
    prompt_logprobs: Ranks | None = None


class _OpenAI(_Shape):
    choices: list[_Choice]
    prompt_logprobs: Ranks | None = None

    def reply(self, asked: int | None) -> Reply:
        prompt = _ranked(self.prompt_logprobs)
        shapes, choices = [], []
        for choice in self.choices:
            message = choice.message or choice.delta
            shape = "openai-completions" if message is None else "openai-chat"
            text = choice.text if message is None else message.text()
            positions: tuple[Position, ...] = ()
            if choice.logprobs is not None and choice.logprobs.content is not None:
                shape, positions = "openai-chat", _positions(choice.logprobs.content)
            elif choice.logprobs is not None and choice.logprobs.tokens is not None:
                shape, positions = "openai-completions", choice.logprobs.completions(asked)
            prompt = prompt or _ranked(choice.prompt_logprobs)
            shapes.append(shape)
            choices.append(Choice(text or "", _reason(choice.finish_reason), positions))
        return Reply("vllm" if prompt else next(iter(shapes), "openai-chat"), tuple(choices), prompt)


class _LlamaCpp(_Shape):
    content: Text | None = None
    stop_type: str | None = None
    completion_probabilities: list[_Entry]

    def reply(self, asked: int | None) -> Reply:
        entries = self.completion_probabilities
        processed = any(entry.top_probs is not None or entry.probs is not None for entry in entries)
        choice = Choice(self.content or "", _reason(self.stop_type), _positions(entries))
        return Reply("llama.cpp", (choice,), processed=processed)


class _VllmOutput(_Shape):
    text: Text | None = None
    finish_reason: str | None = None
    token_ids: list[Id] | None = None
    logprobs: Ranks | None = None


class _Vllm(_Shape):
    outputs: list[_VllmOutput] = []
    prompt_logprobs: Ranks | None = None

    def reply(self, asked: int | None) -> Reply:
        choices = tuple(
            Choice(one.text or "", _reason(one.finish_reason), _ranked(one.logprobs, one.token_ids))
            for one in self.outputs
        )
        return Reply("vllm", choices, _ranked(self.prompt_logprobs))


class _Item(_Shape):
    content: list[_Part] | None = None


class _Responses(_Shape):
    output: list[_Item]
    status: str | None = None

    def reply(self, asked: int | None) -> Reply:
        parts = [part for item in self.output for part in item.content or ()]
        positions = _positions([entry for part in parts for entry in part.logprobs or ()])
        return Reply("openai-responses", (Choice(_joined(parts), _reason(self.status), positions),))


class _Ollama(_Shape):
    response: Text | None = None
    message: _Message | None = None
    done_reason: str | None = None
    logprobs: list[_Entry] | None = None

    def reply(self, asked: int | None) -> Reply:
        text = self.response if self.message is None else self.message.text()
        positions = _positions(self.logprobs or ())
        return Reply("ollama", (Choice(text or "", _reason(self.done_reason), positions),))


class _Kobold(_Shape):
    results: list[_Choice]

    def reply(self, asked: int | None) -> Reply:
        return replace(_OpenAI(choices=self.results).reply(asked), shape="koboldcpp")


Triple = tuple[float | None, Id | None, Text | None]


class _Meta(_Shape):
    finish_reason: Any = None
    output_token_logprobs: list[Triple] | None = None
    output_top_logprobs: list[list[Triple] | None] | None = None
    input_token_logprobs: list[Triple] | None = None
    input_top_logprobs: list[list[Triple] | None] | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Sglang(_Shape):
    text: Text | None = None
    meta_info: _Meta

    def reply(self, asked: int | None) -> Reply:
        meta = self.meta_info
        positions = _triples(meta.output_token_logprobs, meta.output_top_logprobs)
        usage = Usage(max(meta.prompt_tokens or 0, 0), max(meta.completion_tokens or 0, 0))
        # The first token of a prompt has nothing before it, so what stands there is no prediction.
        prompt = _triples(meta.input_token_logprobs, meta.input_top_logprobs)[1:]
        return Reply(
            "sglang",
            (Choice(self.text or "", _reason(meta.finish_reason), positions),),
            prompt,
            usage=usage if meta.completion_tokens else None,
        )


class _Details(_Shape):
    finish_reason: str | None = None
    tokens: list[_Candidate] = []
    top_tokens: list[list[_Candidate]] | None = None


class _Tgi(_Shape):
    generated_text: Text | None = None
    details: _Details | None = None
    token: _Candidate | None = None
    top_tokens: list[_Candidate] | None = None

    def reply(self, asked: int | None) -> Reply:
        if self.details is not None:
            tokens, tops = self.details.tokens, self.details.top_tokens or []
            text, reason = self.generated_text, _reason(self.details.finish_reason)
        else:  # a piece of a stream; the last one repeats the whole text
            tokens = [] if self.token is None else [self.token]
            tops = [] if self.top_tokens is None else [self.top_tokens]
            text, reason = self.generated_text if self.token is None else self.token.token, None
        return Reply("tgi", (Choice(text or "", reason, _beside(tokens, tops)),))


class _GeminiList(_Shape):
    candidates: list[_Candidate] = []


class _GeminiLogprobs(_Shape):
    chosenCandidates: list[_Candidate] = []
    topCandidates: list[_GeminiList] = []


class _GeminiContent(_Shape):
    parts: list[_Part] | None = None


class _GeminiCandidate(_Shape):
    content: _GeminiContent | None = None
    finishReason: str | None = None
    logprobsResult: _GeminiLogprobs | None = None


class _Gemini(_Shape):
    candidates: list[_GeminiCandidate]

    def reply(self, asked: int | None) -> Reply:
        choices = []
        for candidate in self.candidates:
            given = candidate.logprobsResult or _GeminiLogprobs()
            tops = [top.candidates for top in given.topCandidates]
            positions = _beside(given.chosenCandidates, tops) or _beside([None] * len(tops), tops)
            parts = candidate.content.parts if candidate.content is not None else None
            choices.append(Choice(_joined(parts), _reason(candidate.finishReason), positions))
        return Reply("gemini", tuple(choices))


class _Anthropic(_Shape):
    content: list[_Part]
    stop_reason: str | None = None

    def reply(self, asked: int | None) -> Reply:
        return Reply("anthropic", (Choice(_joined(self.content), _reason(self.stop_reason), ()),))


def _has(*keys: str, kind: type = object) -> Callable[[Mapping[str, Any]], bool]:
    return lambda record: any(key in record and isinstance(record[key], kind) for key in keys)


SHAPES: tuple[tuple[Callable[[Mapping[str, Any]], bool], Any], ...] = (
    (_has("completion_probabilities"), _LlamaCpp),
    (_has("choices"), _OpenAI),
    (_has("outputs", "prompt_logprobs"), _Vllm),
    (_has("output", kind=list), _Responses),
    (_has("meta_info"), _Sglang),
    (_has("results", kind=list), _Kobold),
    (lambda record: "generated_text" in record or isinstance(record.get("token"), Mapping), _Tgi),
    (_has("candidates"), _Gemini),
    (_has("response", kind=str), _Ollama),
    (_has("message", kind=Mapping), _Ollama),
    (lambda record: record.get("type") == "message" and "content" in record, _Anthropic),
)
"""How a shape is recognised; the first that fits counts."""


class _Usage(_Shape):
    prompt: int = Field(
        0, ge=0, validation_alias=AliasChoices("prompt_tokens", "input_tokens", "promptTokenCount")
    )
    completion: int = Field(
        0, ge=0, validation_alias=AliasChoices("completion_tokens", "output_tokens", "candidatesTokenCount")
    )


def read_reply(record: Any, name: str, asked: int | None = None) -> Reply:
    """The reply in one answer of any of the shapes; SourceError, beginning with `name`, for none of them.

    `asked` is how many candidates were asked for: completions that list fewer have lost some.
    """
    if isinstance(record, list) and len(record) == 1:
        record = record[0]  # TGI and SGLang answer a list of prompts with a list
    if not isinstance(record, Mapping):
        raise SourceError(f"{name}: the answer is {kind_of(record)}, not a JSON object.")
    for is_it, shape in SHAPES:
        if is_it(record):
            try:
                reply: Reply = shape.model_validate(record).reply(asked)
                # SGLang has its counts inside meta_info; a reader that found some is not overruled.
                usage = record.get("usage") or record.get("usageMetadata")
                return replace(reply, usage=_usage(usage)) if reply.usage is None else reply
            except ValidationError as error:
                raise SourceError(f"{name}: the answer cannot be read: {_problem(error)}.") from None
            except OverflowError:
                raise SourceError(f"{name}: the answer contains a number that is too large.") from None
    problem = record.get("error")
    if problem:
        said = problem.get("message", problem) if isinstance(problem, Mapping) else problem
        raise SourceError(f"{name} answered with an error: {printable(str(said)[:200], keep='')!r}.")
    raise SourceError(
        f"{name}: it has no choices and no logprobs; known formats are OpenAI chat, completions and responses, "
        "llama.cpp, vLLM, SGLang, Ollama, KoboldCpp, TGI, Gemini and Anthropic."
    )


def is_error(record: Any) -> bool:
    """True for a record that says what went wrong instead of answering."""
    return (
        isinstance(record, Mapping)
        and bool(record.get("error"))
        and not any(is_it(record) for is_it, _ in SHAPES)
    )


def _usage(value: Any) -> Usage | None:
    if not isinstance(value, Mapping):
        return None
    try:
        found = _Usage.model_validate(value)
    except ValidationError:
        return None  # a count nobody needs to read the answer
    return Usage(found.prompt, found.completion)


def _problem(error: ValidationError) -> str:
    """The first and deepest thing that pydantic found: where it stands, what it is, and what was expected."""
    # Of a union pydantic lists every branch; the one that came farthest into the answer is the shape that was meant.
    found = max(error.errors(include_url=False), key=lambda one: len(one["loc"]))
    place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in found["loc"])
    shown = kind_of(found["input"])
    if isinstance(found["input"], int | float | str):
        shown = printable(repr(found["input"])[:60], keep="")
    expected = found["msg"][:1].lower() + found["msg"][1:]
    return printable(f"{place.lstrip('.')[:120]} is {shown}, but {expected[:120]}", keep="")


def position_of(
    chosen: KnownToken | None, listed: Sequence[KnownToken | None], asked: int | None = None
) -> Position:
    """The drawn token among the candidates, and what bounds all others.

    The least of the list may be there only because it was drawn: then the one above it is the last of the most likely
    ones. Where `asked` tokens came, and completions list a drawn one besides, it is one of them. A drawn token that is
    more probable than the list's last and missing from it shows that the list is not of the most likely ones: nothing
    but the missing mass bounds the others. A listed logprob of -inf says that no other token can come.
    """
    named = [token for token in listed if token is not None and not math.isnan(token.logprob)]
    bad = [token for token in listed if token is not None and math.isnan(token.logprob)]
    top = sorted((token for token in named if token.logprob > NOT_GIVEN), key=lambda token: -token.logprob)
    # `not <=`, so that NaN goes on to `complaint` and is not taken for "not given".
    drawn = chosen if chosen is not None and not chosen.logprob <= NOT_GIVEN else None
    text = "" if chosen is None else chosen.token
    if bad:  # not a number: for `complaint` to refuse
        return Position(drawn, (*top, *bad), None, text)
    if any(token.logprob == -math.inf for token in named) and _is_whole(top):
        return Position(drawn, tuple(top), -math.inf, text)
    # Without a drawn token the list is taken at its word: its last one bounds the others.
    if drawn is None or math.isnan(drawn.logprob):
        return Position(drawn, tuple(top), None if top else math.inf, text)
    place = next((place for place, token in enumerate(top) if _same(token, drawn)), None)
    if place is None:
        fits = bool(top) and drawn.logprob <= top[-1].logprob
        ceiling = top[-1].logprob if fits else math.inf
        return Position(drawn, tuple(sorted((*top, drawn), key=lambda token: -token.logprob)), ceiling, text)
    # Anywhere but last the drawn token is there by its rank, and then so is the last one.
    if place < len(top) - 1 or len(top) == asked:
        return Position(drawn, tuple(top), None, text)
    return Position(drawn, tuple(top), top[-2].logprob if len(top) > 1 else math.inf, text)


def _is_whole(top: Sequence[KnownToken]) -> bool:
    return abs(sum(math.exp(min(token.logprob, 1.0)) for token in top) - 1.0) <= SUM_TOLERANCE


def _same(one: KnownToken, other: KnownToken) -> bool:
    return one.id == other.id if one.id is not None and other.id is not None else one.token == other.token


def _positions(entries: Iterable[_Entry]) -> tuple[Position, ...]:
    return tuple(entry.position() for entry in entries)


def _beside(
    chosen: Sequence[_Candidate | None], tops: Sequence[Sequence[_Candidate]]
) -> tuple[Position, ...]:
    """The positions of tokens with a list of candidates for each, or for the first of them."""
    return tuple(
        position_of(
            None if token is None else token.known(), _known(tops[place] if place < len(tops) else ())
        )
        for place, token in enumerate(chosen)
    )


def _known(listed: Iterable[_Candidate] | None) -> list[KnownToken | None]:
    return [candidate.known() for candidate in listed or ()]


def _plain(text: str, logprob: float | None, token_id: int | None = None) -> KnownToken | None:
    if logprob is None:
        return None
    if token_id is None and text.startswith("token_id:"):  # how vLLM and SGLang write a token on request
        token_id = _id_of(text.removeprefix("token_id:"))
    return KnownToken(text, float(logprob), token_id)


def _ranked(entries: Ranks | None, ids: Sequence[int] | None = None) -> tuple[Position, ...]:
    """vLLM's objects from token ids: the text's own token comes first, whatever its rank."""
    positions = []
    for place, entry in enumerate(entries or ()):
        if not entry:
            continue
        found = [
            (value.rank, _plain(value.decoded_token or f"<{key}>", value.logprob, _id_of(key)))
            for key, value in entry.items()
        ]
        own = ids[place] if ids is not None and place < len(ids) else None
        named = [(rank, token) for rank, token in found if token is not None]
        chosen = next((token for _, token in named if token.id == own), found[0][1])
        position = position_of(chosen, [token for _, token in found])
        # With ranks nothing need be guessed: the tokens whose ranks run 1, 2, 3 … without a gap are the most likely.
        if all(rank is not None for rank, _ in named):
            in_order = sorted(named, key=lambda pair: pair[0] or 0)
            top = [
                token for place, (rank, token) in enumerate(in_order, 1) if rank is not None and rank <= place
            ]
            if position.ceiling != -math.inf:
                position = replace(position, ceiling=top[-1].logprob if top else math.inf)
        positions.append(position)
    return tuple(positions)


def _id_of(key: str) -> int | None:
    return int(key) if key.isascii() and key.isdigit() and len(key) < 10 else None


def _triples(
    tokens: Sequence[Triple] | None, tops: Sequence[Sequence[Triple] | None] | None
) -> tuple[Position, ...]:
    def token(triple: Triple) -> KnownToken | None:
        logprob, token_id, text = triple
        return _plain(text if text is not None else f"<{token_id}>", logprob, token_id)

    positions = []
    for triple, top in zip_longest(tokens or (), (tops or ())[: len(tokens or ())]):
        found = position_of(token(triple), [token(one) for one in top or ()])
        positions.append(replace(found, text=triple[2] or ""))
    return tuple(positions)


def _joined(content: str | Sequence[_Part] | None) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    return "".join(part.text or "" for part in content)


def _reason(value: Any) -> str | None:
    """Why a text ended; SGLang writes an object with a type."""
    if isinstance(value, Mapping):
        value = value.get("type")
    return printable(value[:LONGEST_REASON], keep="") if isinstance(value, str) else None


def rounding_of(tokens: Sequence[KnownToken]) -> float:
    """How far the logprobs may be from what was computed: half a unit of the last decimal that any of them uses."""
    # The most precise one counts: a trailing 0 is not written, so others look rounder than they are.
    decimals = max((_decimals(token.logprob) for token in tokens), default=0)
    return max(0.5 * 10.0**-decimals, FLOAT32_PASS)


def _decimals(value: float) -> int:
    # 1e-05 has five decimals and no point: the exponent counts with them.
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
        return f"gives a logprob of {number(max(values))}, but logprobs are 0 or less"
    twice = _named_twice(tokens)
    if twice is not None:
        return f"names the token {twice!r} twice at one position, so its probability would count twice"
    total = sum(map(math.exp, values))
    if total > 1.0 + SUM_TOLERANCE:
        return f"gives logprobs whose probabilities sum to {number(total)}, more than 1"
    return None


def check_usable(tokens: Sequence[KnownToken], name: str, what: str = "its logprobs") -> None:
    """Raise SourceError where there is a `complaint` about these candidates: `name` is who gave them."""
    wrong = complaint(tokens)
    if wrong is not None:
        raise SourceError(printable(f"{name} {wrong}; {what} cannot be used.", keep=""))


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
