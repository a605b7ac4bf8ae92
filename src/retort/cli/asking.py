"""PROMPT, `--chat` and `--message`: what a command asks a model, as text or as a conversation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from retort.cli.options import Prompt

if TYPE_CHECKING:
    from retort.sources.chat import Message


def asking_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """An optional PROMPT (`-`: from stdin), `--chat FILE` and `--message role:text`, for `asked` to read."""
    prompt = click.argument("prompt", type=Prompt(), metavar="[PROMPT]", required=False)
    chat = click.option(
        "--chat",
        metavar="FILE",
        help="Messages as JSON ([{role, content}, …]; - is stdin), written with the model's own chat template.",
    )
    message = click.option(
        "--message",
        "messages",
        multiple=True,
        metavar="ROLE:TEXT",
        help="One message of a conversation, as in user:Hello; may be given several times.",
    )
    return prompt(chat(message(command)))


def asked(prompt: str | None, chat: str | None, messages: tuple[str, ...]) -> str | tuple[Message, ...]:
    """The text or the conversation that was given; a usage error unless it is exactly one."""
    from retort.errors import InputError, SourceError
    from retort.sources.chat import parse_message, read_messages

    values = {"PROMPT": prompt, "--chat": chat, "--message": messages}
    given = [name for name, value in values.items() if value]
    if not given:
        raise click.UsageError("Missing argument 'PROMPT'; give it, or --chat FILE, or --message role:text.")
    if len(given) > 1:
        raise click.UsageError(
            f"PROMPT, --chat and --message exclude one another; got {' and '.join(given)}."
        )
    if prompt is not None:
        return stdin_text() if prompt == "-" else prompt
    try:
        if chat is not None:
            return read_messages(
                stdin_text() if chat == "-" else _text(chat), "stdin" if chat == "-" else chat
            )
        return tuple(parse_message(message) for message in messages)
    except (InputError, SourceError) as problem:
        raise click.UsageError(str(problem)) from None


def stdin_text() -> str:
    """What comes on stdin, without the line break at its end; a usage error if nothing does."""
    text = _text("-")
    if not text.strip():
        raise click.UsageError("'-' reads from stdin, and nothing came.")
    return text.removesuffix("\n")


def _text(path: str) -> str:
    from retort.errors import SourceError
    from retort.files import read_text

    try:
        if path != "-":
            return read_text(path)
        with click.open_file(path, encoding="utf-8-sig") as file:
            return str(file.read())
    except (OSError, UnicodeDecodeError, SourceError) as problem:
        raise click.UsageError(
            str(problem) if path != "-" else f"stdin cannot be read ({problem})."
        ) from None
