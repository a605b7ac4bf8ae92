"""A source whose true distribution is known: what hard labels and soft targets cost a student, beside theory.

The source is a Markov chain: the next of V words is drawn from row c of a table, c being the word before. The student
has a logit for each pair (c, word), so it can hold any such table, and its loss has one optimum, which is written out
here. Its *excess risk* is what it pays above the best possible code, in nats a word:

    Σ_c π_c KL(p_c ‖ q_c),  π the share of the contexts, p the source, q the student.

After n words, of which n_c followed c:

- hard labels: q_c = (counts + ½) / (n_c + V/2). The half (Krichevsky and Trofimov 1981) keeps the risk finite: a word
  not seen after c would otherwise cost infinitely much. Theory: d/(2n) with d = V(V − 1) free numbers.
- soft targets: q_c is the teacher's row t_c wherever c was seen at all. Theory: a context not seen in n words,
  probability (1 − π_c)^n, costs KL(p_c ‖ uniform); the others cost what the teacher itself costs, ε (0 for the truth).
- both, with weight α on the teacher: q_c = α t_c + (1 − α) counts / n_c. The two errors are independent, so to second
  order the risk is α² ε + (1 − α)² d/(2n). It is least at α* = (d/2n) / (ε + d/2n), the *right mix*: then it is
  α* ε, less than either of the two alone.

The imperfect teacher learnt from m words of its own, with hard labels, so ε is about d/(2m).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.evidence.record import Evidence, evidence, interval

QUESTION = "A Markov source: nats a word above its entropy rate, from hard labels and from soft targets"
MIXES = ("right mix", "half and half")
ALPHA = 0.5  # of the half-and-half mix

Table = NDArray[np.float64]


@dataclass(frozen=True)
class Sizes:
    """How large the experiment is."""

    vocab_size: int
    lengths: tuple[int, ...]
    teacher_length: int
    num_seeds: int


FULL = Sizes(32, tuple(2**power for power in range(6, 19)), 2**14, 20)
QUICK = Sizes(8, tuple(2**power for power in range(5, 13)), 2**9, 16)


def run(*, quick: bool = False, num_seeds: int | None = None) -> Evidence:
    """Excess risk of each student after n words, beside theory; every seed has a source and texts of its own."""
    sizes = QUICK if quick else FULL
    seeds = num_seeds or sizes.num_seeds
    generator = np.random.default_rng(0)
    source = generator.dirichlet(np.ones(sizes.vocab_size), size=(seeds, sizes.vocab_size))
    share = stationary(source)
    own_text = chain(source, sizes.teacher_length, generator)
    teacher = hard_student(count_pairs(own_text, sizes.vocab_size))
    text = chain(source, max(sizes.lengths), generator)
    teacher_excess = excess_risk(share, source, teacher)
    rows = []
    excess: dict[tuple[str, int], Table] = {}
    for length in sizes.lengths:
        counts = count_pairs(text[: length + 1], sizes.vocab_size)
        right = right_alpha(teacher_excess, free_numbers(sizes.vocab_size), length)
        students = {
            "hard labels": hard_student(counts),
            "true distribution": soft_student(counts, source, 1.0),
            "imperfect teacher": soft_student(counts, teacher, 1.0),
            "half and half": soft_student(counts, teacher, ALPHA),
            "right mix": soft_student(counts, teacher, right[:, None, None]),
        }
        expected = theory(share, source, teacher_excess, length)
        for name, student in students.items():
            excess[name, length] = excess_risk(share, source, student)
            rows.append(
                {
                    "student": name,
                    "words": length,
                    "excess": asdict(interval(excess[name, length].tolist())),
                    "theory": float(expected[name].mean()),
                }
            )
    trained = trained_gap(text[:, 0], source[0], teacher[0], min(2048, max(sizes.lengths)))
    settings = {
        "vocab_size": sizes.vocab_size,
        "free_numbers": free_numbers(sizes.vocab_size),
        "teacher_words": sizes.teacher_length,
        "teacher_excess": asdict(interval(teacher_excess.tolist())),
        "seeds": list(range(seeds)),
        "largest_gap_to_students_trained_with_the_loss": trained,
    }
    return evidence("markov", QUESTION, settings, rows, _findings(sizes, excess, teacher_excess, trained))


def stationary(source: Table) -> Table:
    """The share of each context in a long text, `[seeds, vocab]`: the left eigenvector of `[seeds, vocab, vocab]`."""
    num_seeds, vocab_size, _ = source.shape
    equations = np.swapaxes(source, 1, 2) - np.eye(vocab_size)
    equations[:, -1, :] = 1.0  # the shares add up to one; any one of the others follows from the rest
    right = np.zeros((num_seeds, vocab_size, 1))
    right[:, -1] = 1.0
    shares: Table = np.linalg.solve(equations, right)[..., 0].astype(np.float64)
    return shares


def chain(source: Table, length: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """A text of `length` transitions from each source, `[length + 1, seeds]`."""
    num_seeds, vocab_size, _ = source.shape
    below = source.cumsum(-1)[..., :-1]  # without the last: rounding may leave it under 1
    every = np.arange(num_seeds)
    words = np.empty((length + 1, num_seeds), dtype=np.int64)
    words[0] = generator.integers(vocab_size, size=num_seeds)
    for place in range(length):
        draws = generator.random((num_seeds, 1))
        words[place + 1] = (draws >= below[every, words[place]]).sum(-1)
    return words


def count_pairs(text: NDArray[np.int64], vocab_size: int) -> Table:
    """How often each word followed each other word, `[seeds, vocab, vocab]`."""
    num_seeds = text.shape[1]
    pairs = (np.arange(num_seeds) * vocab_size + text[:-1]) * vocab_size + text[1:]
    counted = np.bincount(pairs.ravel(), minlength=num_seeds * vocab_size**2)
    return counted.reshape(num_seeds, vocab_size, vocab_size).astype(np.float64)


def hard_student(counts: Table) -> Table:
    """The optimum of the cross-entropy with half a count more for every word."""
    smoothed = counts + 0.5
    student: Table = smoothed / smoothed.sum(-1, keepdims=True)
    return student


def soft_student(counts: Table, teacher: Table, alpha: float | Table) -> Table:
    """The optimum of alpha KL(teacher ‖ q) + (1 - alpha) CE over the contexts that occurred; uniform elsewhere."""
    seen = counts.sum(-1, keepdims=True)
    frequencies = counts / np.maximum(seen, 1)
    return np.where(seen > 0, alpha * teacher + (1 - alpha) * frequencies, 1 / counts.shape[-1])


def excess_risk(share: Table, source: Table, student: Table) -> Table:
    """Σ_c π_c KL(p_c ‖ q_c) in nats a word, `[seeds]`."""
    risk: Table = (share * (source * np.log(source / student)).sum(-1)).sum(-1)
    return risk


def free_numbers(vocab_size: int) -> int:
    """d: one row has V - 1 of them, since it adds up to one."""
    return vocab_size * (vocab_size - 1)


def right_alpha(teacher_excess: Table, free: int, length: int) -> Table:
    """α*, the teacher's share of the loss at which the mix costs least, `[seeds]`."""
    hard = free / (2 * length)
    alpha: Table = hard / (teacher_excess + hard)
    return alpha


def theory(share: Table, source: Table, teacher_excess: Table, length: int) -> dict[str, Table]:
    """What each student should cost, `[seeds]` each; the formulas are at the head of this file."""
    vocab_size = source.shape[-1]
    hard = np.full(len(share), free_numbers(vocab_size) / (2 * length))
    unseen_cost = (source * np.log(source * vocab_size)).sum(-1)
    unseen = (share * (1 - share) ** length * unseen_cost).sum(-1)
    return {
        "hard labels": hard,
        "true distribution": unseen,
        "imperfect teacher": unseen + teacher_excess,
        "half and half": unseen + ALPHA**2 * teacher_excess + (1 - ALPHA) ** 2 * hard,
        "right mix": unseen + teacher_excess * hard / (teacher_excess + hard),
    }


def trained_gap(text: NDArray[np.int64], source: Table, teacher: Table, length: int) -> dict[str, float]:
    """Largest difference in any probability between the optimum above and a student trained with retort's loss.

    A table of logits that starts at 0, L-BFGS in float64. The case at τ = 4 shows that τ does not move the optimum of
    a student that can hold the whole teacher: equal at one temperature is equal at all.
    """
    import torch

    from retort.distill.losses import distillation_loss

    contexts, words = (torch.from_numpy(text[start : start + length].copy()) for start in (0, 1))
    counts = count_pairs(text[: length + 1, None], len(source))
    gaps = {}
    for name, target, alpha, temperature in (
        ("true distribution", source, 1.0, 1.0),
        ("true distribution, τ = 4", source, 1.0, 4.0),
        ("half and half", teacher, ALPHA, 1.0),
    ):
        logits = torch.zeros(source.shape, dtype=torch.float64, requires_grad=True)
        log_target = torch.from_numpy(np.log(target))[contexts]
        search = torch.optim.LBFGS(
            [logits], max_iter=1000, tolerance_grad=1e-12, tolerance_change=0, line_search_fn="strong_wolfe"
        )

        def loss(
            logits: torch.Tensor = logits,
            log_target: torch.Tensor = log_target,
            alpha: float = alpha,
            temperature: float = temperature,
            search: torch.optim.Optimizer = search,
        ) -> torch.Tensor:
            search.zero_grad()
            total, count = distillation_loss(
                logits[contexts], log_target, words, temperature=temperature, alpha=alpha
            )
            (total / count).backward()
            return total.detach() / count

        search.step(loss)
        expected = soft_student(counts, target[None], alpha)[0]
        gaps[name] = float(np.abs(logits.detach().softmax(-1).numpy() - expected).max())
    return gaps


def _findings(
    sizes: Sizes,
    excess: dict[tuple[str, int], Table],
    teacher_excess: Table,
    trained: dict[str, float],
) -> Sequence[str]:
    last = max(sizes.lengths)
    free = free_numbers(sizes.vocab_size)
    against_theory = interval((excess["hard labels", last] * 2 * last / free).tolist())
    overtaken = _first(
        sizes, lambda n: interval((excess["imperfect teacher", n] - excess["hard labels", n]).tolist()).low
    )
    even = sizes.teacher_length
    halved = interval(_against_better(excess, "half and half", even).tolist())
    worst, fixed = (
        max(float(_against_better(excess, name, n).mean()) for n in sizes.lengths) for name in MIXES
    )
    return (
        f"Hard labels cost {against_theory} times d/(2n) = {free / (2 * last):.4g} nats at n = {last}.",
        f"The true distribution has no cost left that could be measured (under 1e-9 nats) from n = "
        f"{_first(sizes, lambda n: 1e-9 - float(excess['true distribution', n].max()))} on: each context has to be seen"
        " once, and no more.",
        f"The imperfect teacher learnt from {sizes.teacher_length} words and costs"
        f" {interval(teacher_excess.tolist())} nats itself; hard labels are better (interval above 0) from n ="
        f" {overtaken} on.",
        f"Where both know equally much (n = {even}) half and half costs {halved} times the better of the two; theory"
        " says 0.5.",
        f"With the right mix the student is on average never worse than with the teacher alone or labels alone:"
        f" {worst:.3g} times the better of the two at most. A fixed half costs up to {fixed:.3g} times.",
        f"Students trained with retort's own loss end at the same tables: at most {max(trained.values()):.1e} apart"
        " in any probability.",
    )


def _against_better(excess: dict[tuple[str, int], Table], name: str, length: int) -> Table:
    """Excess over the better of labels alone and teacher alone, `[seeds]`."""
    ratio: Table = excess[name, length] / np.minimum(
        excess["hard labels", length], excess["imperfect teacher", length]
    )
    return ratio


def _first(sizes: Sizes, margin: object) -> int | None:
    """The smallest length whose margin is above 0."""
    assert callable(margin)
    return next((n for n in sizes.lengths if (margin(n) or 0) > 0), None)
