"""What is wrong with a file, all at once: a reader takes each problem down and goes on, and raises them in the end.

In: errors of the user's, as they come up. Out: one error, or `Problems` with a sentence for each. What is known and not
carried out is `Unsupported`, so that a reader that may skip such parts can tell them from mistakes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel
from pydantic_core import ValidationError

from retort.errors import InputError, RetortError, did_you_mean, from_pydantic

Row = TypeVar("Row", bound=BaseModel)
Made = TypeVar("Made")

MOST_SAID = 20
"""Problems of one file that are told in one run."""


class Unsupported(InputError):
    """An assertion, or another part of a file, that is known and that retort does not carry out: `what` it is."""

    def __init__(self, place: str, what: str, why: str) -> None:
        super().__init__(f"{place}: {what} {why}; remove it, or skip such parts with --skip-unsupported.")
        self.what = what


class JavaScript(Unsupported):
    """A part that only JavaScript could carry out."""

    def __init__(self, place: str, what: str) -> None:
        super().__init__(place, what, "is JavaScript, which retort does not run")


class Problems(InputError):
    """Several things that are wrong: a sentence each in `said`, all of them in one line as the message."""

    def __init__(self, count: int, said: list[str], each: list[RetortError]) -> None:
        super().__init__(f"{count} problems: {' '.join(f'({n}) {text}' for n, text in enumerate(said, 1))}")
        self.said, self.each = said, each


@dataclass
class Obstacles:
    """Takes down what is wrong, so that a user need not run into one obstacle after another."""

    obstacles: list[RetortError] = field(default_factory=list, kw_only=True)

    def refuse(self, problem: RetortError) -> None:
        """Take it down, to be raised in the end."""
        # What a reader within this one raised in its own end is taken apart again: its parts are counted with others.
        self.obstacles += problem.each if isinstance(problem, Problems) else [problem]

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Go on behind the block where it raises an error of the user's."""
        try:
            yield
        except RetortError as problem:
            self.refuse(problem)

    def tried(self, usual: Made, make: Callable[[], Made]) -> Made:
        """What `make` gives; `usual` where it raises an error of the user's."""
        with self.noted():
            return make()
        return usual

    def end(self) -> None:
        """Raise what was taken down: one problem as it is, several together."""
        # A judge in the default test is in every test: it is said once.
        alike: dict[str, list[RetortError]] = {}
        for problem in self.obstacles:
            about = problem.what if isinstance(problem, Unsupported) else str(problem)
            alike.setdefault(about, []).append(problem)
        if len(alike) == 1:
            raise self.obstacles[0]
        said = [
            f"{first} The same is in {len(more)} more place{'s' * (len(more) > 1)}." if more else str(first)
            for first, *more in alike.values()
        ]
        if len(said) > MOST_SAID:
            said[MOST_SAID:] = [f"{len(said) - MOST_SAID} more problems are not listed."]
        if said:
            raise Problems(len(alike), said, self.obstacles)


def problems_of(
    error: ValidationError, kind: type[BaseModel], name: str, where: Callable[[str], str] | None = None
) -> tuple[list[InputError], set[str]]:
    """What is wrong with a record, a sentence for each key that begins with the file and line, and those keys."""
    by_key: dict[str, list[Any]] = {}
    for one in error.errors():
        by_key.setdefault(str(one["loc"][0]) if one["loc"] else "", []).append(one)  # no mapping at all
    unknown = {key for key, (one, *_) in by_key.items() if one["type"] == "extra_forbidden"}
    # A key that is misspelt is not missing, too.
    meant = {key for key in kind.model_fields if any(did_you_mean(one, [key]) for one in unknown)}
    said = []
    for key, errors in by_key.items():
        is_missing = errors[0]["type"] == "missing"
        if is_missing and key in meant:
            continue
        place = name if where is None or is_missing else where(key)
        # One error for each key: `from_pydantic` tells the first thing wrong in what it is given, and leaves the rest.
        alone = ValidationError.from_exception_data(error.title, errors)
        text = str(from_pydantic(alone, place, kind))
        said.append(InputError(text if text.startswith(name) else f"{place}: {text}"))
    return said, meant | by_key.keys()


def validated(kind: type[Row], record: Any, place: str) -> Row:
    """The record as `kind`; all that is wrong with it, each beginning with the place."""
    found = Obstacles()
    try:
        return kind.model_validate(record)
    except ValidationError as error:
        found.obstacles += problems_of(error, kind, place)[0]
    found.end()
    raise AssertionError("a record that is wrong has a problem")
