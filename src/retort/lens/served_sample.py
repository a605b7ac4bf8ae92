"""Texts drawn by a server: what was asked of it, what it gave, and what the probe knows of its seed and logprobs.

The noise is the server's own, and so is the order of its stages. Nothing is drawn here, and a setting that the server
does not know is refused, for it would be left out in silence.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

from retort.blocks import Block, line
from retort.errors import CapabilityError, SourceError
from retort.lens.asking import asked_of, heading
from retort.lens.sample import texts_table
from retort.numerals import counted, number
from retort.records import Measures, Record, exact
from retort.sampling.params import SamplingParams
from retort.sources.chat import Message
from retort.sources.server.answers import Choice
from retort.sources.server.connection import ServerError
from retort.sources.server.probe import HOT, OPEN_PROMPT, Probe
from retort.sources.server.server import REFUSED, Ask
from retort.sources.server.source import ServerSource

REQUEST = ("seed", "max_tokens", "stop")
EVERYWHERE = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "logit_bias")
"""What OpenAI's interface itself has."""

TRIED = {"top_k": 1, "min_p": 1.0}
"""What only some servers know, with a value that leaves the most likely token alone whatever the temperature."""

TRIED_TOKENS = 8
"""Tokens of the texts that try it: the shorter, the likelier a hot one is the greedy one by chance."""

LARGEST_SEED = 2**31 - 1  # what servers take

WHAT_SEED_DOES = {
    True: "It honours the seed: the same command gives the same texts.",
    False: "It ignores the seed: the same command gives other texts.",
    None: "Whether it honours the seed is not known.",
}


@dataclass(frozen=True)
class ServedToken:
    """A token, its id where the server tells it, and its logprob in nats; `ServedTexts.logprobs` says which one."""

    token: str
    id: int | None
    logprob: float


@dataclass(frozen=True)
class ServedText:
    """One text as the server gave it; `tokens` and their summed `logprob` are None where it gave no logprobs."""

    text: str
    seed: int
    finish_reason: str | None
    tokens: tuple[ServedToken, ...] | None
    logprob: float | None


@dataclass(frozen=True, repr=False)
class ServedTexts(Record):
    """What a server drew. `asked`: the settings of each request but its seed.

    `logprobs`: "raw" where they are the model's own, "processed" where they are of what the server drew from, None
    without any. `probe`: what is known of the server, None where it gives no logprobs to be probed by. `incomplete`:
    why texts are missing, None where all are there.
    """

    model: str
    prompt: str
    messages: tuple[Message, ...] | None
    rendered: str | None
    seed: int
    asked: dict[str, Any]
    logprobs: str | None
    samples: tuple[ServedText, ...]
    probe: Probe | None
    note: str | None
    incomplete: str | None = None

    MEASURES: ClassVar[tuple[str, ...]] = ("tokens", "logprob")

    def table_rows(self) -> list[dict[str, Any]]:
        return [
            {
                "seed": sample.seed, "text": sample.text, "finish_reason": sample.finish_reason,
                "tokens": None if sample.tokens is None else len(sample.tokens), "logprob": sample.logprob,
            }
            for sample in self.samples
        ]  # fmt: skip

    def measures(self) -> Measures:
        rows = self.table_rows()
        return {name: [exact(row[name]) for row in rows if row[name] is not None] for name in self.MEASURES}

    def blocks(self) -> Iterator[Block]:
        yield from self.heading(len(self.samples))
        yield texts_table((one.seed, one.text, account(one, self.logprobs)) for one in self.samples)
        if self.incomplete is not None:
            yield line(f"{self.incomplete} {counted(len(self.samples), 'text')} drawn before.", "yellow")

    def heading(self, n: int) -> Iterator[Block]:
        """What is known before the first token of `n` texts."""
        prompt = self.prompt if self.messages is None else self.messages[-1].content
        yield from heading(self.model, repr(prompt), self.rendered, self.note)
        settings = ", ".join(f"{name} {value}" for name, value in self.asked.items())
        yield line(f"Asked for: {settings}; {counted(n, 'request')}, one per text.", whole=True)
        honours = WHAT_SEED_DOES[None if self.probe is None else self.probe.seed]
        yield line(f"Drawn by the server, with its own noise. {honours}", whole=True)


def account(sample: ServedText, logprobs: str | None) -> str:
    """One line about what the server told of a text."""
    reason = sample.finish_reason or "no reason given"
    if sample.tokens is None:
        return f"{reason}; no logprobs"
    which = "raw" if logprobs == "raw" else "of what the server drew from"
    return f"{counted(len(sample.tokens), 'token')}, {reason}; logprob {number(sample.logprob)}, {which}"


class Drawing:
    """A prompt at a server, ready to be drawn from as often as one likes."""

    def __init__(
        self, source: ServerSource, prompt: str | tuple[Message, ...], params: SamplingParams
    ) -> None:
        """Raises CapabilityError for settings that the server does not know, SourceError where it cannot be reached."""
        self.source, self.prompt = source, prompt
        self.probe, self.note = _probed(source, prompt)
        extra = _extra(source, params)
        self.ask = Ask(
            prompt,
            max_tokens=params.max_tokens,
            # What is at its default is left out: some models refuse a setting at any value.
            temperature=None if params.temperature == 1.0 else params.temperature,
            top_p=params.top_p,
            top_logprobs=0 if self.probe is None else 1,
            stop=params.stop,
            extra=extra,
        )
        self.seed = params.seed

    @property
    def asked(self) -> dict[str, Any]:
        """The settings of every request, without its seed."""
        named = {
            "temperature": self.ask.temperature,
            "top_p": self.ask.top_p,
            "max_tokens": self.ask.max_tokens,
            "stop": list(self.ask.stop) or None,
            **self.ask.extra,
        }
        return {name: value for name, value in named.items() if value is not None}

    def seed_of(self, number: int) -> int:
        """The seed that is sent for text `number`; servers take 31 bits of one."""
        return (self.seed + number) & LARGEST_SEED

    def text(self, number: int) -> ServedText:
        """Text `number`, by one request. Raises SourceError."""
        choices = self.source.server.ask(replace(self.ask, seed=self.seed_of(number))).choices
        if not choices:
            raise SourceError(f"{self.source.name} answered without a choice.")
        return self.whole(number, choices[:1])

    def pieces(self, number: int) -> Iterator[Choice]:
        """Text `number` in pieces as they come. Raises SourceError where the stream breaks off."""
        return self.source.server.stream(replace(self.ask, seed=self.seed_of(number)))

    def whole(self, number: int, pieces: Sequence[Choice]) -> ServedText:
        """The text that these pieces are."""
        chosen = [position.chosen for piece in pieces for position in piece.positions]
        tokens = None
        if self.probe is not None and chosen:
            scale = self.probe.scale
            tokens = tuple(
                ServedToken(one.token, one.id, one.logprob * scale) for one in chosen if one is not None
            )
        return ServedText(
            text="".join(piece.text for piece in pieces),
            seed=self.seed_of(number),
            finish_reason=next(
                (piece.finish_reason for piece in reversed(pieces) if piece.finish_reason), None
            ),
            tokens=tokens,
            logprob=None if tokens is None else math.fsum(token.logprob for token in tokens),
        )

    def texts(self, n: int, on_progress: Callable[[int, int], None] | None = None) -> ServedTexts:
        """`n` texts, one request each. Where one fails, those before it are kept, and `incomplete` says why."""
        found: list[ServedText] = []
        problem = None
        for at in range(n):
            try:
                found.append(self.text(at))
            except SourceError as error:
                problem = str(error)
                break
            if on_progress is not None:
                on_progress(at + 1, n)
        said = asked_of(self.source, self.prompt)
        return ServedTexts(
            model=self.source.name,
            **said | {"prompt": said["prompt"] or ""},
            seed=self.seed,
            asked=self.asked,
            logprobs=None if self.probe is None else self.probe.logprobs,
            samples=tuple(found),
            probe=self.probe,
            note=self.note,
            incomplete=problem,
        )


def _probed(source: ServerSource, prompt: str | tuple[Message, ...]) -> tuple[Probe | None, str | None]:
    """The probe of the endpoint that the prompt goes to, and the notes; without logprobs, the sentence that says so."""
    try:
        known = source.probe_for(prompt)
    except ServerError:  # a request that failed says nothing about logprobs; drawing would fail too
        raise
    except (SourceError, CapabilityError) as problem:
        return None, f"{problem} Texts can still be drawn."
    return known, " ".join(known.notes) or None


def _extra(source: ServerSource, params: SamplingParams) -> dict[str, Any]:
    """The settings that go into the body as they are. Raises CapabilityError naming those that the server lacks."""
    if params.chain is not None:
        raise CapabilityError(
            f"{source.name} applies its stages in its own order, so it cannot follow a chain or an "
            f"engine's order; give single settings."
        )
    default = SamplingParams()
    given = {
        field.name: getattr(params, field.name)
        for field in fields(params)
        if field.name not in REQUEST and getattr(params, field.name) != getattr(default, field.name)
    }
    honoured = {name: _knows(source, name) for name in TRIED if name in given}
    unknown = [name for name in given if name not in EVERYWHERE and not honoured.get(name)]
    if unknown:
        honoured |= {name: _knows(source, name) for name in TRIED if name not in honoured}
        known = ", ".join((*EVERYWHERE, *(name for name, works in honoured.items() if works)))
        raise CapabilityError(
            f"{source.name} does not know {', '.join(unknown)} and would leave {'it' if len(unknown) == 1 else 'them'} "
            f"out silently; it knows {known}."
        )
    extra = {name: value for name, value in given.items() if name not in ("temperature", "top_p")}
    if "logit_bias" in extra:
        # JSON's keys are texts.
        extra["logit_bias"] = {str(token): bias for token, bias in extra["logit_bias"]}
    return extra


def _knows(source: ServerSource, name: str) -> bool:
    """Whether a setting that leaves one token makes hot texts the greedy one: then the server honours it."""
    ask = Ask(OPEN_PROMPT, max_tokens=TRIED_TOKENS, top_logprobs=0)
    greedy = source.server.ask(replace(ask, temperature=0.0))
    try:
        # Two seeds, since one hot text may be the greedy one by chance.
        hot = [
            source.server.ask(replace(ask, temperature=HOT, seed=seed, extra={name: TRIED[name]}))
            for seed in (1, 2)
        ]
    except ServerError as error:
        if error.status not in REFUSED:
            raise
        return False
    texts = [reply.choices[0].text if reply.choices else None for reply in (greedy, *hot)]
    return None not in texts and len(set(texts)) == 1
