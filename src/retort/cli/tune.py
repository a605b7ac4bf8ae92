"""`retort tune`: which setting, prompt and model suit a task; and `init`, which writes the task's file."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from retort.cli.asking import show_prompt_option, show_prompts, show_seen
from retort.cli.exporting import Export, Shown, exporting_options
from retort.cli.grammar import Decimal, Parsed, Whole, group, option, verb
from retort.cli.options import (
    CHAIN,
    File,
    endpoint_option,
    json_option,
    parse_temperatures,
    ray_option,
    seed_option,
)
from retort.cli.output import json_text, print_json, stdout_console
from retort.cli.progress import Progress

if TYPE_CHECKING:
    from retort.tune.draft import Draft
    from retort.tune.item import Task
    from retort.tune.tune import Asked

GOALS = ("exploit", "explore", "reproduce")


def _temperatures(text: str) -> tuple[float, ...] | str:
    """A list of temperatures, or the word auto."""
    return text if text == "auto" else parse_temperatures(text)


def _chain_or_engine(text: str) -> Any:
    """A chain, or settings as an engine reads them."""
    from retort.chain.chain import Chain
    from retort.tune.settings import parse_engine_settings

    return parse_engine_settings(text) or Chain.parse(text)


def _price(text: str) -> tuple[float, float]:
    """Money per million tokens of the prompt and of the answer: `0.5,1.5`."""
    try:
        before, after = (float(part) for part in text.split(","))
    except ValueError:
        before = after = -1.0  # no price either: one sentence for both mistakes
    if not (0 <= before < float("inf") and 0 <= after < float("inf")):
        raise ValueError(f"{text!r} is no price; give two numbers per million tokens, as in 0.5,1.5.")
    return before, after


@verb(
    examples=(
        "retort tune promptfooconfig.yaml --model http://localhost:8000/v1#name --price 0.5,1.5",
        "retort tune exploit --model embedded:smollm2 --temperature 0,0.5,1 -o report.html",
        "retort tune --from cold.eval --from hot.eval --against temperature=1",
    ),
    renamed={"--temperatures": "--temperature"},
)
@click.argument("task", metavar="TASK", required=False)
@group(
    "What to compare",
    option(
        "-m --model MODEL",
        "The model to tune; repeat to compare several.  [default: the task's, or the OpenAI-compatible provider "
        "of a promptfoo file]",
        into="models",
        multiple=True,
    ),
    option(
        "-t --temperature",
        "Temperatures to compare: numbers (0.1,1,2), first:last:count (0:2:41), or auto: 0 to 2 coarsely, then "
        "finely around the best.  [default: the task's, else 0:2:21]",
        Parsed("LIST", _temperatures),
        into="temperatures",
    ),
    option(
        "-c --chain",
        'Transforms in the order they apply, as in "top_k=50 | top_p=0.9", or settings as an engine reads them, '
        'as in "llama.cpp: top_k=40, min_p=0.05"; several are compared with each other, each at its own temperature '
        "unless --temperature is given.",
        Parsed("SPEC", _chain_or_engine),
        into="chains",
        multiple=True,
    ),
    option(
        "--against SETTING",
        'The setting you use today, as in "temperature=1": a planned comparison with it, which has a '
        "narrower interval.  [default: temperature 1, corrected for all pairs]",
    ),
    option(
        "--baseline FILE",
        "An earlier run of the task (its --json, or its --record folder), to see whether this one is worse.",
        click.Path(exists=True, path_type=Path),
    ),
    option(
        "--preset NAME",
        "Goal, temperatures and samples for a kind of task: code, sql, facts, summary, brainstorm, names, story.",
    ),
)
@group(
    "How much to ask",
    option("-n --samples", "Answers per item and temperature.  [default: the task's, else 8]", Whole(1)),
    option("--items", "Use only the first N items.  [default: the task's, else all]", Whole(1)),
    option("--max-tokens", "Longest answer.  [default: the task's]", Whole(1)),
    option(
        "--budget AMOUNT",
        'The most answers to ask for, or "2M tokens", or "3.50 cost". Settings that are significantly worse are '
        "dropped on the way, with tests that stay valid however often you look.  [default: the task's]",
    ),
    option(
        "--price",
        "Price per million tokens of prompt and answer, to show what each row costs.",
        Parsed("IN,OUT", _price),
    ),
    seed_option,
)
@group(
    "How to ask",
    option(
        "--chat/--no-chat",
        "Send prompts as a user's message, with the chat template; or messages as plain text.  "
        "[default: the task's]",
        into="chat",
        default=None,
    ),
    show_prompt_option,
    endpoint_option("what the task needs"),
    option(
        "--skip-unsupported",
        "Leave out, and count, parts of a promptfoo file that retort does not support (JavaScript, judge models).",
    ),
    option("--concurrency", "Simultaneous requests to a server.", Whole(1), default=4),
    option(
        "--per-minute",
        "Maximum requests per minute to a server.  [default: no limit]",
        Decimal(0, min_open=True),
    ),
    ray_option("model", "answers"),
)
@group(
    "Answers that are kept, or made elsewhere",
    option(
        "--record DIR",
        "Keep every answer in DIR as Parquet, as it arrives.",
        click.Path(file_okay=False, path_type=Path),
    ),
    option("--resume", "Continue the recording in --record where it stopped."),
    option(
        "--from PATH",
        "Use existing answers; no model runs. A recording, or files of retort's records, "
        "promptfoo's output, inspect_ai's logs, lm-eval's samples, or an OpenAI batch (its requests and its output).",
        click.Path(path_type=Path),
        into="sources",
        multiple=True,
    ),
    option("--from-records FILE", "Same as --from FILE.", File, into="others", multiple=True),
    option(
        "--goal GOAL",
        "With --from FILE: exploit, explore, reproduce or pass@k.  [default: the task's, else exploit]",
    ),
)
@group(
    "What else to measure",
    option(
        "--variety",
        "Measure how different the answers are: distinct words and pairs, self-BLEU, Vendi score.  [default: "
        "for goal explore]",
    ),
    option(
        "--embedder NAME",
        "How --variety compares two answers: words, minilm (extra embeddings), or the folder of an "
        "embedding model.  [default: words]",
    ),
    option(
        "--second MODEL",
        "A second model that scores how likely the answers are, as another measure of coherence.",
    ),
    option(
        "--logprobs",
        "With --record: keep how likely each answer is at every setting, for --reweight and --reweight-from.",
    ),
    option(
        "--reweight",
        "Estimate the score at another setting (temperature=0.45, or a whole chain) from the "
        "answers already drawn.",
        CHAIN,
        multiple=True,
    ),
    option(
        "--reweight-from",
        "Estimate only from the answers at this setting; without --reweight, for all other settings.",
        CHAIN,
    ),
)
@group(
    "Output",
    option("--check", "Check TASK and print what the sweep would cost; no model runs."),
    option("--print-schema", "Print the JSON Schema of task files and stop."),
    exporting_options(),
)
def tune(
    task: str | None,
    models: tuple[str, ...],
    check: bool,
    print_schema: bool,
    show_prompt: bool,
    export: Export,
    **given: Any,
) -> None:
    """Find the setting at which MODEL does TASK best, with evidence.

    TASK is one that comes with retort (capitals, names, exploit, explore), a YAML file (retort's own or promptfoo's),
    or JSON lines of prompt and reference. All settings are compared on the same items with the same noise. The answer
    may be that no difference is significant. With --from, no model runs; TASK scores those answers that have no
    score.
    """
    from retort.tune.report import Tuning
    from retort.tune.tune import tune

    wanted: Task | str | None = task
    # A folder is a recording of our own, a file holds records; --from-records is older and means files alone.
    sources, others = given.pop("sources"), given.pop("others")
    folders = [path for path in sources if path.is_dir()]
    given["recorded"] = folders[0] if folders else None
    given["records"] = (*(path for path in sources if not path.is_dir()), *others)
    if len(folders) > 1 or (folders and given["records"]):
        raise click.UsageError("--from takes one recording, or files.")
    if print_schema:
        from retort.tune.task import task_schema

        export.plain("--print-schema")
        click.echo(json_text(task_schema()))
        return
    _refuse(task, check, given)
    export.check(Tuning.MEASURES)
    check_as_json = check and export.plain("--check")
    if task is not None and not given["records"]:
        asked = _asked(task, given)
        _say_notes(asked, given["max_tokens"])
        if check:
            _check(asked, models, given, check_as_json)
        if show_prompt:
            _show_prompt(asked, models)
        if check:
            return
        wanted = asked.task
    found = tune(
        wanted,
        list(models) or None,
        on_progress=lambda: Progress("tune"),
        on_note=lambda text: click.echo(f"tune: {text}", err=True),
        **given,
    )
    export.deliver(Shown(found, page=found.page))


def _refuse(task: str | None, check: bool, given: dict[str, Any]) -> None:
    """Options that do not go together."""
    from_files, recorded = bool(given["records"]), given["recorded"] is not None
    wrong = (
        (
            (task is not None and not from_files) + recorded + from_files != 1,
            "give one of TASK, --from DIR and --from FILE (with the TASK where it scores them).",
        ),
        (
            given["goal"] is not None and not from_files,
            "--goal is for --from FILE; a task and a recording have their own goal.",
        ),
        (given["resume"] and given["record"] is None, "--resume needs --record DIR."),
        (check and task is None, "--check is for a TASK; a recording costs nothing."),
        (given["logprobs"] and given["record"] is None, "--logprobs needs --record DIR."),
        (
            given["second"] is not None and task is None,
            "--second reads the answers after their prompts, which only a TASK has.",
        ),
        (
            given["budget"] is not None and (task is None or from_files),
            "--budget is for the sweep of a TASK and does not go with --from.",
        ),
        (
            from_files and (given["reweight"] or given["reweight_from"] is not None),
            "these records do not have the answers' logprobs, so they cannot be re-weighted.",
        ),
    )
    for is_wrong, sentence in wrong:
        if is_wrong:
            raise click.UsageError(sentence)


def _asked(task: str, given: dict[str, Any]) -> Asked:
    from retort.tune.tune import asked

    # The verb takes every option; `asked` takes those that say what the sweep is.
    names = inspect.signature(asked).parameters
    return asked(task, **{name: value for name, value in given.items() if name in names})


def _say_notes(asked: Asked, max_tokens: int | None) -> None:
    """What a user should know of the task's file, on stderr."""
    for note in asked.task.notes:
        # A note that advises --max-tokens is idle where it is given.
        if max_tokens is None or "--max-tokens" not in note:
            click.echo(f"{asked.task.name}: {note}", err=True)
    for what, count in asked.task.skipped.items():
        click.echo(f"{asked.task.name}: left out {what} ({count} time{'s' * (count != 1)})", err=True)


def _show_prompt(asked: Asked, models: tuple[str, ...]) -> None:
    """What each model sees of the first item, through every prompt, on stderr."""
    from retort.sources.base import Capability
    from retort.sources.load import load

    task, item = asked.task, asked.task.items[0]
    for name in models or task.models:
        source = load(name)
        for number in range(len(task.prompts)):
            if source.capability is Capability.FULL:
                show_seen(source, task.seen(source, item, number))
            else:
                show_prompts(source, [task.question(item, number)], None, True)


def _check(asked: Asked, models: tuple[str, ...], given: dict[str, Any], as_json: bool) -> None:
    """Say what the sweep would be, without running it, or all that would stop it."""
    from retort.tune.budget import Price
    from retort.tune.tune import check, described_cost

    check(asked, None if given["price"] is None else Price(*given["price"]), given["engine"])
    if as_json:
        print_json(described_cost(asked, models[0] if len(models) == 1 else None))
        return
    cost = asked.plan.cost
    auto = " These are the coarse temperatures; a finer round around the best follows." * (
        asked.temperatures == "auto"
    )
    stdout_console().print(
        f"{asked.task.name} ({asked.task.goal}) is a valid task: {cost.items} items × {cost.prompts} prompt"
        f"{'s' * (cost.prompts != 1)} × {cost.samples} samples × {cost.settings} settings = {cost.answers:,} "
        f"answers of at most {cost.max_tokens} tokens. On a local model that is {cost.fewest_passes:,} to "
        f"{cost.most_passes:,} forward passes, because temperatures that agree share them; a server would be asked "
        f"{cost.answers:,} times.{auto}",
        soft_wrap=True,
    )


@verb(
    examples=(
        "retort init",
        "retort init questions.csv --prompt 'What is the capital of {country}?' --answer capital",
    )
)
@click.argument("csv", metavar="[CSV]", required=False, type=click.Path(dir_okay=False, path_type=Path))
@group(
    "What the task asks",
    option(
        "--prompt TEXT",
        "The question, with {variables} that name columns of CSV.  [default: its column prompt or question]",
    ),
    option(
        "--answer COLUMN",
        "The column with the right answers; separate several with |.  [default: reference, answer, expected …]",
    ),
    option(
        "--goal",
        "One right answer (exploit), many different ones (explore), or the same one every time (reproduce).",
        click.Choice(GOALS),
    ),
    option("--model MODEL", "The model to tune, kept in the file."),
    option("--chat/--no-chat", "Ask as a user's message, or as text to continue.", default=True),
)
@group(
    "Output",
    option(
        "-o --out",
        "The file to write; it must not exist.",
        click.Path(dir_okay=False, path_type=Path),
        default=Path("task.yaml"),
    ),
    json_option,
)
def init(
    csv: Path | None,
    prompt: str | None,
    answer: str | None,
    goal: str | None,
    model: str | None,
    chat: bool,
    out: Path,
    as_json: bool,
) -> None:
    """Write a task file for `retort tune`: from the rows of a CSV file, or from three questions.

    You can edit the file afterwards; docs/tasks.md lists its keys.
    """
    from retort.files import read_text
    from retort.tune.draft import draft_of_csv
    from retort.tune.task import load_task

    if out.suffix not in (".yaml", ".yml"):
        raise click.UsageError(f"--out is {out}; a task file ends in .yaml.")
    if out.exists():
        raise click.UsageError(f"{out} exists already; name another file with --out.")
    if csv is None and as_json:
        raise click.UsageError("--json cannot be combined with questions on the terminal; give a CSV file.")
    if csv is None:
        draft = _from_questions(out.stem, prompt, goal, model, chat)
    else:
        draft = draft_of_csv(
            read_text(csv), csv.name, out.stem, prompt, answer, goal or "exploit", chat=chat, model=model
        )
    out.write_text(draft.text(), encoding="utf-8")
    try:
        task = load_task(out)  # by the reader that tune has: what init writes must be a task
    except Exception:
        out.unlink()  # or the next try would meet a file that "exists already"
        raise
    if as_json:
        print_json(
            {"file": out, "items": len(task.items), "goal": task.goal, "scorer": task.scorer.kind.name}
        )
        return
    click.echo(f"{out}: {len(task.items)} items, goal {task.goal}, scorer {task.scorer.kind.name}.")
    click.echo(f"Next: retort tune {out} --check" + ("" if model else ", then with --model MODEL"))


def _from_questions(name: str, prompt: str | None, goal: str | None, model: str | None, chat: bool) -> Draft:
    """The draft that three questions give: what is asked, what a good answer is, and examples."""
    from retort.tune.draft import Draft

    if prompt is None:
        prompt = click.prompt("1. What do you ask? Write {name} where items differ", type=str)
    assert prompt is not None
    if goal is None:
        goal = click.prompt(
            "2. What do you want: one right answer (exploit), many different ones (explore), the same one each time "
            "(reproduce)",
            type=click.Choice(GOALS),
            default="exploit",
        )
    variables = list(dict.fromkeys(re.findall(r"\{(\w+)\}", prompt)))
    form = ", ".join(variables) + (" = right answer | another spelling" if goal != "reproduce" else "")
    click.echo(f"3. Items, one per line: {form}. An empty line ends.")
    rows: list[tuple[dict[str, str], list[str]]] = []
    while line := click.prompt(f"item {len(rows) + 1}", default="", show_default=False).strip():
        before, _, after = line.partition("=")
        values = [part.strip() for part in before.split(",", len(variables) - 1)] if variables else []
        right = [part.strip() for part in after.split("|") if part.strip()]
        if len(values) != len(variables) or (goal != "reproduce" and not right):
            click.echo(f"   This is not {form}; skipped.")
            continue
        rows.append((dict(zip(variables, values, strict=True)), right))
    if not rows:
        raise click.UsageError("there are no items; a task needs at least one.")
    return Draft(name, prompt, goal, rows, chat, model)
