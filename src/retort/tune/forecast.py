"""What a sweep will take, from a trial of some of its answers."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np

from retort.numerals import decimals, duration, number
from retort.tune.budget import Price, Spending
from retort.tune.plan import Plan
from retort.tune.samples import as_samples
from retort.tune.sequential import BLOCK, race_order
from retort.tune.server_sweep import Pace
from retort.tune.sweep import Drawer

FORECAST_FROM = {"server": 100, "local": 500}
"""Answers below which nothing is forecast: the trial would be most of the sweep."""
TRIAL_SETTINGS = 5
TRIAL_ROUNDS = 6
"""Requests of a trial for each that a server gets at once: the last ones, which run alone, then weigh little."""
WORTH_SAYING = 5.0
"""Seconds of a sweep below which its forecast is not said, unless it costs money."""


@dataclass(frozen=True)
class Forecast:
    """What a sweep of `answers` will take, from a trial of `tried` of them: seconds, and tokens of all prompts and
    answers (None where a server does not count them). `at_most`: a budget may end it earlier."""

    answers: int
    seconds: float
    prompt_tokens: float | None
    answer_tokens: float | None
    tried: int
    tried_seconds: float
    at_most: bool

    def sentence(self, price: Price | None) -> str | None:
        """In words; None for what is over before it is read."""
        money = ""
        if price is not None and self.prompt_tokens is not None and self.answer_tokens is not None:
            money = f" and costs about {number(price.of(self.prompt_tokens, self.answer_tokens), 2)}"
        if self.seconds < WORTH_SAYING and not money:
            return None
        return (
            f"forecast from {self.tried:,} answers in {decimals(self.tried_seconds, 1)} s: {self.answers:,} "
            f"answers{', at most' * self.at_most} take about {duration(self.seconds)}{money}"
        )


def forecast(
    plan: Plan, drawer: Drawer, local: bool, pace: Pace, spending: Spending | None
) -> Forecast | None:
    """What all answers will take, by a trial of some; None where the trial would be too much of them."""
    answers = plan.num_answers
    # As a race orders them: with a budget the trial asks what the race asks first, and a server is not asked twice.
    order = race_order(len(plan.items), plan.seed)
    if local:
        # Answers of an item share their passes, so an item is tried in whole.
        settings, repeats = list(range(len(plan.axis))), plan.samples
        items = order[: max(4, len(order) // 20) if spending is None else BLOCK]
    else:
        count = min(TRIAL_SETTINGS, len(plan.axis))
        settings = np.linspace(0, len(plan.axis) - 1, count).round().astype(int).tolist()
        wanted = math.ceil(TRIAL_ROUNDS * pace.concurrency / (len(settings) * len(plan.task.prompts)))
        items = order[: min(wanted, len(order) if spending is None else BLOCK)]
        repeats = min(plan.samples, math.ceil(wanted / len(items)))
    places = plan.places(items, repeats)
    tried = len(places) * len(settings)
    if answers < max(FORECAST_FROM["local" if local else "server"], 4 * tried) or (
        spending is not None and not spending.has_room(4 * tried)
    ):
        return None
    begun = time.monotonic()
    fewer = len(places) // 4
    if local:
        # What a first pass prepares is in no later one; and full batches are faster than a trial's, so that the growth
        # from a small trial to a larger one says what the rest takes.
        drawer.trial(places[:1], settings)
        short_from = time.monotonic()
        drawer.trial(places[:fewer], settings)
    start = time.monotonic()
    rows = drawer.trial(places, settings)
    took = time.monotonic() - start
    each = took / len(places)
    if local and spending is None:
        each = float(np.clip((took - (start - short_from)) / (len(places) - fewer), each / 4, each))
    if spending is not None:
        answers = min(answers, int(spending.most / spending.usual))
    seconds = took + each * max(answers / len(settings) - len(places), 0.0)
    if pace.per_minute is not None and not local:
        seconds = max(seconds, 60.0 * answers / pace.per_minute)
    columns = as_samples([rows], plan.axis, plan.item_ids)
    before, after = columns.prompt_tokens, columns.num_tokens
    # By their characters: the prompts of the items that were tried may be shorter than the others.
    longer = np.mean(plan.prompt_lengths(order)) / (np.mean(plan.prompt_lengths(items)) or 1.0)
    return Forecast(
        answers,
        seconds,
        None if before is None else float(before.mean() * answers * longer),
        None if after is None else float(after.mean()) * answers,
        tried,
        time.monotonic() - begun,
        spending is not None,
    )
