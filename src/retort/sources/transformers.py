"""Any causal language model that the transformers library can load: a local folder, a GGUF file, or from the hub.

Weights come from safetensors and no code of the model's own runs, unless the caller says otherwise. The
decoder with its key-value cache is in `cached_decoder.py`.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, redirect_stderr
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retort.errors import MissingExtraError, RetortError, SourceError
from retort.numerals import percent
from retort.sources.base import UNDECODED, Capability, check_prompts, check_token_ids
from retort.sources.chat import Message, write_chat
from retort.sources.model_folder import (
    find_adapter,
    find_gguf,
    find_model_folder,
    first_line,
    read_generation_config,
    sampling_settings,
)

if TYPE_CHECKING:
    from retort.sources.cached_decoder import CachedDecoder

UNUSED_WORTH_A_NOTE = 0.1  # share of logits without a token; padding to a round size stays below 1 %
METASPACE = "▁"  # how SentencePiece vocabularies write a space


class TransformersSource:
    """A causal model and its tokenizer; `model` and `tokenizer` are the library's own objects."""

    capability = Capability.FULL

    def __init__(
        self,
        folder_or_id: str,
        *,
        name: str | None = None,
        trust_remote_code: bool = False,
        allow_pickle: bool = False,
    ) -> None:
        """Load it, in float32 whatever the weights are stored in. `name` is what messages and records call it
        (default: `folder_or_id`). Raises SourceError.
        """
        name = name or folder_or_id
        gguf = find_gguf(folder_or_id)
        adapter = None if gguf else find_adapter(folder_or_id)
        base = folder_or_id if adapter is None else adapter.base
        options = {"trust_remote_code": trust_remote_code, "allow_pickle": allow_pickle}
        try:
            folder = gguf.parent if gguf else find_model_folder(base, **options)
        except SourceError as error:
            if adapter is None:
                raise
            raise SourceError(f"{name} is an adapter, and its base cannot be loaded: {error}") from error
        # A GGUF file is one of a folder to the library, and needs no other; its quantised weights are multiplied out.
        inside: dict[str, Any] = {"gguf_file": gguf.name} if gguf else {}
        # Its progress bar for GGUF files knows no switch.
        with quiet_transformers(), redirect_stderr(io.StringIO()) if gguf else nullcontext():
            tokenizer: Any = load_tokenizer(folder, name, trust_remote_code, **inside)
            model: Any = _load_model(folder, name, trust_remote_code, allow_pickle, inside)
            if adapter is not None:
                model = _with_adapter(model, adapter.folder, name)
        self._take(model, tokenizer, name, {} if gguf else read_generation_config(folder))

    @classmethod
    def of(cls, model: Any, tokenizer: Any, name: str | None = None) -> TransformersSource:
        """The source of a model and a tokenizer in memory, as they are: its device, its dtype, in evaluation mode."""
        made = cls.__new__(cls)
        generation = getattr(model, "generation_config", None)
        said = {} if generation is None else generation.to_diff_dict()
        with quiet_transformers():
            made._take(model, tokenizer, name or f"{type(model).__name__} in memory", said)
        return made

    def _take(self, model: Any, tokenizer: Any, name: str, generation: Mapping[str, Any]) -> None:
        """Read off the two what a source says of itself, and try how the model can be decoded."""
        from retort.sources.cached_decoder import find_mode

        self.name, self.tokenizer, self.model = name, tokenizer, model.eval()
        self.device = str(next(model.parameters()).device)
        # A model of pictures and texts has the settings of its text inside others.
        config = model.config.get_text_config(decoder=True)
        head = model.get_output_embeddings()
        # As many as there are logits, whatever config.json says.
        self.vocab_size = int(config.vocab_size if head is None else head.weight.shape[0])
        longest = getattr(config, "max_position_embeddings", None)
        self.max_context: int | None = longest if longest is None or longest > 0 else None
        ids = tokenizer.get_vocab().values()
        self.unused = logits_without_token(ids, tokenizer.added_tokens_decoder, self.vocab_size, name)
        # Each of the three may name markers that the others do not, as the generation settings of chat models do.
        ends = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
        named = (ends, getattr(config, "eos_token_id", None), tokenizer.eos_token_id)
        self.end_ids = end_ids_of(named, self.vocab_size)
        start = tokenizer.bos_token_id
        self._ids_of_nothing: list[int] = [] if start is None else [start]
        self.generation_defaults = sampling_settings(generation)
        self.mode = find_mode(self)
        notes = [note for note in (note_on_unused(name, self.unused), self.mode.note) if note]
        self.note: str | None = " ".join(notes) or None

    def encode(self, text: str) -> list[int]:
        """The prompt's ids as the tokenizer makes them for the model, start marker included where it adds one.

        An empty text is the start marker alone; where there is none the list is empty and `start` refuses it.
        """
        text = text.removeprefix(self.start_marker or "")  # typed by hand; `prompt_for` notes it
        ids = self._ids(text)
        if ids and ids[-1] in self.end_ids:  # an end marker that the tokenizer adds would end the text here
            plain = self._ids(text, add_special_tokens=False)
            ids = ids if plain and plain[-1] == ids[-1] else ids[:-1]
        return ids or list(self._ids_of_nothing)

    @cached_property
    def start_marker(self) -> str | None:
        """What `encode` puts in front of every text, None where it puts nothing."""
        before = self._ids("")
        special = before and before[0] in self.tokenizer.all_special_ids
        return self._token(before[0]) if special else None

    def render_chat(self, messages: Sequence[Message]) -> str:
        """What the model sees of a conversation, by its own template; SourceError where it has none, or refuses."""
        if not self._has_template:
            raise SourceError(
                f"{self.name} has no chat template: it was not made for conversations; give the prompt as plain text."
            )
        return write_chat(self.name, self._template, messages)

    def _template(
        self, messages: list[dict[str, Any]], tools: list[dict[str, Any]], opens_answer: bool
    ) -> str:
        with quiet_transformers():
            return str(
                self.tokenizer.apply_chat_template(
                    messages, tools=tools or None, tokenize=False, add_generation_prompt=opens_answer
                )
            )

    @property
    def _has_template(self) -> bool:
        return bool(getattr(self.tokenizer, "chat_template", None))

    def encode_rendered(self, text: str) -> list[int]:
        """The ids of a rendered conversation: the template has written every marker there is to be."""
        return self._ids(text, add_special_tokens=False)

    def decode(self, ids: Sequence[int]) -> str:
        check_token_ids(self, ids)
        return self._text([int(i) for i in ids if not self.unused[i]], skip_special_tokens=True)

    def token_text(self, token_id: int) -> str:
        """The token's text with its spaces; bytes that are no whole character are shown as `<0xE2>`."""
        check_token_ids(self, [token_id])
        if self.unused[token_id]:
            return f"<unused {token_id}>"
        return shown_token(self._token(int(token_id)), self._text([int(token_id)]))

    # What the tokenizer is asked for, all of it.

    def _ids(self, text: str, add_special_tokens: bool = True) -> list[int]:
        with quiet_transformers(), tokenizer_faults(self.name, "cannot read this text"):
            return list(self.tokenizer(text, add_special_tokens=add_special_tokens)["input_ids"])

    def _text(self, ids: list[int], skip_special_tokens: bool = False) -> str:
        return _decoded(self.tokenizer, ids, skip_special_tokens)

    def _token(self, token_id: int) -> str:
        return str(self.tokenizer.convert_ids_to_tokens(token_id))

    def start(self, prompts: Sequence[Sequence[int]]) -> CachedDecoder:
        from retort.sources.cached_decoder import CachedDecoder

        check_prompts(self, prompts)
        return CachedDecoder(self, prompts, self._network, self.mode)

    def read_positions(self, ids: Sequence[int], keep: int) -> NDArray[np.float32]:
        """As PositionReader says; one forward pass."""
        from retort.sources.cached_decoder import CachedDecoder

        check_prompts(self, [ids])
        return CachedDecoder(self, [], self._network, self.mode).read(ids, keep)

    @property
    def _network(self) -> Any:
        """What computes the logits, called as transformers' models are."""
        return self.model


def text_of_token(tokenizer: Any, token_id: int) -> str:
    """How a token of one of the library's tokenizers is shown."""
    return shown_token(tokenizer.convert_ids_to_tokens(int(token_id)), _decoded(tokenizer, [int(token_id)]))


def _decoded(tokenizer: Any, ids: list[int], skip_special_tokens: bool = False) -> str:
    return str(
        tokenizer.decode(ids, skip_special_tokens=skip_special_tokens, clean_up_tokenization_spaces=False)
    )


def shown_token(token: str, text: str) -> str:
    """How a token that decodes to `text` is shown; bytes that are no whole character as `<0xE2>`."""
    if UNDECODED in text:
        to_byte = {sign: byte for byte, sign in byte_spelling().items()}
        known = all(sign in to_byte for sign in token)  # else the vocabulary is not byte-level
        return "".join(f"<0x{to_byte[sign]:02X}>" for sign in token) if known else token
    if token.startswith(METASPACE) and not text.startswith(" "):
        return " " + text  # SentencePiece decoders drop the space at the beginning of a text
    return text


def byte_spelling() -> dict[int, str]:
    """How byte-level BPE (Radford et al. 2019) writes each byte as a visible character.

    Printable bytes stand for themselves, the others, in order, for the characters from U+0100 on.
    """
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in visible]
    return {byte: chr(byte) for byte in visible} | {byte: chr(256 + n) for n, byte in enumerate(hidden)}


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Without the library's progress bars, advice and warnings: stderr carries our own lines only."""
    try:
        from transformers.utils import logging
    except ImportError as error:
        raise MissingExtraError("transformers", "models", "Loading a model") from error
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def load_tokenizer(folder: Path, name: str, trust_remote_code: bool = False, **inside: Any) -> Any:
    """The library's tokenizer of a folder; `inside` names a file of another format. Raises SourceError."""
    from transformers import AutoTokenizer

    with tokenizer_faults(name, "cannot be loaded"):
        return AutoTokenizer.from_pretrained(folder, trust_remote_code=trust_remote_code, **inside)


@contextmanager
def tokenizer_faults(name: str, what: str) -> Iterator[None]:
    """What goes wrong in a tokenizer as one sentence. A panic of its Rust code is no Exception, so all are caught."""
    try:
        yield
    except (RetortError, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        raise SourceError(f"The tokenizer of {name} {what}: {_reason(error)}") from error


def _load_model(
    folder: Path, name: str, trust_remote_code: bool, allow_pickle: bool, inside: dict[str, Any]
) -> Any:
    try:
        import torch
        from transformers import AutoModelForCausalLM
    except ImportError as error:
        raise MissingExtraError("torch", "models", f"Loading the model {name}") from error

    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=torch.float32,
            trust_remote_code=trust_remote_code,
            use_safetensors=None if allow_pickle or inside else True,
            output_loading_info=True,
            **inside,
        )
    except Exception as error:  # wrong shapes, damaged files, unknown and not causal architectures
        raise SourceError(f"The model {name} cannot be loaded: {_reason(error)}") from error
    model, loading = loaded
    missing = sorted(loading["missing_keys"])
    if missing:  # the library would fill them with random numbers and go on
        raise SourceError(
            f"The weights of {name} are not complete: {len(missing)} tensors that {type(model).__name__} needs are "
            f"missing, first {missing[0]}; get the whole model."
        )
    return model


def _with_adapter(model: Any, folder: Path, name: str) -> Any:
    """The model with a LoRA adapter merged into its weights."""
    from peft import PeftModel

    try:
        return PeftModel.from_pretrained(model, folder).merge_and_unload()
    except Exception as error:  # another base, damaged weights
        raise SourceError(f"The adapter {name} cannot be loaded: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    line = first_line(error)
    if "trust_remote_code" in str(error):
        return "it needs its own Python code; pass trust_remote_code=True to retort.load if you trust it."
    if line.startswith("Unrecognized configuration class"):
        return "it is not a causal language model (one that predicts the next token)."
    if "ignore_mismatched_sizes" in str(error):
        return "its weights have other shapes than its config.json says; get the two from one place."
    return line


def logits_without_token(
    ids: Collection[int], added: Mapping[int, Any], vocab_size: int, name: str
) -> NDArray[np.bool_]:
    """`[vocab]`: True for what is not among `ids`, the tokenizer's tokens: padding to a round size, or a hole.

    `added` are those of its tokens that it keeps beside its vocabulary, by id. Raises SourceError where it has ordinary
    tokens beyond the last logit. A special one may lie there: some text models keep the image marker of their larger
    siblings.
    """
    special = {token_id for token_id, token in added.items() if token.special}
    beyond = [token_id for token_id in ids if token_id >= vocab_size and token_id not in special]
    if beyond:
        raise SourceError(
            f"The tokenizer of {name} does not fit the model: it has token ids up to {max(beyond):,}, but the "
            f"model gives {vocab_size:,} logits (ids 0 to {vocab_size - 1:,}); use the tokenizer that belongs to it."
        )
    unused = np.ones(vocab_size, np.bool_)
    unused[[token_id for token_id in ids if token_id < vocab_size]] = False
    return unused


def end_ids_of(named: Iterable[Any], vocab_size: int) -> frozenset[int]:
    """Every end marker that settings name, each with an id, a list of them, or None."""
    ids = {i for value in named if value is not None for i in (value if isinstance(value, list) else [value])}
    return frozenset(i for i in ids if isinstance(i, int) and 0 <= i < vocab_size)


def note_on_unused(name: str, unused: NDArray[np.bool_]) -> str | None:
    """A sentence where many logits have no token, None where few do."""
    if unused.mean() <= UNUSED_WORTH_A_NOTE:
        return None
    return (
        f"The tokenizer of {name} has no token for {percent(unused.mean())} of the model's {len(unused):,} logits; "
        "they are left out. Is it the tokenizer that belongs to the model?"
    )
