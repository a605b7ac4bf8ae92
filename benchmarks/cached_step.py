"""What a training step from a cache of soft targets costs beside one on hard labels, of the same student.

- retort: a step under retort's trainer with the targets of a cache: reading, decoding, loss, backward pass, update
- hard labels: the same student, rows and trainer with cross-entropy alone; `cost` is ours over this, 1.1 for 10 % more
- the teacher at every step: what the cache saves, the same loss with the teacher's forward pass in it

One case a codec, at τ = 3 and α = 0.7. Seconds of the median step of a run, least disturbed by what else runs; text,
not random tokens, since the length of `sampled` records hangs on the teacher's distributions. The shards are read from
disk in the first step.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from benchmarks.distill import STUDENT
from benchmarks.models import benchmark_model
from benchmarks.record import Record, Settings, record
from benchmarks.timing import Row, compared
from retort.distill import Recipe

CODECS = ("sampled:50", "topk+tail:32", "topk:64", "dense")
STEPS = 8
CHARACTERS_A_TOKEN = 8  # more than there are, so that the text is enough


def run(settings: Settings) -> Record:
    """The record with one case a codec."""
    shape = {"batch_size": 2, "sequence_length": 16, "steps": 3} if settings.quick else {"steps": STEPS}
    with (
        benchmark_model(settings.model) as (model, named, _),
        tempfile.TemporaryDirectory(prefix="retort-benchmark-") as folder,
    ):
        text = Path(folder) / "text.txt"
        recipe = Recipe.from_dict(
            {
                "teacher": model,
                "student": {"config": STUDENT},
                "data": {"train": str(text), "validation": str(text)},
                "temperature": 3.0,
                "alpha": 0.7,
                **shape,
            }
        )
        _text(text, model, recipe.steps * recipe.batch_size * recipe.sequence_length)
        rows = [_case(recipe, codec, Path(folder), settings.rounds) for codec in CODECS]
    details = {
        "batch_size": recipe.batch_size,
        "sequence_length": recipe.sequence_length,
        "steps": recipe.steps,
        "temperature": 3.0,
    }
    return record("cached_step", __doc__ or "", named, settings, details, rows)


def _text(file: Path, model: str, tokens: int) -> None:
    """The beginning of the validation text, enough for that many tokens, so that no capture reads more than a run.

    In the words of the stand-in where the model is that: its tokenizer knows no others.
    """
    from retort.distill.data import plain_text, read_documents

    documents: list[str] = []
    for number, one in enumerate(read_documents("embedded:validation")):
        text = plain_text(one, number)
        if not model.startswith("embedded:"):
            text = " ".join(f"w{1 + sum(word.encode()) % 8000}" for word in text.split())
        documents.append(text)
        if sum(map(len, documents)) > CHARACTERS_A_TOKEN * tokens:
            break
    file.write_text("\n\n".join(documents), encoding="utf-8")


def _case(recipe: Recipe, codec: str, folder: Path, rounds: int) -> Row:
    from benchmarks.distill import _trained
    from retort.distill.cache import capture
    from retort.distill.data.rows import load_texts
    from retort.distill.models import Teacher, end_token, new_student, open_teachers
    from retort.distill.objective import HARD_LABELS, Objective, open_targets

    cache = folder / codec.replace(":", "-")
    capture(recipe.teachers[0], str(recipe.data.train), cache, temperature=3.0, codec=codec)
    opened = open_teachers(recipe.teachers)
    tokenizer = opened[0].tokenizer
    texts = load_texts(recipe.but(targets=str(cache)), tokenizer, end_token(tokenizer, recipe.teachers[0]))
    assert texts.train.contents is not None, "rows of a recipe with targets know where they are from"
    targets = open_targets(
        recipe.but(targets=str(cache), temperature=3.0, divergence="forward_kl"),
        tokenizer,
        texts.train.contents,
    )
    teacher = Teacher([one.model for one in opened], len(tokenizer), opened[0].model.dtype)
    objectives = {
        "retort": Objective(None, 3.0, recipe.alpha, cache=targets),
        "hard labels": HARD_LABELS,
        "the teacher at every step": Objective(teacher, 3.0, recipe.alpha),
    }
    seconds: dict[str, list[float]] = {name: [] for name in objectives}
    for number in range(rounds):
        for name in list(objectives) if number % 2 == 0 else list(objectives)[::-1]:
            student = new_student(recipe.student, tokenizer, seed=0)
            seconds[name].append(_trained(recipe, student, objectives[name], texts.train)[0])
    cost = statistics.median(a / b for a, b in zip(seconds["retort"], seconds["hard labels"], strict=True))
    return compared(
        f"{codec}, a step",
        seconds,
        cost=cost,
        **{"cost of the least": min(seconds["retort"]) / min(seconds["hard labels"])},
    )
