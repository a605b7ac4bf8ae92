"""PROMPT, `--chat` and `--message`: what a command asks a model, as text or as a conversation.

`--chat FILE` reads messages; `--chat` alone makes PROMPT the user's message; `--no-chat` makes messages plain text.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from retort.cli.grammar import option
from retort.cli.options import PROMPT
from retort.errors import InputError, SourceError, printable

if TYPE_CHECKING:
    from retort.sources.base import Source
    from retort.sources.chat import Conversation, Message, SeenPrompt


FLAG = "\0"  # the value of --chat where no file follows it; no file has this name

# For verbs that take no messages of their own: a task, a list of prompts.
chat_option = option(
    "--chat/--no-chat",
    "Apply the model's chat template to each prompt, or never. Default: only to messages.",
    default=None,
)
show_prompt_option = option(
    "--show-prompt", "Print the text the model actually sees, with its special tokens and token count."
)


@dataclass(frozen=True)
class Asking:
    """What the options of `asking_options` say."""

    prompt: str | None
    prompt_named: str | None
    chat: str | None
    no_chat: bool
    messages: tuple[str, ...]
    show_prompt: bool

    def question(self) -> str | Conversation:
        """The text or the conversation that was given; a usage error unless it is exactly one."""
        from retort.sources.chat import Conversation, parse_message, read_messages
        from retort.sources.chat import asked as meant

        prompt, chat = self.prompt if self.prompt_named is None else self.prompt_named, self.chat
        if chat not in (None, FLAG) and prompt is None and not self.messages and not _is_file(chat):
            # `--chat PROMPT` is the flag and then the prompt, but click takes whatever follows for the option's value.
            prompt, chat = PROMPT.convert(chat, None, None), FLAG
        file = None if chat == FLAG else chat
        if chat == FLAG and self.no_chat:
            raise click.UsageError("--chat and --no-chat cannot be combined.")
        values = {"PROMPT": prompt, "--chat FILE": file, "--message": self.messages}
        given = [name for name, value in values.items() if value]
        if not given:
            raise click.UsageError(
                "Missing argument 'PROMPT'; give it, or --chat FILE, or --message role:text."
            )
        if len(given) > 1:
            raise click.UsageError(
                f"PROMPT, --chat and --message cannot be combined; got {' and '.join(given)}."
            )
        try:
            if prompt is not None:
                return meant(stdin_text() if prompt == "-" else prompt, chat == FLAG)
            if file is None:
                conversation = Conversation([parse_message(message) for message in self.messages])
            elif file == "-":
                conversation = read_messages(stdin_text(), "stdin")
            else:
                conversation = read_messages(_text(file), file)
            return meant(conversation, not self.no_chat)
        except (InputError, SourceError) as problem:
            raise click.UsageError(str(problem)) from None

    def show(self, source: Source, question: str | Conversation) -> None:
        """What the model sees of `question`, on stderr, where `--show-prompt` asks for it; notes on it always."""
        from retort.sources.base import Capability
        from retort.sources.chat import prompt_for

        if self.show_prompt:
            _show(source, question)
        elif source.capability is Capability.FULL and isinstance(question, str):
            for note in prompt_for(source, question).notes:
                click.echo(note, err=True)

    def of(self, model: str, save: str | None) -> tuple[Source, str | Conversation]:
        """The model, which records what it says in the file `save`, and what it is asked."""
        from retort.sources.load import load
        from retort.sources.recording import recording

        question = self.question()
        source = recording(load(model), save)
        self.show(source, question)
        return source, question


def asking_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """An optional PROMPT (`-`: from stdin) and its options, which the command gets as one `asking`."""

    @functools.wraps(command)
    def with_asking(**options: Any) -> Any:
        asking = Asking(**{name: options.pop(name) for name in Asking.__dataclass_fields__})
        if asking.prompt is not None and asking.prompt_named is not None:
            raise click.UsageError("PROMPT and --prompt are the same; give one of them.")
        return command(asking=asking, **options)

    prompt = click.argument("prompt", type=PROMPT, metavar="[PROMPT]", required=False)
    named = option("--prompt TEXT", "Same as PROMPT; - reads stdin.", PROMPT, into="prompt_named")
    chat = option(
        "--chat [FILE]",
        "Read messages as JSON ([{role, content}, …]; - is stdin) and apply the model's chat "
        "template. Without FILE, PROMPT is the user's message.",
        is_flag=False,
        flag_value=FLAG,
    )
    no_chat = option("--no-chat", "Send messages as plain text, without the chat template.")
    message = option(
        "--message ROLE:TEXT",
        "One message of a conversation, as in user:Hello; repeatable. If the last message is the "
        "assistant's, it is continued.",
        into="messages",
        multiple=True,
    )
    return prompt(named(chat(no_chat(message(show_prompt_option(with_asking))))))


def show_prompts(
    source: Source, prompts: Iterable[str | Sequence[Message]], chat: bool | None, wanted: bool
) -> None:
    """What the model sees of every prompt of a verb that takes several, where it is `wanted`."""
    from retort.sources.chat import asked as meant

    for prompt in prompts if wanted else ():
        _show(source, meant(prompt, chat))


def _show(source: Source, question: str | Conversation) -> None:
    from retort.lens.asking import rendered
    from retort.sources.base import Capability
    from retort.sources.chat import prompt_for

    if source.capability is Capability.FULL:
        show_seen(source, prompt_for(source, question))
        return
    text = question if isinstance(question, str) else rendered(source, question)
    shown = "the server does not tell" if text is None else printable(text)
    click.echo(f"What the model sees: {shown}", err=True)


def show_seen(source: Source, seen: SeenPrompt) -> None:
    """A prompt as the model sees it, on stderr: the text with its markers, the ids, and notes."""
    click.echo(f"What the model sees, {len(seen.ids)} tokens: {printable(seen.text)}", err=True)
    click.echo(" ".join(f"{i}:{printable(source.token_text(i))!r}" for i in seen.ids), err=True)
    for note in seen.notes:
        click.echo(note, err=True)


def _is_file(name: str) -> bool:
    return name == "-" or name.endswith((".json", ".jsonl")) or Path(name).is_file()


def stdin_text() -> str:
    """What comes on stdin, without the line break at its end; a usage error if nothing does."""
    text = _text("-")
    if not text.strip():
        raise click.UsageError("'-' reads from stdin, and nothing came.")
    return text.removesuffix("\n")


def stdin_lines() -> tuple[str, ...]:
    """The lines that come on stdin, without blank ones."""
    return tuple(line for line in stdin_text().split("\n") if line.strip())


def prompts_of(file: Path | None) -> list[str] | None:
    """The prompts of a file, one per line."""
    from retort.lens.asking import read_prompts

    return None if file is None else read_prompts(file)


def _text(path: str) -> str:
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
