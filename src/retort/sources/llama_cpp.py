"""`llama-cpp:FILE.gguf`: a GGUF file computed by llama.cpp itself, with its quantised weights as they are.

`FILE.gguf` multiplies the weights out and computes in float32; llama.cpp computes with them as they are and rounds the
activations to 8 bits, so it is three times as fast and says something slightly different: what a llama.cpp server says.

Its C functions are called through ctypes in the library that the wheel `xllamacpp` (or llama-cpp-python) brings. Whole
rows of logits come back and retort draws from them, so every chain and every verb works. Texts share one cache of keys
and values: what two rows have in common is computed and kept once.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retort.errors import MissingExtraError, SourceError
from retort.sources.base import (
    Capability,
    check_advance,
    check_prompts,
    check_room,
    check_token_ids,
    num_shared,
    text_of_bytes,
)
from retort.sources.chat import Message, jinja_template, write_chat
from retort.sources.gguf import CONTROL, USER_DEFINED, parse, sampling_defaults
from retort.sources.model_folder import check_gguf, package_file

# Package → where its folder has the library.
LIBRARIES = {"xllamacpp": "*.so", "llama_cpp": "lib/*llama.so"}
PARAMETER_BYTES = 512  # more than any version's parameter records have; what is over is not read
BATCH = 2048  # tokens handed over in one call
CHUNK = 128  # tokens computed at once: the memory for their logits is made beforehand
FIRST_CELLS = 1024  # of the cache; a decoder that fills them gets twice as many. 4,096 take 60 ms to make
MAX_TEXTS = 64  # different texts of one context; more are followed by several
# Six flags of the context's parameters by their default values: embeddings, offload_kqv, no_perf, op_offload, swa_full,
# kv_unified. The record grows with every version of llama.cpp, and these still follow one another.
FLAGS = bytes([0, 1, 1, 1, 1, 0])
PIECE_BYTES = 256  # longer than most tokens' text


class _Parameters(ctypes.Structure):
    _fields_ = (("bytes", ctypes.c_uint8 * PARAMETER_BYTES),)


class _Batch(ctypes.Structure):
    _fields_ = (
        ("num_tokens", ctypes.c_int32),
        ("token", ctypes.POINTER(ctypes.c_int32)),
        ("embedding", ctypes.c_void_p),
        ("position", ctypes.POINTER(ctypes.c_int32)),
        ("num_sequences", ctypes.POINTER(ctypes.c_int32)),
        ("sequence", ctypes.POINTER(ctypes.POINTER(ctypes.c_int32))),
        ("wanted", ctypes.POINTER(ctypes.c_int8)),
    )


POINTER, INT = ctypes.c_void_p, ctypes.c_int32
# What is called: the result, then the arguments.
FUNCTIONS: dict[str, tuple[Any, ...]] = {
    "llama_backend_init": (None,),
    "llama_log_set": (None, POINTER, POINTER),
    "llama_model_default_params": (_Parameters,),
    "llama_context_default_params": (_Parameters,),
    "llama_model_load_from_file": (POINTER, ctypes.c_char_p, _Parameters),
    "llama_init_from_model": (POINTER, POINTER, _Parameters),
    "llama_free": (None, POINTER),
    "llama_set_n_threads": (None, POINTER, INT, INT),
    "llama_n_ctx_seq": (ctypes.c_uint32, POINTER),
    "llama_get_memory": (POINTER, POINTER),
    "llama_memory_seq_cp": (None, POINTER, INT, INT, INT, INT),
    "llama_memory_seq_rm": (ctypes.c_bool, POINTER, INT, INT, INT),
    "llama_memory_clear": (None, POINTER, ctypes.c_bool),
    "llama_batch_init": (_Batch, INT, INT, INT),
    "llama_batch_free": (None, _Batch),
    "llama_decode": (INT, POINTER, _Batch),
    "llama_get_logits_ith": (ctypes.POINTER(ctypes.c_float), POINTER, INT),
    "llama_model_get_vocab": (POINTER, POINTER),
    "llama_model_n_ctx_train": (INT, POINTER),
    "llama_vocab_n_tokens": (INT, POINTER),
    "llama_vocab_bos": (INT, POINTER),
    "llama_vocab_eos": (INT, POINTER),
    "llama_vocab_get_add_bos": (ctypes.c_bool, POINTER),
    "llama_vocab_is_eog": (ctypes.c_bool, POINTER, INT),
    "llama_vocab_is_control": (ctypes.c_bool, POINTER, INT),
    "llama_token_to_piece": (INT, POINTER, INT, POINTER, INT, INT, ctypes.c_bool),
    "llama_tokenize": (INT, POINTER, ctypes.c_char_p, INT, POINTER, INT, ctypes.c_bool, ctypes.c_bool),
}
# Kept as long as the library is: llama.cpp calls it whenever it has something to say.
_QUIET = ctypes.CFUNCTYPE(None, INT, ctypes.c_char_p, POINTER)(lambda level, text, data: None)


def _library(purpose: str) -> Any:
    """llama.cpp's shared library. Raises MissingExtraError where no package brings it."""
    for package, pattern in LIBRARIES.items():
        if file := package_file(package, pattern):
            return _declared(str(file))
    raise MissingExtraError("xllamacpp", "llama-cpp", purpose)


def _declared(file: str) -> Any:
    try:
        library = ctypes.CDLL(file)
        for name, (result, *arguments) in FUNCTIONS.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError) as error:
        raise SourceError(
            f"The library {file} cannot be used ({error}); install another xllamacpp."
        ) from None
    library.llama_log_set(ctypes.cast(_QUIET, POINTER), None)
    library.llama_backend_init()
    return library


class LlamaCppSource:
    """A model in one GGUF file. Its arithmetic is the file's quantised weights; the note says so."""

    capability = Capability.FULL

    def __init__(self, path: str) -> None:
        """Raises SourceError for a file that cannot be loaded, MissingExtraError without the library."""
        self.name = f"llama-cpp:{path}"
        self._file = check_gguf(path)
        self.library = _library(f"Computing {path} with llama.cpp")
        head = parse(self._file)
        self.model = self.library.llama_model_load_from_file(
            str(self._file).encode(), self.library.llama_model_default_params()
        )
        if not self.model:
            raise SourceError(f"{self.name} cannot be loaded by llama.cpp: it does not know this model.")
        self._vocab = self.library.llama_model_get_vocab(self.model)
        self.vocab_size = int(self.library.llama_vocab_n_tokens(self._vocab))
        self.max_context: int | None = int(self.library.llama_model_n_ctx_train(self.model))
        kinds = head.metadata.get("tokenizer.ggml.token_type") or []
        marked = [i for i, kind in enumerate(kinds) if kind in (CONTROL, USER_DEFINED)]
        ends = [*marked, int(self.library.llama_vocab_eos(self._vocab))]
        self.end_ids = frozenset(
            i for i in ends if i >= 0 and self.library.llama_vocab_is_eog(self._vocab, i)
        )
        self.generation_defaults = sampling_defaults(head)
        self.note: str | None = (
            f"llama.cpp computes {path} with its quantised weights and rounds activations to 8 bits; retort compare "
            "shows how far that is from the same file multiplied out."
        )
        self._template = head.metadata.get("tokenizer.chat_template")
        self._pieces: dict[int, bytes] = {}

    @cached_property
    def start_marker(self) -> str | None:
        """What `encode` puts in front of every text, None where it puts nothing."""
        adds = self.library.llama_vocab_get_add_bos(self._vocab)
        return self._marker("bos") if adds else None

    def encode(self, text: str) -> list[int]:
        """The prompt's ids, with the start marker in front where the file says that the model is used with one."""
        return self._tokens(text.removeprefix(self.start_marker or ""), starts=True, markers=False)

    def encode_rendered(self, text: str) -> list[int]:
        """The ids of a rendered conversation: the template has written every marker there is to be."""
        return self._tokens(text, starts=False, markers=True)

    def _tokens(self, text: str, *, starts: bool, markers: bool) -> list[int]:
        raw = text.encode()
        room = len(raw) + 2
        found = (INT * room)()
        count = self.library.llama_tokenize(self._vocab, raw, len(raw), found, room, starts, markers)
        assert count >= 0  # never more tokens than bytes
        return list(found[:count])

    def render_chat(self, messages: Sequence[Message]) -> str:
        """What the model sees of a conversation, by the template in the file; SourceError where there is none."""
        if not self._template:
            raise SourceError(f"{self.name} has no chat template; give the prompt as plain text.")
        markers = {f"{name}_token": self._marker(name) for name in ("bos", "eos")}
        return write_chat(self.name, jinja_template(self._template, markers), messages)

    def decode(self, ids: Sequence[int]) -> str:
        check_token_ids(self, ids)
        shown = [i for i in ids if not self.library.llama_vocab_is_control(self._vocab, int(i))]
        return b"".join(self._piece(i) for i in shown).decode("utf-8", "replace")

    def token_text(self, token_id: int) -> str:
        """The token's text with its spaces; bytes that are no whole character are shown as `<0xE2>`."""
        check_token_ids(self, [token_id])
        return text_of_bytes(self._piece(token_id))

    def start(self, prompts: Sequence[Sequence[int]]) -> LlamaCppDecoder:
        check_prompts(self, prompts)
        return LlamaCppDecoder(self, [tuple(int(i) for i in prompt) for prompt in prompts])

    def read_positions(self, ids: Sequence[int], keep: int) -> NDArray[np.float32]:
        """As PositionReader says; one forward pass."""
        check_prompts(self, [ids])
        context = _Context(self, len(ids))
        wanted = [place >= len(ids) - keep for place in range(len(ids))]
        return context.compute([(int(i), place, 0, wanted[place]) for place, i in enumerate(ids)])

    def _marker(self, name: str) -> str:
        token_id = getattr(self.library, f"llama_vocab_{name}")(self._vocab)
        return self._piece(token_id).decode("utf-8", "replace") if token_id >= 0 else ""

    def _piece(self, token_id: int) -> bytes:
        token_id = int(token_id)
        if token_id not in self._pieces:
            room = PIECE_BYTES
            while True:
                buffer = ctypes.create_string_buffer(room)
                length = self.library.llama_token_to_piece(self._vocab, token_id, buffer, room, 0, True)
                if length >= 0:
                    break
                room = -length
            self._pieces[token_id] = buffer.raw[:length]
        return self._pieces[token_id]


class _Context:
    """llama.cpp's context: a cache of `cells` tokens that up to MAX_TEXTS sequences share."""

    def __init__(self, source: LlamaCppSource, cells: int) -> None:
        self._library, self._vocab_size = source.library, source.vocab_size
        parameters = self._library.llama_context_default_params()
        raw = bytearray(parameters.bytes)
        flags = raw.find(FLAGS)
        # The record begins with n_ctx, n_batch, n_ubatch and n_seq_max (llama.h, `llama_context_params`). Where their
        # defaults are not found there, the layout is another one, and nothing may be written into it.
        sizes = np.frombuffer(raw, np.uint32)
        if flags < 0 or list(sizes[:4]) != [512, BATCH, 512, 1]:
            raise SourceError(
                f"{source.name} needs another version of xllamacpp; this version's settings are unknown."
            )
        self.cells = -(-max(cells, CHUNK) // 256) * 256  # as llama.cpp rounds it (src/llama-context.cpp)
        sizes[:4] = self.cells, BATCH, CHUNK, MAX_TEXTS
        raw[flags + len(FLAGS) - 1] = 1  # kv_unified: a cell may belong to several sequences
        ctypes.memmove(ctypes.addressof(parameters), bytes(raw), PARAMETER_BYTES)
        self._context = self._library.llama_init_from_model(source.model, parameters)
        if not self._context:
            raise SourceError(f"{source.name} has not enough memory for a text of {cells:,} tokens.")
        if self._library.llama_n_ctx_seq(self._context) < self.cells:
            raise SourceError(
                f"{source.name} needs another version of xllamacpp; this version's settings have another layout."
            )
        threads = _threads()
        self._library.llama_set_n_threads(self._context, threads, threads)
        self._memory = self._library.llama_get_memory(self._context)
        self._batch = self._library.llama_batch_init(BATCH, 0, 1)

    def __del__(self) -> None:
        if getattr(self, "_context", None):
            self._library.llama_batch_free(self._batch)
            self._library.llama_free(self._context)

    def compute(self, tokens: Sequence[tuple[int, int, int, bool]]) -> NDArray[np.float32]:
        """Read these (token, position, sequence, wanted); `[wanted, vocab]` logits after those that are wanted."""
        rows = np.empty((sum(wanted for *_, wanted in tokens), self._vocab_size), np.float32)
        done = 0
        for first in range(0, len(tokens), BATCH):
            part = tokens[first : first + BATCH]
            batch = self._batch
            batch.num_tokens = len(part)
            for place, (token, position, sequence, wanted) in enumerate(part):
                batch.token[place], batch.position[place] = token, position
                batch.num_sequences[place], batch.sequence[place][0] = 1, sequence
                batch.wanted[place] = wanted
            failed = self._library.llama_decode(self._context, batch)
            if failed:
                raise SourceError(f"llama.cpp could not compute {len(part)} tokens (its code is {failed}).")
            for place, (_, _, _, wanted) in enumerate(part):
                if wanted:
                    row = self._library.llama_get_logits_ith(self._context, place)
                    # Copied: the library writes the next step's over it.
                    rows[done] = np.ctypeslib.as_array(row, (self._vocab_size,))
                    done += 1
        return rows

    def copy(self, sequence: int, to: int, columns: int) -> None:
        """Let sequence `to` have the first `columns` tokens of another; nothing is moved."""
        self._library.llama_memory_seq_cp(self._memory, sequence, to, 0, columns)

    def remove(self, sequence: int) -> None:
        self._library.llama_memory_seq_rm(self._memory, sequence, -1, -1)


def _threads() -> int:
    """As torch takes them: OMP_NUM_THREADS, else a core each."""
    named = os.environ.get("OMP_NUM_THREADS", "")
    if named.isdigit() and int(named) > 0:
        return int(named)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class LlamaCppDecoder:
    """Rows over sequences: rows of one text share a sequence, and a fork shares all cells up to where it forks."""

    def __init__(self, source: LlamaCppSource, texts: list[tuple[int, ...]]) -> None:
        self._source = source
        self._context: _Context | None = None
        self._sequences: dict[tuple[int, ...], int] = {}
        self._free: list[int] = []
        self._used = 0  # cells, those of dropped rows included
        self._begin(texts)

    def advance(self, parents: Sequence[int], tokens: Sequence[int]) -> None:
        check_advance(self._source, len(self._texts), parents, tokens)
        check_room(self._source, self._texts, parents)
        texts = [(*self._texts[p], int(t)) for p, t in zip(parents, tokens, strict=True)]
        # Equal rows are one text, computed once, and equal texts have equal parents.
        distinct = {text: self._texts[parent] for text, parent in zip(texts, parents, strict=True)}
        fits = self._context is not None and self._used + len(distinct) <= self._context.cells
        if not texts or len(distinct) > MAX_TEXTS or not fits:
            self._begin(texts)
            return
        assert self._context is not None
        before = self._sequences
        heirs: dict[tuple[int, ...], tuple[int, ...]] = {}
        for text, parent in distinct.items():
            heirs.setdefault(parent, text)
        # First out, then in: with as many texts as sequences there would be none free for a fork.
        for gone in [text for text in before if text not in heirs]:
            self._context.remove(before[gone])
            self._free.append(before[gone])
        # The first child of a text goes on in its sequence, the others take it over up to here.
        self._sequences = {text: before[parent] for parent, text in heirs.items()}
        for text, parent in distinct.items():
            if text not in self._sequences:
                self._sequences[text] = self._free.pop()
                self._context.copy(before[parent], self._sequences[text], len(parent))
        self._used += len(distinct)
        step = [(text[-1], len(text) - 1, self._sequences[text], True) for text in distinct]
        self._set(texts, list(distinct), self._context.compute(step))

    def _begin(self, texts: list[tuple[int, ...]]) -> None:
        """Compute every distinct text from its first token; what all have in front is read once."""
        distinct = list(dict.fromkeys(texts))
        parts = [
            self._read(distinct[first : first + MAX_TEXTS]) for first in range(0, len(distinct), MAX_TEXTS)
        ]
        if len(distinct) > MAX_TEXTS:
            self._context = None  # the next step reads its texts again
        none = np.empty((0, self._source.vocab_size), np.float32)
        self._set(texts, distinct, np.concatenate([none, *parts]))

    def _read(self, texts: list[tuple[int, ...]]) -> NDArray[np.float32]:
        total = sum(map(len, texts))
        self._context = None  # free the old one before the new one is made
        self._context = _Context(self._source, max(FIRST_CELLS, 2 * total))
        shared = num_shared(texts) if len(texts) > 1 else 0
        if shared:
            self._context.compute([(token, place, 0, False) for place, token in enumerate(texts[0][:shared])])
            for sequence in range(1, len(texts)):
                self._context.copy(0, sequence, shared)
        step = [
            (token, place, sequence, place == len(text) - 1)
            for sequence, text in enumerate(texts)
            for place, token in list(enumerate(text))[shared:]
        ]
        self._sequences = {text: sequence for sequence, text in enumerate(texts)}
        self._free = list(range(len(texts), MAX_TEXTS))
        self._used = total  # or fewer: what is shared is counted for each text
        return self._context.compute(step)

    def _set(
        self, texts: list[tuple[int, ...]], distinct: list[tuple[int, ...]], rows: NDArray[np.float32]
    ) -> None:
        """`rows` are those of the distinct texts, in the order in which `texts` first has them."""
        self._texts = texts
        if len(distinct) < len(texts):
            place = {text: number for number, text in enumerate(distinct)}
            rows = rows[[place[text] for text in texts]]
        self.logits = rows
