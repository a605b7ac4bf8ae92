"""`llama-cpp:FILE.gguf`: a GGUF file computed by llama.cpp itself, with its quantised weights as they are.

transformers multiplies quantised weights out before it computes (MODEL `FILE.gguf`); llama.cpp computes with them,
rounds the activations too, and so says something slightly different: what a llama.cpp server would say.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retort.errors import InputError, MissingExtraError, SourceError
from retort.sources.base import Capability, check_advance, check_prompts, check_token_ids
from retort.sources.chat import Message, write_chat
from retort.sources.model_folder import check_gguf, first_line

PIECE_BYTES = 256  # longer than any token's text
FLOAT32_CACHE = 0  # ggml's number of the type: keys and values are kept as they are computed


class LlamaCppSource:
    """A model in one GGUF file; `llama` is the library's own object."""

    capability = Capability.FULL

    def __init__(self, path: str) -> None:
        """Raises SourceError for a file that cannot be loaded, MissingExtraError without the bindings."""
        self.name = f"llama-cpp:{path}"
        file = check_gguf(path)
        try:
            import llama_cpp
        except ImportError as error:
            raise MissingExtraError(
                "llama-cpp-python", "llama-cpp", f"Computing {path} with llama.cpp"
            ) from error
        self._library: Any = llama_cpp
        self.llama = _load(llama_cpp, file, self.name)
        self._vocab = llama_cpp.llama_model_get_vocab(self.llama.model)
        self.vocab_size: int = self.llama.n_vocab()
        self.max_context: int | None = self.llama.n_ctx()
        self.end_ids = frozenset(
            i for i in range(self.vocab_size) if llama_cpp.llama_vocab_is_eog(self._vocab, i)
        )
        self.note: str | None = None
        self._pieces: dict[int, bytes] = {}

    def encode(self, text: str) -> list[int]:
        """The prompt's ids, with the start marker in front where the file says that the model is used with one."""
        return [int(i) for i in self.llama.tokenize(text.encode(), add_bos=True, special=False)]

    def encode_rendered(self, text: str) -> list[int]:
        """The ids of a rendered conversation: the template has written every marker there is to be."""
        return [int(i) for i in self.llama.tokenize(text.encode(), add_bos=False, special=True)]

    def render_chat(self, messages: Sequence[Message]) -> str:
        """What the model sees of a conversation, by the template in the file; SourceError where there is none."""
        from llama_cpp.llama_chat_format import Jinja2ChatFormatter

        template = self.llama.metadata.get("tokenizer.chat_template")
        if not template:
            raise SourceError(f"{self.name} has no chat template; give the prompt as plain text.")
        markers = {
            "eos_token": self._marker(self.llama.token_eos()),
            "bos_token": self._marker(self.llama.token_bos()),
        }

        def apply(messages: list[dict[str, Any]], tools: list[dict[str, Any]], opens_answer: bool) -> str:
            formatter = Jinja2ChatFormatter(template, **markers, add_generation_prompt=opens_answer)
            return str(formatter(messages=messages, tools=tools or None).prompt)

        return write_chat(self.name, apply, messages)

    def decode(self, ids: Sequence[int]) -> str:
        check_token_ids(self, ids)
        is_control = self._library.llama_vocab_is_control
        return b"".join(self._piece(i) for i in ids if not is_control(self._vocab, i)).decode(
            "utf-8", "replace"
        )

    def token_text(self, token_id: int) -> str:
        """The token's text with its spaces; bytes that are no whole character are shown as `<0xE2>`."""
        check_token_ids(self, [token_id])
        piece = self._piece(token_id)
        try:
            return piece.decode("utf-8")
        except UnicodeDecodeError:
            return "".join(f"<0x{byte:02X}>" for byte in piece)

    def start(self, prompts: Sequence[Sequence[int]]) -> LlamaCppDecoder:
        check_prompts(self, prompts)
        return LlamaCppDecoder(self, [tuple(prompt) for prompt in prompts])

    def row(self, ids: Sequence[int]) -> NDArray[np.float32]:
        """`[vocab]` logits after `ids`; what they share with the text computed last is not computed again."""
        before = self.llama.input_ids[: self.llama.n_tokens].tolist()
        shared = next(
            (n for n, (a, b) in enumerate(zip(before, ids, strict=False)) if a != b),
            min(len(before), len(ids)),
        )
        # The last token is always computed: the logits of an earlier text are gone.
        self.llama.n_tokens = min(shared, len(ids) - 1)
        self.llama.eval(list(ids[self.llama.n_tokens :]))
        logits = self._library.llama_get_logits_ith(self.llama.ctx, -1)
        return np.ctypeslib.as_array(logits, shape=(self.vocab_size,)).astype(np.float32)

    def _marker(self, token_id: int) -> str:
        return self._piece(token_id).decode("utf-8", "replace") if token_id >= 0 else ""

    def _piece(self, token_id: int) -> bytes:
        if token_id not in self._pieces:
            buffer = (ctypes.c_char * PIECE_BYTES)()
            length = self._library.llama_token_to_piece(self._vocab, token_id, buffer, PIECE_BYTES, 0, True)
            self._pieces[token_id] = buffer.raw[: max(length, 0)]
        return self._pieces[token_id]


class LlamaCppDecoder:
    """Rows computed one after another, each from where it parts from the one before."""

    def __init__(self, source: LlamaCppSource, texts: list[tuple[int, ...]]) -> None:
        self._source = source
        self._compute(texts)

    def advance(self, parents: Sequence[int], tokens: Sequence[int]) -> None:
        check_advance(self._source, len(self._texts), parents, tokens)
        limit = self._source.max_context
        if limit is not None and any(len(self._texts[parent]) >= limit for parent in parents):
            raise InputError(
                f"A text has reached the {limit:,} tokens that {self._source.name} can read; "
                "ask for fewer tokens or give a shorter prompt."
            )
        self._compute([(*self._texts[p], int(t)) for p, t in zip(parents, tokens, strict=True)])

    def _compute(self, texts: list[tuple[int, ...]]) -> None:
        rows = {text: self._source.row(text) for text in dict.fromkeys(texts)}
        self._texts = texts
        self.logits = (
            np.stack([rows[text] for text in texts])
            if texts
            else np.empty((0, self._source.vocab_size), np.float32)
        )


def _load(library: Any, file: Path, name: str) -> Any:
    try:
        # n_ctx 0: what the file says that the model was trained with.
        return library.Llama(
            str(file), n_ctx=0, verbose=False, type_k=FLOAT32_CACHE, type_v=FLOAT32_CACHE, logits_all=False
        )
    except (ValueError, RuntimeError, OSError, AssertionError) as error:
        raise SourceError(f"{name} cannot be loaded by llama.cpp: {first_line(error)}") from error
