"""How far a student is from its teacher, by name: value and gradient of every divergence that a loss may use.

The values are the formulas of `retort.distribution.divergences`, which exist once, there. What stands here is
their derivative by the student's logits, written out: autograd through the same formulas takes five times as
long and a dozen temporaries (docs/LOG.md), and the chunks of the fused loss have no room for those. With
q = softmax(z / tau) and r = dD/dq for each token, every one of them is

    dD/dz = q * (r - sum(q * r)) / tau

so a new divergence is its value and its r. The tests hold each gradient against float64 autograd.

Shapes: `[rows, vocab]` logits in, `[rows]` values in nats and `[rows, vocab]` gradients out; p is the
teacher and q the student, both at tau. -inf in the teacher is a token of probability 0.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor

from retort.distribution.divergences import jsd, kl, skew_kl, total_variation
from retort.errors import InputError, did_you_mean

MINUS_INFINITY = float("-inf")

ValueAndGradient = tuple[Tensor, Tensor]
Function = Callable[..., ValueAndGradient]


@dataclass(frozen=True)
class Divergence:
    """One row of the table: a function `(student, teacher, labels, temperature, **parameters)` on logits.

    `parameters` maps each parameter to (default, smallest, limit): the limit itself is allowed for `beta` and weights,
    not for `skew`, where nothing of the student would be left in the mixture. `tempered`: the function looks at
    softmax(z / tau), so that its gradient shrinks as tau grows and the loss multiplies it by tau^2.
    """

    function: Function
    help: str
    parameters: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    tempered: bool = True


def forward_kl(student: Tensor, teacher: Tensor, labels: Tensor, temperature: float) -> ValueAndGradient:
    """KL(p ‖ q): cover everything the teacher can say (Hinton et al. 2015, section 2). dD/dz = (q - p)/tau."""
    log_p, log_q = _log_probs(teacher, temperature), _log_probs(student, temperature)
    value = kl(log_p, log_q)
    return value, log_q.exp_().sub_(log_p.exp_()).div_(temperature)


def reverse_kl(student: Tensor, teacher: Tensor, labels: Tensor, temperature: float) -> ValueAndGradient:
    """KL(q ‖ p): say only what the teacher would (Gu et al. 2024, MiniLLM, eq. 1). r = ln(q / p).

    Where the teacher gives a token no probability at all (a padded table, a banned token) the divergence
    would be infinite for every student, so the student is conditioned on the tokens that the teacher can say.
    Loss and gradient are then finite together; the cross-entropy term looks after the other tokens.
    """
    student = student.masked_fill(teacher == MINUS_INFINITY, MINUS_INFINITY)
    log_p, log_q = _log_probs(teacher, temperature), _log_probs(student, temperature)
    value = kl(log_q, log_p)
    slope = _log_ratio(log_q, log_p)
    return value, _by_logits(log_q.exp_(), slope, temperature)


def jensen_shannon(
    student: Tensor, teacher: Tensor, labels: Tensor, temperature: float, *, beta: float
) -> ValueAndGradient:
    """beta KL(p ‖ m) + (1 - beta) KL(q ‖ m), m = beta p + (1 - beta) q (Agarwal et al. 2024, GKD, eq. 1).

    beta = 0 is forward KL and beta = 1 reverse KL, exactly, as the paper defines them. Between them the divergence is
    on another scale: near either end it is about beta (1 - beta) times that KL, so beta = 0.01 weighs a hundredth of
    beta = 0. r = (1 - beta) ln(q / m).
    """
    if beta == 0.0:
        return forward_kl(student, teacher, labels, temperature)
    if beta == 1.0:
        return reverse_kl(student, teacher, labels, temperature)
    log_p, log_q = _log_probs(teacher, temperature), _log_probs(student, temperature)
    value = jsd(log_p, log_q, beta)
    slope = _log_ratio(log_q, _log_mixture(log_p, log_q, beta)).mul_(1.0 - beta)
    return value, _by_logits(log_q.exp_(), slope, temperature)


def skewed(
    student: Tensor, teacher: Tensor, labels: Tensor, temperature: float, *, skew: float
) -> ValueAndGradient:
    """KL(p ‖ m), m = skew p + (1 - skew) q: always finite (Ko et al. 2024, eq. 4). r = -(1 - skew) p/m."""
    if skew == 0.0:
        return forward_kl(student, teacher, labels, temperature)
    log_p, log_q = _log_probs(teacher, temperature), _log_probs(student, temperature)
    value = skew_kl(log_p, log_q, skew)
    slope = _log_ratio(log_p, _log_mixture(log_p, log_q, skew)).exp_()
    # `_log_ratio` says ln 1 where p is 0, for callers that multiply by p; here the ratio itself must be 0.
    slope = slope.masked_fill_(log_p == MINUS_INFINITY, 0.0).mul_(skew - 1.0)
    return value, _by_logits(log_q.exp_(), slope, temperature)


def skewed_reverse(
    student: Tensor, teacher: Tensor, labels: Tensor, temperature: float, *, skew: float
) -> ValueAndGradient:
    """KL(q ‖ m), m = skew q + (1 - skew) p (Ko et al. 2024, section 3.1). r = ln(q / m) - skew q/m."""
    if skew == 0.0:
        return reverse_kl(student, teacher, labels, temperature)
    log_p, log_q = _log_probs(teacher, temperature), _log_probs(student, temperature)
    value = skew_kl(log_q, log_p, skew)
    # q/m is at most 1/skew, so this exponential cannot overflow.
    log_ratio = _log_ratio(log_q, _log_mixture(log_q, log_p, skew))
    slope = log_ratio - skew * log_ratio.exp()
    return value, _by_logits(log_q.exp_(), slope, temperature)


def variation(student: Tensor, teacher: Tensor, labels: Tensor, temperature: float) -> ValueAndGradient:
    """½ Σ |p - q| (Wen et al. 2023, f-DISTILL). r = ½ sign(q - p).

    Not smooth: its gradient shrinks as 1/tau and not as 1/tau^2, so with tau^2 it weighs tau times as much.
    """
    log_p, log_q = _log_probs(teacher, temperature), _log_probs(student, temperature)
    value = total_variation(log_p, log_q)
    # The sign is all that is needed of q - p. Where neither has the token, -inf - -inf is NaN, and the sign is 0.
    slope = (log_q - log_p).nan_to_num_(0.0, posinf=1.0, neginf=-1.0).sign_().mul_(0.5)
    return value, _by_logits(log_q.exp_(), slope, temperature)


def squared_error(student: Tensor, teacher: Tensor, labels: Tensor, temperature: float) -> ValueAndGradient:
    """½ mean (z - t)² over the tokens that the teacher can say (Ba and Caruana 2014; Kim et al. 2021).

    No temperature. For logits of equal means it is the limit of tau² KL as tau grows (Hinton et al. 2015,
    eq. 4), which is why it carries ½ and the mean over the vocabulary.
    """
    shared = teacher != MINUS_INFINITY
    difference = (student - teacher).masked_fill_(~shared, 0.0)
    num_shared = shared.sum(-1, keepdim=True)
    value = 0.5 * (difference.square() / num_shared).sum(-1)
    return value, difference.div_(num_shared)


def standardised_kl(student: Tensor, teacher: Tensor, labels: Tensor, temperature: float) -> ValueAndGradient:
    """Forward KL of z-scored logits: match the shape, not the scale (Sun et al. 2024, algorithm 1).

    Each row of logits becomes (z - mean) / std before it is tempered, mean and (population) std over its
    finite entries; then tau is in units of the row's own spread.
    """
    scaled, finite, deviation = _standardised(student)
    value, gradient = forward_kl(scaled, _standardised(teacher)[0], labels, temperature)
    # Through s = (z - mean) / deviation, as in batch normalisation: (g - mean(g) - s mean(g s)) / deviation. What a
    # logit adds to the mean or to the spread is lost.
    num_finite = finite.sum(-1, keepdim=True)
    scaled = scaled.masked_fill_(~finite, 0.0)
    gradient = gradient.masked_fill_(~finite, 0.0)
    along = (gradient * scaled).sum(-1, keepdim=True) / num_finite
    gradient = gradient - gradient.sum(-1, keepdim=True) / num_finite - scaled * along
    return value, gradient.masked_fill_(~finite, 0.0).div_(deviation)


def decoupled(
    student: Tensor, teacher: Tensor, labels: Tensor, temperature: float, *, target: float, others: float
) -> ValueAndGradient:
    """target * KL(label or not) + others * KL(among the other tokens) (Zhao et al. 2022, DKD, eq. 7).

    Forward KL is target = 1 and others = the teacher's mass outside the label, which hides what a sure
    teacher knows about the other tokens; here `others` is a number of its own.
    """
    rows = labels.unsqueeze(-1)
    log_p, log_q = _log_probs(teacher, temperature), _log_probs(student, temperature)
    sides_p, sides_q = _label_or_not(log_p, rows), _label_or_not(log_q, rows)
    rest_p, rest_q = (
        _log_probs(one.scatter(-1, rows, MINUS_INFINITY), temperature) for one in (teacher, student)
    )
    value = target * kl(sides_p, sides_q) + others * kl(rest_p, rest_q)
    probs_q = rest_q.exp()
    # d(label or not)/dz: along the label's logit, and back along the others in proportion to their share.
    push = target * (sides_q[..., :1].exp() - sides_p[..., :1].exp())
    gradient = others * (probs_q - rest_p.exp()) - push * probs_q
    return value, gradient.scatter_(-1, rows, push).div_(temperature)


DIVERGENCES: dict[str, Divergence] = {
    "forward_kl": Divergence(forward_kl, "KL(teacher ‖ student): cover all that the teacher can say"),
    "reverse_kl": Divergence(reverse_kl, "KL(student ‖ teacher): say only what the teacher would"),
    "jsd": Divergence(
        jensen_shannon,
        "Jensen-Shannon, at most ln 2: forward KL at beta 0, reverse at 1, and near them about beta (1"
        " − beta) of those",
        {"beta": (0.5, 0.0, 1.0)},
    ),
    "skew_kl": Divergence(
        skewed, "KL(teacher ‖ mixture with share `skew` of the teacher)", {"skew": (0.1, 0.0, 1.0)}
    ),
    "skew_reverse_kl": Divergence(
        skewed_reverse, "KL(student ‖ mixture with share `skew` of the student)", {"skew": (0.1, 0.0, 1.0)}
    ),
    "total_variation": Divergence(variation, "half the sum of absolute differences of probabilities"),
    "mse": Divergence(squared_error, "half the mean squared difference of logits; no temperature", {}, False),
    "standardised_kl": Divergence(standardised_kl, "forward KL of logits scaled to mean 0 and deviation 1"),
    "decoupled": Divergence(
        decoupled,
        "label against the rest, and the rest among themselves, each with its own weight",
        {"target": (1.0, 0.0, 1000.0), "others": (8.0, 0.0, 1000.0)},
    ),
}

# Names that papers and other tools use.
ALIASES = {
    "kl": "forward_kl",
    "mse_logits": "mse",
    "logit_standardisation": "standardised_kl",
    "logit_standardization": "standardised_kl",
    "standardized_kl": "standardised_kl",
    "dkd": "decoupled",
    "decoupled_kd": "decoupled",
    "tv": "total_variation",
    "tvd": "total_variation",
}


@dataclass(frozen=True)
class Chosen:
    """A divergence with its parameters; `text` is its full written form."""

    text: str
    row: Divergence
    function: Function


def find_divergence(text: str) -> Chosen:
    """The divergence written as `jsd`, `jsd(0.3)` or `jsd(beta=0.3)`. Raises InputError for names and values."""
    match = re.fullmatch(r"\s*([\w-]+)\s*(?:\(([^()]*)\))?\s*", text)
    name = (match[1] if match else text).lower().replace("-", "_")
    name = ALIASES.get(name, name)
    if match is None or name not in DIVERGENCES:
        raise InputError(
            f"divergence is {text!r}{did_you_mean(name, DIVERGENCES)}; allowed are {', '.join(DIVERGENCES)},"
            " with parameters as in jsd(beta=0.3)."
        )
    row = DIVERGENCES[name]
    values = {key: default for key, (default, _, _) in row.parameters.items()}
    # `jsd(0.3)` names no parameter: the place among the commas does.
    for place, part in enumerate(filter(str.strip, (match[2] or "").split(","))):
        key, equals, written = part.rpartition("=")
        key = key.strip() if equals else next(iter(list(row.parameters)[place:]), "")
        if key not in row.parameters:
            raise InputError(
                f"divergence is {text!r}, but {name} has"
                f" {'the parameters ' + ', '.join(row.parameters) if row.parameters else 'no parameters'}."
            )
        _, low, high = row.parameters[key]
        try:
            values[key] = float(written)
        except ValueError:
            values[key] = math.nan
        if key == "skew" and values[key] == high:
            raise InputError(
                f"skew of the divergence {name} is 1, so both sides would be the same distribution and nothing would be"
                " learned; give a number of 0 or more, below 1."
            )
        if not low <= values[key] <= high:
            raise InputError(
                f"{key} of the divergence {name} is {written.strip()!r}; allowed is {low:g} to {high:g}."
            )
    written_values = ", ".join(f"{key}={value:g}" for key, value in values.items())
    return Chosen(
        f"{name}({written_values})" if values else name,
        row,
        partial(row.function, **values) if values else row.function,
    )


def _log_probs(logits: Tensor, temperature: float) -> Tensor:
    return torch.log_softmax(logits if temperature == 1 else logits / temperature, dim=-1)


def _by_logits(probs: Tensor, slope: Tensor, temperature: float) -> Tensor:
    """q (r - sum q r) / tau, the head's formula; `probs` and `slope` are used up."""
    slope -= (probs * slope).sum(-1, keepdim=True)
    return probs.mul_(slope).div_(temperature)


def _log_ratio(log_a: Tensor, log_b: Tensor) -> Tensor:
    """ln(a / b), and 0 where a is 0: there it is multiplied by 0."""
    return (log_a - log_b).masked_fill_(log_a == MINUS_INFINITY, 0.0)


def _log_mixture(log_a: Tensor, log_b: Tensor, share_of_a: float) -> Tensor:
    return torch.logaddexp(log_a + math.log(share_of_a), log_b + math.log1p(-share_of_a))


def _standardised(logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """z-scored rows, which entries are finite, and each row's deviation; -inf stays -inf."""
    finite = logits != MINUS_INFINITY
    num_finite = finite.sum(-1, keepdim=True)
    mean = logits.masked_fill(~finite, 0.0).sum(-1, keepdim=True) / num_finite
    centred = logits - mean
    deviation = (centred.masked_fill(~finite, 0.0).square().sum(-1, keepdim=True) / num_finite).sqrt()
    # A row of equal logits has no shape to match; any scale but 0 leaves it uniform.
    deviation = deviation.clamp_min(torch.finfo(logits.dtype).tiny ** 0.5)
    return centred / deviation, finite, deviation


def _label_or_not(log_probs: Tensor, labels: Tensor) -> Tensor:
    """`[rows, 2]` log-probabilities of the label and of anything else."""
    label = log_probs.gather(-1, labels)
    rest = log_probs.scatter(-1, labels, MINUS_INFINITY).logsumexp(-1, keepdim=True)
    return torch.cat([label, rest], dim=-1)
