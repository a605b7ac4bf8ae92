"""A tokenizer whose tokens are characters and a few merges, and chat templates that can and cannot be told apart."""

from __future__ import annotations

from typing import Any

# As ChatML: what was said earlier is not written otherwise when more follows.
PLAIN = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}</{{ m.role }}>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
MARKED = (
    "{% for m in messages %}{% if m.role == 'assistant' %}<assistant>{% generation %}{{ m.content }}</assistant>"
    "{% endgeneration %}{% else %}<{{ m.role }}>{{ m.content }}</{{ m.role }}>{% endif %}{% endfor %}"
)
# As templates that leave out the thoughts of earlier turns.
FORGETS = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content if loop.last else m.content[:3] }}</{{ m.role }}>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
REFUSES = "{{ raise_exception('roles must alternate') }}"


def make_tokenizer(template: str | None = PLAIN, merges: tuple[tuple[str, str], ...] = ()) -> Any:
    """Ids are characters, but for `merges`, which become one token wherever they stand side by side."""
    from tokenizers import Tokenizer, decoders, models
    from transformers import PreTrainedTokenizerFast

    letters = [*"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .:=?+<>/\n", "|"]
    names = [*letters, *(a + b for a, b in merges), "[end]"]
    tokenizer = Tokenizer(models.BPE({name: place for place, name in enumerate(names)}, list(merges)))
    tokenizer.decoder = decoders.Fuse()
    found = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="[end]")
    found.chat_template = template
    return found
