"""Teacher and student with different tokenizers: positions are matched by the text, distributions by their shape.

Two steps, each a pure function:

1. `align_spans`: a position of the one and a position of the other are partners where both have read the same text,
   byte for byte. There both answer the same question, "what comes after this?". This is the alignment of GOLD
   (Hugging Face 2025, in TRL) cut down to what needs no learned projection; the original ULD pairs
   the n-th token with the n-th token, which compares answers to different questions as soon as one token differs.
2. `uld_loss`: at partners, ½ · sum over ranks of |sorted p - sorted q| (Boizard et al. 2024, ULD, eq. 5): the
   distance of the two distributions under the best matching of tokens, which asks for no common vocabulary. Tokens
   that both vocabularies have can be compared by name, so those are (`shared`), and only the rest is by rank.

Chosen over DSKD (Zhang et al. 2024), which learns projections between hidden states and attention over the other
sequence: more parameters than the loss can be checked with, and nothing is left of them after training.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from retort.distill.losses.labels import IGNORE_INDEX
from retort.errors import InputError


def align_spans(student_pieces: Sequence[bytes], teacher_pieces: Sequence[bytes]) -> list[tuple[int, int]]:
    """Pairs (student position, teacher position) after which both have read the same bytes of the same text.

    `pieces` are the bytes of each token, in order. Position t has read tokens 0 to t, and predicts token t + 1: with
    labels already aligned, pair (i, j) compares logits i with logits j. Raises InputError where the two are not the
    same text.
    """
    if b"".join(student_pieces) != b"".join(teacher_pieces):
        raise InputError(
            f"student and teacher read different texts ({sum(map(len, student_pieces))} and"
            f" {sum(map(len, teacher_pieces))} bytes); give both the same one."
        )
    ends = {}
    read = 0
    for place, piece in enumerate(teacher_pieces):
        read += len(piece)
        ends[read] = place  # of tokens without bytes, the last: it has read all that the others have
    pairs: list[tuple[int, int, int]] = []
    read = 0
    for place, piece in enumerate(student_pieces):
        read += len(piece)
        if pairs and read == pairs[-1][2]:
            pairs[-1] = (place, ends[read], read)
        elif read in ends and read > 0:
            pairs.append((place, ends[read], read))
    return [(student, teacher) for student, teacher, _ in pairs]


def uld_loss(
    student_log_probs: Tensor, teacher_log_probs: Tensor, shared: tuple[Tensor, Tensor] | None = None
) -> Tensor:
    """`[rows]` from 0 to 1: ½ Σ |p - q|, by name over `shared` tokens and by rank over the rest.

    Log-probabilities `[rows, student vocab]` and `[rows, teacher vocab]`. `shared` are ids of tokens with the same
    text, in the student's and in the teacher's vocabulary. With identical vocabularies all shared it is the total
    variation; with None it is ULD (Boizard et al. 2024, eq. 5; the ½ makes it a share of the probability).
    """
    q, p = student_log_probs.exp(), teacher_log_probs.exp()
    named = q.new_zeros(len(q))
    if shared is not None:
        ours, theirs = shared
        named = (q[:, ours] - p[:, theirs]).abs().sum(-1)
        q, p = q.index_fill(1, ours, 0.0), p.index_fill(1, theirs, 0.0)
    size = max(q.shape[-1], p.shape[-1])
    q, p = (
        torch.nn.functional.pad(one.sort(-1, descending=True).values, (0, size - one.shape[-1]))
        for one in (q, p)
    )
    return 0.5 * (named + (q - p).abs().sum(-1))


def cross_tokenizer_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    labels: Tensor,
    pairs: Sequence[tuple[int, int]],
    temperature: float = 3.0,
    alpha: float = 0.7,
    ignore_index: int = IGNORE_INDEX,
    *,
    shared: tuple[Tensor, Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """alpha * tau² * ULD at partners + (1 - alpha) * CE at the student's labels: `(total, count)` of one text.

    `student_logits` `[time, vocab]`, `teacher_logits` `[teacher time, teacher vocab]`, `labels` `[time]` the student's
    own, `pairs` from `align_spans`. count is the unmasked student positions; the soft term is scaled from the partners
    among them to all of them, so that alpha keeps its meaning however often the two tokenizers meet. float32 inside.
    """
    kept = labels != ignore_index
    count = kept.sum()
    wide = student_logits.to(torch.promote_types(student_logits.dtype, torch.float32))
    hard = torch.nn.functional.cross_entropy(wide, labels, ignore_index=ignore_index, reduction="sum")
    total = (1 - alpha) * torch.where(kept.any(), hard, wide.sum() * 0.0)
    counted = kept.tolist()
    partners = [(ours, theirs) for ours, theirs in pairs if ours < len(counted) and counted[ours]]
    if partners and alpha > 0:
        ours, theirs = (torch.tensor(side, device=wide.device) for side in zip(*partners, strict=True))
        soft = uld_loss(
            (wide[ours] / temperature).log_softmax(-1),
            (teacher_logits.detach()[theirs].to(wide.dtype) / temperature).log_softmax(-1),
            shared,
        ).sum()
        total = total + alpha * temperature**2 * soft * (count / len(partners))
    return total, count
