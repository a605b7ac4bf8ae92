"""`retort init`: writes a task file, from three questions or from a CSV file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from retort.cli.grammar import group, verb
from retort.cli.options import json_option

if TYPE_CHECKING:
    from retort.tune.task import Draft

GOALS = ("exploit", "explore", "reproduce")


@verb(
    examples=(
        "retort init",
        "retort init questions.csv --prompt 'What is the capital of {country}?' --answer capital",
    )
)
@click.argument("csv", metavar="[CSV]", required=False, type=click.Path(dir_okay=False, path_type=Path))
@group(
    "What the task asks",
    click.option(
        "--prompt",
        metavar="TEXT",
        help="The question, with {variables} that name columns of CSV.  [default: its column prompt or question]",
    ),
    click.option(
        "--answer",
        metavar="COLUMN",
        help="The column with the right answers; separate several with |.  [default: reference, answer, expected …]",
    ),
    click.option(
        "--goal",
        type=click.Choice(GOALS),
        help="One right answer (exploit), many different ones (explore), or the same one every time (reproduce).",
    ),
    click.option("--model", metavar="MODEL", help="The model to tune, kept in the file."),
    click.option(
        "--chat/--no-chat",
        default=True,
        help="Ask as a user's message, or as text to continue.  [default: chat]",
    ),
)
@group(
    "Output",
    click.option(
        "-o",
        "--out",
        type=click.Path(dir_okay=False, path_type=Path),
        default=Path("task.yaml"),
        show_default=True,
        help="The file to write; it must not exist.",
    ),
    json_option,
)
def command(
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
    from retort.tune.task import draft_of_csv, load_task

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
        task = load_task(out)
    except Exception:
        out.unlink()
        raise
    if as_json:
        from retort.cli.output import print_json

        print_json(
            {"file": out, "items": len(task.items), "goal": task.goal, "scorer": task.scorer.kind.name}
        )
        return
    click.echo(f"{out}: {len(task.items)} items, goal {task.goal}, scorer {task.scorer.kind.name}.")
    click.echo(f"Next: retort tune {out} --check" + ("" if model else ", then with --model MODEL"))


def _from_questions(name: str, prompt: str | None, goal: str | None, model: str | None, chat: bool) -> Draft:
    """The draft that three questions give: what is asked, what a good answer is, and examples."""
    from retort.tune.task import Draft

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
