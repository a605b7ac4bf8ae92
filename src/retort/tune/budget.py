"""How much a task may cost, and what to try: what the command line does not say, the task's file may, then a preset.

`Spending` counts what a sweep has paid, answer by answer, against the most that it may.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from retort.chain import Chain
from retort.errors import InputError

Temperature = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@dataclass(frozen=True)
class Budget:
    """Answers to an item at each setting, items used, temperatures and chains compared; None and () leave it open.
    `amount`: the most to spend, as `read_spending` takes it."""

    samples: int | None = None
    items: int | None = None
    temperatures: tuple[float, ...] = ()
    chains: tuple[Chain, ...] = ()
    amount: str | int | None = None


NO_BUDGET = Budget()


class BudgetRow(BaseModel):
    """What is compared where the command line does not say."""

    model_config = ConfigDict(extra="forbid", strict=True)

    samples: int | None = Field(default=None, ge=1)
    items: int | None = Field(default=None, ge=1)
    temperatures: list[Temperature] = []


@dataclass(frozen=True)
class Price:
    """Money per million tokens, of the prompt and of the answer."""

    prompt: float
    answer: float

    def of(self, prompt_tokens: float, answer_tokens: float) -> float:
        return (self.prompt * prompt_tokens + self.answer * answer_tokens) / 1e6


@dataclass
class Spending:
    """What answers have cost, in a budget's unit ("answer", "token" or "cost"), and whether more can be paid.

    `longest`: most tokens of an answer; `prompt`: of a prompt, as far as its characters say, until one is counted.
    Tokens that a server does not count are taken at their most.
    """

    unit: str
    most: float
    longest: int
    prompt: float
    price: Price | None = None
    paid: dict[Any, float] = field(default_factory=dict)
    spent: float = 0.0

    def add(self, answer: Any, prompt_tokens: int | None, answer_tokens: int | None) -> None:
        """Count one answer, by a key of its own: what is read again after a kill was paid once."""
        before = self.prompt if prompt_tokens is None else prompt_tokens
        if prompt_tokens is not None:
            # The first count takes the place of the guess by characters, which is a high one.
            self.prompt = max(self.prompt, prompt_tokens) if self.paid else prompt_tokens
        self.spent -= self.paid.get(answer, 0.0)
        self.paid[answer] = self._of(before, self.longest if answer_tokens is None else answer_tokens)
        self.spent += self.paid[answer]

    def _of(self, prompt_tokens: float, answer_tokens: float) -> float:
        if self.unit == "answer":
            return 1.0
        if self.price is None or self.unit == "token":
            return prompt_tokens + answer_tokens
        return self.price.of(prompt_tokens, answer_tokens)

    @property
    def dearest(self) -> float:
        """What one more answer can cost."""
        return self._of(self.prompt, self.longest)

    @property
    def usual(self) -> float:
        """What an answer costs, by those that are there; its most, where none is."""
        return self.spent / len(self.paid) if self.paid else self.dearest

    def has_room(self, answers: int) -> bool:
        """Whether so many more can be paid, if they cost what the others did."""
        return self.spent + answers * self.usual <= self.most

    def is_safe(self, running: int) -> bool:
        """Whether one more request can be sent beside those that are running, whatever they come to cost."""
        return self.spent + (running + 1) * self.dearest <= self.most


def read_amount(budget: str | int) -> tuple[float, str]:
    """The number and the unit of a budget: "5000", "5000 answers", "2M tokens" or "3.50 cost"."""
    text = str(budget).strip().lower()
    amount, _, unit = text.partition(" ")
    factor = {"k": 1e3, "m": 1e6}.get(amount[-1:], 1.0)
    try:
        value = float(amount.rstrip("km")) * factor
    except ValueError:
        value = 0.0
    unit = unit.strip().rstrip("s") or "answer"
    if not 0 < value < float("inf") or unit not in ("answer", "token", "cost"):
        raise InputError(
            f"budget is {budget!r}; give a number of answers, or as in '2M tokens' or '3.50 cost'"
        )
    return value, unit


def read_spending(budget: str | int, longest: int, prompt: float, price: Price | None) -> Spending:
    """The spending that a budget allows, see `read_amount`; one in money needs a price."""
    value, unit = read_amount(budget)
    if unit == "cost" and (price is None or price.of(longest, longest) <= 0.0):
        raise InputError("a budget in money needs what tokens cost; give --price IN,OUT per million")
    return Spending(unit, value, longest, prompt, price)


@dataclass(frozen=True)
class Preset:
    """A kind of task: the goal it has, the temperatures worth trying, answers to an item, and why."""

    name: str
    goal: str
    temperatures: tuple[float, ...]
    samples: int
    why: str


PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            "code", "pass@5", (0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2), 10,
            "one of several tries has to pass, so some variety pays; beyond 1.2 little compiles",
        ),
        Preset(
            "sql", "exploit", (0.0, 0.1, 0.2, 0.4, 0.7, 1.0), 5,
            "one right query: the low end is looked at closely",
        ),
        Preset(
            "facts", "exploit", (0.0, 0.2, 0.4, 0.7, 1.0, 1.3), 8,
            "one right answer, which need not be the top one, so the range goes past 1",
        ),
        Preset(
            "summary", "reproduce", (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0), 5,
            "the same text should give the same summary; checks say whether it is faithful",
        ),
        Preset(
            "brainstorm", "explore", (0.3, 0.5, 0.7, 0.9, 1.1, 1.3, 1.5, 1.8), 12,
            "many different good ideas: the hot half, with enough answers to see variety",
        ),
        Preset(
            "names", "explore", (0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.7, 2.0), 16,
            "short answers stay coherent longer, so the range goes to 2",
        ),
        Preset(
            "story", "explore", (0.4, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.4), 6,
            "long texts drift as heat adds up over tokens, so the middle is looked at closely",
        ),
    )
}  # fmt: skip


def find_preset(name: str) -> Preset:
    """The preset of that name; InputError naming those there are."""
    if name not in PRESETS:
        raise InputError(f"there is no preset {name!r}; there are {', '.join(PRESETS)}")
    return PRESETS[name]
