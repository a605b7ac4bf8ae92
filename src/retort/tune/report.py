"""The record of `retort tune` and what it shows: tables and sentences, a picture, a page."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from retort.blocks import Block, Column, html_page, line, table
from retort.blocks import Cell as Shown
from retort.errors import InputError, MissingExtraError
from retort.numerals import decimals, interval, number, percent, signed, signed_interval
from retort.records import Measures, Record, exact, new_axes, titled
from retort.tune.cells import Cell, Example, Question, TurningPoint, VarianceShare, Vote
from retort.tune.choice import Calibration
from retort.tune.recommend import Ends, Recommendation
from retort.tune.reweight import Reweighted
from retort.tune.settings import describe
from retort.tune.statistics import planned
from retort.tune.variety import TITLES

PROMPT_SHOWN = 300
"""Characters of a prompt beside the table; more would push the answer off the page."""
BLUE, TEAL = "#2a6fb0", "#1d8a7a"


@dataclass(frozen=True)
class Setting:
    """One setting. `score`: the mean over items, with its own interval (not corrected for other settings).

    `setting`: all its values by name; `temperature`: the one among them, None where none is said.
    `distinct`: mean over items of the share of an item's samples that are different answers (1: all differ).
    `agreement`: mean over items of the share of pairs of an item's samples with the same answer; None for one sample.
    `identical`: share of items whose samples all are the same answer; None for one sample.
    These three are None where only scores are known and not the answers.
    `valid`: share of answers that are right, which is not the score where the goal counts something else.
    `mean_tokens`: length of an answer. `raw_nll`: nats per token under the model as it is (τ = 1, nothing removed), a
    measure of incoherence. None where not known. `second_nll`: the same under a second model, in its own
    tokens; None where none was asked. `on_frontier`: no other setting has as much of both score and variety
    (distinct) and more of one.
    `samples`: how many answers were scored at this setting, all items together. `variety`: more ways to say how
    different an item's answers are (see `measured_variety`); None where not asked for or not known.
    """

    temperature: float | None
    score: float
    score_ci: Ends
    distinct: float | None
    agreement: float | None
    samples: int
    identical: float | None = None
    valid: float | None = None
    mean_tokens: float | None = None
    raw_nll: float | None = None
    second_nll: float | None = None
    on_frontier: bool | None = None
    setting: Mapping[str, Any] = field(default_factory=dict)
    variety: Mapping[str, float | str | None] | None = None


@dataclass(frozen=True)
class Unscored:
    """How alike the answers of items without any score are at one setting; as the fields of `Setting`."""

    setting: Mapping[str, Any]
    items: int
    distinct: float | None
    agreement: float | None
    identical: float | None


@dataclass(frozen=True)
class Regression:
    """The score of this run minus that of an earlier one (`baseline`), each at `setting` of this run and `was` of that
    one, paired by item over the `items` that both have. `worse`: the interval lies below 0."""

    baseline: str
    setting: Mapping[str, Any]
    was: Mapping[str, Any]
    difference: float
    difference_ci: Ends
    items: int

    @property
    def worse(self) -> bool:
        return self.difference_ci[1] < 0.0


@dataclass(frozen=True, repr=False)
class Tuning(Record):
    """A whole sweep. `item_scores` [items, settings] are what the statistics were computed from.

    `forward_passes`: rows that went through the model; `independent_passes`: what the same samples would have taken
    with every temperature run on its own; both None for recorded answers. `axis`: the one number that differs between
    the settings, as a rule "temperature"; None where they have no order. `items_left_out`: items without enough answers
    at every setting, which a paired comparison cannot use. `variance`: how much of the scores' variation the setting,
    the prompt and the seed make; None for one prompt or one answer. `turning_point`: where incoherence begins to outrun
    novelty; None where not known. `calibration`: of the choices' probabilities; None but for scorer choice.
    `second_model`: whose likelihoods `second_nll` are. `reweighted`: scores at other settings, estimated from answers
    drawn at one; None where not asked for. `skipped`: how many parts of each kind of the task's file were left out with
    --skip-unsupported. `cells`, `questions`, `votes`, `examples`: see cells.py. `regression`: against an earlier run.
    `answers_drawn`, `answers_of_grid`: where a budget ended the sweep early, how many answers it took and how many the
    whole grid has. `unscored`: of the items that nothing says is right or wrong, at every setting.
    `prompts`: the templates that were compared; empty where they are not known.
    """

    task: str
    model: str
    goal: str
    score: str
    settings: tuple[Setting, ...]
    recommendation: Recommendation
    forward_passes: int | None
    independent_passes: int | None
    items: int
    samples_per_item: int
    seed: int
    chain: str
    item_ids: tuple[str, ...]
    item_scores: NDArray[np.float64]
    axis: str | None = "temperature"
    items_left_out: int = 0
    variance: tuple[VarianceShare, ...] | None = None
    turning_point: TurningPoint | None = None
    calibration: Calibration | None = None
    reweighted: tuple[Reweighted, ...] | None = None
    second_model: str | None = None
    skipped: Mapping[str, int] = field(default_factory=dict)
    cells: tuple[Cell, ...] = ()
    questions: tuple[Question, ...] = ()
    votes: tuple[Vote, ...] = ()
    examples: tuple[Example, ...] = ()
    regression: Regression | None = None
    answers_drawn: int | None = None
    answers_of_grid: int | None = None
    unscored: tuple[Unscored, ...] = ()
    prompts: tuple[str, ...] = ()

    MEASURES: ClassVar = ("score", "best_score", "difference", "regression", "cost", "agreement")
    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"arbitrary_types_allowed": True, "extra": "forbid"}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Tuning:
        """The record of `to_dict`. Raises ValueError for anything else."""
        from pydantic import TypeAdapter

        given = {name: value for name, value in values.items() if name != "schema_version"}
        # What was not asked is null there, which becomes NaN again.
        scores = np.array(given.get("item_scores"), dtype=np.float64)
        return TypeAdapter(cls).validate_python({**given, "item_scores": scores})

    @property
    def chosen(self) -> Setting:
        """The suggested setting; the reference where there is none."""
        taken = self.recommendation
        wanted = taken.reference if taken.setting is None else taken.setting
        return next(one for one in self.settings if self.point(one) == wanted)

    def chosen_scores(self, items: Sequence[str]) -> NDArray[np.float64]:
        """The scores of these items at the suggested setting."""
        places = [self.item_ids.index(item) for item in items]
        return self.item_scores[places, self.settings.index(self.chosen)]

    def point(self, setting: Setting) -> Any:
        """What a setting is called by: its number on the axis, or all of it."""
        if self.axis is None:
            return dict(setting.setting)
        return setting.setting.get(self.axis, setting.temperature)

    @property
    def heading(self) -> str:
        return "τ" if self.axis == "temperature" else self.axis or "setting"

    def called(self, setting: Setting) -> str:
        return describe(setting.setting) if self.axis is None else f"{self.point(setting):g}"

    def cells_of(self, setting: Setting) -> list[Cell]:
        """Every prompt at this setting."""
        return [cell for cell in self.cells if cell.setting == dict(setting.setting)]

    def measures(self) -> Measures:
        """Of the suggested setting: its score, its difference from the reference, its cost; the best score seen; the
        regression against the baseline."""
        taken = self.chosen
        costs = _costs(self.cells_of(taken))
        found = {
            "score": taken.score,
            "best_score": max(one.score for one in self.settings),
            "difference": self.recommendation.difference,
            "regression": None if self.regression is None else self.regression.difference,
            "cost": sum(costs) if costs else None,
            "agreement": taken.agreement,
        }
        return {name: [] if value is None else [exact(value)] for name, value in found.items()}

    def table_rows(self) -> list[dict[str, Any]]:
        names = ("score", "samples", "prompt_tokens", "answer_tokens", "seconds", "cost")
        return [
            {
                "model": cell.model,
                "prompt": cell.prompt,
                **{name: value for name, value in cell.setting.items() if name not in ("model", "prompt")},
                **{name: getattr(cell, name) for name in names},
                "score_low": cell.score_ci[0],
                "score_high": cell.score_ci[1],
            }
            for cell in self.cells
        ]

    def blocks(self) -> Iterator[Block]:
        for part in PARTS:
            yield from part(self)

    def plot(self, axes: Any = None) -> Any:
        """Score against the setting, with its interval and the statistically tied range."""
        axes = new_axes(axes)
        scores = [one.score for one in self.settings]
        low, high = np.array([one.score_ci for one in self.settings]).T
        if self.axis is None:
            names = [self.called(one) for one in self.settings]
            places: list[float] = list(range(len(names)))
            axes.errorbar(places, scores, yerr=[scores - low, high - scores], fmt="o", color=BLUE, capsize=3)
            axes.set_xticks(places, labels=names, rotation=20, ha="right")
        else:
            places = [float(self.point(one)) for one in self.settings]
            band = {"color": BLUE, "alpha": 0.2, "linewidth": 0}
            axes.fill_between(places, low, high, label="95% interval of each", **band)
            axes.plot(places, scores, color=BLUE, marker="o", markersize=4)
            axes.set_xlabel("temperature τ" if self.axis == "temperature" else self.axis)
            if self.recommendation.setting is not None:
                first, last = self.recommendation.region
                axes.axvspan(first, last, color=TEAL, alpha=0.13, linewidth=0, label="statistically tied")
                axes.axvline(float(self.recommendation.setting), color=TEAL, linewidth=1.5, label="suggested")
            axes.legend(frameon=False, fontsize="small")
        axes.set_ylabel(self.score)
        axes.set_ylim(bottom=0)
        titled(axes, f"{self.model} on {self.task}")
        return axes

    def page(self) -> str:
        """One HTML page to send to a colleague: the picture, the tables, the examples and how it was measured."""
        blocks = [*self.blocks(), *_example_table(self), *_measured(self)]
        return html_page(f"{self.model} on {self.task}", blocks, _svg(self))


@dataclass(frozen=True, repr=False)
class Tunings(Record):
    """One task on several models: a tuning each, and the best model against the first."""

    tunings: tuple[Tuning, ...]
    questions: tuple[Question, ...]

    MEASURES: ClassVar = Tuning.MEASURES

    def measures(self) -> Measures:
        each = [one.measures() for one in self.tunings]
        return {name: [value for found in each for value in found[name]] for name in self.MEASURES}

    def table_rows(self) -> list[dict[str, Any]]:
        return [row for one in self.tunings for row in one.table_rows()]

    def blocks(self) -> Iterator[Block]:
        yield line("Each model at its suggested setting", "bold")
        rows = []
        for one in self.tunings:
            taken = one.chosen
            cells = one.cells_of(taken)
            cost = _costs(cells)
            rows.append(
                [
                    one.model, one.called(taken), decimals(taken.score), interval(taken.score_ci),
                    number(taken.mean_tokens),
                    number(sum(cost) / sum(cell.samples for cell in cells) * 1000 if cost else None),
                ]
            )  # fmt: skip
        yield table(["model", ">setting", ">score", ">95% interval", ">tokens", ">cost of 1,000"], rows)
        for question in self.questions:
            yield line(_question_sentence(question))
        for one in self.tunings:
            yield line("")
            yield from one.blocks()

    def plot(self, axes: Any = None) -> Any:
        """Each model's score at its suggested setting, with its interval."""
        axes = new_axes(axes)
        taken = [one.chosen for one in self.tunings]
        for place, one in enumerate(taken):
            reach = [[one.score - one.score_ci[0]], [one.score_ci[1] - one.score]]
            axes.errorbar(place, one.score, yerr=reach, fmt="o", color=BLUE, capsize=3)
        labels = [f"{one.model}\n{one.called(at)}" for one, at in zip(self.tunings, taken, strict=True)]
        axes.set_xticks(range(len(taken)), labels=labels)
        axes.set_ylabel(f"{self.tunings[0].score}, 95% interval")
        axes.set_ylim(bottom=0)
        titled(axes, f"{self.tunings[0].task}: each model at its suggested setting")
        return axes

    def page(self) -> str:
        """The summary, then each model's page content."""
        blocks = [*self.blocks(), *(block for one in self.tunings for block in _measured(one))]
        return html_page("retort tune", blocks, "".join(map(_svg, self.tunings)))


def regression_against(found: Tuning, earlier: Tuning, name: str) -> Regression:
    """This run against an earlier one of the same task. Raises InputError without two items in common."""
    there = set(earlier.item_ids)
    common = [item for item in found.item_ids if item in there]
    if len(common) < 2:
        raise InputError(
            f"the baseline {name} ({earlier.task}) has {len(common)} items in common with this run; "
            "compare runs of one task"
        )
    paired = found.chosen_scores(common) - earlier.chosen_scores(common)
    # The score of goal explore is a count, which can differ by more than 1.
    reach = max(1.0, float(np.abs(paired).max()))
    return Regression(
        name,
        dict(found.chosen.setting),
        dict(earlier.chosen.setting),
        float(paired.mean()),
        planned(paired, reach),
        len(common),
    )


# What is shown


def _costs(cells: Iterable[Cell]) -> list[float]:
    return [cell.cost for cell in cells if cell.cost is not None]


def _head(found: Tuning) -> Iterator[Block]:
    answers = f"{found.samples_per_item} answer{'s' * (found.samples_per_item != 1)}"
    yield line(
        f"{found.model} on {found.task} ({found.goal}): {found.items} items, {answers} each, seed {found.seed}",
        "bold",
        whole=True,
    )
    yield line(f"Score: {found.score}")
    if found.chain:
        shown = re.sub(r"\btemperature=[^ |]+", "temperature=τ", found.chain)
        yield line(f"Drawn through: {shown}, at each τ below", whole=True)


def _settings(found: Tuning) -> Iterator[Block]:
    highest = max((one.score for one in found.settings), default=0.0)
    # What the score does not say already: how many answers are right where the goal counts something else.
    counted = found.goal != "exploit"
    heading = Column(found.heading, right=found.axis is not None, fold=found.axis is None)
    rows: list[list[str | Shown]] = []
    for one in found.settings:
        suggested = found.recommendation.setting is not None and one == found.chosen
        bar = Shown("", share=max(0.0, one.score / highest) if highest > 0 else 0.0)
        rows.append(
            [
                "→" * suggested, found.called(one), decimals(one.score), interval(one.score_ci), bar,
                *[number(one.valid)] * counted, number(one.distinct), number(one.agreement),
            ]
        )  # fmt: skip
    yield table(
        ["", heading, ">score", ">95% interval", "", *[">valid"] * counted, ">distinct", ">agreement"], rows
    )


def _recommended(found: Tuning) -> Iterator[Block]:
    """What to take and why, and its difference from the reference and from an earlier run."""
    taken = found.recommendation
    name = "τ = " if found.axis == "temperature" else "" if found.axis is None else f"{found.axis} = "
    chosen = f"{name}{found.called(found.chosen)}"
    suggested = "Nothing is recommended." if taken.setting is None else f"Recommended: {chosen}."
    yield line(f"{suggested} {taken.reason}", "bold")
    if taken.setting is not None and taken.setting != taken.reference:
        other = describe(taken.reference) if found.axis is None else f"{name}{taken.reference:g}"
        holds = "for this planned comparison" if taken.planned else "for all pairs of settings together"
        yield line(
            f"Score at {chosen} minus score at {other}: {signed(taken.difference)} "
            f"({signed_interval(taken.difference_ci)}, paired by item; the interval holds {holds})."
        )
    if (than := found.regression) is not None:
        better = "significantly better" if than.difference_ci[0] > 0 else "no significant change"
        yield line(
            f"Against the baseline {than.baseline} (at {describe(than.was)}, {than.items} items in common): "
            f"{signed(than.difference)} ({signed_interval(than.difference_ci)}), "
            f"{'significantly worse' if than.worse else better}.",
            "bold" if than.worse else None,
        )


def _variety(found: Tuning) -> Iterator[Block]:
    """How different an item's answers are at each setting, where it was measured."""
    by = next((one.variety for one in found.settings if one.variety), None)
    if by is None:
        return
    compared = "words and word pairs" if by["likeness"] == "words" else f"vectors of {by['likeness']}"
    yield line(
        "How different an item's answers are, right or wrong (means over items). distinct-1 and -2: share of words and "
        "of word pairs that differ; self-BLEU: 1 for copies, 0 for nothing in common; Vendi: effective number of "
        "different answers; semantic distinct: groups of similar answers; repetition: share of an answer's runs of "
        f"four words that it said before. Similar: cosine of {compared}, {by['alike']:g} or more."
    )
    rows = []
    for one in found.settings:
        values = [(one.variety or {}).get(measure) for measure in TITLES]
        rows.append([found.called(one), *(number(v) if isinstance(v, float) else "–" for v in values)])
    yield table([f">{found.heading}", *(f">{title}" for title in TITLES.values())], rows)


def _unscored(found: Tuning) -> Iterator[Block]:
    """The items that no score covers, where some are scored."""
    if not found.unscored:
        return
    count = found.unscored[0].items
    yield line(
        f"{count} item{'s' * (count != 1)} without an assertion, in no score above: how alike their answers are."
    )
    yield table(
        [f">{found.heading}", ">distinct", ">agreement", ">identical"],
        [
            [found.called(one), *(number(value) for value in (part.distinct, part.agreement, part.identical))]
            for one, part in zip(found.settings, found.unscored, strict=True)
        ],
    )


def _questions(found: Tuning) -> Iterator[Block]:
    """The table of every cell, where there is more than the settings to see, and what is asked of it."""
    prompts = len({cell.prompt for cell in found.cells}) > 1
    costs = any(cell.cost is not None or cell.seconds is not None for cell in found.cells)
    if prompts or costs:
        rows = [
            [
                str(cell.prompt), describe(cell.setting), decimals(cell.score), interval(cell.score_ci),
                f"{cell.samples:,}",
                number(cell.prompt_tokens), number(cell.answer_tokens), number(cell.seconds), number(cell.cost),
            ]
            for cell in found.cells
        ]  # fmt: skip
        yield line(
            "Every prompt at every setting. Tokens and seconds are means per answer, cost is the total."
        )
        yield table(
            [
                ">prompt", Column("setting", fold=True), ">score", ">95% interval", ">answers", ">tokens in",
                ">tokens out", ">seconds", ">cost",
            ],
            rows,
            lead=2,
        )  # fmt: skip
    if prompts:
        for name, text in enumerate(found.prompts, 1):
            short = " ".join(text.split())
            yield line(f"Prompt {name}: {short[:PROMPT_SHOWN]}{'…' * (len(short) > PROMPT_SHOWN)}")
    for question in found.questions:
        yield line(_question_sentence(question))


def _question_sentence(one: Question) -> str:
    if one.difference == 0.0 and one.difference_ci == (0.0, 0.0):
        return f"{one.question.capitalize()}: both are {one.better}."
    judged = "significant" if one.significant else "not significant"
    return (
        f"{one.question.capitalize()}: {one.better} minus {one.than} is {signed(one.difference)} "
        f"({signed_interval(one.difference_ci)}), {judged}."
    )


def _votes(found: Tuning) -> Iterator[Block]:
    """What several answers together would give, where that changes what to take, or by how many they are."""
    if len(found.settings) == 1:
        for kind, called in (("majority", "a majority vote"), ("any", "one right answer")):
            votes = [vote for vote in found.votes if vote.kind == kind]
            if counts := ", ".join(f"{decimals(vote.scores[0])} of {vote.answers}" for vote in votes):
                alone = decimals(found.settings[0].score)
                yield line(f"Score of {called}: {counts} (one answer: {alone}).")
        return
    # As texts: a point may be a mapping, which is no key.
    points = [str(found.point(one)) for one in found.settings]
    for vote in found.votes:
        taken = vote.recommendation
        if taken.setting is None:
            continue
        kind = {"majority": "a majority vote of", "any": "one right of"}[vote.kind]
        scores = dict(zip(points, vote.scores, strict=True))
        (at, its), (other, before), (best, highest) = (
            (describe(one) if isinstance(one, Mapping) else f"{one:g}", decimals(scores[str(one)]))
            for one in (taken.setting, taken.reference, taken.best)
        )
        yield line(
            f"With {kind} {vote.answers} instead of one answer, {at} is suggested: score {its} ({before} at {other}; "
            f"best {highest} at {best})."
        )


def _levers(found: Tuning) -> Iterator[Block]:
    """Where incoherence outruns novelty, how calibrated choices are, and where the scores' variation comes from."""
    turn = found.turning_point
    if turn is not None:
        low, high = turn.interval
        yield line(
            f"Above {turn.point:g} (interval {low:g} to {high:g}), extra variety costs coherence: distinct answers go "
            f"from {decimals(turn.novelty[0], 2)} to {decimals(max(turn.novelty), 2)} over this range, the answers' "
            f"negative log-likelihood from {decimals(min(turn.incoherence), 2)} to "
            f"{decimals(max(turn.incoherence), 2)} nats per token."
        )
    fit = found.calibration
    if fit is not None:
        yield line(
            f"Calibration on {fit.questions} questions: the choices' probabilities fit best at τ = "
            f"{number(fit.temperature, 3)}{' (a limit)' * fit.at_bound}: negative log-likelihood "
            f"{decimals(fit.nll[0])} nats at τ = 1, {decimals(fit.nll[1])} there; Brier score {decimals(fit.brier[0])} "
            f"and {decimals(fit.brier[1])}; expected calibration error in {fit.bins} bins {decimals(fit.ece[0])} and "
            f"{decimals(fit.ece[1])}, where a perfectly calibrated model would have {decimals(fit.ece_reference[0])} "
            f"and {decimals(fit.ece_reference[1])} on as many questions."
        )
    if found.variance is not None:
        shares = ", ".join(
            f"{one.lever} {percent(one.share)} ({interval(one.share_ci, percent)})" for one in found.variance
        )
        yield line(f"Sources of the scores' variance, for these settings and prompts only: {shares}.")
    if found.second_model is not None:
        likely = ", ".join(f"{number(one.second_nll)} at {found.called(one)}" for one in found.settings)
        yield line(
            f"Negative log-likelihood of the answers under {found.second_model}, in nats per token: {likely}."
        )


def _reweighted(found: Tuning) -> Iterator[Block]:
    """What the answers say of other settings, where that was asked for."""
    for one in found.reweighted or ():
        place = f"At {describe(one.setting)}, from the {one.samples:,} answers at {describe(one.source)}"
        if one.score is None or one.score_ci is None or one.effective_sample_size is None:
            yield line(f"{place}: refused, {one.refused}.")
            continue
        measured = "" if one.measured is None else f"; measured there: {decimals(one.measured)}"
        yield line(
            f"{place} (worth {decimals(one.effective_sample_size, 0)}): score {decimals(one.score)} "
            f"({interval(one.score_ci)}){measured}."
        )


def _counted(found: Tuning) -> Iterator[Block]:
    """What was left out, and what it took."""
    if found.items_left_out:
        plural = "s" * (found.items_left_out != 1)
        yield line(
            f"{found.items_left_out} item{plural} without enough answers at every setting left out: settings are "
            "compared on the same items."
        )
    for what, times in found.skipped.items():
        yield line(f"Left out of the task's file: {what} ({times} time{'s' * (times != 1)}).")
    if found.answers_drawn is not None and found.answers_of_grid is not None:
        yield line(
            f"{found.answers_drawn:,} answers, {percent(found.answers_drawn / found.answers_of_grid)} of the whole "
            f"grid's {found.answers_of_grid:,}."
        )
    if costs := _costs(found.cells):
        yield line(f"Cost of all answers: {number(sum(costs))}.")
    if found.forward_passes is not None and found.independent_passes is not None:
        saved = found.independent_passes / max(found.forward_passes, 1)
        yield line(
            f"{found.forward_passes:,} forward passes, against {found.independent_passes:,} with every temperature on "
            f"its own ({decimals(saved, 1)} times fewer)."
        )


PARTS = (
    _head, _settings, _variety, _recommended, _unscored, _questions, _votes, _levers, _reweighted, _counted,
)  # fmt: skip
"""What a tuning shows, from top to bottom."""


# The page


def _svg(found: Tuning) -> str:
    """The picture as inline SVG; nothing where matplotlib is not installed, for the tables say the same."""
    try:
        axes = found.plot()
    except MissingExtraError:
        return ""
    written = io.StringIO()
    axes.figure.savefig(written, format="svg", metadata={"Date": None})
    svg = written.getvalue()
    label = "Score against the setting, with the statistically tied range shaded"
    return f'<figure role="img" aria-label="{label}" style="margin:0">{svg[svg.index("<svg") :]}</figure>'


def _example_table(found: Tuning) -> Iterator[Block]:
    if not found.examples:
        return
    taken = found.recommendation
    yield line("Answers that changed", "bold")
    wide = [Column(title, fold=True) for title in ("item", f"at {taken.reference}", f"at {taken.setting}")]
    rows = [
        [
            one.item if one.asked is None else f"{one.item}: {one.asked}", one.at_reference, one.at_setting,
            decimals(one.score_reference, 2), decimals(one.score_setting, 2),
        ]
        for one in found.examples
    ]  # fmt: skip
    yield table([*wide, ">score before", ">score after"], rows)


def _measured(found: Tuning) -> Iterator[Block]:
    """How it was measured, in plain words."""
    yield line("How it was measured", "bold")
    yield line(
        f"{found.items} items were asked {found.samples_per_item} times at every setting. Every setting has the same "
        "items, and differences are taken within items. A setting's own interval is exact for right and wrong answers "
        "(Clopper and Pearson) and uses the bounds of the score otherwise. Differences between settings are tested by "
        f"random sign flips of whole items, at an error rate of {percent(found.recommendation.error_rate)} for all "
        "pairs together; a planned comparison has the paired t interval. Settings that no other is significantly "
        "better than are called statistically tied."
    )
