"""`python -m retort.cli.reference` prints docs/cli.md, made from the commands themselves.

A test compares it with the file, so that the page cannot become stale; `make docs` writes it anew.
"""

from __future__ import annotations

import click

from retort.cli.main import COMMANDS, main

WIDTH = 100

HEAD = """\
# The command line

This page is made from the commands themselves (`make docs`); a test fails when it is stale.

Every command takes `--json`: one JSON document on stdout and nothing else there. Without it, stdout gets tables.
Progress goes to stderr. A mistake (a model that is not there, a value out of range) is one line on stderr and exit
code 2; Ctrl-C is one line and exit code 130.
"""


def reference() -> str:
    """The whole page in Markdown: `retort --help`, then every command's help."""
    sections = [HEAD, _section("retort", main)]
    for name, (module, _) in COMMANDS.items():
        if name != module:
            continue  # an alias: same command, told once
        command = main.get_command(click.Context(main), name)
        assert command is not None
        sections.append(_section(f"retort {name}", command))
    return "\n".join(sections)


def _section(path: str, command: click.Command) -> str:
    ctx = command.context_class(
        command,
        info_name=path,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
        help_option_names=["-h", "--help"],
    )
    return f"## {path}\n\n```text\n{command.get_help(ctx)}\n```\n"


if __name__ == "__main__":
    click.echo(reference(), nl=False)
