"""`retort page`: one HTML file in which every temperature and every chain can be tried without the model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from retort.cli.grammar import group, verb
from retort.cli.options import (
    chain_option,
    json_option,
    max_tokens_option,
    model_argument,
    prompt_argument,
    seed_option,
    temperatures_option,
)

if TYPE_CHECKING:
    from retort.chain.chain import Chain


class RecordFile(click.ParamType):
    """A file with one JSON document that a command of retort wrote."""

    name = "FILE"

    def __init__(self, command: str, holds: str) -> None:
        self._command, self._holds = command, holds

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, Any]:
        from retort.errors import SourceError
        from retort.files import read_json

        if isinstance(value, dict):
            return value
        try:
            found = read_json(value)
        except SourceError as problem:
            self.fail(str(problem), param, ctx)
        if not isinstance(found, dict) or self._holds not in found:
            self.fail(
                f"{value} is not what {self._command} --json wrote: it has no {self._holds}.", param, ctx
            )
        return found


@verb(
    examples=(
        "retort page embedded:smollm2 'The capital of Australia is' --open",
        "retort page ./base 'The sky is' --against ./tuned -o base-and-tuned.html",
    ),
    renamed={"--temperatures": "--temperature"},
)
@group("What to show", model_argument, prompt_argument)
@group(
    "Settings",
    chain_option,
    temperatures_option("0:2:41", "Temperatures that the path must cover"),
    seed_option,
    max_tokens_option,
)
@group(
    "More views",
    click.option("--against", metavar="MODEL", help="A second model, to compare the first with."),
    click.option("--against-prompt", metavar="TEXT", help="A second prompt, to compare the first with."),
    click.option(
        "--tune",
        "tuned",
        type=RecordFile("retort tune", "recommendation"),
        help="Add a view of a result of retort tune --json.",
    ),
    click.option(
        "--distill",
        "distilled",
        type=RecordFile("retort distill", "verdict"),
        help="Add a view of a result of retort distill --json.",
    ),
)
@group(
    "Output",
    click.option(
        "-o",
        "--out",
        "--output",
        "output",
        type=click.Path(dir_okay=False, path_type=Path),
        default=Path("page.html"),
        show_default=True,
        metavar="FILE",
        help="The file to write.",
    ),
    click.option("--tour/--no-tour", "with_tour", default=True, help="Begin with the five-step tour."),
    click.option("--open", "open_page", is_flag=True, help="Open the page in the browser."),
    json_option,
)
def command(
    model: str,
    prompt: str,
    chain: Chain | None,
    temperatures: tuple[float, ...],
    seed: int,
    max_tokens: int,
    against: str | None,
    against_prompt: str | None,
    tuned: dict[str, Any] | None,
    distilled: dict[str, Any] | None,
    output: Path,
    with_tour: bool,
    open_page: bool,
    as_json: bool,
) -> None:
    """Write an interactive page about what MODEL would say after PROMPT.

    It shows the next token, a text token by token, the text at every temperature, and, with --against or
    --against-prompt, two positions side by side. The file contains the model's logits and works offline, without the
    model: its sliders and its chain compute the same numbers as retort.

    A server gives only its most likely tokens, so its numbers are intervals and its text is the greedy one.
    """
    from retort import __version__
    from retort.cli.output import print_json
    from retort.lens.page import views
    from retort.report.standalone import tour, write_standalone
    from retort.sources.load import load

    source = load(model)
    records = views(
        source,
        prompt,
        chain=chain,
        temperatures=temperatures,
        seed=seed,
        max_tokens=max_tokens,
        against=against,
        against_prompt=against_prompt,
    )
    records |= {name: one for name, one in (("tune", tuned), ("distil", distilled)) if one is not None}
    if with_tour:
        records["tour"] = tour()
    write_standalone(output, f"{source.name} after {prompt!r}", records, __version__)
    size = output.stat().st_size
    if as_json:
        print_json(
            {"model": model, "prompt": prompt, "file": str(output), "bytes": size, "views": list(records)}
        )
    else:
        click.echo(f"{output}: {size:,} bytes, views: {', '.join(records)}")
    if open_page:
        click.launch(output.resolve().as_uri())
