"""`retort studio`: the local web app."""

from __future__ import annotations

import click

from retort.cli.grammar import Whole, group, verb


@verb(
    examples=("retort studio --open", "retort studio embedded:smollm2 ./my-model --port 9000"),
)
@click.argument("models", metavar="[MODEL]...", nargs=-1)
@group(
    "How to serve",
    click.option(
        "--port",
        type=Whole(0, 65535),
        help="Port on this machine; 0 picks any free one.  [default: 8765, or the next free]",
    ),
    click.option("--open", "open_browser", is_flag=True, help="Open the page in the browser."),
    click.option("-j", "--json", "as_json", is_flag=True, help="Print the address as one JSON document."),
)
def command(models: tuple[str, ...], port: int | None, open_browser: bool, as_json: bool) -> None:
    """Explore MODELs in the browser: a local web app that runs until Ctrl-C.

    Without MODEL it has embedded:smollm2, if its package is installed, embedded:base and embedded:english. Only the
    models named here can be used from the page. The app listens on this machine only, and running a model needs the
    token in the address that it prints.
    """
    from retort.cli.output import print_json
    from retort.studio.serve import default_models, serve

    names = models or default_models()

    def say(address: str) -> None:
        if as_json:
            print_json({"address": address, "models": list(names)})
        else:
            click.echo(f"{address}\nModels: {', '.join(names)}. Stop with Ctrl-C.")
        if open_browser:
            click.launch(address)

    serve(names, port, say)
