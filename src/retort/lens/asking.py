"""What a verb is asked, a prompt (a text or a conversation) or texts, and how its record says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from retort.blocks import Block, line, token_label
from retort.chain.chain import Chain
from retort.errors import InputError
from retort.files import read_text
from retort.sources.base import Capability, Source, needs_whole_vocabulary
from retort.sources.chat import ChatSource, Prompt, SeenPrompt, prompt_for

EMBEDDED = Path(__file__).resolve().parent.parent / "embedded" / "text" / "validation.txt"
NUM_DEFAULT = 20
FIRST_WORDS = 4

Progress = Callable[[int, int, str], None]
"""`(done, of, what)`, called as a verb goes on."""


def ask(source: Source, prompt: Prompt, chat: bool | None = None, verb: str = "This") -> SeenPrompt:
    """The prompt for a source of the whole vocabulary. Raises CapabilityError for any other, and without a template.

    `chat`: True makes a text one message of the user, False makes messages plain text. `verb`: who needs it whole.
    """
    if source.capability is not Capability.FULL:
        raise needs_whole_vocabulary(source, verb)
    return prompt_for(source, prompt, chat)


def rendered(source: Source, prompt: Prompt) -> str | None:
    """What a server is known to make of a conversation; None for a text, or where it is not known."""
    if isinstance(prompt, str) or not isinstance(source, ChatSource):
        return None
    return source.render_chat(prompt)


def told_of(source: Source) -> dict[str, Any]:
    """What a record says of its model, by field."""
    return {
        "model": source.name,
        "known": source.capability.value,
        "note": source.note,
        "probe": getattr(source, "probe", None),
    }


def asked_of(source: Source, question: Prompt, seen: SeenPrompt | None = None) -> dict[str, Any]:
    """What a record says of its prompt, by field; of a conversation, `prompt` is what the model saw.

    `seen`: where the source knows the whole vocabulary.
    """
    is_text = isinstance(question, str)
    text = seen.text if seen is not None else question if is_text else rendered(source, question)
    return {
        "prompt": text,
        "messages": None if is_text else question,
        "rendered": None if is_text else text,
    }


def heading(model: str, said: str, rendered: str | None, note: str | None) -> Iterator[Block]:
    """The first lines of what a record shows."""
    yield line(f"{model} after {said}", "bold", whole=True)
    if rendered is not None:
        yield line(f"What the model sees: {token_label(rendered)}", whole=True)
    if note is not None:
        yield line(f"Note: {note}", whole=True)


def chain_of(chain: Chain | str | None) -> Chain | None:
    """A chain that may be written as text."""
    return Chain(chain) if isinstance(chain, str) else chain


def texts_of(prompts: str | Sequence[str], purpose: str) -> list[str]:
    """One text or several as a list. Raises InputError for none."""
    texts = [prompts] if isinstance(prompts, str) else list(prompts)
    if not texts:
        raise InputError(f"there are no prompts to {purpose}; give at least one.")
    return texts


def read_prompts(path: Path) -> list[str]:
    """The prompts of a file, one per line; empty lines do not count. Raises SourceError, InputError for none."""
    prompts = [one.rstrip("\r") for one in read_text(path, f"the prompts {path}").split("\n") if one.strip()]
    if not prompts:
        raise InputError(f"{path} contains no prompts; give one per line")
    return prompts


def default_prompts() -> list[str]:
    """The first held-out definitions of the embedded text: no embedded model saw them in training."""
    paragraphs = EMBEDDED.read_text(encoding="utf-8").split("\n\n")
    return [" ".join(paragraph.split()) for paragraph in paragraphs if paragraph.strip()][:NUM_DEFAULT]


def default_beginnings() -> list[str]:
    """The first words of the default prompts, to be continued."""
    return [" ".join(text.split()[:FIRST_WORDS]) for text in default_prompts()]
