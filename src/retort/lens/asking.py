"""What a verb that follows or draws a text is asked about: for a source of the whole vocabulary only."""

from __future__ import annotations

from retort.sources.base import Capability, Source, needs_whole_vocabulary
from retort.sources.chat import Prompt, SeenPrompt, prompt_for


def ask(source: Source, prompt: Prompt) -> SeenPrompt:
    """The prompt for a source of the whole vocabulary. Raises CapabilityError for any other, and without a template."""
    if source.capability is not Capability.FULL:
        raise needs_whole_vocabulary(source, "To draw or follow a text")
    return prompt_for(source, prompt)
