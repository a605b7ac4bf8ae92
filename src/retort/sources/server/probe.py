"""What a server's logprobs are, found out before they are used: some are raw, some are what the sampler left.

About fifteen short requests, once for each server, model and endpoint. What would make every number wrong
(probabilities that sum above one, a list that was renormalised) is refused; everything else is stated in the `Probe`,
which goes into every record.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from retort.errors import SourceError
from retort.numerals import number
from retort.sources.base import LARGEST_VOCABULARY, UNDECODED, KnownToken
from retort.sources.chat import Message
from retort.sources.server.answers import Reply
from retort.sources.server.candidates import check_usable, in_base_ten, rounding_of
from retort.sources.server.connection import ParameterRefused, ServerError
from retort.sources.server.server import CHAT, FEWER, REFUSED, Ask, Server

OPEN_PROMPT = "The best way to"  # many ways to go on
# One way, for most models. Beside a token that is nearly sure, logarithms of base 10 that are taken for natural ones
# sum to more than 1; those of an even distribution may not.
CLOSED_PROMPT = "one, two, three, four, one, two, three, four, one, two, three,"
HOT, NARROW_P, NARROW_K = 2.0, 0.3, 2
SAME = 0.01  # nats: less than any setting moves a logprob, more than rounding to two decimals does
SAMPLED = 8  # tokens of each text that is drawn to see whether a seed does anything
SEEDED_TEMPERATURE = 1.5
# What switches a server's own truncation off: engines write "off" in different ways (0, −1), and a top-k of more tokens
# than there are keeps all in each of them. Once more without min_p, for servers that refuse it.
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
        self.asked = FEWER[0]  # how many logprobs are asked for
        self.given: list[int] = []
        self.base: tuple[KnownToken, ...] = ()  # the candidates at OPEN_PROMPT with plain settings
        self.same = SAME

    def run(self) -> Probe:
        # The order matters: each answer is read in the light of those before it.
        reply = self._first()
        base, closed = self._known(reply), self._top(self._ask(CLOSED_PROMPT))
        ten = in_base_ten(base) or in_base_ten(closed)
        if ten:
            self.scale = math.log(10.0)
            self.notes.append("Its logarithms are of base 10; they were turned into nats.")
            base, closed = (scaled(tokens, self.scale) for tokens in (base, closed))
        for tokens in (base, closed):
            check_usable(tokens, self.server.name)
        self.base = base
        replay = _difference(base, self._top(self._ask()))
        # Two equal requests already differ by `replay`, so a setting has an effect only where it moves more than that.
        self.same = max(SAME, 3.0 * replay if math.isfinite(replay) else SAME)
        effects = {"top_k": self._effect(self._ask(extra={"top_k": NARROW_K}))}
        # A server that truncates by default would hide what temperature and top_p do behind its own top_k.
        if effects["top_k"] == APPLIED:
            self._switch_truncation_off()
        effects["temperature"] = self._temperature()
        narrow = self._ask(top_p=NARROW_P) if "top_p" in self.plain else None
        effects["top_p"] = UNKNOWN if narrow is None else self._effect(narrow)
        self._refuse_renormalised()
        processed = reply.processed or APPLIED in effects.values() or effects["temperature"] == UNCLEAR
        if replay > SAME:
            self.notes.append(
                f"Two equal requests differ by up to {number(replay, 2)} nats, so no number here is surer than that."
            )
        self._remark(processed, effects)
        return Probe(
            server=self.server.name,
            endpoint=self.endpoint,
            shape=reply.shape,
            logprobs="processed" if processed else "raw",
            log_base="10" if ten else "natural",
            asked=self.asked,
            given=max(self.given),
            mass=sum(math.exp(token.logprob) for token in self.base),
            **effects,
            seed=self._seed(),
            greedy=self._greedy(),
            n=self._n(),
            echo=self._echo(),
            replay=replay,
            rounding=rounding_of(self.base),
            vocabulary=self.server.vocabulary,
            refused=self._refused(),
            notes=tuple(self.notes),  # last: the questions above add to them
        )

    def _ask(self, text: str = OPEN_PROMPT, max_tokens: int = 1, **settings: Any) -> Ask:
        """A request with plain settings but those given; a setting that this model refuses is not sent."""
        extra = {**self.extra, **settings.pop("extra", {})}
        prompt = (Message("user", text),) if self.endpoint == CHAT else text
        settings = {"top_logprobs": self.asked, **self.plain, **settings}
        named = {name: value for name, value in settings.items() if name not in self._refused()}
        return Ask(prompt, max_tokens, extra=extra, **named)

    def _refused(self) -> tuple[str, ...]:
        return tuple(name for name in ("temperature", "top_p") if name not in self.plain)

    def _first(self) -> Reply:
        """The first answer, with the most logprobs that the server lets one ask for."""
        for self.asked in FEWER:
            try:
                reply = self._plain_reply()
                break
            except ServerError as error:
                if error.status not in REFUSED or self.asked == FEWER[-1]:
                    raise
        positions = reply.choices[0].positions if reply.choices else ()
        if not positions or not positions[0].known:
            raise SourceError(
                f"{self.server.name} answers without logprobs, so its distribution is not "
                f"known; do this model and server support logprobs (vLLM, SGLang and llama.cpp do)?"
            )
        return reply

    def _plain_reply(self) -> Reply:
        """An answer with plain settings; those that this model refuses are left out from then on."""
        while True:
            try:
                return self.server.ask(self._ask())
            except ParameterRefused as error:
                refused = [name for name in error.parameters if name in self.plain]
                if not refused:
                    raise
                for name in refused:
                    del self.plain[name]

    def _known(self, reply: Reply) -> tuple[KnownToken, ...]:
        positions = reply.choices[0].positions if reply.choices else ()
        if not positions:
            raise SourceError(
                f"{self.server.name} gave logprobs at first and then an answer without any; try again, "
                f"or use another server."
            )
        # One list may hold the drawn token instead of its last, or besides; over several the longest counts.
        self.given.append(positions[0].num_ranked)
        return positions[0].known

    def _top(self, ask: Ask) -> tuple[KnownToken, ...]:
        return scaled(self._known(self.server.ask(ask)), self.scale)

    def _try(self, ask: Ask) -> tuple[KnownToken, ...] | None:
        """The candidates, or None where the server refuses a setting."""
        try:
            return self._top(ask)
        except ServerError as error:
            if error.status not in REFUSED:
                raise
            return None

    def _effect(self, ask: Ask) -> str:
        """Whether a truncation that keeps few tokens shows in the list: fewer of them, or renormalised ones."""
        narrowed = self._try(ask)
        if narrowed is None:
            return UNKNOWN
        # One token fewer can be the drawn one, which completions list besides.
        listed = len(narrowed) >= len(self.base) - 1
        return IGNORED if listed and _difference(self.base, narrowed) <= self.same else APPLIED

    def _switch_truncation_off(self) -> None:
        """The server's own, as far as it can be; `base` is asked for anew, since the candidates are others then."""
        for extra in NEUTRAL:
            opened = self._try(self._ask(extra=extra))
            if opened is not None:
                self.base, self.extra = opened, extra
                return

    def _temperature(self) -> str:
        hot = self._try(self._ask(temperature=HOT)) if "temperature" in self.plain else None
        if hot is None:
            return UNKNOWN
        if _difference(self.base, hot) <= self.same:
            return IGNORED
        # Divided by τ the gaps between tokens shrink by τ, whatever the normaliser is; anything else is unclear.
        steps = [(a - b) / HOT - (c - d) for (a, c), (b, d) in pairwise(_common(self.base, hot))]
        return APPLIED if steps and max(map(abs, steps)) <= self.same else UNCLEAR

    def _refuse_renormalised(self) -> None:
        # A list that was divided by its own sum gives its first token more, the shorter it is.
        fewer = self._try(self._ask(top_logprobs=min(2, self.asked)))
        if fewer and len(self.base) > 2 and _difference(self.base, fewer) > self.same:
            raise SourceError(
                f"{self.server.name} renormalises over the tokens it lists (asked for 2 instead of {self.asked}, it "
                "gives the first another probability), so the rest of the vocabulary is lost; its logprobs cannot be "
                "used."
            )

    def _text(self, ask: Ask) -> str | None:
        """The first text of an answer; None where it has none."""
        choices = self.server.ask(ask).choices
        return choices[0].text if choices else None

    def _seed(self) -> bool | None:
        # Hot, so that equal texts are no chance; three seeds, since two may well draw the same text.
        ask = self._ask(max_tokens=SAMPLED, top_logprobs=0, temperature=SEEDED_TEMPERATURE)
        try:
            texts = [self._text(replace(ask, seed=seed)) for seed in (11, 11, 12, 13)]
        except ServerError:
            return False
        if texts[0] != texts[1]:
            self.notes.append("It ignores the seed: the same request gives another text each time.")
            return False
        return True if len(set(texts)) > 1 else None

    def _greedy(self) -> bool | None:
        if "temperature" not in self.plain:
            return None
        ask = self._ask(max_tokens=SAMPLED, top_logprobs=0, temperature=0.0)
        try:
            first, second = self._text(ask), self._text(ask)
        except ServerError:
            return None
        if first is None or second is None:
            return None
        if first != second:
            self.notes.append("At temperature 0 its answers are not reproducible: near ties go either way.")
        return first == second

    def _n(self) -> bool | None:
        try:
            given = len(self.server.ask(self._ask(top_logprobs=0, n=3)).choices)
        except ServerError:
            return False
        if given != 3:
            self.notes.append(f"It ignores n: asked for 3 texts, it gave {given}.")
        return given == 3

    def _echo(self) -> bool:
        """True where the prompt's own logprobs come back, which is what tracing a given text needs."""
        if self.endpoint == CHAT:
            return False
        try:
            reply = self.server.ask(Ask(OPEN_PROMPT, 1, top_logprobs=self.asked, echo=True))
        except SourceError:
            return False
        positions = reply.choices[0].positions if reply.choices else ()
        return len(positions) > 2 and positions[0].chosen is None and bool(positions[1].known)

    def _remark(self, processed: bool, effects: Mapping[str, str]) -> None:
        if max(self.given) < self.asked:
            self.notes.append(f"It gives {max(self.given)} logprobs where {self.asked} were asked for.")
        if any(UNDECODED in token.token for token in self.base):
            self.notes.append("Some of its tokens are partial characters, and it does not give their bytes.")
        if effects["temperature"] == UNCLEAR:
            self.notes.append(
                "Temperature changes its logprobs, but not as softmax(logits / τ) would; what they are is not known."
            )
        elif processed:
            stages = [name for name in ("temperature", "top_p", "top_k") if effects[name] == APPLIED]
            self.notes.append(
                f"Its logprobs are taken after the sampler's stages ({', '.join(stages) or 'as it says itself'}); they "
                "are asked for at temperature 1 with truncation off, where they should be the model's own."
            )
        if self.server.vocabulary is None:
            self.notes.append(
                "It does not report its vocabulary size; intervals assume at most "
                f"{LARGEST_VOCABULARY:,} tokens."
            )


def scaled(tokens: Sequence[KnownToken], scale: float) -> tuple[KnownToken, ...]:
    """The tokens with their logprobs multiplied, which turns those of base 10 into nats."""
    return tuple(replace(token, logprob=token.logprob * scale) for token in tokens)


def _common(first: Sequence[KnownToken], second: Sequence[KnownToken]) -> list[tuple[float, float]]:
    """The logprobs of the tokens that both name, in the order of the first."""
    there = {token.key: token.logprob for token in second}
    return [(token.logprob, there[token.key]) for token in first if token.key in there]


def _difference(first: Sequence[KnownToken], second: Sequence[KnownToken]) -> float:
    """The largest difference in nats over the tokens that both name; inf where they have none in common."""
    return max((abs(a - b) for a, b in _common(first, second)), default=math.inf)
