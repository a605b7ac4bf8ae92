"""The embedded language models: what distilling gains, one setting at a time away from a common recipe.

The common recipe is `embedded:default`, smaller, so that a student takes about half a minute of one core: 0.7 M
parameters, 20,480 tokens of text, 150 steps of 512 tokens (each token is seen nearly four times), τ = 1, α = 0.9,
forward KL. A *cell* changes one thing of it (two for reverse KL at another τ) and trains soft and hard students from
equal first weights on equal rows, a pair a seed. The gain is hard less soft, in nats a token on the test text.

Cells with one teacher and no more text than that read its distributions from a dense cache, which is exact up to half
precision and serves every τ; the others run their teachers.

Every cell is a JSON file under results/evidence/language-models/ and is not run again; the cells stand in the order in
which they are run, so the run can be stopped at any time and says how many it has.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.evidence import record
from benchmarks.evidence.record import Evidence, Interval, evidence, interval
from benchmarks.evidence.student_measures import Objective, averages, logits_of, measures
from retort.distill import DistillResult, Recipe
from retort.distill import run as distill
from retort.distill.data import Corpus, read_documents
from retort.distill.data.records import Renderer
from retort.distill.data.rows import RowLayout, rows_of
from retort.distill.models import open_model

QUESTION = "Embedded language models: nats a token that soft targets gain over hard labels"
TEACHER = "embedded:base"
CACHED_TOKENS = 20_480
WORK = Path(__file__).resolve().parents[2] / "out" / "evidence"
# 1: first numbers. Raise it when the same cell would give others.
FORMAT = 1

Changes = Mapping[str, Any]


@dataclass(frozen=True)
class Sizes:
    """How large a cell is."""

    tokens: int = CACHED_TOKENS
    steps: int = 150
    sequence_length: int = 128
    batch_size: int = 4
    num_seeds: int = 3
    validation_tokens: int = 2048
    test_tokens: int = 8192


FULL = Sizes()
QUICK = Sizes(512, 3, 32, 2, 2, 256, 256)


STUDENT = {
    "config": {
        "model_type": "llama",
        "hidden_size": 64,
        "intermediate_size": 160,
        "num_hidden_layers": 4,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "max_position_embeddings": 256,
        "tie_word_embeddings": True,
    }
}


def common(sizes: Sizes) -> dict[str, Any]:
    """The recipe that every cell starts from, as nested values."""
    return {
        "teacher": TEACHER,
        "student": STUDENT,
        "data": {
            "train": "embedded:train",
            "validation": "embedded:validation",
            "test": "embedded:test",
            "tokens": sizes.tokens,
            "validation_tokens": sizes.validation_tokens,
            "test_tokens": sizes.test_tokens,
        },
        "sequence_length": sizes.sequence_length,
        "batch_size": sizes.batch_size,
        "steps": sizes.steps,
        "learning_rate": 7e-3,
        "warmup": 0.2,
        "temperature": 1.0,
        "alpha": 0.9,
        "seeds": list(range(sizes.num_seeds)),
        "equal_time": False,
        "planned": True,
    }


# What each cell changes; written keys of the recipe. Names sort the figure: axis, then value.
CELLS: dict[str, Changes] = {
    "common": {},
    "temperature=3": {"temperature": 3.0},
    "temperature=8": {"temperature": 8.0},
    "reverse, temperature=1": {"divergence": "reverse_kl"},
    "temperature=2": {"temperature": 2.0},
    "alpha=1": {"alpha": 1.0},
    "alpha=1, temperature=3": {"alpha": 1.0, "temperature": 3.0},
    "tokens=5120": {"data.tokens": 5120},
    "weak teacher": {"teacher": "embedded:small"},
    "reverse, temperature=3": {"divergence": "reverse_kl", "temperature": 3.0},
    "alpha=0.5": {"alpha": 0.5},
    "width=32": {"student.config.hidden_size": 32, "student.config.intermediate_size": 80},
    "tokens=81920": {"data.tokens": 81920},
    "temperature=4": {"temperature": 4.0},
    "reverse, temperature=8": {"divergence": "reverse_kl", "temperature": 8.0},
    "alpha=0.3": {"alpha": 0.3},
    "tokens=10240": {"data.tokens": 10240},
    "steps=600": {"steps": 600},
    "two teachers": {"teacher": [TEACHER, "embedded:instruct"]},
    "width=128": {"student.config.hidden_size": 128, "student.config.intermediate_size": 320},
    "steps=75": {"steps": 75},
    "reverse, temperature=2": {"divergence": "reverse_kl", "temperature": 2.0},
    "alpha=0.7": {"alpha": 0.7},
    "alpha=1, temperature=8": {"alpha": 1.0, "temperature": 8.0},
    "steps=600, temperature=3": {"steps": 600, "temperature": 3.0},
    "reverse, temperature=4": {"divergence": "reverse_kl", "temperature": 4.0},
    "three teachers": {"teacher": [TEACHER, "embedded:instruct", "embedded:small"]},
    # As much text as the teacher itself has read, and time to learn it: where a gain should end.
    "weak teacher, tokens=100000, steps=720": {
        "teacher": "embedded:small",
        "data.tokens": 100_000,
        "steps": 720,
    },
}
QUICK_CELLS = ("common", "temperature=3")


def run(*, quick: bool = False, num_seeds: int | None = None) -> Evidence:
    """Every cell that is not there yet, in turn; the record is written after each of them."""
    sizes = QUICK if quick else FULL
    names = QUICK_CELLS if quick else tuple(CELLS)
    if quick:
        import tempfile

        with tempfile.TemporaryDirectory(prefix="retort-evidence-") as folder:
            return _collect([_cell(name, sizes, num_seeds, Path(folder), None) for name in names], sizes)
    kept = record.RESULTS / "language-models"
    rows = {}
    for name in names:
        if (found := _stored(kept, name)) is not None:
            rows[name] = found
    for name in names:
        if name not in rows:
            print(f"{name} … ({len(rows)} of {len(names)} cells there)", file=sys.stderr, flush=True)
            rows[name] = _cell(name, sizes, num_seeds, WORK, kept)
            record.write(_collect([rows[one] for one in names if one in rows], sizes))
    return _collect([rows[name] for name in names], sizes)


def recipe_of(name: str, sizes: Sizes, num_seeds: int | None, work: Path) -> Recipe:
    """The recipe of a cell, with a cache of the teacher where one serves it."""
    overrides = [f"{key}={json.dumps(value)}" for key, value in CELLS[name].items()]
    values = common(sizes)
    if num_seeds is not None:
        values["seeds"] = num_seeds
    recipe = Recipe.from_dict(values, overrides)
    if recipe.teachers == (TEACHER,) and (recipe.data.tokens or 0) <= sizes.tokens:
        text, cache = teacher_cache(sizes.tokens, work)
        overrides += [f"data.train={text}", f"targets={cache}"]
    return Recipe.from_dict(values, [*overrides, f"output={work / 'arms'}"])


def teacher_cache(tokens: int, work: Path) -> tuple[Path, Path]:
    """The beginning of the training text, enough for that many tokens, and the teacher's dense cache of it."""
    from retort.distill.cache import capture

    text, folder = work / f"train-{tokens}.txt", work / f"cache-{tokens}"
    if not text.is_file():
        encode = open_model(TEACHER).tokenizer
        documents, count = [], 0
        for document in read_documents("embedded:train"):
            documents.append(document)
            # The end marker is a token too. A margin: rows are whole.
            count += len(encode(document, add_special_tokens=False)["input_ids"]) + 1
            if count > tokens:
                break
        text.parent.mkdir(parents=True, exist_ok=True)
        text.write_text("\n\n".join(documents), encoding="utf-8")
    capture(
        TEACHER, str(text), folder, temperature=1.0, codec="dense", resume=folder.exists(), shard_tokens=4096
    )
    return text, folder


def _stored(kept: Path, name: str) -> dict[str, Any] | None:
    file = kept / f"{_file_name(name)}.json"
    if not file.is_file():
        return None
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found if found.pop("format") == FORMAT and found["changes"] == dict(CELLS[name]) else None


def _file_name(name: str) -> str:
    return name.replace(", ", "-").replace(" ", "-").replace("=", "-")


def _cell(name: str, sizes: Sizes, num_seeds: int | None, work: Path, kept: Path | None) -> dict[str, Any]:
    """The students of one cell, trained or found, and what they are good at."""
    recipe = recipe_of(name, sizes, num_seeds, work)
    values = recipe.to_dict()
    students = work / "students" / _file_name(name)
    # First the soft students, to keep them; then with the control, which finds them finished. The hard students of
    # cells with equal rows and steps are the same and are trained once.
    hard_too = name == "common"
    distill(Recipe.from_dict({**values, "save": str(students), "control": hard_too}))
    found = distill(Recipe.from_dict(values))
    row = {
        "cell": name,
        "changes": dict(CELLS[name]),
        **gains(found),
        "seconds a soft student": statistics.fmean(one.seconds for one in found.arms["soft"]),
        "soft students": _measured(recipe, students, "soft"),
        "hard students": _measured(recipe, students, "hard") if hard_too else None,
    }
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        stored = json.dumps({"format": FORMAT, **row}, indent=1)
        (kept / f"{_file_name(name)}.json").write_text(stored + "\n", encoding="utf-8")
    return row


def gains(found: DistillResult) -> dict[str, Any]:
    """The paired gain on the test text, the losses of both arms and the teacher's, and the verdict."""
    difference = found.difference_test
    assert difference is not None, "the recipe names a test text"
    low, high = difference.ci or (None, None)
    by_arm = {
        arm: [one.test_nll for one in results if one.test_nll is not None]
        for arm, results in found.arms.items()
    }
    return {
        "gain": asdict(Interval(difference.mean, low, high, len(difference.seeds))),
        "gain of each seed": list(difference.per_seed),
        "verdict": found.verdict,
        **{arm: asdict(interval(values)) for arm, values in by_arm.items()},
        "teacher": found.teacher["test_nll"],
    }


def _measured(recipe: Recipe, students: Path, arm: str) -> dict[str, float]:
    """The measures of an arm's saved students on the validation text, against embedded:base, averaged over seeds."""
    opened = open_model(TEACHER)
    end = int(opened.tokenizer.eos_token_id)
    rows = rows_of(
        Corpus(str(recipe.data.validation)),
        Renderer(opened.tokenizer, end),
        RowLayout(recipe.sequence_length, end, whole_rows=False),
        tokens=recipe.data.validation_tokens,
    )
    teacher = logits_of(opened.model, rows)
    objective = Objective(recipe.temperature, recipe.alpha, recipe.divergence) if arm == "soft" else None
    return averages(
        [
            measures(open_model(str(students / f"{arm}-seed{seed}")).model, teacher, rows, objective)
            for seed in recipe.seeds
        ]
    )


def _collect(rows: Sequence[dict[str, Any]], sizes: Sizes) -> Evidence:
    settings = {"recipe": common(sizes), "cells": len(rows), "cells planned": len(CELLS)}
    return evidence("language-models", QUESTION, settings, rows, _findings(rows))


def _findings(rows: Sequence[dict[str, Any]]) -> list[str]:
    said = [f"{len(rows)} of {len(CELLS)} cells were run."]
    for row in rows:
        soft = row["soft students"]
        said.append(
            f"{row['cell']}: gain {Interval(**row['gain'])} ({row['verdict']}); soft {row['soft']['mean']:.4g};"
            f" calibrated {soft['calibrated nll']:.4g} at {soft['calibrated at']:g}; soft share of the gradient"
            f" {soft['soft share of the gradient']:.2g}."
        )
    return said
