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

Every command that prints a table takes `--format`, `--json` and `-o FILE`: then one document and nothing else is on
stdout or in FILE. Progress and notes go to stderr.

[Exit codes](troubleshooting.md#exit-codes) are 0, 2 (a mistake), 3 (`--fail-if` holds), 130 and 141.
[Shell completion](install.md#shell-completion) knows every command and option.
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
