"""The command `retort`: which commands there are, in which file each is, and how every one of them ends.

That file is imported only when a command of it runs, so `retort --help` answers at once. Every mistake of a user,
wherever it is noticed, ends the same way: one line on stderr, exit 2.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click

from retort import __version__
from retort.errors import RetortError, printable

# name → (module under retort.cli that has a command of that name, what `retort --help` says of it), in that order.
COMMANDS: dict[str, tuple[str, str]] = {
    "look": ("look", "What the model would say next, at several temperatures."),
    "explain": ("look", "What the same settings mean in several engines, side by side."),
    "sample": ("sample", "Draw texts, with a record of how each token was drawn."),
    "generate": ("sample", "Same as sample."),
    "trace": ("look", "A text token by token: how likely, how certain, and what a chain would remove."),
    "compare": ("compare", "Where two models or chains disagree over the same texts."),
    "similar": ("compare", "Which words or classes the model treats as similar."),
    "path": ("sample", "One seed, every temperature: where the text changes."),
    "page": ("page", "One HTML file that shows every temperature and chain without the model."),
    "studio": ("page", "Explore models in the browser: a local web app."),
    "tune": ("tune", "Which temperature suits a task, and whether the difference is real."),
    "init": ("tune", "Write a task file for tune, from a CSV file or three questions."),
    "equivalent": ("compare", "The temperature at which one model is nearest to another."),
    "determinism": ("compare", "What batch, cache, threads and dtype do to greedy texts."),
    "claims": ("claims", "Common claims about temperature, checked on a model."),
    "capture": ("distill", "Run a teacher over text once and keep soft targets for students."),
    "cache": ("distill", "What a cache of soft targets contains, and whether it is intact."),
    "distill": ("distill", "Distil a large model into a small one, with a control on hard labels."),
    "tour": ("tour", "Every verb on one model, with findings and an HTML report."),
    "models": ("models", "The models that come with retort."),
}

USAGE_ERROR = 2
INTERRUPTED = 130  # what a shell reports for a command ended by Ctrl-C
NO_READER = 141  # and for one whose reader has gone, as in `retort look … | head`


class RetortGroup(click.Group):
    """A group whose commands load late and whose errors are one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"retort.cli.{COMMANDS[cmd_name][0]}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        # Here rather than in `main`, where click would first print an empty line of its own.
        try:
            with _quiet_without_reader():
                return super().invoke(ctx)
        except KeyboardInterrupt:
            _say("stopped by Ctrl-C")
            raise click.exceptions.Exit(INTERRUPTED) from None

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        with _quiet_without_reader():  # --help and --version print while options are read
            return super().parse_args(ctx, args)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command and exit: 0 done, 2 a mistake of the user (one line on stderr), 130 Ctrl-C, 141 no reader."""
        _keep_odd_characters_printable()
        try:
            code = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        except click.ClickException as problem:
            code = USAGE_ERROR
            if isinstance(problem, click.NoSuchOption) and problem.possibilities:
                # click names all that are near, in the order of the alphabet.
                near = get_close_matches(problem.option_name, problem.possibilities, n=1)
                problem = click.NoSuchOption(problem.option_name, possibilities=near, ctx=problem.ctx)
            _say(f"{problem.format_message()}{_where_help_is(problem)}")
        except click.exceptions.Abort:
            code = INTERRUPTED
            _say("stopped")
        except RetortError as problem:
            code = USAGE_ERROR
            for sentence in problem.said or (str(problem),):
                _say(sentence)
        # Without standalone_mode click returns the code of an Exit, and otherwise what the command returned.
        if standalone_mode:
            sys.exit(code if isinstance(code, int) else 0)
        return code


@contextmanager
def _quiet_without_reader() -> Iterator[None]:
    """Ends the command as a shell expects it where nobody reads its output any longer."""
    try:
        yield
        sys.stdout.flush()  # what is still held back must meet a reader that has gone here, not at exit
    except BrokenPipeError:
        # Python writes what it holds back once more at exit, and would complain: nobody is left to read it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise click.exceptions.Exit(NO_READER) from None


def _say(message: str) -> None:
    """One line on stderr, whatever line breaks and control characters the message came with."""
    click.echo(f"retort: {printable(' '.join(message.split()), keep='')}", err=True)


def _where_help_is(problem: click.ClickException) -> str:
    ctx = getattr(problem, "ctx", None)
    return f" Try '{ctx.command_path} --help'." if ctx is not None else ""


def _keep_odd_characters_printable() -> None:
    """A terminal that cannot show a token's character gets its escape, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


@click.group(
    cls=RetortGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="retort")
@click.pass_context
def main(ctx: click.Context) -> None:
    """What temperature does to a language model: see it, choose it, distil with it.

    MODEL is one string: embedded:english (comes with retort, needs nothing), embedded:base and the other names of
    `retort models`, a folder in Hugging Face format, a hub id, http://host:port/v1#name for an OpenAI-compatible
    server, recorded:FILE for what was recorded earlier, or logits:FILE.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
