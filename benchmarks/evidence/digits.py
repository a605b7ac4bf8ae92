"""scikit-learn's 1,797 handwritten digits: an ensemble teaches a small network.

Two experiments, 20 paired seeds each; a seed draws the split, the wrong labels and the first weights, and all students
of a seed share them.

- *grid*: the student sees 10 to 100 % of the training part, and 0 to 40 % of the labels are wrong (another digit, drawn
  evenly; training part alone). The teacher, five larger networks averaged, learnt from the same wrong labels: from all
  of the training part, or from the student's share only.
- *missing*: Hinton, Vinyals and Dean's experiment (2015, section 3). The teacher knows all digits; the student's
  transfer set has no 3. Afterwards the student's bias for 3 is raised to where the validation accuracy is best. The
  paper took the test part for that.

Every network is measured where it is best on the validation part (right labels), hard labels included: a control that
stops at the right moment. What the last step gives is kept beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from benchmarks.evidence.record import Evidence, Interval, evidence, interval
from benchmarks.evidence.small_networks import Targets, Task, Weights, accuracy, initial, logits, train
from retort.distill.losses import IGNORE_INDEX

QUESTION = "Handwritten digits: errors of a small network on hard labels and on an ensemble's soft targets"
NUM_CLASSES, MISSING = 10, 3
TEMPERATURE, ALPHA = 3.0, 0.7  # Hinton's usual values, not searched
# Teachers of different seeds may not share weights.
MEMBER_SEEDS = 1000


@dataclass(frozen=True)
class Sizes:
    """How large the experiment is."""

    num_seeds: int = 20
    num_train: int = 1000
    num_validation: int = 297
    student_hidden: int = 16
    teacher_hidden: int = 64
    members: int = 5
    student_steps: int = 300
    teacher_steps: int = 120
    shares: tuple[float, ...] = (0.1, 0.2, 0.5, 1.0)
    noises: tuple[float, ...] = (0.0, 0.1, 0.2, 0.4)
    temperatures: tuple[float, ...] = (1.0, 2.0, 3.0, 5.0, 10.0)
    alphas: tuple[float, ...] = (0.3, 0.7, 0.9, 1.0)
    # (share, noise) where temperature and alpha are varied: little data, and many wrong labels
    corners: tuple[tuple[float, float], ...] = ((0.1, 0.0), (1.0, 0.4))


FULL = Sizes()
QUICK = Sizes(
    num_seeds=3, members=2, student_steps=60, teacher_steps=40, teacher_hidden=32, shares=(0.2, 1.0), noises=(0.0, 0.4),
    temperatures=(3.0,), alphas=(0.7,), corners=((0.2, 0.0),),
)  # fmt: skip


@dataclass(frozen=True)
class Splits:
    """Images and labels of every seed: training `[N, B, 64]`, `[N, B]`, and so on; `noisy` has wrong labels in it."""

    train: Tensor
    labels: Tensor
    validation: Tensor
    validation_labels: Tensor
    test: Tensor
    test_labels: Tensor


def run(*, quick: bool = False, num_seeds: int | None = None) -> Evidence:
    """Test errors in the grid, for other temperatures and alphas in two corners of it, and with the 3s missing."""
    sizes = QUICK if quick else FULL
    seeds = range(num_seeds or sizes.num_seeds)
    splits = load(seeds, sizes)
    grid = list(_grid(sizes, splits, seeds))
    missing = _missing(sizes, splits, seeds)
    settings = {**asdict(sizes), "num_seeds": len(seeds), "temperature": TEMPERATURE, "alpha": ALPHA}
    return evidence("digits", QUESTION, settings, [*grid, *missing], _findings(grid, missing))


def load(seeds: Sequence[int], sizes: Sizes) -> Splits:
    """Every seed's own split; pixels divided by 16, their largest value."""
    from sklearn.datasets import load_digits

    found = load_digits()
    images = torch.from_numpy(found.data).float() / 16
    labels = torch.from_numpy(found.target).long()
    orders = torch.stack(
        [torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed)) for seed in seeds]
    )
    ends = (sizes.num_train, sizes.num_train + sizes.num_validation)
    first, second, third = orders[:, : ends[0]], orders[:, ends[0] : ends[1]], orders[:, ends[1] :]
    return Splits(images[first], labels[first], images[second], labels[second], images[third], labels[third])


def mislabelled(labels: Tensor, noise: float, seeds: Sequence[int]) -> Tensor:
    """`[N, B]` labels, each with probability `noise` replaced by one of the nine others."""
    changed = []
    for seed, row in zip(seeds, labels, strict=True):
        generator = torch.Generator().manual_seed(seed + 1)
        wrong = torch.rand(len(row), generator=generator) < noise
        shift = torch.randint(1, NUM_CLASSES, (len(row),), generator=generator)
        changed.append(torch.where(wrong, (row + shift) % NUM_CLASSES, row))
    return torch.stack(changed)


def teach(sizes: Sizes, task: Task, seeds: Sequence[int], *inputs: Tensor) -> list[Tensor]:
    """The ensemble's logits on each of `inputs`: log of the members' mean probability at τ = 1, `[N, B, C]`."""
    members = sizes.members
    names = [seed * members + member + MEMBER_SEEDS for seed in seeds for member in range(members)]
    start = initial(names, task.inputs.shape[-1], sizes.teacher_hidden, NUM_CLASSES)
    repeated = Task(
        *(
            part.repeat_interleave(members, 0)
            for part in (task.inputs, task.labels, task.validation_inputs, task.validation_labels)
        )
    )
    weights = train(start, repeated, Targets(), sizes.teacher_steps).best
    found = []
    for part in inputs:
        each = logits(weights, part.repeat_interleave(members, 0)).log_softmax(-1)
        found.append(each.unflatten(0, (-1, members)).exp().mean(1).log())
    return found


def _grid(sizes: Sizes, splits: Splits, seeds: Sequence[int]) -> Iterator[dict[str, Any]]:
    start = initial(seeds, splits.train.shape[-1], sizes.student_hidden, NUM_CLASSES)

    def errors(task: Task, targets: Targets) -> dict[str, Tensor]:
        trained = train(start, task, targets, sizes.student_steps)
        return {
            "best": 100 - 100 * accuracy(trained.best, splits.test, splits.test_labels),
            "last": 100 - 100 * accuracy(trained.last, splits.test, splits.test_labels),
        }

    for noise in sizes.noises:
        noisy = mislabelled(splits.labels, noise, seeds)
        whole = Task(splits.train, noisy, splits.validation, splits.validation_labels)
        from_all, from_all_test = teach(sizes, whole, seeds, splits.train, splits.test)
        for share in sizes.shares:
            size = round(share * sizes.num_train)
            task = Task(splits.train[:, :size], noisy[:, :size], splits.validation, splits.validation_labels)
            hard = errors(task, Targets())
            teachers = {"all": (from_all[:, :size], from_all_test)}
            if size < sizes.num_train:
                own, own_test = teach(sizes, task, seeds, task.inputs, splits.test)
                teachers["the student's share"] = (own, own_test)
            for seen, (soft, soft_test) in teachers.items():
                settings = [(TEMPERATURE, ALPHA)]
                if (share, noise) in sizes.corners and seen == "all":
                    settings += [(other, ALPHA) for other in sizes.temperatures if other != TEMPERATURE]
                    settings += [(TEMPERATURE, other) for other in sizes.alphas if other != ALPHA]
                right = (soft_test.argmax(-1) == splits.test_labels).float().mean(-1)
                for temperature, alpha in settings:
                    distilled = errors(task, Targets(soft, temperature, alpha))
                    yield {
                        "experiment": "grid",
                        "share": share,
                        "noise": noise,
                        "teacher saw": seen,
                        "temperature": temperature,
                        "alpha": alpha,
                        "teacher": _spread(100 - 100 * right),
                        "hard": _spread(hard["best"]),
                        "soft": _spread(distilled["best"]),
                        "gain": _spread(hard["best"] - distilled["best"]),
                        "gain, last step": _spread(hard["last"] - distilled["last"]),
                    }


def _missing(sizes: Sizes, splits: Splits, seeds: Sequence[int]) -> list[dict[str, Any]]:
    whole = Task(splits.train, splits.labels, splits.validation, splits.validation_labels)
    soft, soft_test = teach(sizes, whole, seeds, splits.train, splits.test)
    start = initial(seeds, splits.train.shape[-1], sizes.student_hidden, NUM_CLASSES)
    transfer = without(splits, soft, MISSING)
    task = Task(transfer.inputs, transfer.labels, splits.validation, splits.validation_labels)
    students = {"hard labels": Targets()} | {
        f"soft targets, τ = {temperature:g}": Targets(transfer.soft, temperature, 1.0)
        for temperature in sizes.temperatures
    }
    rows = []
    for name, targets in students.items():
        # The last step: a validation part full of 3s would pick the step that knows them best.
        weights = train(start, task, targets, sizes.student_steps).last
        raised = raise_bias(weights, splits.validation, splits.validation_labels, MISSING)
        before, after = logits(weights, splits.test), logits(raised, splits.test)
        rows.append(
            {
                "experiment": "missing",
                "student": name,
                "accuracy on 3": _spread(_on_missing(before, splits.test_labels)),
                "accuracy on 3, bias raised": _spread(_on_missing(after, splits.test_labels)),
                "accuracy": _spread(100 * (before.argmax(-1) == splits.test_labels).float().mean(-1)),
                "accuracy, bias raised": _spread(
                    100 * (after.argmax(-1) == splits.test_labels).float().mean(-1)
                ),
                "bias raised by": _spread((raised.outside_bias - weights.outside_bias)[:, 0, MISSING]),
            }
        )
    teacher = {
        "experiment": "missing",
        "student": "the teacher itself",
        "accuracy on 3": _spread(_on_missing(soft_test, splits.test_labels)),
        "accuracy": _spread(100 * (soft_test.argmax(-1) == splits.test_labels).float().mean(-1)),
    }
    return [*rows, teacher]


@dataclass(frozen=True)
class Transfer:
    """A transfer set of equal size for every seed."""

    inputs: Tensor
    labels: Tensor
    soft: Tensor


def without(splits: Splits, soft: Tensor, digit: int) -> Transfer:
    """The training part without one digit, cut to the size of the smallest seed's."""
    kept = [torch.nonzero(row != digit)[:, 0] for row in splits.labels]
    size = min(map(len, kept))
    places = torch.stack([one[:size] for one in kept])
    every = torch.arange(len(places))[:, None]
    labels = splits.labels[every, places]
    assert not (labels == digit).any() and not (labels == IGNORE_INDEX).any()
    return Transfer(splits.train[every, places], labels, soft[every, places])


def raise_bias(weights: Weights, inputs: Tensor, labels: Tensor, digit: int) -> Weights:
    """The output bias of one digit raised, in each network, to where the accuracy on these examples is best.

    Between two examples' margins nothing changes, so the margins are all that has to be tried; the middle of the best
    stretch is taken, its lower end if it has no upper one.
    """
    found = logits(weights, inputs)
    others = found.clone()
    others[..., digit] = float("-inf")
    needed = others.amax(-1) - found[..., digit]  # raised by more than this, the answer is `digit`
    was_right = others.argmax(-1) == labels
    lifted = weights.outside_bias.clone()
    for network, margins in enumerate(needed):
        order = margins.argsort()
        is_digit = (labels[network] == digit)[order]
        loses = was_right[network][order] & ~is_digit
        gained = torch.cat([torch.zeros(1, dtype=torch.long), (is_digit.long() - loses.long()).cumsum(0)])
        best = int(gained.argmax())
        edges = margins[order]
        if best == 0:
            continue  # no rise helps
        low = float(edges[best - 1])
        high = float(edges[best]) if best < len(edges) else low + 1e-3
        lifted[network, 0, digit] += (low + high) / 2
    return weights._replace(outside_bias=lifted)


def _on_missing(found: Tensor, labels: Tensor) -> Tensor:
    there = labels == MISSING
    return 100 * ((found.argmax(-1) == MISSING) & there).sum(-1) / there.sum(-1)


def _spread(values: Tensor) -> dict[str, Any]:
    return asdict(interval([float(one) for one in values]))


def _findings(grid: Sequence[dict[str, Any]], missing: Sequence[dict[str, Any]]) -> list[str]:
    usual = [row for row in grid if (row["temperature"], row["alpha"]) == (TEMPERATURE, ALPHA)]

    worse = [_place(row) for row in usual if (row["gain"]["high"] or 0) < 0]
    unclear = [_place(row) for row in usual if (row["gain"]["low"] or 0) <= 0 <= (row["gain"]["high"] or 0)]
    best, worst = max(usual, key=_mean_gain), min(usual, key=_mean_gain)
    whole = max((row for row in usual if row["share"] == 1), key=lambda row: float(row["noise"]))
    by_name = {row["student"]: row for row in missing}
    hard = by_name["hard labels"]
    soft = max(
        (row for name, row in by_name.items() if name.startswith("soft")),
        key=lambda row: float(row["accuracy, bias raised"]["mean"]),
    )
    return [
        f"Gains are errors a hundred less with soft targets (τ = {TEMPERATURE:g}, α = {ALPHA:g}) than with hard labels."
        f" Largest: {Interval(**best['gain'])} at {_place(best)}. Smallest: {Interval(**worst['gain'])} at"
        f" {_place(worst)}.",
        f"Worse than hard labels (interval below 0): {', '.join(worse) or 'nowhere'}.",
        f"No gain that the seeds can tell from 0: {', '.join(unclear) or 'nowhere'}.",
        f"Stopping at the right step does most of what distilling does against wrong labels: at {_place(whole)} the"
        f" gain is {Interval(**whole['gain, last step'])} after the last step and {Interval(**whole['gain'])} where"
        " each student stops at its best.",
        f"Never shown a 3, hard labels know {Interval(**hard['accuracy on 3'])} % of them and"
        f" {Interval(**hard['accuracy on 3, bias raised'])} % with the bias raised, where the accuracy on all digits is"
        f" {Interval(**hard['accuracy, bias raised'])} %.",
        f"Best at all digits are {soft['student']}: {Interval(**soft['accuracy on 3'])} % of the 3s,"
        f" {Interval(**soft['accuracy on 3, bias raised'])} % with the bias raised, all digits"
        f" {Interval(**soft['accuracy, bias raised'])} %; the teacher has"
        f" {Interval(**by_name['the teacher itself']['accuracy'])} %.",
    ]


def _mean_gain(row: dict[str, Any]) -> float:
    return float(row["gain"]["mean"])


def _place(row: dict[str, Any]) -> str:
    return f"({row['share']:.0%} of the data, {row['noise']:.0%} wrong, teacher saw {row['teacher saw']})"
