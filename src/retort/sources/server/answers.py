"""One parser for what servers answer: texts, and the log-probabilities of what came out and what could have.

In: the JSON of one answer. Out: a `Reply`. `read_reply` is the way of all answers: the record's keys show its shape
(`SHAPES`, at the end), the shape's pydantic model checks it, so that a list where an object belongs, a byte of 300 or
an id that is none ends in one sentence, and the model's `reply` says where its texts and positions stand.

Positions are written in three ways. Each has one reader, and a shape below says no more than where to find them:

| way | reader | shapes |
|---|---|---|
| one object a token, its candidates inside | `_Entry` | OpenAI's chat and Responses, llama.cpp, Ollama, KoboldCpp |
| a list of tokens beside a list of candidates | `_beside` | OpenAI's completions, SGLang, TGI, Gemini |
| an object from token ids to candidates | `_ranked` | vLLM |

What a list of candidates bounds is for `candidates.py` to say.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, zip_longest
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from retort.errors import SourceError, first_of, printable
from retort.files import kind_of
from retort.sources.base import UNDECODED, KnownToken, text_of_bytes
from retort.sources.server.candidates import Position, position_of

LONGEST_TOKEN = 4096  # bytes
LARGEST_ID = 2**31 - 1
LONGEST_REASON = 80  # characters of why a text ended


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


def read_reply(record: Any, name: str, asked: int | None = None) -> Reply:
    """The reply in one answer of any of the shapes; SourceError, beginning with `name`, for none of them.

    `asked` is how many candidates were asked for: completions that list fewer have lost some.
    """
    if isinstance(record, list) and len(record) == 1:
        record = record[0]  # TGI and SGLang answer a list of prompts with a list
    if not isinstance(record, Mapping):
        raise SourceError(f"{name}: the answer is {kind_of(record)}, not a JSON object.")
    shape = _shape_of(record)
    if shape is None:
        raise _no_answer(record, name)
    try:
        reply = shape.model_validate(record).reply(asked)
    except ValidationError as error:
        raise SourceError(f"{name}: the answer cannot be read: {_problem(error)}.") from None
    except OverflowError:
        raise SourceError(f"{name}: the answer contains a number that is too large.") from None
    # SGLang has its counts inside meta_info; a reader that found some is not overruled.
    return reply if reply.usage is not None else replace(reply, usage=_usage(record))


def is_error(record: Any) -> bool:
    """True for a record that says what went wrong instead of answering."""
    return isinstance(record, Mapping) and bool(record.get("error")) and _shape_of(record) is None


def _shape_of(record: Mapping[str, Any]) -> type[_Answer] | None:
    return next((shape for fits, shape in SHAPES if fits(record)), None)


def _no_answer(record: Mapping[str, Any], name: str) -> SourceError:
    problem = record.get("error")
    if problem:
        said = problem.get("message", problem) if isinstance(problem, Mapping) else problem
        return SourceError(f"{name} answered with an error: {printable(str(said)[:200], keep='')!r}.")
    return SourceError(
        f"{name}: it has no choices and no logprobs; known formats are OpenAI chat, completions and responses, "
        "llama.cpp, vLLM, SGLang, Ollama, KoboldCpp, TGI, Gemini and Anthropic."
    )


def _problem(error: ValidationError) -> str:
    """The first and deepest thing that pydantic found: where it stands, what it is, and what was expected."""
    found = first_of(error)
    # Of a union pydantic names the member too ("list[_Content]"), and of an object our class: neither is in the answer.
    steps = [step for step in found["loc"] if isinstance(step, int) or "[" not in step]
    place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    shown = kind_of(found["input"])
    if isinstance(found["input"], int | float | str):
        shown = printable(repr(found["input"])[:60], keep="")
    expected = re.sub(r" or instance of \w+", "", found["msg"][:1].lower() + found["msg"][1:])
    return printable(f"{place.lstrip('.')[:120]} is {shown}, but {expected[:120]}", keep="")


# --- What all shapes are made of. Keys that are not named are ignored, since servers add their own.


class _Part(BaseModel):
    """A part of an answer: what may stand in it."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class _Answer(_Part):
    """A whole answer in one shape."""

    def reply(self, asked: int | None) -> Reply:
        """What it says; `asked` as in `read_reply`."""
        raise NotImplementedError


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


class _Candidate(_Part):
    """A token with its logprob, under any of the names that servers have for them."""

    # In order: OpenAI and most others; TGI; llama.cpp before 2025; vLLM; llama.cpp before 2025, of the drawn token.
    token: Text | None = _aliases("token", "text", "tok_str", "decoded_token", "content")
    logprob: float | None = _aliases("logprob", "logProbability")  # Gemini
    prob: float | None = None  # llama.cpp, after its sampler
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
        return _token(text, logprob, token_id)


def _token(text: str, logprob: float | None, token_id: int | None = None) -> KnownToken | None:
    if logprob is None:
        return None
    # How vLLM (`return_tokens_as_token_ids`) and SGLang write a token on request: its text may be no whole character.
    if token_id is None and text.startswith("token_id:"):
        token_id = _id_of(text.removeprefix("token_id:"))
    return KnownToken(text, float(logprob), token_id)


def _id_of(key: str) -> int | None:
    return int(key) if key.isascii() and key.isdigit() and len(key) < 10 else None


def _known(listed: Iterable[_Candidate] | None) -> list[KnownToken | None]:
    return [candidate.known() for candidate in listed or ()]


class _Entry(_Candidate):
    """One position: the drawn token, and its candidates inside it."""

    top_logprobs: list[_Candidate] | None = None
    top_probs: list[_Candidate] | None = None  # llama.cpp with `post_sampling_probs`
    probs: list[_Candidate] | None = None  # llama.cpp before 2025, beside a drawn token without a number

    def position(self) -> Position:
        chosen, listed = self.known(), _known(self.top_logprobs or self.top_probs or self.probs)
        if chosen is None and self.probs is not None:
            chosen = next((token for token in listed if token and token.token == self.token), None)
        return position_of(chosen, listed, text=self.token)


def _positions(entries: Iterable[_Entry] | None) -> tuple[Position, ...]:
    return tuple(entry.position() for entry in entries or ())


def _are_processed(entries: Iterable[_Entry]) -> bool:
    """Whether the numbers are probabilities after the sampler's stages, which llama.cpp gives on request, in its own
    form and in OpenAI's.
    """
    return any(entry.top_probs is not None or entry.probs is not None for entry in entries)


def _beside(
    chosen: Sequence[KnownToken | None],
    tops: Sequence[Sequence[KnownToken | None]],
    texts: Sequence[str | None],
) -> tuple[Position, ...]:
    """The positions of tokens, of `texts`, with a list of candidates for each, or for the first of them."""
    places = zip_longest(chosen, tops[: len(chosen)], texts[: len(chosen)])
    return tuple(position_of(token, top or (), text=text) for token, top, text in places)


class _Content(_Part):
    """A part of a message, in OpenAI's Responses, Gemini's and Anthropic's answers."""

    type: str | None = None
    text: Text | None = None
    logprobs: list[_Entry] | None = None


def _joined(content: str | Sequence[_Content] | None) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    return "".join(part.text or "" for part in content)


class _Message(_Part):
    content: Text | list[_Content] | None = None


def _reason(value: Any) -> str | None:
    """Why a text ended; SGLang writes an object with a type."""
    if isinstance(value, Mapping):
        value = value.get("type")
    return printable(value[:LONGEST_REASON], keep="") if isinstance(value, str) else None


class _Counts(_Part):
    """Tokens that were paid for, as OpenAI; Anthropic and OpenAI's Responses; and Gemini call them."""

    prompt: int = Field(
        0, ge=0, validation_alias=AliasChoices("prompt_tokens", "input_tokens", "promptTokenCount")
    )
    completion: int = Field(
        0, ge=0, validation_alias=AliasChoices("completion_tokens", "output_tokens", "candidatesTokenCount")
    )


def _usage(record: Mapping[str, Any]) -> Usage | None:
    value = record.get("usage") or record.get("usageMetadata")
    if not isinstance(value, Mapping):
        return None
    try:
        found = _Counts.model_validate(value)
    except ValidationError:
        return None  # a count nobody needs to read the answer
    return Usage(found.prompt, found.completion)


# --- vLLM: objects from token ids (vllm/logprobs.py, `Logprob`). Its OpenAI routes write the prompt's logprobs so, too.


class _Rank(_Part):
    logprob: float | None = None
    rank: int | None = None
    decoded_token: Text | None = None


Ranks = list[dict[str, _Rank] | None]


def _ranked(entries: Ranks | None, ids: Sequence[int] | None = None) -> tuple[Position, ...]:
    """The positions; `ids` are those of the text. The first token of a prompt has no entry: nothing comes before it."""
    places = zip_longest(entries or (), (ids or ())[: len(entries or ())])
    return tuple(_ranked_position(entry, own) for entry, own in places if entry)


def _ranked_position(entry: Mapping[str, _Rank], own: int | None) -> Position:
    found = [
        (one.rank, _token(one.decoded_token or f"<{key}>", one.logprob, _id_of(key)))
        for key, one in entry.items()
    ]
    named = [(rank, token) for rank, token in found if token is not None]
    # The text's own token comes first, whatever its rank ("slot 0" there); its id is sure, where there are ids.
    chosen = next((token for _, token in named if token.id == own), found[0][1])
    position = position_of(chosen, [token for _, token in found])
    by_rank = [(rank, token.logprob) for rank, token in named if rank is not None]
    if len(by_rank) < len(named) or position.ceiling == -math.inf:
        return position
    # With ranks nothing need be guessed: the tokens whose ranks run 1, 2, 3 … without a gap are the most likely.
    by_rank.sort(key=lambda pair: pair[0])
    top = [logprob for place, (rank, logprob) in enumerate(by_rank, 1) if rank <= place]
    return replace(position, ceiling=top[-1] if top else math.inf)


class _VllmOutput(_Part):
    text: Text | None = None
    finish_reason: str | None = None
    token_ids: list[Id] | None = None
    logprobs: Ranks | None = None


class _Vllm(_Answer):
    """`vllm`: a RequestOutput of the library itself, written as JSON (vllm/outputs.py)."""

    outputs: list[_VllmOutput] = []
    prompt_logprobs: Ranks | None = None

    def reply(self, asked: int | None) -> Reply:
        choices = tuple(
            Choice(one.text or "", _reason(one.finish_reason), _ranked(one.logprobs, one.token_ids))
            for one in self.outputs
        )
        return Reply("vllm", choices, _ranked(self.prompt_logprobs))


# --- OpenAI. In its Python library: types/chat/chat_completion_token_logprob.py, types/completion_choice.py,
# types/responses/response_output_text.py.


class _Logprobs(_Part):
    """Those of a chat (`content`) or of completions (the lists); llama.cpp writes the chat's in completions too."""

    content: list[_Entry] | None = None
    tokens: list[Text] | None = None
    token_logprobs: list[float | None] | None = None
    top_logprobs: list[dict[str, float | None] | list[_Candidate] | None] | None = None

    def completions(self, asked: int | None) -> tuple[Position, ...]:
        tokens, values = self.tokens or [], self.token_logprobs or []
        tops = self.top_logprobs or [None] * len(tokens)
        positions = []
        for token, value, top in zip(tokens, values, tops, strict=False):
            by_text = isinstance(top, dict)
            listed = (
                [_token(text, one) for text, one in top.items()] if isinstance(top, dict) else _known(top)
            )
            # The first token of an echoed prompt has no logprob: nothing comes before it.
            found = position_of(_token(token, value), listed, asked, token)
            has_undecoded = by_text and any(UNDECODED in one.token for one in listed if one)
            if has_undecoded and len(listed) < (asked or math.inf):
                # Tokens that are no whole characters share one name here, so some that were listed are lost.
                found = replace(found, ceiling=math.inf)
            positions.append(found)
        return tuple(positions)


class _Choice(_Part):
    index: int = 0
    text: Text | None = None
    message: _Message | None = None
    delta: _Message | None = None  # of a stream
    finish_reason: Any = None
    logprobs: _Logprobs | None = None
    prompt_logprobs: Ranks | None = None  # vLLM's completions; its chat has them beside `choices`

    def read(self, asked: int | None) -> tuple[str, Choice]:
        """Its shape, and the choice."""
        message, given = self.message or self.delta, self.logprobs or _Logprobs()
        shape = "openai-completions" if message is None else "openai-chat"
        positions: tuple[Position, ...] = ()
        if given.content is not None:
            shape, positions = "openai-chat", _positions(given.content)
        elif given.tokens is not None:
            shape, positions = "openai-completions", given.completions(asked)
        text = self.text or "" if message is None else _joined(message.content)
        return shape, Choice(text, _reason(self.finish_reason), positions)


class _OpenAI(_Answer):
    """`openai-chat` and `openai-completions`: OpenAI and whoever follows it; whole, or a piece of a stream."""

    choices: list[_Choice]
    prompt_logprobs: Ranks | None = None

    def reply(self, asked: int | None) -> Reply:
        found = [choice.read(asked) for choice in self.choices]
        given = [self.prompt_logprobs, *(choice.prompt_logprobs for choice in self.choices)]
        prompt = next(filter(None, map(_ranked, given)), ())
        shape = "vllm" if prompt else next((shape for shape, _ in found), "openai-chat")
        entries = [choice.logprobs.content or () for choice in self.choices if choice.logprobs]
        return Reply(shape, tuple(choice for _, choice in found), prompt, _are_processed(chain(*entries)))


class _Item(_Part):
    content: list[_Content] | None = None


class _Responses(_Answer):
    """`openai-responses`: messages stand among items of other kinds, such as the reasoning."""

    output: list[_Item]
    status: str | None = None

    def reply(self, asked: int | None) -> Reply:
        parts = [part for item in self.output for part in item.content or ()]
        positions = _positions(entry for part in parts for entry in part.logprobs or ())
        return Reply("openai-responses", (Choice(_joined(parts), _reason(self.status), positions),))


# --- Servers with a form of their own.


class _LlamaCpp(_Answer):
    """`llama.cpp`: /completion with n_probs (tools/server/README.md, `completion_probabilities`)."""

    content: Text | None = None
    stop_type: str | None = None
    completion_probabilities: list[_Entry]

    def reply(self, asked: int | None) -> Reply:
        entries = self.completion_probabilities
        choice = Choice(self.content or "", _reason(self.stop_type), _positions(entries))
        return Reply("llama.cpp", (choice,), processed=_are_processed(entries))


class _Ollama(_Answer):
    """`ollama`: /api/generate (`response`) and /api/chat (`message`); api/types.go, `Logprob`."""

    response: Text | None = None
    message: _Message | None = None
    done_reason: str | None = None
    logprobs: list[_Entry] | None = None

    def reply(self, asked: int | None) -> Reply:
        text = self.response or "" if self.message is None else _joined(self.message.content)
        return Reply("ollama", (Choice(text, _reason(self.done_reason), _positions(self.logprobs)),))


class _Kobold(_Answer):
    """`koboldcpp`: /api/v1/generate, each result as a choice of OpenAI (koboldcpp.py, "kcpp format")."""

    results: list[_Choice]

    def reply(self, asked: int | None) -> Reply:
        return replace(_OpenAI(choices=self.results).reply(asked), shape="koboldcpp")


# Logprob, id and text; the text is null unless `return_text_in_logprobs` was asked for.
Triple = tuple[float | None, Id | None, Text | None]


class _Meta(_Part):
    finish_reason: Any = None
    output_token_logprobs: list[Triple] | None = None
    output_top_logprobs: list[list[Triple] | None] | None = None
    input_token_logprobs: list[Triple] | None = None
    input_top_logprobs: list[list[Triple] | None] | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Sglang(_Answer):
    """`sglang`: /generate (srt/managers/tokenizer_manager.py, `detokenize_logprob_tokens`)."""

    text: Text | None = None
    meta_info: _Meta

    def reply(self, asked: int | None) -> Reply:
        meta = self.meta_info
        positions = _of_triples(meta.output_token_logprobs, meta.output_top_logprobs)
        # The first token of a prompt has nothing before it, so what stands there is no prediction.
        prompt = _of_triples(meta.input_token_logprobs, meta.input_top_logprobs)[1:]
        usage = Usage(max(meta.prompt_tokens or 0, 0), max(meta.completion_tokens or 0, 0))
        return Reply(
            "sglang",
            (Choice(self.text or "", _reason(meta.finish_reason), positions),),
            prompt,
            usage=usage if meta.completion_tokens else None,
        )


def _of_triples(
    tokens: Sequence[Triple] | None, tops: Sequence[Sequence[Triple] | None] | None
) -> tuple[Position, ...]:
    def known(triples: Iterable[Triple] | None) -> list[KnownToken | None]:
        return [
            _token(f"<{token_id}>" if text is None else text, logprob, token_id)
            for logprob, token_id, text in triples or ()
        ]

    return _beside(known(tokens), [known(top) for top in tops or ()], [text for _, _, text in tokens or ()])


class _Details(_Part):
    finish_reason: str | None = None
    tokens: list[_Candidate] = []
    top_tokens: list[list[_Candidate]] | None = None


class _Tgi(_Answer):
    """`tgi`: /generate with details, or a piece of /generate_stream (huggingface_hub's types
    of the same names are generated from TGI's own description)."""

    generated_text: Text | None = None
    details: _Details | None = None
    token: _Candidate | None = None
    top_tokens: list[_Candidate] | None = None

    def reply(self, asked: int | None) -> Reply:
        details = self.details or _Details()
        text, tokens, tops = self.generated_text, details.tokens, details.top_tokens or []
        if self.token is not None:
            # A piece of a stream. The last one repeats the whole text as `generated_text`, and its details, if they
            # were asked for, count the tokens and do not list them.
            text, tokens, tops = self.token.token, [self.token], [self.top_tokens or []]
        positions = _beside(_known(tokens), [_known(top) for top in tops], [token.token for token in tokens])
        return Reply("tgi", (Choice(text or "", _reason(details.finish_reason), positions),))


class _GeminiList(_Part):
    candidates: list[_Candidate] = []


class _GeminiLogprobs(_Part):
    chosenCandidates: list[_Candidate] = []
    topCandidates: list[_GeminiList] = []


class _GeminiContent(_Part):
    parts: list[_Content] | None = None


class _GeminiCandidate(_Part):
    content: _GeminiContent | None = None
    finishReason: str | None = None
    logprobsResult: _GeminiLogprobs | None = None


class _Gemini(_Answer):
    """`gemini`: generateContent with responseLogprobs (google/genai/types.py, `LogprobsResult`)."""

    candidates: list[_GeminiCandidate]

    def reply(self, asked: int | None) -> Reply:
        choices = []
        for candidate in self.candidates:
            given = candidate.logprobsResult or _GeminiLogprobs()
            tops = [_known(top.candidates) for top in given.topCandidates]
            chosen = _known(given.chosenCandidates) or [None] * len(tops)
            positions = _beside(chosen, tops, [token.token for token in given.chosenCandidates])
            text = "" if candidate.content is None else _joined(candidate.content.parts)
            choices.append(Choice(text, _reason(candidate.finishReason), positions))
        return Reply("gemini", tuple(choices))


class _Anthropic(_Answer):
    """`anthropic`: a message of the Messages API, which has no logprobs."""

    content: list[_Content]
    stop_reason: str | None = None

    def reply(self, asked: int | None) -> Reply:
        return Reply("anthropic", (Choice(_joined(self.content), _reason(self.stop_reason), ()),))


def _has(*keys: str, kind: type = object) -> Callable[[Mapping[str, Any]], bool]:
    return lambda record: any(key in record and isinstance(record[key], kind) for key in keys)


SHAPES: tuple[tuple[Callable[[Mapping[str, Any]], bool], type[_Answer]], ...] = (
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
