"""The models of a distillation: opened, tried, averaged, made anew, cut out of one another.

MODEL strings and a recipe's student flow in; torch modules with one tokenizer flow out. A teacher is one or several
frozen models seen as one, a student starts from equal weights for every arm of a seed.

A student cut out of the teacher (`cut_student`) takes layers at even distances, the first and the last among them: half
of twelve are 0, 2, 4, 7, 9 and 11, those that DistilBERT (Sanh et al. 2019) began with. Within a layer the heads and
units with the largest weights stay: of a hidden unit the product of the norms of the weights into it and out of it, of
an attention head (with the queries that share its keys) the norm of its values times that of its part of the output,
which bound what it adds to the stream. Minitron (Muralidharan et al. 2024) ranks by activations on data, which is
better without training after it and costs passes through the teacher. The width of the stream itself stays: every layer
reads and writes all of it.
"""

from __future__ import annotations

import copy
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from retort.distill.losses.dense import averaged_logits, match_vocabulary
from retort.distill.losses.fused import Head, OutputHead, find_head
from retort.distill.recipe import Cut, Student
from retort.errors import CapabilityError, InputError, SourceError, did_you_mean

TRIED_LENGTH = 6  # tokens of each of the two documents that `need_separation` tries
# Of what a neighbour changes: rounding of bfloat16 stays below, a look at the neighbour above.
LARGEST_SHARE = 0.1
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
        logits: Tensor = member(**inputs, use_cache=False).logits
        return match_vocabulary(logits, self.num_tokens) if logits.shape[-1] != self.num_tokens else logits


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
    torch.manual_seed(seed)
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

    settings = dict(values)
    model_type = settings.pop("model_type")
    try:
        known = AutoConfig.for_model(model_type)
    except ValueError:
        raise InputError(
            f"student model_type is {model_type!r}, which this transformers does not know."
        ) from None
    for key in settings:
        # transformers takes any key and stores it: a misspelt width would silently give the default width.
        if not hasattr(known, key):
            raise InputError(
                f"student config has the key {key!r}{did_you_mean(key, vars(known))}, which {model_type} models"
                " do not have."
            )
    if tokenizer is not None:
        settings.setdefault("vocab_size", len(tokenizer))
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


# Tensors of a layer with a place for each hidden unit, and the axis on which the places lie: by family.
UNITS = (
    {"mlp.gate_proj.weight": 0, "mlp.up_proj.weight": 0, "mlp.down_proj.weight": 1},
    {"mlp.c_fc.weight": 1, "mlp.c_proj.weight": 0},  # GPT-2 lays its matrices the other way round
)
BIASES = {"mlp.gate_proj.bias": 0, "mlp.up_proj.bias": 0, "mlp.c_fc.bias": 0}
QUERIES, VALUES, OUTPUT = "self_attn.q_proj", "self_attn.v_proj", "self_attn.o_proj.weight"
KEYS_AND_VALUES = ("self_attn.k_proj", VALUES)


def cut_student(teacher: nn.Module, cut: Cut) -> nn.Module:
    """A model of the teacher's kind in float32 with a part of its layers, heads and hidden units, weights copied.

    With nothing cut away it is the teacher exactly. Raises InputError for a cut that the teacher does not have.
    """
    from transformers import AutoModelForCausalLM

    prefix, count = _layers(teacher)
    told: Any = teacher.config
    kept = kept_layers(cut.layers, count)
    weights = _with_layers(teacher.state_dict(), prefix, kept)
    config = copy.deepcopy(told)
    _cut_config(config, count, kept)
    groups = _kept_groups(told, cut.heads)
    for place in range(len(kept)):
        layer = f"{prefix}{place}."
        if cut.intermediate_size is not None:
            _cut_units(weights, layer, cut.intermediate_size)
        if groups is not None:
            _cut_heads(weights, layer, told, *groups)
    if cut.intermediate_size is not None:
        setattr(
            config, "n_inner" if hasattr(config, "n_inner") else "intermediate_size", cut.intermediate_size
        )
    if groups is not None:
        config.head_dim = _head_size(told)
        config.num_attention_heads, config.num_key_value_heads = cut.heads, groups[0]
    student: nn.Module = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    student.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    return student.train().requires_grad_(True)


def kept_layers(layers: int | Sequence[int] | None, count: int) -> tuple[int, ...]:
    """Which of `count` layers stay: those named, or so many at even distances, first and last among them; None: all."""
    if layers is None:
        return tuple(range(count))
    if isinstance(layers, int):
        if layers > count:
            raise InputError(f"student.from_teacher.layers is {layers}, and the teacher has {count} layers.")
        # Half a step counts upwards, so that halves of even numbers are taken the same way everywhere.
        return tuple(int(place * (count - 1) / max(layers - 1, 1) + 0.5) for place in range(layers))
    if max(layers) >= count:
        raise InputError(
            f"student.from_teacher.layers has {max(layers)}, and the teacher's layers are 0 to {count - 1}."
        )
    return tuple(layers)


def _layers(model: nn.Module) -> tuple[str, int]:
    """The prefix of the names of the layers' tensors, and how many layers there are."""
    config: Any = model.config
    count = int(config.get_text_config(decoder=True).num_hidden_layers)
    lists = [
        name for name, one in model.named_modules() if isinstance(one, nn.ModuleList) and len(one) == count
    ]
    if not lists:
        raise InputError(
            f"{type(model).__name__} has no list of {count} layers to cut from; give the student a config of its own."
        )
    return f"{lists[0]}.", count


def _with_layers(weights: Mapping[str, Tensor], prefix: str, kept: Sequence[int]) -> dict[str, Tensor]:
    """The weights with the layers `kept` under the numbers 0, 1, …; all that is in no layer stays."""
    layer = re.compile(re.escape(prefix) + r"(\d+)\.")
    chosen = {name: tensor for name, tensor in weights.items() if layer.match(name) is None}
    for place, source in enumerate(kept):
        old = f"{prefix}{source}."
        for name, tensor in weights.items():
            if name.startswith(old):
                chosen[f"{prefix}{place}.{name.removeprefix(old)}"] = tensor
    return chosen


def _cut_config(config: Any, count: int, kept: Sequence[int]) -> None:
    """The number of layers; of every list with an entry a layer, as `layer_types`, the entries of those kept."""
    for name, value in list(vars(config).items()):
        if isinstance(value, list) and len(value) == count:
            setattr(config, name, [value[place] for place in kept])
    config.num_hidden_layers = len(kept)


def _cut_units(weights: dict[str, Tensor], layer: str, size: int) -> None:
    axes = next((one for one in UNITS if all(layer + name in weights for name in one)), None)
    if axes is None:
        raise InputError(
            "student.from_teacher.intermediate_size cuts hidden units of Llama's or GPT-2's kind, and this teacher's"
            " are of another; leave it out."
        )
    # What a unit adds is its input weights times its output weights: small on one side, it is small altogether.
    norms = [
        weights[layer + name].float().movedim(axis, 0).flatten(1).norm(dim=1) for name, axis in axes.items()
    ]
    importance = torch.stack(norms).prod(dim=0)
    if size > len(importance):
        raise InputError(
            f"student.from_teacher.intermediate_size is {size}, and the teacher has {len(importance)} hidden units."
        )
    places = _largest(importance, size)
    for name, axis in {**axes, **BIASES}.items():
        if layer + name in weights:
            weights[layer + name] = weights[layer + name].index_select(axis, places)


def _head_size(config: Any) -> int:
    return int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)


def _kept_groups(config: Any, heads: int | None) -> tuple[int, int] | None:
    """How many groups stay, and queries a group: all queries that share a key go or stay together."""
    if heads is None:
        return None
    total = int(config.num_attention_heads)
    queries = total // int(getattr(config, "num_key_value_heads", None) or total)
    if heads > total or heads % queries:
        raise InputError(
            f"student.from_teacher.heads is {heads}; the teacher has {total}, and {queries} at a time share their keys,"
            f" so it must be a multiple of {queries} up to {total}."
        )
    return heads // queries, queries


def _cut_heads(weights: dict[str, Tensor], layer: str, config: Any, groups: int, queries: int) -> None:
    size = _head_size(config)
    if layer + OUTPUT not in weights or f"{layer}{QUERIES}.weight" not in weights:
        raise InputError(
            f"student.from_teacher.heads cuts attention of Llama's kind, and {config.model_type} has another; leave it"
            " out."
        )
    values = weights[f"{layer}{VALUES}.weight"].float()
    output = weights[layer + OUTPUT].float()
    total = values.shape[0] // size
    importance = values.reshape(total, -1).norm(dim=1) * output.T.reshape(total, -1).norm(dim=1)
    kept = _largest(importance, groups)

    def places(width: int) -> Tensor:
        return (kept[:, None] * width + torch.arange(width)).flatten()

    # Queries come in groups that share a key: the same groups must go in all four matrices, or heads would be mixed.
    for name in KEYS_AND_VALUES:
        _select(weights, layer + name, places(size))
    _select(weights, layer + QUERIES, places(size * queries))
    weights[layer + OUTPUT] = weights[layer + OUTPUT].index_select(1, places(size * queries))


def _select(weights: dict[str, Tensor], name: str, places: Tensor) -> None:
    for kind in ("weight", "bias"):
        if f"{name}.{kind}" in weights:
            weights[f"{name}.{kind}"] = weights[f"{name}.{kind}"].index_select(0, places)


def _largest(importance: Tensor, size: int) -> Tensor:
    """The places of the `size` largest, in the order in which they lie; of equals the first."""
    order = torch.sort(importance.cpu(), descending=True, stable=True).indices
    return order[:size].sort().values
