"""`retort page` and `studio`: the interactive page, as one file or as a local web app."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

import retort
from retort.cli.grammar import Parsed, Whole, group, option, verb
from retort.cli.options import (
    chain_option,
    json_option,
    max_tokens_option,
    model_argument,
    prompt_argument,
    seed_option,
    temperatures_option,
)
from retort.cli.output import open_page, print_json


def record_file(verb: str, holds: str) -> Parsed:
    """A file with the JSON document of a verb, which has the key `holds`."""

    def read(name: str) -> dict[str, Any]:
        from retort.errors import SourceError
        from retort.files import read_json

        found = read_json(name)
        if not isinstance(found, dict) or holds not in found:
            raise SourceError(f"{name} is not what retort {verb} --json wrote: it has no {holds}.")
        return found

    return Parsed("FILE", read)


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
    option("--against MODEL", "A second model, to compare the first with."),
    option("--against-prompt TEXT", "A second prompt, to compare the first with."),
    option("--tune", "Add a view of a result of retort tune --json.", record_file("tune", "recommendation")),
    option(
        "--distill",
        "Add a view of a result of retort distill --json.",
        record_file("distill", "verdict"),
        into="distil",
    ),
)
@group(
    "Output",
    option(
        "-o --out --output FILE",
        "The file to write.",
        click.Path(dir_okay=False, path_type=Path),
        into="output",
        default=Path("page.html"),
    ),
    option(
        "--tour/--no-tour",
        "Begin with the five-step tour.",
        into="with_tour",
        default=True,
        show_default=False,
    ),
    option("--open", "Open the page in the browser.", into="open_browser"),
    json_option,
)
def page(
    model: str,
    prompt: str,
    tune: dict[str, Any] | None,
    distil: dict[str, Any] | None,
    output: Path,
    with_tour: bool,
    open_browser: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Write an interactive page about what MODEL would say after PROMPT.

    It shows the next token, a text token by token, the text at every temperature, and, with --against or
    --against-prompt, two positions side by side. The file contains the model's logits and works offline, without the
    model: its sliders and its chain compute the same numbers as retort.

    A server gives only its most likely tokens, so its numbers are intervals and its text is the greedy one.
    """
    from retort.lens.page import views
    from retort.report.standalone import tour, write_standalone

    source = retort.load(model)
    records = views(source, prompt, **given)
    beside = {"tune": tune, "distil": distil, "tour": tour() if with_tour else None}
    records |= {name: record for name, record in beside.items() if record is not None}
    write_standalone(output, f"{source.name} after {prompt!r}", records, retort.__version__)
    size = output.stat().st_size
    if as_json:
        print_json(
            {"model": model, "prompt": prompt, "file": str(output), "bytes": size, "views": list(records)}
        )
    else:
        click.echo(f"{output}: {size:,} bytes, views: {', '.join(records)}")
    if open_browser:
        open_page(output)


@verb(examples=("retort studio --open", "retort studio embedded:smollm2 ./my-model --port 9000"))
@click.argument("models", metavar="[MODEL]...", nargs=-1)
@group(
    "How to serve",
    option(
        "--port",
        "Port on this machine; 0 picks any free one.  [default: 8765, or the next free]",
        Whole(0, 65535),
    ),
    option("--open", "Open the page in the browser.", into="open_browser"),
    option("-j --json", "Print the address as one JSON document.", into="as_json"),
)
def studio(models: tuple[str, ...], port: int | None, open_browser: bool, as_json: bool) -> None:
    """Explore MODELs in the browser: a local web app that runs until Ctrl-C.

    Without MODEL it has embedded:smollm2, if its package is installed, embedded:base and embedded:english. Only the
    models named here can be used from the page. The app listens on this machine only, and running a model needs the
    token in the address that it prints.
    """
    from retort.studio.serve import default_models, serve

    names = models or default_models()

    def say(address: str) -> None:
        if as_json:
            print_json({"address": address, "models": list(names)})
        else:
            click.echo(f"{address}\nModels: {', '.join(names)}. Stop with Ctrl-C.")
        if open_browser:
            # Not webbrowser.open, which waits for a browser in the terminal: nothing is served before this returns.
            click.launch(address)

    serve(names, port, say)
