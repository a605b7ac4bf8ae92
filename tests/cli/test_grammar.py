"""The grammar that all commands share: examples first, groups, old names, numbers in words."""

from __future__ import annotations

import click
from click.testing import CliRunner

from retort.cli.grammar import Decimal, Whole, group, verb


@verb(examples=("retort show 3 --samples 2", "retort show 4"), renamed={"--number": "--samples"})
@click.argument("what")
@group(
    "How much",
    click.option("-n", "--samples", type=Whole(1), default=1, show_default=True, help="How many."),
    click.option("--share", type=Decimal(0, 1, min_open=True), help="Which part."),
    click.option("--seed", type=Whole(0, 2**64 - 1), default=0, help="Fixes the noise."),
)
def show(what: str, samples: int, share: float | None, seed: int) -> None:
    """Show WHAT.

    A second paragraph.
    """
    click.echo(f"{what} {samples} {share} {seed}")


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


def test_numbers_out_of_range_are_refused() -> None:
    found = CliRunner().invoke(show, ["x", "-n", "0"])
    assert found.exit_code == 2 and "0 is not in the range" in found.output
