"""A real teacher: SmolLM2 (135 M parameters, read from its 4-bit GGUF file) teaches a Llama of 3 M with its tokenizer.

The text is the language reference that every Python carries (`pydoc_data.topics`): English prose with some code,
which nobody here wrote for a teacher. Every sixth topic is held out for the test and every sixth for validation. A
student reads the first 4,096, 16,384 or 32,768 tokens of the rest: the least of them four times, the others once. Soft
targets are read from a capture (`topk+tail:64+16` at τ = 1, unbiased), made before; α = 0.9. The control is the
same student on the same rows with hard labels alone. Both keep their best weights on the validation text, so that a
control which has learnt little text by heart is not measured at its worst.

A size is run with all its seeds, and the record is written after each; finished students are found again, so the run
can be stopped at any time.
"""

from __future__ import annotations

import hashlib
import json
import platform
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.evidence import record
from benchmarks.evidence.language_models import STUDENT, gains
from benchmarks.evidence.record import Evidence, Interval, evidence
from retort.distill import DistillResult, Recipe
from retort.distill import run as distill

QUESTION = (
    "A real teacher, SmolLM2-135M: nats per token that soft targets gain over hard labels, by size of text"
)
TEACHER = "embedded:smollm2"
CODEC = "topk+tail:64+16"
WORK = Path(__file__).resolve().parents[2] / "out" / "evidence" / "real-teacher"
SMALLEST_PIECE = 600  # characters of a document: a few paragraphs of a topic
HELD_OUT_EVERY = 6


@dataclass(frozen=True)
class Sizes:
    """How large the experiment is."""

    tokens: tuple[int, ...] = (16_384, 4_096, 32_768)
    fewest_steps: int = 64  # more where the text has more tokens than these read
    batch_size: int = 4
    sequence_length: int = 64
    num_seeds: int = 3
    validation_tokens: int = 1_024
    test_tokens: int = 4_096
    evaluations: int = 4

    def steps(self, tokens: int) -> int:
        return max(self.fewest_steps, tokens // (self.batch_size * self.sequence_length))

    def captured(self, tokens: int) -> int:
        """How many tokens the capture has that this size reads: one serves all that read no more."""
        return max(tokens, self.fewest_steps * self.batch_size * self.sequence_length)


QUICK = Sizes((256,), 2, 2, 32, 2, 128, 128, 2)


def run(*, quick: bool = False, num_seeds: int | None = None) -> Evidence:
    """Every size in turn; the record is written after each of them."""
    sizes = QUICK if quick else Sizes()
    sizes = Sizes(**{**asdict(sizes), "num_seeds": num_seeds or sizes.num_seeds})
    if quick:
        with tempfile.TemporaryDirectory(prefix="retort-evidence-") as folder:
            return _run(sizes, Path(folder), keep=False)
    return _run(sizes, WORK, keep=True)


def _run(sizes: Sizes, work: Path, *, keep: bool) -> Evidence:
    digest = write_texts(work)
    rows: list[dict[str, Any]] = []
    for tokens in sizes.tokens:
        print(
            f"{tokens} tokens … ({len(rows)} of {len(sizes.tokens)} sizes there)", file=sys.stderr, flush=True
        )
        _capture(sizes.captured(tokens), work)
        found = distill(Recipe.from_dict(recipe_of(tokens, sizes, work)))
        rows.append(_row(tokens, sizes, found))
        if keep:
            record.write(_collect(rows, sizes, digest))
    return _collect(rows, sizes, digest)


def write_texts(work: Path) -> str:
    """train.jsonl, validation.jsonl and test.jsonl, split by topic; the SHA-256 of all topics."""
    from pydoc_data.topics import topics  # type: ignore[import-untyped]

    parts: dict[str, list[str]] = {"train": [], "validation": [], "test": []}
    for number, name in enumerate(sorted(topics)):
        part = {1: "validation", 4: "test"}.get(number % HELD_OUT_EVERY, "train")
        parts[part] += pieces(topics[name])
    # Topics come in the order of a hash and not of the alphabet, so that the first tokens are of many of them.
    parts["train"].sort(key=lambda text: hashlib.sha256(text.encode()).hexdigest())
    work.mkdir(parents=True, exist_ok=True)
    for part, texts in parts.items():
        lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
        (work / f"{part}.jsonl").write_text(lines, encoding="utf-8")
    return hashlib.sha256(json.dumps(topics, sort_keys=True).encode()).hexdigest()


def pieces(topic: str) -> list[str]:
    """A topic in pieces of whole paragraphs, each of SMALLEST_PIECE characters or more but for the last."""
    found, held = [], ""
    for paragraph in topic.split("\n\n"):
        held = f"{held}\n\n{paragraph}" if held else paragraph
        if len(held) >= SMALLEST_PIECE:
            found.append(held)
            held = ""
    return [*found, held] if held.strip() else found


def _capture(tokens: int, work: Path) -> None:
    """The teacher's targets for the beginning of the training text: enough documents for that many tokens."""
    from retort.distill.cache import capture
    from retort.distill.models import open_model

    text, folder = work / f"train-{tokens}.jsonl", work / f"cache-{tokens}"
    if not text.is_file():
        encode = open_model(TEACHER).tokenizer
        lines, count = [], 0
        for line in (work / "train.jsonl").read_text(encoding="utf-8").splitlines(keepends=True):
            lines.append(line)
            count += len(encode(json.loads(line)["text"], add_special_tokens=False)["input_ids"]) + 1
            if count > tokens:
                break
        text.write_text("".join(lines), encoding="utf-8")
    capture(
        TEACHER,
        str(text),
        folder,
        temperature=1.0,
        codec=CODEC,
        resume=folder.exists(),
        shard_tokens=2048,
        context=256,
        batch_tokens=1024,
    )


def recipe_of(tokens: int, sizes: Sizes, work: Path) -> dict[str, Any]:
    """The recipe of one size of the text, as nested values."""
    most, steps = sizes.captured(tokens), sizes.steps(tokens)
    return {
        "teacher": TEACHER,
        "student": STUDENT,
        "data": {
            "train": str(work / f"train-{most}.jsonl"),
            "validation": str(work / "validation.jsonl"),
            "test": str(work / "test.jsonl"),
            "tokens": tokens,
            "validation_tokens": sizes.validation_tokens,
            "test_tokens": sizes.test_tokens,
        },
        "targets": str(work / f"cache-{most}"),
        "sequence_length": sizes.sequence_length,
        "batch_size": sizes.batch_size,
        "steps": steps,
        "learning_rate": 7e-3,
        "warmup": 0.2,
        "temperature": 1.0,
        "alpha": 0.9,
        "seeds": list(range(sizes.num_seeds)),
        "equal_time": False,
        "planned": True,
        "eval_every": steps // sizes.evaluations,
        "keep": "best",
        "checkpoint_every": 64,
        "output": str(work / "arms"),
    }


def _row(tokens: int, sizes: Sizes, found: DistillResult) -> dict[str, Any]:
    return {
        "tokens of text": tokens,
        "read": sizes.steps(tokens) * sizes.batch_size * sizes.sequence_length / tokens,
        **gains(found),
        "kept steps": {arm: [one.kept_step for one in results] for arm, results in found.arms.items()},
    }


def _collect(rows: Sequence[dict[str, Any]], sizes: Sizes, digest: str) -> Evidence:
    rows = sorted(rows, key=lambda row: row["tokens of text"])
    settings = {
        "recipe": recipe_of(max(sizes.tokens), sizes, Path("out/evidence/real-teacher")),
        "codec": CODEC,
        "text": f"pydoc_data.topics of Python {platform.python_version()}, SHA-256 {digest}",
        "sizes": len(rows),
        "sizes planned": len(sizes.tokens),
    }
    return evidence("real-teacher", QUESTION, settings, rows, [_finding(row) for row in rows])


def _finding(row: dict[str, Any]) -> str:
    return (
        f"{row['tokens of text']:,} tokens of text, each read {row['read']:.3g} times: gain {Interval(**row['gain'])}"
        f" nats per token ({row['verdict']}); hard {row['hard']['mean']:.4g}, soft {row['soft']['mean']:.4g}, teacher"
        f" {row['teacher']:.4g}."
    )
