"""`tune`: the verb, from what a user says (a task, models, what to compare) to the record that the command prints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import ValidationError

from retort.chain import Chain
from retort.errors import InputError, SourceError, from_pydantic
from retort.files import read_json
from retort.numerals import duration
from retort.sources.base import Capability, Source
from retort.tune.budget import Price, find_preset, read_spending
from retort.tune.cells import model_question
from retort.tune.conclude import conclude
from retort.tune.forecast import Forecast
from retort.tune.goals import find_goal
from retort.tune.item import Task, needed_models
from retort.tune.plan import COARSE, Plan, make_plan
from retort.tune.readers.obstacles import Obstacles
from retort.tune.readers.records import read_answers
from retort.tune.recording import RUN_FILE, read
from retort.tune.report import Tuning, Tunings, regression_against
from retort.tune.reweight import Wanted, read_likelihoods, reweighted
from retort.tune.run import check_budget, run
from retort.tune.samples import Origin
from retort.tune.server_sweep import Pace
from retort.tune.settings import EngineSettings, Values, parse_setting
from retort.tune.sweep import ProgressCallback
from retort.tune.task import load_task
from retort.tune.variety import find_likeness

USUAL_TEMPERATURES = tuple(step / 10 for step in range(21))
USUAL_SAMPLES = 8
AUTO: Literal["auto"] = "auto"
Temperatures = Sequence[float] | Literal["auto"]
Model = str | Path | Source | tuple[Any, Any]


@dataclass(frozen=True)
class Asked:
    """A task with what the caller, its file, or a preset say about it, in this order."""

    task: Task
    temperatures: Temperatures
    samples: int
    items: int | None
    chains: tuple[Chain, ...]
    seed: int
    budget: str | int | None = None
    against: str | Values | None = None
    baseline: Path | str | None = None

    @property
    def compared(self) -> Values | None:
        """The setting with which a comparison is planned."""
        return _setting(self.against)

    @property
    def plan(self) -> Plan:
        """The sweep, for its cost; of `auto`, the coarse one."""
        grid = COARSE if isinstance(self.temperatures, str) else self.temperatures
        return make_plan(self.task, grid, self.samples, self.seed, self.items, None, self.chains)


def asked(
    task: Task | str | Path,
    *,
    preset: str | None = None,
    temperatures: Temperatures | None = None,
    samples: int | None = None,
    items: int | None = None,
    chains: Sequence[Chain | EngineSettings] = (),
    seed: int = 0,
    chat: bool | None = None,
    endpoint: Literal["chat", "completions"] | None = None,
    max_tokens: int | None = None,
    skip_unsupported: bool = False,
    budget: str | int | None = None,
    against: str | Values | None = None,
    baseline: Path | str | None = None,
) -> Asked:
    """What a sweep of `task` is, with the command's defaults."""
    if not isinstance(task, Task):
        task = load_task(task, skip_unsupported=skip_unsupported)
    kind = None if preset is None else find_preset(preset)
    goal = None if kind is None else kind.goal
    said: dict[str, Any] = {"goal": goal, "is_chat": chat, "endpoint": endpoint, "max_tokens": max_tokens}
    task = replace(task, **{name: value for name, value in said.items() if value is not None})
    planned = task.budget.temperatures if len(task.budget.temperatures) > 1 else ()
    usual = kind.temperatures if kind is not None else USUAL_TEMPERATURES
    often = kind.samples if kind is not None else USUAL_SAMPLES
    tried = tuple(chains) or task.budget.chains
    # Several chains are compared as they are, each at its own temperature, unless temperatures are given.
    grid: Temperatures = temperatures or (() if len(tried) > 1 else planned or usual)
    return Asked(
        task,
        grid,
        samples or task.budget.samples or often,
        items or task.budget.items,
        tuple(one.chain(swept=bool(grid)) if isinstance(one, EngineSettings) else one for one in tried),
        seed,
        task.budget.amount if budget is None else budget,
        task.against if against is None else against,
        task.baseline if baseline is None else baseline,
    )


def check(what: Asked, price: Price | None = None, engine: str = "local") -> Tuning | None:
    """The earlier run that is the baseline. Raises, in one, all that can be refused before a model is opened."""
    found, baseline = Obstacles(), what.baseline
    # Each of these notes what it raises, and all of it is raised at the end: a user mends everything at once.
    earlier = found.tried(None, lambda: None if baseline is None else read_earlier(Path(baseline)))
    with found.noted():
        check_budget(what.task, what.temperatures, engine, what.budget)
    with found.noted():
        plan = what.plan  # without one, what follows cannot be checked
        with found.noted():
            if what.compared is not None and what.temperatures != AUTO:
                plan.axis.find(what.compared)
        if what.budget is not None:
            spending = read_spending(what.budget, plan.task.max_tokens, plan.longest_prompt, price)
            plan.affordable(spending, what.budget)
    found.end()
    return earlier


def tune(
    task: Task | str | Path | None = None,
    model: Model | Sequence[Model] | None = None,
    *,
    recorded: Path | str | None = None,
    records: Path | str | Sequence[Path | str] | None = None,
    goal: str | None = None,
    preset: str | None = None,
    temperatures: Temperatures | None = None,
    samples: int | None = None,
    items: int | None = None,
    chains: Sequence[Chain | EngineSettings] = (),
    seed: int = 0,
    against: str | Values | None = None,
    baseline: Path | str | None = None,
    price: Price | tuple[float, float] | None = None,
    budget: str | int | None = None,
    record: Path | None = None,
    resume: bool = False,
    variety: bool = False,
    embedder: str | None = None,
    second: Model | None = None,
    logprobs: bool = False,
    reweight: Sequence[Chain] = (),
    reweight_from: Chain | None = None,
    concurrency: int = 4,
    per_minute: float | None = None,
    engine: Literal["local", "ray"] = "local",
    chat: bool | None = None,
    endpoint: Literal["chat", "completions"] | None = None,
    max_tokens: int | None = None,
    skip_unsupported: bool = False,
    on_progress: Callable[[], AbstractContextManager[ProgressCallback]] | None = None,
    on_note: Callable[[str], None] | None = None,
) -> Tuning | Tunings:
    """Which setting, prompt and model suit a task, with evidence; the defaults are those of `retort tune`.

    Give one of `task` (a name, a file, or a `Task`), `recorded` (a folder that `record` wrote) and `records` (one or
    more files of answers made elsewhere, with `goal`; the `task` too, where it has to score them). `model`: a MODEL
    string, an open source, `(model, tokenizer)`, or a list of these, which are compared. `against`: the setting to
    compare with, as `"temperature=1"`. `baseline`: an earlier result (a recording, or the JSON of `retort tune
    --json`). `price`: money per million tokens (prompt, answer). `budget`: most answers, or a text as in "5000
    answers", "2M tokens", "3.50 cost": the sweep then stops as soon as the answer is known. `on_progress` makes a
    context manager around a callback `(done, total, detail)`; `on_note` gets what is said before the start. All else is
    as in `run`.
    """
    others = [Path(one) for one in ([records] if isinstance(records, (str, Path)) else records or [])]
    if (task is not None and not others) + (recorded is not None) + bool(others) != 1:
        raise InputError("give one of a task, a recording (--from DIR) and files of answers (--from FILE)")
    paid = Price(*price) if isinstance(price, tuple) else price
    note = on_note or (lambda text: None)
    wanted = Wanted(tuple(reweight), reweight_from) if reweight or reweight_from is not None else None
    likeness = find_likeness(embedder or "words")
    variety = variety or embedder is not None
    found: Tuning | Tunings
    if recorded is not None or others:
        seen = partial(conclude, variety=variety, likeness=likeness, against=_setting(against), price=paid)
        if recorded is not None:
            found = _recorded(Path(recorded), seen, wanted)
        elif wanted is not None:
            raise InputError("these records do not have the answers' logprobs, so they cannot be re-weighted")
        else:
            scoring = load_task(task) if isinstance(task, (str, Path)) else task
            found = _made_elsewhere(others, scoring, goal, seed, seen)
        return _with_baseline(found, None if baseline is None else read_earlier(Path(baseline)), baseline)
    assert task is not None, "one of the three was given"
    what = asked(
        task, preset=preset, temperatures=temperatures, samples=samples, items=items, chains=chains, seed=seed,
        chat=chat, endpoint=endpoint, max_tokens=max_tokens, skip_unsupported=skip_unsupported, budget=budget,
        against=against, baseline=baseline,
    )  # fmt: skip
    earlier = check(what, paid, engine)

    def told(forecast: Forecast) -> None:
        if (sentence := forecast.sentence(paid)) is not None:
            note(sentence)

    tunings = []
    models = _models(what.task, model)
    for at, one in enumerate(models):
        source = _opened(one)
        place = record if record is None or len(models) == 1 else record / f"model-{at + 1}"
        pace = Pace(concurrency, per_minute)
        _say(what, source, pace, note)
        with on_progress() if on_progress is not None else nullcontext() as progress:
            tunings.append(
                run(
                    what.task, source, what.temperatures, what.samples, seed=seed, limit_items=what.items,
                    on_progress=progress, chains=what.chains, budget=what.budget, record=place, resume=resume,
                    pace=pace, engine=engine, variety=variety, likeness=likeness, logprobs=logprobs, reweight=wanted,
                    second=None if second is None else _opened(second), against=what.compared, price=paid,
                    on_forecast=None if on_note is None else told,
                )
            )  # fmt: skip
    found = tunings[0] if len(tunings) == 1 else _together(tunings, seed)
    return _with_baseline(found, earlier, what.baseline)


def _setting(against: str | Values | None) -> Values | None:
    return parse_setting(against) if isinstance(against, str) else against


def _opened(model: Model) -> Source:
    if isinstance(model, (str, Path, tuple)):
        from retort.sources.load import load

        return load(model)  # type: ignore[arg-type, no-any-return, unused-ignore]
    return model


def _models(task: Task, given: Model | Sequence[Model] | None) -> Sequence[Model]:
    """The models that were given, else those that the task names; InputError where there is none."""
    models: Sequence[Any] = () if given is None else (given,)
    if isinstance(given, (list, tuple)):
        # Two that are neither names nor sources are (model, tokenizer) of transformers.
        named = any(isinstance(one, (str, Path)) or hasattr(one, "capability") for one in given)
        if isinstance(given, list) or len(given) != 2 or named:
            models = given
    if models and not all(isinstance(one, str) for one in models):
        return models
    return needed_models(task, tuple(models))


def _together(tunings: Sequence[Tuning], seed: int) -> Tunings:
    """The tunings of several models, with the question which is best; over the items that all have."""
    in_all = set.intersection(*(set(one.item_ids) for one in tunings))
    common = [item for item in tunings[0].item_ids if item in in_all]
    if len(common) < 2:
        return Tunings(tuple(tunings), ())
    columns = [one.chosen_scores(common) for one in tunings]
    # A race did not ask every item at the setting that it came to suggest.
    complete = ~np.isnan(np.stack(columns)).any(axis=0)
    question = model_question([one.model for one in tunings], [one[complete] for one in columns], seed)
    return Tunings(tuple(tunings), (question,))


def _recorded(folder: Path, seen: Callable[..., Tuning], wanted: Wanted | None) -> Tuning:
    answers, its_goal, origin = read(folder)
    aim = find_goal(its_goal)
    found = seen(answers, aim, origin)
    if wanted is None:
        return found
    likelihoods = read_likelihoods(folder, len(answers))
    return replace(found, reweighted=reweighted(answers, likelihoods, aim, wanted, origin.seed))


def _made_elsewhere(
    records: Sequence[Path], task: Task | None, goal: str | None, seed: int, seen: Callable[..., Tuning]
) -> Tuning:
    made = read_answers(records, task)
    usual = "exploit" if made.is_scored else "reproduce"
    aim = find_goal(goal or (usual if task is None else task.goal))
    if aim.is_mean and not made.is_scored:
        raise InputError(
            f"these answers have no scores, which goal {aim.name} needs; give the task that scores them"
        )
    name = ", ".join(file.name for file in records) if task is None else task.name
    # Of answers without scores, how different they are is all that there is to see.
    beside = {} if made.is_scored else {"variety": True}
    found = seen(made.samples, aim, Origin(name, "recorded", seed), **beside)
    return replace(found, skipped=dict(made.skipped))


def _with_baseline(
    found: Tuning | Tunings, earlier: Tuning | None, name: Path | str | None
) -> Tuning | Tunings:
    """With the regression against an earlier run, where one is named."""
    if earlier is None:
        return found

    def compared(one: Tuning) -> Tuning:
        return replace(one, regression=regression_against(one, earlier, str(name)))

    if isinstance(found, Tunings):
        return replace(found, tunings=tuple(map(compared, found.tunings)))
    return compared(found)


def read_earlier(path: Path) -> Tuning:
    """An earlier run: a recording's folder, or the JSON of `retort tune --json`."""
    if (path / RUN_FILE).is_file():
        answers, goal, origin = read(path)
        return conclude(answers, find_goal(goal), origin)
    values = read_json(path, f"the baseline {path}")
    try:
        return Tuning.from_dict(values)
    except (AttributeError, TypeError, ValueError) as problem:
        wrong = from_pydantic(problem, "it") if isinstance(problem, ValidationError) else problem
        raise SourceError(
            f"{path} is not a result of retort tune --json of this version ({str(wrong).rstrip('.')}); make it again, "
            "or give the folder of a recording"
        ) from None


def _say(what: Asked, source: Source, pace: Pace, note: Callable[[str], None]) -> None:
    """Before a server is asked: how many requests that takes."""
    plan = what.plan
    if plan.task.scorer.kind.name == "choice" or source.capability is Capability.FULL:
        return
    cost = plan.cost
    part = " for the coarse temperatures" if isinstance(what.temperatures, str) else ""
    limit = "" if what.budget is None else f", no more than a budget of {what.budget}"
    plural = "s" * (cost.max_tokens != 1)
    least = "" if pace.per_minute is None else f", {duration(60 * cost.answers / pace.per_minute)} at least"
    note(
        f"{cost.answers:,} requests to {source.name}{part}{limit}, with answers of at most {cost.max_tokens:,} "
        f"token{plural}{least}; recorded answers are not asked again"
    )


def described_cost(what: Asked, model: str | None) -> Mapping[str, Any]:
    """What `--check --json` says."""
    models = list(what.task.models)
    return {
        "task": what.task.name,
        "model": model or (models[0] if len(models) == 1 else models or None),
        "goal": what.task.goal,
        "cost": what.plan.cost,
        "skipped": dict(what.task.skipped),
        "notes": list(what.task.notes),
    }
