"""Text that the teacher writes, to train on: sequence-level distillation (Kim and Rush 2016).

Line n of the file is prompt n of the data and what the teacher says after it, drawn with a seed of its own, so that a
run that was killed goes on where it was and ends with the same bytes. With several teachers each prompt is answered by
one of them, drawn by weight: a text of the mixture of what they would write.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, count, islice
from pathlib import Path
from typing import Any

from retort.distill.data import Chat, Corpus, Pair, data_checksum, read_documents
from retort.distill.models import Opened, open_teachers, teachers_key
from retort.distill.objective import row_seed
from retort.distill.recipe import FromTeacher, Recipe
from retort.errors import InputError
from retort.sampling.generate import Sample, generate
from retort.sampling.noise import STREAM_TEACHER, uniform_at
from retort.sampling.params import SamplingParams

FORMAT = 1  # raise it when the same recipe would give another text
ROWS_AT_ONCE = 64  # what a kill can cost
BROKEN = "\ufffd"  # how half a character is shown


def teacher_text(recipe: Recipe, opened: Sequence[Opened] | None = None) -> Path | None:
    """The file that `data.train` comes to, written unless it is there; None where the recipe names a text itself.

    `opened` are the recipe's teachers, None: open them. Raises InputError for prompts that cannot be continued.
    """
    settings = recipe.data.train
    if not isinstance(settings, FromTeacher):
        return None
    assert recipe.output is not None, "the recipe's own check asks for a folder"
    teachers = open_teachers(recipe.teachers) if opened is None else list(opened)
    prompts = Corpus(settings.from_teacher, recipe.data.shape())
    decides = [FORMAT, teachers_key(teachers, recipe.shares), data_checksum(prompts), settings.model_dump()]
    key = hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:16]
    file = Path(recipe.output) / "teacher-text" / f"{key}.jsonl"
    if not file.is_file():
        _write(file, teachers, recipe, settings, prompts)
    return file


def _write(
    file: Path, teachers: list[Opened], recipe: Recipe, settings: FromTeacher, prompts: Corpus
) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.partial")
    done, size = _whole_batches(partial)
    with partial.open("ab") as lines:
        lines.truncate(size)
        texts = islice(_texts(prompts, settings, teachers[0]), done, None)
        for first in count(done, ROWS_AT_ONCE):
            batch = list(islice(texts, ROWS_AT_ONCE))
            if not batch:
                break
            said = _said(batch, first, teachers, recipe, settings)
            for prompt, completion in zip(batch, said, strict=True):
                record = {"prompt": prompt, "completion": completion}
                lines.write((json.dumps(record, ensure_ascii=False) + "\n").encode())
            lines.flush()
    if not partial.stat().st_size:
        partial.unlink()
        raise InputError(f"data.train.from_teacher {settings.from_teacher} contains no prompt; give text.")
    partial.replace(file)


def _whole_batches(partial: Path) -> tuple[int, int]:
    """How many lines of an unfinished file are kept, and their bytes: batches, since rows round with their batch."""
    if not partial.is_file():
        return 0, 0
    ends = [
        0,
        *accumulate(len(line) for line in partial.read_bytes().splitlines(True) if line.endswith(b"\n")),
    ]
    whole = (len(ends) - 1) // ROWS_AT_ONCE * ROWS_AT_ONCE
    return whole, ends[whole]


def _texts(prompts: Corpus, settings: FromTeacher, teacher: Opened) -> Iterator[str]:
    for number, record in enumerate(read_documents(prompts)):
        if isinstance(record, Chat):
            raise InputError(
                f"data.train.from_teacher {settings.from_teacher}, document {number}, is a conversation; prompts are"
                " texts: give them as they should be read, or prompt with completion."
            )
        text = record.prompt if isinstance(record, Pair) else record
        prompt = _beginning(text, settings.prompt_tokens, teacher.tokenizer)
        if not prompt:
            raise InputError(
                f"data.train.from_teacher {settings.from_teacher}, document {number}, has an empty prompt."
            )
        yield prompt


def _beginning(text: str, tokens: int | None, tokenizer: Any) -> str:
    """The text, or that of its first `tokens` tokens; a character that they break in two is left out."""
    if tokens is None:
        return text
    ids = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"][:tokens]
    shown: str = tokenizer.decode(ids, clean_up_tokenization_spaces=False)
    return shown.rstrip(BROKEN)


def _said(
    prompts: list[str], first: int, teachers: list[Opened], recipe: Recipe, settings: FromTeacher
) -> list[str]:
    """What is said after each prompt, the first of which is number `first` of all."""
    numbers = range(first, first + len(prompts))
    edges = list(accumulate(recipe.shares))[:-1]
    asked = [
        bisect_right(edges, float(uniform_at(settings.seed, number, STREAM_TEACHER))) for number in numbers
    ]
    said = [""] * len(prompts)
    # A teacher answers all its prompts of the batch together: one by one would cost as many passes as prompts.
    for member, teacher in enumerate(teachers):
        mine = [place for place, chosen in enumerate(asked) if chosen == member]
        params = [
            SamplingParams(
                temperature=settings.temperature,
                max_tokens=settings.max_tokens,
                seed=row_seed(settings.seed, 0, numbers[place]),
            )
            for place in mine
        ]
        given = [teacher.source.encode(prompts[place]) for place in mine]
        samples = generate(teacher.source, given, params) if mine else []
        for place, before, sample in zip(mine, given, samples, strict=True):
            said[place] = _continuation(teacher.source, before, sample)
    return said


def _continuation(source: Any, before: list[int], sample: Sample) -> str:
    """The text behind the prompt's. Decoded alone it would lack its first space, which many decoders drop."""
    drawn = sample.ids[:-1] if sample.finish_reason == "end" else sample.ids
    prefix, whole = source.decode(before), source.decode([*before, *drawn])
    return whole[len(prefix) :] if whole.startswith(prefix) else sample.text
