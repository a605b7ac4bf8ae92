"""The models of a distillation: opened, tried, averaged, made anew. Those cut out of a teacher are in cut.py.

MODEL strings and a recipe's student flow in; torch modules with one tokenizer flow out. A teacher is one or several
frozen models seen as one, a student starts from equal weights for every arm of a seed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from retort.distill.losses.dense import averaged_logits, match_vocabulary
from retort.distill.losses.fused import Head, OutputHead, find_head
from retort.distill.recipe import Student
from retort.errors import CapabilityError, InputError, SourceError, did_you_mean

TRIED_LENGTH = 6  # tokens of each of the two documents that `need_separation` tries
# Of what a neighbour changes: rounding of bfloat16 stays below, a look at the neighbour above.
LARGEST_SHARE = 0.1
# Of the largest logit: two passes in float32 differ by 1e-6 of it, with later tokens in sight by 1e-3 (width 16).
ROUNDING = 1e-4
SAMPLED_WEIGHTS = 4096  # values hashed of each tensor: training changes nearly all of them


@dataclass(frozen=True)
class Opened:
    """A causal language model, its tokenizer, and the source that holds both."""

    name: str
    model: nn.Module
    tokenizer: Any
    source: Any


class Teacher(nn.Module):
    """One or several frozen models seen as one: logits in, logits out.

    Several are averaged as probabilities at the temperature of the loss, p_τ = Σ_k w_k softmax(z_k / τ), with weights
    that sum to 1 (None: equal ones): the student's optimum is then that of the teachers' losses averaged one by one.
    What comes out is τ ln p_τ, the logits that the loss tempers to p_τ.
    """

    def __init__(
        self,
        members: Sequence[nn.Module],
        num_tokens: int,
        dtype: torch.dtype,
        weights: Sequence[float] | None = None,
        names: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.names = names
        self.weights = weights
        self.members = nn.ModuleList(members).to(dtype).eval().requires_grad_(False)
        self.num_tokens = num_tokens
        self._head: OutputHead | None = None

    @torch.no_grad()
    def forward(self, temperature: float = 1.0, **inputs: Tensor) -> Tensor:
        """Logits `[batch, time, tokens]` for a loss at `temperature`.

        They are cut to the tokenizer's ids: table entries beyond them are nobody's token.
        """
        answers = [self._one(member, inputs) for member in self.members]
        return answers[0] if len(answers) == 1 else averaged_logits(answers, self.weights, temperature)

    @torch.no_grad()
    def hidden(self, **inputs: Tensor) -> tuple[Tensor, Head]:
        """Hidden states `[batch, time, width]` of a single teacher and the head that makes logits of them.

        Table entries beyond the tokenizer's ids are nobody's token.
        """
        (member,) = self.members
        if self._head is None:
            self._head = find_head(member, "the teacher")
        with self._head.hidden() as seen:
            member(**inputs, use_cache=False)
        return seen[0], self._head.now.cut(self.num_tokens)

    @torch.no_grad()
    def need_finite(self, **inputs: Tensor) -> None:
        """Raise SourceError, with the teacher's name, where one of them gives logits that are no distribution."""
        for number, member in enumerate(self.members):
            name = repr(self.names[number]) if number < len(self.names) else f"number {number + 1}"
            need_finite(self._one(member, inputs), f"teacher {name}")

    def _one(self, member: nn.Module, inputs: dict[str, Tensor]) -> Tensor:
        return match_vocabulary(member(**inputs, use_cache=False).logits, self.num_tokens)


def need_finite(logits: Tensor, name: str) -> None:
    """Raise SourceError where a row of logits is no distribution: NaN or +inf in it, or nothing but -inf."""
    # The sum of exponentials is a number above 0 exactly for rows that are distributions.
    sums = logits.float().logsumexp(-1)
    if not bool(sums.isfinite().all()):
        raise SourceError(
            f"{name} gives {int((~sums.isfinite()).sum())} of {sums.numel()} positions logits that are "
            f"NaN or infinite; its weights are damaged, or its arithmetic overflows (try dtype float32)."
        )


def open_model(name: str) -> Opened:
    """The model and tokenizer behind a MODEL string. Raises CapabilityError for a source that is no neural network."""
    from retort.sources.load import load

    source = load(name)
    model, tokenizer = getattr(source, "model", None), getattr(source, "tokenizer", None)
    if not isinstance(model, nn.Module) or tokenizer is None:
        raise CapabilityError(
            f"model {name!r} is not a transformers model, so it can be neither teacher nor student;"
            " give embedded:base, a model folder or a hub id."
        )
    return Opened(name, model, tokenizer, source)


def open_teachers(names: Sequence[str]) -> list[Opened]:
    """The teachers, all with one vocabulary. Raises InputError where two tokenizers differ."""
    opened = [open_model(name) for name in names]
    for other in opened[1:]:
        if other.tokenizer.get_vocab() != opened[0].tokenizer.get_vocab():
            raise InputError(
                f"teachers {opened[0].name!r} and {other.name!r} have different vocabularies;"
                " their probabilities can be averaged only over the same tokens."
            )
    return opened


def teachers_key(opened: Sequence[Opened], shares: Sequence[float]) -> str:
    """SHA-256 of the teachers' weights, and of their shares where those are uneven."""
    told = [fingerprint(one.model) for one in opened]
    told += [] if len(set(shares)) == 1 else [f"{share:.12g}" for share in shares]
    return hashlib.sha256(" ".join(told).encode()).hexdigest()


def end_token(tokenizer: Any, name: str) -> int:
    """The id that stands between documents. Raises InputError where the tokenizer has none."""
    end_id = tokenizer.eos_token_id
    if end_id is None:
        raise InputError(f"the tokenizer of {name!r} has no end token, which is needed between documents.")
    return int(end_id)


def new_student(description: str | Student, tokenizer: Any, seed: int) -> nn.Module:
    """A student in float32: from a MODEL string, or fresh from a config with weights drawn from `seed`.

    Called anew for every arm, so arms of one seed start from equal weights. A given model starts every seed
    alike; then the seeds differ in data order alone. Raises InputError for a config with unknown keys or too
    small a vocabulary.
    """
    torch.manual_seed(seed)  # from_config draws weights from torch's own generator
    if isinstance(description, str):
        given = open_model(description)
        _check_same_tokens(given, tokenizer)
        student: Any = given.model.float()
    else:
        from transformers import AutoModelForCausalLM

        assert description.config is not None, "a student that is cut out of the teacher is not new"
        config = student_config(description.config, tokenizer)
        # Before the weights are made: a config without sizes describes the family's default, often billions of them.
        _check_vocabulary(int(config.vocab_size), tokenizer)
        student = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    _check_vocabulary(int(student.get_input_embeddings().num_embeddings), tokenizer)
    trainable: nn.Module = student.train().requires_grad_(True)
    return trainable


def _check_same_tokens(student: Opened, tokenizer: Any) -> None:
    """Raise InputError where an id is one token for the teacher and another for the student."""
    theirs = {number: token for token, number in student.tokenizer.get_vocab().items()}
    for token, number in sorted(tokenizer.get_vocab().items(), key=lambda item: int(item[1])):
        if theirs.get(number, token) != token:
            raise InputError(
                f"the student {student.name!r} has another tokenizer than the teacher: id {number} is {token!r} for the"
                f" teacher and {theirs[number]!r} for the student. Use one of the teacher's family, or a "
                f"fresh one ({{config: …}}), which uses the teacher's tokenizer."
            )


def _check_vocabulary(vocab_size: int, tokenizer: Any) -> None:
    if vocab_size < len(tokenizer):
        raise InputError(
            f"the student has {vocab_size} token ids and the teacher's tokenizer {len(tokenizer)};"
            " a student needs an id for every token. Leave vocab_size out of its config, or use a model "
            "of the teacher's family."
        )


def student_config(values: dict[str, Any], tokenizer: Any = None) -> Any:
    """The transformers config in `values`; vocabulary and special tokens are the tokenizer's unless it says them.

    Without a tokenizer the keys and values can be checked alone. Raises InputError for those that transformers does
    not take.
    """
    from huggingface_hub.errors import StrictDataclassError
    from transformers import AutoConfig
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    settings = dict(values)
    model_type = settings.pop("model_type")
    try:
        known = AutoConfig.for_model(model_type)
    except ValueError:
        raise InputError(
            f"student model_type is {model_type!r}, which this transformers does not know."
        ) from None
    if model_type not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        raise InputError(
            f"student model_type is {model_type!r}, which is not a causal language model (one that predicts the next"
            " token)."
        )
    for key in settings:
        # transformers takes any key and stores it: a misspelt width would silently give the default width.
        if not hasattr(known, key):
            raise InputError(
                f"student config has the key {key!r}{did_you_mean(key, vars(known))}, which {model_type} models"
                " do not have."
            )
    if tokenizer is not None:
        settings.setdefault("vocab_size", len(tokenizer))
    # A family's default ids would be other tokens of this tokenizer.
    for name in ("bos_token_id", "eos_token_id", "pad_token_id"):
        settings.setdefault(name, getattr(tokenizer, name, None))
    try:
        return AutoConfig.for_model(model_type, **settings)
    except (TypeError, ValueError, StrictDataclassError) as error:
        raise InputError(
            f"student config is not valid for {model_type}: {' '.join(str(error).split())}"
        ) from None


def fingerprint(model: nn.Module) -> str:
    """SHA-256 of a model's structure and a sample of every tensor: what tells whether a finished arm is still valid."""
    digest = hashlib.sha256(str(getattr(model, "config", "")).encode())
    for name, tensor in model.state_dict().items():
        flat = tensor.detach().reshape(-1)
        sample = flat[:: max(1, flat.numel() // SAMPLED_WEIGHTS)].float().cpu().contiguous()
        digest.update(f"{name} {list(tensor.shape)} {tensor.dtype}".encode())
        digest.update(sample.numpy().tobytes())
    return digest.hexdigest()


def open_tokenizer(name: str) -> Any:
    """The tokenizer of a folder, a hub id or an embedded model. Raises InputError where there is none."""
    if name.startswith("embedded:"):
        from retort.sources.load import load

        return getattr(load(name), "tokenizer")  # noqa: B009
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(name)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"tokenizer {name!r} cannot be opened: {' '.join(str(error).split())[:200]}; give the folder or hub id of"
            " a model with the teacher's tokenizer."
        ) from None


@torch.no_grad()
def need_causal(model: nn.Module, named: str) -> None:
    """Raise CapabilityError where what `model` says at a token depends on later ones.

    A student that sees them learns to copy its labels, and both arms end near 0. transformers makes a causal model of
    some families only if the config says so (BERT: is_decoder), so it is tried.
    """
    device = next(model.parameters()).device
    embeddings: Any = model.get_input_embeddings
    ids = torch.arange(1, 2 * TRIED_LENGTH + 1, device=device)[None] % int(embeddings().num_embeddings)
    was_training = model.training
    model.eval()
    try:
        whole, beginning = _logits(model, input_ids=ids), _logits(model, input_ids=ids[:, :TRIED_LENGTH])
    finally:
        model.train(was_training)
    moved = (whole[:, :TRIED_LENGTH] - beginning).abs().max()
    if float(moved) > ROUNDING * float(whole.abs().max()):
        raise CapabilityError(
            f"{named} ({type(model).__name__}) is not a causal language model: its logits at a token depend on later"
            " tokens, which are the labels. Give one that predicts the next token."
        )


@torch.no_grad()
def need_separation(model: nn.Module, named: str) -> None:
    """Raise CapabilityError unless `model` says the same of a document alone and behind another one in a row.

    transformers builds a block-diagonal mask from position ids that begin anew, for the models whose code asks for
    it. A model that takes position ids and ignores them would be trained on neighbours without a word; so it is
    tried.
    """
    device = next(model.parameters()).device
    embeddings: Any = model.get_input_embeddings
    num_tokens = int(embeddings().num_embeddings)
    ids = torch.arange(1, 2 * TRIED_LENGTH + 1, device=device)[None] % num_tokens
    places = torch.arange(TRIED_LENGTH, device=device).repeat(2)[None]
    was_training = model.training
    model.eval()
    try:
        alone = _logits(model, input_ids=ids[:, TRIED_LENGTH:])
        seen = _logits(model, input_ids=ids)[:, TRIED_LENGTH:]
        apart = _logits(model, input_ids=ids, position_ids=places)[:, TRIED_LENGTH:]
    except TypeError as error:
        raise CapabilityError(
            f"separate_documents is true, but {named} takes no position ids ({error}); leave it out, or set"
            " data.packing to false."
        ) from None
    finally:
        model.train(was_training)
    if float((apart - alone).abs().max()) > LARGEST_SHARE * float((seen - alone).abs().max()):
        raise CapabilityError(
            f"separate_documents is true, but in {named} a document still sees the one before it in its "
            f"row, because its code does not build the mask from position ids. Leave it out, or set "
            f"data.packing to false."
        )


def _logits(model: nn.Module, **inputs: Any) -> Tensor:
    logits: Tensor = model(**inputs, use_cache=False).logits
    return logits.float()
