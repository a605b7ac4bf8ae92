"""Published studies of temperature that keep every answer: which of their answers belong together, read as records.

- `multiple_choice`: github.com/matthewrenze/jhu-llm-temperature (BSD 2-Clause). Renze and Guven, "The Effect of
  Sampling Temperature on Problem Solving in Large Language Models", Findings of EMNLP 2024: nine models,
  multiple-choice questions, temperatures 0 to 1 (GPT-3.5 to 1.6), ten answers each, in data/details, and their vote.
- `anonymising`: github.com/KD-7/LLM-Temperature-Optimisation (MIT). Llama 3 replaces personal data in 5,000 texts,
  temperatures 0.001 to 1, five answers each, scored by F1 and ROUGE, in results/temperature_*.

The data stays where it is; a record is what `retort tune --from-records` reads.
"""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from retort.errors import InputError

Record = dict[str, Any]

ANSWERS = 10
COMPREHENSIVE, THOUGHT, TURBO = "comprehensive-100", "chain_of_thought", "gpt-35-turbo"
MODELS = (
    "llama-2-7b-chat", "llama-2-70b-chat", TURBO, "gemini-1.0-pro", "cohere-command-r-plus", "mistral-large",
    "gemini-1.5-pro-preview-0409", "gpt-4", "claude-3-opus-20240229",
)  # fmt: skip
PROMPTS = ("baseline", "domain_expert", "self_recitation", THOUGHT, "composite")


@dataclass(frozen=True)
class Study:
    """Records that are compared with each other. `goals`: what is asked of them; `called`: what one score is."""

    name: str
    called: str
    goals: tuple[str, ...]
    records: Callable[[], Iterable[Record]]


def studies(clone: Path) -> Iterator[Study]:
    """The studies in a clone of one of the repositories named above; InputError for any other folder."""
    if (clone / "data" / "details").is_dir():
        yield from multiple_choice(clone)
    elif (clone / "results" / "temperature_1.0").is_dir():
        yield from anonymising(clone)
    else:
        raise InputError(
            f"{clone} has neither data/details nor results/temperature_1.0; give a clone of "
            "matthewrenze/jhu-llm-temperature or KD-7/LLM-Temperature-Optimisation"
        )


@dataclass(frozen=True)
class Exam:
    """One file of answers: a model asked through one prompt at one temperature."""

    model: str
    prompt: str
    exam: str
    temperature: float
    rows: tuple[dict[str, str], ...]

    def answers(self) -> Iterator[Record]:
        """One record an answer. What is missing (an error, a text cut off) is a wrong answer, as in the paper."""
        for row in self.rows:
            for repeat in range(ANSWERS):
                text = row[f"Answer {repeat + 1}"]
                right = text == row["Correct Answer"]
                yield self._record(row, text=text, score=int(right), repeat=repeat)

    def votes(self) -> Iterator[Record]:
        """One record a question: the answer that most of the ten gave, and whether it is right, as recorded."""
        for row in self.rows:
            yield self._record(row, text=row["Agent Answer"], score=int(row["Score"]))

    def _record(self, row: dict[str, str], **values: Any) -> Record:
        item = f"{self.exam} {row['Problem ID']}"
        return {"item": item, "setting": {"temperature": self.temperature}, "prompt": self.prompt, **values}


def multiple_choice(clone: Path) -> Iterator[Study]:
    """Each model; GPT-3.5 on ten exams of 100 questions, through five prompts, and up to temperature 1.6."""
    exams = [
        exam for path in sorted((clone / "data" / "details").glob("* - temp-*.csv")) for exam in _exam(path)
    ]
    usual = [
        one for one in exams if one.exam == COMPREHENSIVE and one.prompt == THOUGHT and one.temperature <= 1
    ]
    turbo = [one for one in exams if one.model == TURBO]
    groups = {model: [one for one in usual if one.model == model] for model in MODELS}
    groups["ten-exams"] = [one for one in turbo if one.exam != COMPREHENSIVE and one.prompt == THOUGHT]
    groups["five-prompts"] = [one for one in turbo if one.exam == COMPREHENSIVE and one.temperature <= 1]
    groups["to-1.6"] = [one for one in turbo if one.exam == COMPREHENSIVE and one.prompt == THOUGHT]
    for name, mine in groups.items():
        if mine:
            yield Study(name, "one answer", ("exploit", f"pass@{ANSWERS}"), _each(mine, Exam.answers))
            yield Study(f"{name}-vote", "vote of ten", ("exploit",), _each(mine, Exam.votes))


def _each(exams: list[Exam], records: Callable[[Exam], Iterator[Record]]) -> Callable[[], Iterator[Record]]:
    return lambda: (record for exam in exams for record in records(exam))


def _exam(path: Path) -> Iterator[Exam]:
    """The file as an exam; nothing for the few that are empty."""
    model, prompt, exam, temperature = path.stem.split(" - ")
    with path.open(encoding="utf-8", newline="") as lines:
        rows = tuple(csv.DictReader(lines))
    if rows:
        yield Exam(model, prompt, exam, float(temperature.removeprefix("temp-")), rows)


def anonymising(clone: Path) -> Iterator[Study]:
    """F1 of what was replaced, and ROUGE-L of the whole text, each of the same answers."""
    for column in ("F1", "ROUGE-L"):
        yield Study(f"anonymising-{column}", column, ("exploit",), partial(_anonymised, clone, column))


def _anonymised(clone: Path, column: str) -> Iterator[Record]:
    for path in sorted(clone.glob("results/temperature_*/iter_*.xlsx")):
        temperature = float(path.parent.name.removeprefix("temperature_"))
        repeat = int(path.stem.removeprefix("iter_"))
        for item, row in enumerate(sheet(path)):
            yield {
                "item": str(item),
                "setting": {"temperature": temperature},
                "repeat": repeat,
                "score": float(row[column]),
                "text": row["Model Response"],
            }


def sheet(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a workbook's first sheet by the names in its first row; texts must be in the cells themselves."""
    space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    names: dict[str, str] = {}
    with zipfile.ZipFile(path) as book, book.open("xl/worksheets/sheet1.xml") as content:
        for _, element in ElementTree.iterparse(content):
            if element.tag != f"{space}row":
                continue
            cells = {
                (cell.get("r") or "").rstrip("0123456789"): "".join(cell.itertext())
                for cell in element.iter(f"{space}c")
            }
            if names:
                yield {name: cells.get(place, "") for place, name in names.items()}
            else:
                names = cells
            element.clear()
