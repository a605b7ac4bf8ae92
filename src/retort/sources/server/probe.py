"""What a server's logprobs are, found out before they are used: some are raw, some are what the sampler left.

About fifteen short requests, once for each server, model and endpoint. What would make every number wrong
(probabilities that sum above one, a list that was renormalised) is refused; everything else is stated in the `Probe`,
which goes into every record.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from retort.errors import SourceError, printable
from retort.numerals import number
from retort.sources.base import LARGEST_VOCABULARY, KnownToken
from retort.sources.chat import Message
from retort.sources.server.answers import UNDECODED, Reply, complaint, in_base_ten, rounding_of
from retort.sources.server.connection import ParameterRefused, ServerError
from retort.sources.server.server import CHAT, FEWER, REFUSED, Ask, Server

OPEN_PROMPT = "The best way to"  # many ways to go on
CLOSED_PROMPT = "one, two, three, four, one, two, three, four, one, two, three,"  # one way, for most models
HOT, NARROW_P, NARROW_K = 2.0, 0.3, 2
SAME = 0.01  # nats: less than any setting moves a logprob, more than rounding to two decimals does
SAMPLED = 8  # tokens of each text that is drawn to see whether a seed does anything
SEEDED_TEMPERATURE = 1.5
NEUTRAL = ({"top_k": LARGEST_VOCABULARY, "min_p": 0.0}, {"top_k": LARGEST_VOCABULARY})

IGNORED, APPLIED, UNCLEAR, UNKNOWN = "ignored", "applied", "unclear", "unknown"


@dataclass(frozen=True)
class Probe:
    """What was found out. `logprobs` is "raw" (the model's own) or "processed" (after the sampler's stages).

    `temperature`, `top_p` and `top_k` say what that setting does to the logprobs: ignored, applied, unclear, or unknown
    where the server refuses it. `replay` is the largest difference in nats between two equal requests, `rounding` how
    far a logprob may be from what was computed, `mass` the share of the listed tokens at the probing prompt. `seed`,
    `greedy` and `n` are True where the server honours a seed, repeats itself at τ = 0 and gives as many texts as asked,
    None where that is not known. `refused` are the settings that it does not take for this model. `notes` are the
    sentences that a reader must know.
    """

    server: str
    endpoint: str
    shape: str
    logprobs: str
    log_base: str
    asked: int
    given: int
    mass: float
    temperature: str
    top_p: str
    top_k: str
    seed: bool | None
    greedy: bool | None
    n: bool | None
    echo: bool
    replay: float
    rounding: float
    vocabulary: int | None
    refused: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def neutral(self) -> dict[str, Any]:
        """What an `Ask` must hold so that the logprobs are the model's own; nothing where they are anyway."""
        if self.logprobs == "raw":
            return {}
        plain = {name: 1.0 for name in ("temperature", "top_p") if name not in self.refused}
        return {**plain, "extra": dict(NEUTRAL[0]) if self.top_k == APPLIED else {}}

    @property
    def scale(self) -> float:
        """What a logprob is multiplied with to be in nats."""
        return math.log(10.0) if self.log_base == "10" else 1.0


PROBES: dict[tuple[str, str], Probe] = {}
"""Server and model, endpoint → what was found out, as long as this process lives."""


def probe(server: Server, endpoint: str | None = None) -> Probe:
    """The probe of `server`, made on first use. `endpoint` "chat" asks as a conversation.

    Raises SourceError where the server gives no logprobs, or logprobs that cannot be used.
    """
    key = (server.name, endpoint or server.endpoint)
    if key not in PROBES:
        PROBES[key] = _Prober(server, key[1]).run()
    return PROBES[key]


class _Prober:
    """One round of questions, in order; later ones are asked as earlier ones have shown is right."""

    def __init__(self, server: Server, endpoint: str) -> None:
        self.server, self.endpoint = server, endpoint
        self.notes: list[str] = []
        # Said, not left out: a server's own defaults may be others (vLLM takes them from the model's folder).
        self.plain: dict[str, Any] = {"temperature": 1.0, "top_p": 1.0}
        self.extra: dict[str, Any] = {}
        self.scale = 1.0
        self.given: list[int] = []

    def run(self) -> Probe:
        asked, reply = self._first()
        base, closed = self._known(reply), self._top(self._ask(CLOSED_PROMPT, asked))
        ten = in_base_ten(base) or in_base_ten(closed)
        if ten:
            self.scale = math.log(10.0)
            self.notes.append("Its logarithms are of base 10; they were turned into nats.")
            base, closed = (_scaled(tokens, self.scale) for tokens in (base, closed))
        self._check(base)
        self._check(closed)
        again = self._top(self._ask(OPEN_PROMPT, asked))
        replay = _difference(base, again)
        # Two equal requests already differ by `replay`, so a setting has an effect only where it moves more than that.
        same = max(SAME, 3.0 * replay if math.isfinite(replay) else SAME)
        top_k = self._effect(base, same, self._ask(OPEN_PROMPT, asked, extra={"top_k": NARROW_K}))
        # A server that truncates by default would hide what temperature and top_p do behind its own top_k.
        if top_k == APPLIED:
            base = self._neutral(asked, base)
        temperature = self._temperature(base, same, asked)
        top_p = UNKNOWN
        if "top_p" in self.plain:
            top_p = self._effect(base, same, self._ask(OPEN_PROMPT, asked, top_p=NARROW_P))
        self._refuse_renormalised(base, same, asked)
        processed = reply.processed or APPLIED in (temperature, top_p, top_k) or temperature == UNCLEAR
        if replay > SAME:
            self.notes.append(
                f"Two equal requests differ by up to {number(replay, 2)} nats, so no number here is surer than that."
            )
        given = max(self.given)
        self._remark(base, given, asked, processed, temperature, top_p, top_k)
        return Probe(
            server=self.server.name,
            endpoint=self.endpoint,
            shape=reply.shape,
            logprobs="processed" if processed else "raw",
            log_base="10" if ten else "natural",
            asked=asked,
            given=given,
            mass=sum(math.exp(token.logprob) for token in base),
            temperature=temperature,
            top_p=top_p,
            top_k=top_k,
            seed=self._seed(),
            greedy=self._greedy(),
            n=self._n(),
            echo=self._echo(asked),
            replay=replay,
            rounding=rounding_of(base),
            vocabulary=self.server.vocabulary,
            refused=tuple(name for name in ("temperature", "top_p") if name not in self.plain),
            notes=tuple(self.notes),
        )

    def _ask(self, text: str, asked: int, max_tokens: int = 1, **settings: Any) -> Ask:
        """A request with plain settings but those given; a setting that this model refuses is not sent."""
        extra = {**self.extra, **settings.pop("extra", {})}
        prompt = (Message("user", text),) if self.endpoint == CHAT else text
        named = {**self.plain, **{name: v for name, v in settings.items() if name not in self._refused()}}
        return Ask(prompt, max_tokens, top_logprobs=asked, extra=extra, **named)

    def _refused(self) -> set[str]:
        return {"temperature", "top_p"} - set(self.plain)

    def _first(self) -> tuple[int, Reply]:
        """The most logprobs that the server lets one ask for, and its first answer."""
        # Fewer logprobs where so many are refused; the same number once more where a setting was, and is now left out.
        for asked in FEWER:
            while True:
                try:
                    reply = self.server.ask(self._ask(OPEN_PROMPT, asked))
                except ParameterRefused as error:
                    refused = [name for name in error.parameters if name in self.plain]
                    if not refused:
                        if asked == FEWER[-1]:
                            raise
                        break
                    for name in refused:
                        del self.plain[name]
                except ServerError as error:
                    if error.status not in REFUSED or asked == FEWER[-1]:
                        raise
                    break
                else:
                    if not reply.choices or not reply.choices[0].positions or not self._known(reply):
                        raise SourceError(
                            f"{self.server.name} answers without logprobs, so its distribution is not "
                            f"known; do this model and server support logprobs (vLLM, SGLang and llama.cpp do)?"
                        )
                    return asked, reply
        raise AssertionError("the loop returns or raises")

    def _known(self, reply: Reply) -> tuple[KnownToken, ...]:
        positions = reply.choices[0].positions if reply.choices else ()
        if not positions:
            raise SourceError(
                f"{self.server.name} gave logprobs at first and then an answer without any; try again, "
                f"or use another server."
            )
        known, ceiling = positions[0].known, positions[0].ceiling
        # One list may hold the drawn token instead of its last, or besides; over several the longest counts.
        self.given.append(len(known) if ceiling is None else sum(token.logprob >= ceiling for token in known))
        return known

    def _top(self, ask: Ask) -> tuple[KnownToken, ...]:
        return _scaled(self._known(self.server.ask(ask)), self.scale)

    def _check(self, tokens: Sequence[KnownToken]) -> None:
        wrong = complaint(tokens)
        if wrong is not None:
            raise SourceError(printable(f"{self.server.name} {wrong}; its logprobs cannot be used.", keep=""))

    def _try(self, ask: Ask) -> tuple[KnownToken, ...] | None:
        """The candidates, or None where the server refuses a setting."""
        try:
            return self._top(ask)
        except ServerError as error:
            if error.status not in REFUSED:
                raise
            return None

    def _effect(self, base: Sequence[KnownToken], same: float, ask: Ask) -> str:
        narrowed = self._try(ask)
        if narrowed is None:
            return UNKNOWN
        # One token fewer can be the drawn one, which completions list besides.
        listed = len(narrowed) >= len(base) - 1
        return IGNORED if listed and _difference(base, narrowed) <= same else APPLIED

    def _neutral(self, asked: int, base: tuple[KnownToken, ...]) -> tuple[KnownToken, ...]:
        """The candidates with the server's own truncation switched off, as far as it can be."""
        for extra in NEUTRAL:
            opened = self._try(self._ask(OPEN_PROMPT, asked, extra=extra))
            if opened is not None:
                self.extra = extra
                return opened
        return base

    def _temperature(self, base: Sequence[KnownToken], same: float, asked: int) -> str:
        hot = None
        if "temperature" in self.plain:
            hot = self._try(self._ask(OPEN_PROMPT, asked, temperature=HOT))
        if hot is None:
            return UNKNOWN
        if _difference(base, hot) <= same:
            return IGNORED
        # Divided by τ the gaps between tokens shrink by τ, whatever the normaliser is; anything else is unclear.
        steps = [
            (a - b) / HOT - (c - d)
            for (a, c), (b, d) in zip(_common(base, hot), _common(base, hot)[1:], strict=False)
        ]
        return APPLIED if steps and max(map(abs, steps)) <= same else UNCLEAR

    def _refuse_renormalised(self, base: Sequence[KnownToken], same: float, asked: int) -> None:
        fewer = self._try(self._ask(OPEN_PROMPT, min(2, asked)))
        if fewer and len(base) > 2 and _difference(base, fewer) > same:
            raise SourceError(
                f"{self.server.name} renormalises over the tokens it lists (asked for 2 instead of {asked}, it gives "
                "the first another probability), so the rest of the vocabulary is lost; its logprobs cannot be used."
            )

    def _texts(self, asks: Sequence[Ask]) -> list[str]:
        replies = [self.server.ask(ask) for ask in asks]
        return [choice.text for reply in replies for choice in reply.choices]

    def _seed(self) -> bool | None:
        ask = self._ask(OPEN_PROMPT, 0, SAMPLED, temperature=SEEDED_TEMPERATURE)
        try:
            texts = self._texts([replace(ask, seed=seed) for seed in (11, 11, 12, 13)])
        except ServerError:
            return False
        if texts[0] != texts[1]:
            self.notes.append("It ignores the seed: the same request gives another text each time.")
            return False
        return True if len(set(texts)) > 1 else None

    def _greedy(self) -> bool | None:
        if "temperature" not in self.plain:
            return None
        ask = self._ask(OPEN_PROMPT, 0, SAMPLED, temperature=0.0)
        try:
            first, second = self._texts([ask, ask])
        except (ServerError, ValueError):
            return None
        if first != second:
            self.notes.append("At temperature 0 its answers are not reproducible: near ties go either way.")
        return first == second

    def _n(self) -> bool | None:
        try:
            texts = self._texts([self._ask(OPEN_PROMPT, 0, n=3)])
        except ServerError:
            return False
        if len(texts) != 3:
            self.notes.append(f"It ignores n: asked for 3 texts, it gave {len(texts)}.")
        return len(texts) == 3

    def _echo(self, asked: int) -> bool:
        """True where the prompt's own logprobs come back, which is what tracing a given text needs."""
        if self.endpoint == CHAT:
            return False
        try:
            reply = self.server.ask(Ask(OPEN_PROMPT, 1, top_logprobs=asked, echo=True))
        except SourceError:
            return False
        positions = reply.choices[0].positions if reply.choices else ()
        return len(positions) > 2 and positions[0].chosen is None and bool(positions[1].known)

    def _remark(
        self,
        base: Sequence[KnownToken],
        given: int,
        asked: int,
        processed: bool,
        temperature: str,
        top_p: str,
        top_k: str,
    ) -> None:
        if given < asked:
            self.notes.append(f"It gives {given} logprobs where {asked} were asked for.")
        if any(UNDECODED in token.token for token in base):
            self.notes.append("Some of its tokens are partial characters, and it does not give their bytes.")
        if temperature == UNCLEAR:
            self.notes.append(
                "Temperature changes its logprobs, but not as softmax(logits / τ) would; what they are is not known."
            )
        elif processed:
            stages = [
                name
                for name, effect in (("temperature", temperature), ("top_p", top_p), ("top_k", top_k))
                if effect == APPLIED
            ]
            self.notes.append(
                f"Its logprobs are taken after the sampler's stages ({', '.join(stages) or 'as it says itself'}); they "
                "are asked for at temperature 1 with truncation off, where they should be the model's own."
            )
        if self.server.vocabulary is None:
            self.notes.append(
                "It does not report its vocabulary size; intervals assume at most "
                f"{LARGEST_VOCABULARY:,} tokens."
            )


def _scaled(tokens: Sequence[KnownToken], scale: float) -> tuple[KnownToken, ...]:
    return tuple(replace(token, logprob=token.logprob * scale) for token in tokens)


def _key(token: KnownToken) -> object:
    return token.token if token.id is None else token.id


def _common(first: Sequence[KnownToken], second: Sequence[KnownToken]) -> list[tuple[float, float]]:
    """The logprobs of the tokens that both name, in the order of the first."""
    there = {_key(token): token.logprob for token in second}
    return [(token.logprob, there[_key(token)]) for token in first if _key(token) in there]


def _difference(first: Sequence[KnownToken], second: Sequence[KnownToken]) -> float:
    """The largest difference in nats over the tokens that both name; inf where they have none in common."""
    return max((abs(a - b) for a, b in _common(first, second)), default=math.inf)
