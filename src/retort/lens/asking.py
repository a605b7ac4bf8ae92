"""What a verb is asked: a model (a string, a path, an open one), a prompt (a text or a conversation), or texts."""

from __future__ import annotations

from pathlib import Path

from retort.chain.chain import Chain
from retort.errors import InputError
from retort.files import read_text
from retort.sources.base import Capability, Source, needs_whole_vocabulary
from retort.sources.chat import ChatSource, Conversation, Prompt, SeenPrompt, prompt_for

EMBEDDED = Path(__file__).resolve().parent.parent / "embedded" / "text" / "validation.txt"
NUM_DEFAULT = 20
FIRST_WORDS = 4


def ask(source: Source, prompt: Prompt, chat: bool | None = None) -> SeenPrompt:
    """The prompt for a source of the whole vocabulary. Raises CapabilityError for any other, and without a template.

    `chat`: True makes a text one message of the user, False makes messages plain text.
    """
    if source.capability is not Capability.FULL:
        raise needs_whole_vocabulary(source, "This")
    return prompt_for(source, prompt, chat)


def rendered(source: Source, prompt: str | Conversation) -> str | None:
    """What a server is known to make of a conversation; None for a text, or where it is not known."""
    if isinstance(prompt, str) or not isinstance(source, ChatSource):
        return None
    return source.render_chat(prompt)


def chain_of(chain: Chain | str | None) -> Chain | None:
    """A chain that may be written as text."""
    return Chain(chain) if isinstance(chain, str) else chain


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
