"""What every command of retort has in common: examples first, options in groups, one name for one thing.

    @verb(
        examples=("retort look embedded:english 'the sky is'", "retort look ./my-model - --chat < chat.txt"),
        renamed={"--temperatures": "--temperature"},
    )
    @group("What to look at", model_argument, option("--top", "How many tokens to list.", Whole(1), default=10))
    @group("Output", option("-o --out FILE", "The file to write."))
    def look(…): …

Old names are taken for one release: the command says the new one on stderr and goes on.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click
import cloup

from retort.errors import RetortError


def group(title: str, *decorators: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Puts the options that `decorators` add under a heading in the help; arguments among them stay arguments.

    Unlike cloup's own, it takes a decorator that wraps the command, such as `asking_options`.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        heading = cloup.OptionGroup(title)
        # click keeps parameters in a list on the function, the lowest decorator's first, and turns it round in the end:
        # what a decorator appends belongs to this group. One that wraps has the list of what it wraps.
        for decorator in reversed(decorators):
            before = len(getattr(function, "__click_params__", ()))
            function = decorator(function)
            for added in function.__click_params__[before:]:  # type: ignore[attr-defined]
                if isinstance(added, click.Option):
                    added.group = heading  # type: ignore[attr-defined]
        return function

    return decorate


class Command(cloup.Command):
    """A command whose help begins with its examples and which still takes the names that options had before."""

    def __init__(
        self,
        *args: Any,
        examples: Sequence[str] = (),
        renamed: Mapping[str, str] | None = None,
        instead_of_option: Callable[[str, Sequence[str]], str | None] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(*args, **more)
        self.examples = tuple(examples)
        self.renamed = dict(renamed or {})
        self.instead_of_option = instead_of_option

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, with old option names turned into today's."""
        try:
            return super().parse_args(ctx, list(self._with_new_names(args)))
        except click.NoSuchOption as problem:
            near = problem.possibilities or ()
            said = self.instead_of_option and self.instead_of_option(problem.option_name, near)
            if not said:
                raise
            raise click.UsageError(said, ctx) from None

    def _with_new_names(self, args: Sequence[str]) -> list[str]:
        found = []
        said: set[str] = set()
        literal = False
        for arg in args:
            literal = literal or arg == "--"  # what follows it is text, whatever it looks like
            name, equals, value = arg.partition("=")
            if not literal and name in self.renamed:
                new = self.renamed[name]
                if name not in said:
                    click.echo(
                        f"retort: note: {name} is now {new}; the old name goes with the next release.",
                        err=True,
                    )
                said.add(name)
                arg = f"{new}{equals}{value}"
            found.append(arg)
        return found

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Examples, usage, what the command does, then its options by group."""
        if self.examples:
            with formatter.section("Examples"):
                for line in self.examples:
                    formatter.write(f"{'':>{formatter.current_indent}}{line}\n")
            formatter.write_paragraph()
        super().format_help(ctx, formatter)


def verb(
    *, examples: Sequence[str], renamed: Mapping[str, str] | None = None, **more: Any
) -> Callable[[Callable[..., Any]], Command]:
    """Decorates the function of a command. `renamed`: old option name → new one.

    `instead_of_option(option, near)`: what to say of an option that the command does not have, or None for what click
    says; `near` are the options that click would name.
    """

    def decorate(function: Callable[..., Any]) -> Command:
        made: Command = cloup.command(
            cls=Command,
            examples=examples,
            renamed=renamed,
            align_option_groups=True,
            context_settings={"show_default": True},
            **more,
        )(function)
        made.help = inspect.cleandoc(made.help or "")
        return made

    return decorate


def option(
    shown: str, help: str, type: Any = None, *, into: str | None = None, **more: Any
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """An option as the help shows it: `-m --model MODEL`, what it does, and its type if that is not text.

    Without a name for its value, and without a type, it is a flag. `into`: the parameter that gets it, where that is
    not the option's own name. All else is as in `click.option`.
    """
    names = shown.split()
    metavar = None if names[-1].startswith("-") else names.pop()
    if metavar is None and type is None and "/" not in shown:
        more["is_flag"] = True
    return click.option(*names, *([into] if into else []), help=help, type=type, metavar=metavar, **more)


class Parsed(click.ParamType):
    """What `read` makes of an option's text, called `name` in the help; a sentence that it raises is a usage error."""

    def __init__(self, name: str, read: Callable[[str], Any]) -> None:
        self.name, self._read = name, read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):  # a default, or converted before
            return value
        try:
            return self._read(value)
        except (RetortError, ValueError) as problem:
            self.fail(str(problem), param, ctx)


class Whole(click.IntRange):
    """A whole number from `min` to `max`, called N in the help."""

    name = "N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return super().convert(_one(self, value, int, "a whole number", param, ctx), param, ctx)

    # click's own, for the help and for its error, where it writes 0<=x<=1.
    def _describe_range(self) -> str:
        return _range_in_words(self.min, self.max)


class Decimal(click.FloatRange):
    """A number from `min` to `max`, called X in the help."""

    name = "X"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return super().convert(_one(self, value, float, "one number", param, ctx), param, ctx)

    def _describe_range(self) -> str:
        return _range_in_words(self.min, self.max, above=self.min_open)


def _one(
    kind: click.ParamType,
    value: Any,
    read: type,
    what: str,
    param: click.Parameter | None,
    ctx: click.Context | None,
) -> Any:
    """The number, or a sentence: click would say "not a valid integer range"."""
    try:
        return read(value)
    except (TypeError, ValueError):
        kind.fail(f"{value!r} is not {what}.", param, ctx)


LONGEST_LIMIT = 10**9
"""Limits beyond this are there for the machine (a seed of 64 bits) and would only be noise in the help."""


def _range_in_words(low: float | None, high: float | None, above: bool = False) -> str:
    high = None if high is not None and high > LONGEST_LIMIT else high
    if low is not None and high is not None:
        return f"above {low:g}, up to {high:g}" if above else f"{low:g} to {high:g}"
    if low is not None:
        return f"above {low:g}" if above else f"{low:g} or more"
    return "" if high is None else f"up to {high:g}"
