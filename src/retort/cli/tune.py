"""`retort tune`: which temperature suits a task, and whether the difference is real."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from retort.cli.options import ChainSpec, json_option, seed_option
from retort.cli.temperatures import TemperatureList

if TYPE_CHECKING:
    from retort.chain.chain import Chain
    from retort.tune.conclude import Tuning
    from retort.tune.reweight import Wanted
    from retort.tune.server_sweep import Pace
    from retort.tune.settings import EngineSettings
    from retort.tune.task import Task
    from retort.tune.variety import Likeness

USUAL_TEMPERATURES = tuple(step / 10 for step in range(21))
USUAL_SAMPLES = 8
AUTO: Literal["auto"] = "auto"
Temperatures = tuple[float, ...] | Literal["auto"]
Folder = click.Path(file_okay=False, path_type=Path)


class TemperaturesOrAuto(click.ParamType):
    """A list of temperatures, or the word auto."""

    name = "LIST"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Temperatures:
        return AUTO if value == AUTO else TemperatureList().convert(value, param, ctx)


class ChainOrEngine(ChainSpec):
    """A chain, or settings as an engine reads them."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from retort.errors import InputError
        from retort.tune.settings import EngineSettings, parse_engine_settings

        if isinstance(value, EngineSettings):
            return value
        try:
            found = parse_engine_settings(value) if isinstance(value, str) else None
        except InputError as problem:
            self.fail(str(problem), param, ctx)
        return super().convert(value, param, ctx) if found is None else found


@click.command()
@click.argument("task", metavar="TASK", required=False)
@click.option(
    "--model",
    metavar="MODEL",
    help="The model to tune.  [default: the task's, or the OpenAI-compatible provider of a promptfoo file]",
)
@click.option(
    "--chat/--no-chat",
    "chat",
    default=None,
    help="Ask texts as a user's message, with the chat template; or messages as plain text.  [default: the task's]",
)
@click.option("--max-tokens", type=click.IntRange(1), help="Longest answer.  [default: the task's]")
@click.option(
    "--skip-unsupported",
    is_flag=True,
    help="Leave out what retort does not carry out of a promptfoo file (JavaScript, judge models), and count it.",
)
@click.option(
    "--print-schema", is_flag=True, help="The JSON Schema of retort's task files, and nothing else."
)
@click.option(
    "--preset",
    metavar="NAME",
    help="Goal, temperatures and samples for a kind of task: code, sql, facts, summary, brainstorm, names, story.",
)
@click.option(
    "--temperatures",
    type=TemperaturesOrAuto(),
    help="Temperatures to compare: numbers (0.1,1,2), first:last:count (0:2:41), or auto: 0 to 2 coarsely, then finely "
    "around the best.  [default: the task's, else 0:2:21]",
)
@click.option(
    "--samples",
    type=click.IntRange(1),
    help="Answers to an item at each temperature.  [default: the task's, else 8]",
)
@click.option(
    "--items",
    type=click.IntRange(1),
    help="Use only the first so many items.  [default: the task's, else all]",
)
@click.option(
    "--chain",
    "chains",
    type=ChainOrEngine(),
    multiple=True,
    help='Transforms in the order they apply, as in "top_k=50 | top_p=0.9", or settings as an engine reads them, as in '
    '"llama.cpp: top_k=40, min_p=0.05"; several are compared with each other, each at its own temperature unless '
    "--temperatures are given.",
)
@seed_option
@click.option(
    "--record", type=Folder, metavar="DIR", help="Keep every answer in DIR, as Parquet, while they come."
)
@click.option("--resume", is_flag=True, help="Go on with the recording in --record where it stopped.")
@click.option(
    "--from", "recorded", type=Folder, metavar="DIR", help="Recompute from a recording; no model runs."
)
@click.option(
    "--from-records",
    "others",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Compare results made elsewhere: JSON lines with item, setting, score and, if known, repeat and text.",
)
@click.option(
    "--goal",
    metavar="GOAL",
    help="With --from-records: exploit, explore, reproduce or pass@k.  [default: exploit]",
)
@click.option(
    "--variety",
    is_flag=True,
    help="Say how different the answers are: distinct words and pairs, self-BLEU, Vendi score.  [default: for goal "
    "explore]",
)
@click.option(
    "--embedder",
    metavar="NAME",
    help="What says whether two answers are alike, with --variety: words, minilm (extra embeddings), or the folder of "
    "an embedding model.  [default: words]",
)
@click.option(
    "--second",
    metavar="MODEL",
    help="A model that runs here and says how likely it finds the answers: coherence by another judge.",
)
@click.option(
    "--logprobs",
    is_flag=True,
    help="With --record: keep how likely each answer is at every setting, for --reweight and --reweight-from.",
)
@click.option(
    "--reweight",
    "targets",
    type=ChainSpec(),
    multiple=True,
    help="Estimate the score at another setting (temperature=0.45, or a whole chain) from the answers drawn.",
)
@click.option(
    "--reweight-from",
    "weigh_from",
    type=ChainSpec(),
    help="Estimate from the answers at this setting alone; without --reweight, for all other settings.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1),
    default=4,
    show_default=True,
    help="Requests to a server at the same time.",
)
@click.option(
    "--per-minute",
    type=click.FloatRange(0, min_open=True),
    help="Most requests to a server in a minute.  [default: no limit]",
)
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Where the model runs: here, or on the workers of a Ray cluster (extra ray), with the same answers.",
)
@click.option("--check", is_flag=True, help="Check TASK and say what the sweep would cost; no model runs.")
@json_option
def command(
    task: str | None,
    model: str | None,
    chat: bool | None,
    max_tokens: int | None,
    skip_unsupported: bool,
    print_schema: bool,
    preset: str | None,
    temperatures: Temperatures | None,
    samples: int | None,
    items: int | None,
    chains: tuple[Chain | EngineSettings, ...],
    seed: int,
    record: Path | None,
    resume: bool,
    recorded: Path | None,
    others: Path | None,
    goal: str | None,
    variety: bool,
    embedder: str | None,
    second: str | None,
    logprobs: bool,
    targets: tuple[Chain, ...],
    weigh_from: Chain | None,
    concurrency: int,
    per_minute: float | None,
    engine: Literal["local", "ray"],
    check: bool,
    as_json: bool,
) -> None:
    """Find the temperature at which MODEL does TASK best.

    TASK is one that comes with retort (capitals, names, exploit, explore), a YAML file (retort's own or
    promptfoo's), or JSON lines of prompt and reference. All temperatures are compared on the same items
    and the same noise, and one forward pass serves every temperature that still shares the text. The answer can be
    that no difference is detectable. With --from or --from-records the answers are there already.
    """
    from retort.cli.output import print_json
    from retort.cli.tuning_table import print_tuning
    from retort.tune import Pace, Wanted, find_likeness

    if print_schema:
        from retort.tune.task import task_schema

        print_json(task_schema())
        return
    if sum(given is not None for given in (task, recorded, others)) != 1:
        raise click.UsageError("give one of TASK, --from DIR and --from-records FILE.")
    if goal is not None and others is None:
        raise click.UsageError(
            "--goal goes with --from-records; a task and a recording say their goal themselves."
        )
    if resume and record is None:
        raise click.UsageError("--resume goes on with a recording; say where it is with --record DIR.")
    if check and task is None:
        raise click.UsageError("--check is for a TASK; a recording costs nothing.")
    if logprobs and record is None:
        raise click.UsageError("--logprobs are kept in a recording; say where it is with --record DIR.")
    if second is not None and task is None:
        raise click.UsageError("--second reads the answers after their prompts, which only a TASK has.")
    wanted = Wanted(targets, weigh_from) if targets or weigh_from is not None else None
    if wanted is not None and others is not None:
        raise click.UsageError(
            "others' records do not say how likely their answers were; nothing to re-weight."
        )
    pace = Pace(concurrency, per_minute)
    likeness = find_likeness(embedder or "words")
    variety = variety or embedder is not None
    if task is not None:
        asked = _asked(task, preset, temperatures, samples, items, chains, seed, skip_unsupported)
        if chat is not None:
            asked = replace(asked, task=replace(asked.task, is_chat=chat))
        if max_tokens is not None:
            asked = replace(asked, task=replace(asked.task, max_tokens=max_tokens))
        _say_notes(asked.task, max_tokens)
        if check:
            _check(asked, model, as_json)
            return
        found = _run(
            asked,
            _model_of(asked.task, model),
            record,
            resume,
            pace,
            engine,
            variety,
            likeness,
            second,
            logprobs,
            wanted,
        )
    else:
        found = _recorded(recorded, others, goal, seed, variety, likeness, wanted)
    if as_json:
        print_json(found)
    else:
        print_tuning(found)


@dataclass(frozen=True)
class _Asked:
    """A task with what the command line, its file, or a preset say about it, in this order."""

    task: Task
    temperatures: Temperatures
    samples: int
    items: int | None
    chains: tuple[Chain, ...]
    seed: int


def _asked(
    name: str,
    preset: str | None,
    temperatures: Temperatures | None,
    samples: int | None,
    items: int | None,
    chains: tuple[Chain | EngineSettings, ...],
    seed: int,
    skip_unsupported: bool,
) -> _Asked:
    from retort.tune import find_preset, load_task
    from retort.tune.settings import EngineSettings

    task = load_task(name, skip_unsupported=skip_unsupported)
    kind = None if preset is None else find_preset(preset)
    if kind is not None:
        task = replace(task, goal=kind.goal)
    planned = task.budget.temperatures if len(task.budget.temperatures) > 1 else ()
    usual = kind.temperatures if kind is not None else USUAL_TEMPERATURES
    often = kind.samples if kind is not None else USUAL_SAMPLES
    tried = chains or task.budget.chains
    grid = temperatures or (() if len(tried) > 1 else planned or usual)
    return _Asked(
        task,
        grid,
        samples or task.budget.samples or often,
        items or task.budget.items,
        tuple(one.chain(swept=bool(grid)) if isinstance(one, EngineSettings) else one for one in tried),
        seed,
    )


def _model_of(task: Task, given: str | None) -> str:
    """The model that was given, else the one that the task says; an error where there is none, or several."""
    from retort.tune.task import needed_models

    models = needed_models(task, () if given is None else (given,))
    if len(models) > 1:
        raise click.UsageError(
            f"the task {task.name} names {len(models)} models; take one of {', '.join(models)} with --model."
        )
    return models[0]


def _say_notes(task: Task, max_tokens: int | None) -> None:
    """What a user should know of the task's file, on stderr."""
    for note in task.notes:
        if max_tokens is None or "--max-tokens" not in note:
            click.echo(f"{task.name}: {note}", err=True)
    for what, count in task.skipped.items():
        click.echo(f"{task.name}: left out {what} ({count} time{'s' * (count != 1)})", err=True)


def _run(
    asked: _Asked,
    model: str,
    record: Path | None,
    resume: bool,
    pace: Pace,
    engine: Literal["local", "ray"],
    variety: bool,
    likeness: Likeness,
    second: str | None,
    logprobs: bool,
    wanted: Wanted | None,
) -> Tuning:
    from retort.cli.progress import Progress
    from retort.sources.base import Capability
    from retort.sources.load import load
    from retort.tune import run

    source = load(model)
    if source.capability is not Capability.FULL:
        _say_cost(asked, source.name, pace)
    with Progress("tune") as progress:
        return run(
            asked.task,
            source,
            asked.temperatures,
            asked.samples,
            seed=asked.seed,
            limit_items=asked.items,
            on_progress=progress,
            chains=asked.chains,
            record=record,
            resume=resume,
            pace=pace,
            engine=engine,
            variety=variety,
            likeness=likeness,
            logprobs=logprobs,
            reweight=wanted,
            second=None if second is None else load(second),
        )


def _say_cost(asked: _Asked, name: str, pace: Pace) -> None:
    """What a server will be asked, on stderr before the first request."""
    from retort.tune import make_plan
    from retort.tune.sweep import COARSE

    grid = COARSE if isinstance(asked.temperatures, str) else asked.temperatures
    part = " for the coarse temperatures" if isinstance(asked.temperatures, str) else ""
    cost = make_plan(asked.task, grid, asked.samples, asked.seed, asked.items, None, asked.chains).cost
    least = (
        "" if pace.per_minute is None else f", {60 * cost.answers / pace.per_minute:,.0f} seconds at least"
    )
    click.echo(
        f"tune: {cost.answers:,} requests to {name}{part}, each answered with at most "
        f"{cost.max_tokens:,} token{'s' * (cost.max_tokens != 1)}{least}; what is recorded already is not asked again",
        err=True,
    )


def _recorded(
    recorded: Path | None,
    others: Path | None,
    goal: str | None,
    seed: int,
    variety: bool,
    likeness: Likeness,
    wanted: Wanted | None,
) -> Tuning:
    """The tuning of a recording, or of others' records."""
    from retort.tune import Origin, conclude, find_goal, read, read_likelihoods, read_records, reweighted

    if recorded is not None:
        answers, its_goal, origin = read(recorded)
        aim = find_goal(its_goal)
        found = conclude(answers, aim, origin, variety=variety, likeness=likeness)
        if wanted is None:
            return found
        likelihoods = read_likelihoods(recorded, len(answers))
        return replace(found, reweighted=reweighted(answers, likelihoods, aim, wanted, origin.seed))
    assert others is not None
    aim = find_goal("exploit" if goal is None else goal)
    return conclude(
        read_records(others), aim, Origin(others.name, "recorded", seed), variety=variety, likeness=likeness
    )


def _check(asked: _Asked, model: str | None, as_json: bool) -> None:
    """Say what the sweep would be, without running it."""
    from retort.cli.output import print_json, stdout_console
    from retort.tune import make_plan
    from retort.tune.sweep import COARSE

    grid = COARSE if isinstance(asked.temperatures, str) else asked.temperatures
    plan = make_plan(asked.task, grid, asked.samples, asked.seed, asked.items, None, asked.chains)
    if as_json:
        models = list(plan.task.models)
        print_json(
            {
                "task": plan.task.name,
                "model": model or (models[0] if len(models) == 1 else models or None),
                "goal": plan.task.goal,
                "cost": plan.cost,
                "skipped": dict(plan.task.skipped),
                "notes": list(plan.task.notes),
            }
        )
        return
    cost = plan.cost
    auto = " These are the coarse temperatures; a finer round around the best follows." * (
        asked.temperatures == AUTO
    )
    stdout_console().print(
        f"{plan.task.name} ({plan.task.goal}) is a valid task: {cost.items} items × {cost.prompts} prompt"
        f"{'s' * (cost.prompts != 1)} × {cost.samples} samples × {cost.settings} settings = {cost.answers:,} "
        f"answers of at most {cost.max_tokens} tokens. On a local model that is {cost.fewest_passes:,} to "
        f"{cost.most_passes:,} forward passes, because temperatures that agree share them; a server would be asked "
        f"{cost.answers:,} times.{auto}",
        soft_wrap=True,
    )
