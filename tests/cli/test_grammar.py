"""The grammar that all commands share: examples first, groups, old names, numbers in words."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from retort.cli.grammar import Command, Decimal, Whole, group, option, verb
from retort.cli.main import COMMANDS, main


@verb(examples=("retort show 3 --samples 2", "retort show 4"), renamed={"--number": "--samples"})
@click.argument("what")
@group(
    "How much",
    option("-n --samples", "How many.", Whole(1), default=1),
    option("--share", "Which part.", Decimal(0, 1, min_open=True)),
    option("--seed", "Fixes the noise.", Whole(0, 2**64 - 1), default=0),
    option("-l --loud", "A flag."),
    option("--name TEXT", "Repeatable.", into="names", multiple=True),
    option("--old/--new", "One or the other."),
)
def show(
    what: str, samples: int, share: float | None, seed: int, loud: bool, names: tuple[str, ...], old: bool
) -> None:
    """Show WHAT.

    A second paragraph.
    """
    click.echo(f"{what} {samples} {share} {seed}" + f" {names} {old}" * loud)


def test_help_begins_with_the_examples_and_has_no_type_names_of_a_library() -> None:
    found = CliRunner().invoke(show, ["--help"]).output
    assert found.startswith("Examples:\n  retort show 3 --samples 2\n  retort show 4\n\nUsage: show")
    assert "How much:" in found and "RANGE" not in found
    assert "[default: 1; 1 or more]" in " ".join(found.split())
    assert "above 0, up to 1" in " ".join(found.split())
    assert "1844674407" not in found


def test_old_names_are_taken_with_a_note() -> None:
    found = CliRunner().invoke(show, ["x", "--number=3"])
    assert (found.stdout, found.exit_code) == ("x 3 None 0\n", 0)
    assert "--number is now --samples" in found.stderr
    assert CliRunner().invoke(show, ["x", "--samples", "3"]).stderr == ""
    # Behind -- everything is an argument, and what looks like an old name is the text itself.
    assert CliRunner().invoke(show, ["--", "--number"]).stdout == "--number 1 None 0\n"


def test_an_option_is_declared_as_the_help_shows_it() -> None:
    shown = " ".join(CliRunner().invoke(show, ["--help"]).output.split())
    assert "-l, --loud A flag." in shown and "--name TEXT Repeatable." in shown
    typed = CliRunner().invoke(show, ["x", "-l", "--name", "a", "--name", "b", "--old"])
    assert typed.stdout == "x 1 None 0 ('a', 'b') True\n"


def test_numbers_out_of_range_are_refused() -> None:
    found = CliRunner().invoke(show, ["x", "-n", "0"])
    assert found.exit_code == 2 and "0 is not in the range" in found.output


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_keeps_the_grammar(name: str) -> None:
    """Two examples of itself; one name for one thing; no type names of a library; options under headings."""
    command = main.get_command(click.Context(main), name)
    assert isinstance(command, Command)
    if name != "generate":  # the same as sample
        assert len(command.examples) >= 2 and all(f"retort {name}" in one for one in command.examples)
    options = [one for one in command.params if isinstance(one, click.Option)]
    names = {flag for one in options for flag in one.opts}
    assert not names & {"--temperatures", "--n"}
    for short, long in SHORT.items():
        assert (short in names) <= (long in names), f"{short} is {long}"
    shown = CliRunner().invoke(main, [name, "--help"])
    assert shown.exit_code == 0 and shown.output.startswith("Examples:") and "RANGE" not in shown.output


SHORT = {
    "-t": "--temperature", "-n": "--samples", "-o": "--out", "-m": "--model", "-c": "--chain", "-s": "--seed",
    "-k": "--top-k", "-p": "--prompts", "-f": "--format", "-j": "--json",
}  # fmt: skip


def test_a_shell_can_complete_commands_and_options() -> None:
    asked = {"_RETORT_COMPLETE": "bash_complete", "COMP_CWORD": "1", "COMP_WORDS": "retort det"}
    assert "determinism" in CliRunner().invoke(main, prog_name="retort", env=asked).output
    asked |= {"COMP_CWORD": "2", "COMP_WORDS": "retort look --temp"}
    assert "--temperature" in CliRunner().invoke(main, prog_name="retort", env=asked).output


def test_a_mistyped_option_gets_the_nearest_name_alone(run) -> None:
    said = run("tune", "capitals", "--modle", "x").stderr
    assert "Did you mean '--model'?" in said and "--goal" not in said
