"""Every error a user can meet. Each message is a sentence: what, the value received, what is allowed, what to do."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, get_args, get_origin

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
    from pydantic.fields import FieldInfo

# Control characters of both blocks, line and paragraph separators, marks that turn the direction of writing, and
# halves of surrogate pairs, which no terminal or file can take.
UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class RetortError(Exception):
    """Base of all errors that retort raises on purpose; the command line prints its message and exits 2.

    `said`: where several things are wrong, a sentence for each, which are easier to mend from a list.
    """

    said: Sequence[str] = ()


class InputError(RetortError, ValueError):
    """A value that cannot be used: an option out of range, logits with NaN, an empty prompt."""


class CapabilityError(RetortError):
    """The source cannot give what the operation needs, for instance the whole vocabulary from a top-20 server."""


class SourceError(RetortError):
    """A model, tokenizer or file that is missing, damaged or of the wrong kind."""


class MissingExtraError(RetortError):
    """An optional library is not installed.

    The message names the extra that brings it.
    """

    def __init__(self, library: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs {library}, which is not installed; install it with: pip install 'retort-lm[{extra}]'"
        )
        self.library = library
        self.extra = extra


def did_you_mean(name: object, known: Iterable[object]) -> str:
    """ " (did you mean …?)" if a known name is near, else nothing: for the end of what was wrong in a message.

    Keys of a YAML file need not be texts, so whatever comes is compared as it is written.
    """
    near = difflib.get_close_matches(str(name), [str(one) for one in known], n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def joined(names: Sequence[str]) -> str:
    """The names as a sentence has them: a; a and b; a, b and c; nothing for none."""
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def printable(text: str, keep: str = "\n\t") -> str:
    """`text` of a model, a server or a file as it can be shown: control characters are written out, as in \\x1b[2J.

    Nothing that a terminal would obey is left. The characters in `keep` stay.
    """
    return UNPRINTABLE.sub(
        lambda found: found[0] if found[0] in keep else found[0].encode("unicode_escape").decode(), text
    )


def from_pydantic(error: ValidationError, where: str, model: type[BaseModel] | None = None) -> InputError:
    """What pydantic found wrong first, as one sentence about `where` ("the recipe", "r.yaml line 3").

    `model` is the class that was validated: with it an unknown key gets the nearest right one and the list of all, and
    a number its whole range. A validator that raises InputError has written the sentence itself.
    """
    # A union reports every member that it tried: the one that got deepest is the one that was meant.
    found = first_of(error)
    steps = _steps(found["loc"], model, found["type"] in ("extra_forbidden", "missing"))
    path, context, value = _path([name for name, _ in steps]), found.get("ctx", {}), found["input"]
    field = steps[-1][1] if steps else None
    if found["type"] == "extra_forbidden":
        keys = _fields(_models(model, [name for name, _ in steps[:-1]]))
        listed = f"; keys are {', '.join(keys)}" if keys else ""
        return InputError(f"{where} has no key {path}{did_you_mean(found['loc'][-1], keys)}{listed}.")
    if found["type"] == "missing":
        meant = f": {field.description}" if field is not None and field.description else ""
        return InputError(f"{where} has no {path}, which is required{meant}.")
    raised = context.get("error")
    if isinstance(raised, InputError):
        return raised
    text = repr(value)
    shown = f"{path or where} is {text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + '…'}"
    if raised is not None:
        return InputError(f"{shown}; {str(raised).rstrip('.')}.")
    if found["type"] in ("literal_error", "enum"):
        allowed = re.findall(r"'([^']*)'", context["expected"])
        return InputError(f"{shown}{did_you_mean(value, allowed)}; allowed are {', '.join(allowed)}.")
    return InputError(f"{shown}; {_allowed(found, field)}.")


def first_of(error: ValidationError) -> Any:
    """The error to tell: the deepest, and before others of its depth an unknown key, which is often the missing one."""
    return max(error.errors(), key=lambda one: (len(one["loc"]), one["type"] == "extra_forbidden"))


LONGEST_VALUE = 80  # characters of a value in a sentence about it

# What pydantic's type of an error says was allowed, by the beginning of its name.
_ALLOWED = {
    "bool": "allowed are true and false",
    "model_type": "it must be keys and values",
    "dict_type": "it must be keys and values",
    "dataclass_type": "it must be keys and values",
    "string_type": "it must be text",
    "string_too_short": "it must not be empty",
    "string_unicode": "it must be valid Unicode (it contains a lone surrogate)",
    "list_type": "it must be a list",
    "tuple_type": "it must be a list",
    "too_short": "it must not be empty",
}


def _allowed(found: Any, field: FieldInfo | None) -> str:
    """What is allowed in place of a value: a range of numbers, a kind of value, or pydantic's own words."""
    # An error of pydantic's has the one bound that was broken; the sentence gives the whole range, read off the field.
    names = ("gt", "ge", "lt", "le")
    bounds = () if field is None else _limits(field.metadata, field.annotation)
    limits = {
        name: next((v for one in bounds if (v := getattr(one, name, None)) is not None), None)
        for name in names
    }
    limits |= {name: value for name, value in found.get("ctx", {}).items() if name in names}
    kind = found["type"]
    if kind in ("string_too_long", "too_long"):
        unit = "characters" if kind == "string_too_long" else "entries"
        return f"it may have {found['ctx']['max_length']:,} {unit} at most, got {len(found['input']):,}"
    number = kind.startswith(("greater", "less", "finite", "float", "int"))
    if not number:
        return next((text for name, text in _ALLOWED.items() if kind.startswith(name)), found["msg"].lower())
    whole = kind.startswith("int") if field is None else int in _inside(field.annotation)
    word = "whole number" if whole else "number"
    low = limits["gt"] if limits["gt"] is not None else limits["ge"]
    high = limits["lt"] if limits["lt"] is not None else limits["le"]
    if low is not None and high is not None:
        ends = "(" if limits["gt"] is not None else "[", ")" if limits["lt"] is not None else "]"
        return f"allowed is a {word} in {ends[0]}{low:g}, {high:g}{ends[1]}"
    if low is not None:
        return f"allowed is a {word} " + (
            f"above {low:g}" if limits["gt"] is not None else f"of {low:g} or more"
        )
    if high is not None:
        return f"allowed is a {word} " + (
            f"below {high:g}" if limits["lt"] is not None else f"up to {high:g}"
        )
    return f"it must be a finite {word}" if kind.startswith("finite") else f"it must be a {word}"


def _steps(
    place: Sequence[str | int], model: type[BaseModel] | None, by_key: bool
) -> list[tuple[str | int, FieldInfo | None]]:
    """The keys and list places of an error, each key with its field; the names of union members are left out.

    `by_key`: the last one is a key that is not known, or not there.
    """
    if model is None:
        return [(step, None) for step in place]
    steps: list[tuple[str | int, FieldInfo | None]] = []
    inside: list[type[BaseModel]] = [model]
    at_field = False
    for number, step in enumerate(place):
        field = _fields(inside).get(str(step))
        if field is not None:
            steps.append((step, field))
            inside = list(_models_in(field.annotation))
            at_field = True
            continue
        is_key = at_field and _is_mapping(steps)  # what follows a free key is the name of a union's member
        if isinstance(step, int) or is_key or (by_key and number == len(place) - 1 and inside):
            steps.append((step, steps[-1][1] if steps and not by_key else None))
        at_field = False
    return steps


def _is_mapping(steps: Sequence[tuple[str | int, FieldInfo | None]]) -> bool:
    """Whether the last field is one of free keys, of which the next step is one."""
    field = steps[-1][1] if steps else None
    return field is not None and any(get_origin(one) is dict for one in _parts(field.annotation))


def _models(model: type[BaseModel] | None, path: Sequence[str | int]) -> list[type[BaseModel]]:
    """The classes that the value at `path` may be of."""
    inside = [] if model is None else [model]
    for step in path:
        if isinstance(step, str):
            named = _fields(inside)
            inside = list(_models_in(named[step].annotation)) if step in named else inside
    return inside


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    for one in _inside(annotation):
        if isinstance(one, type) and hasattr(one, "model_fields"):
            yield one


def _parts(annotation: Any) -> list[Any]:
    """An annotation and everything that it is made of, however deep in unions and lists."""
    return [annotation, *(one for part in get_args(annotation) for one in _parts(part))]


def _inside(annotation: Any) -> list[Any]:
    """The types that an annotation is made of."""
    return [one for one in _parts(annotation) if not get_args(one)]


def _limits(metadata: Sequence[Any], annotation: Any) -> list[Any]:
    """The bounds that stand on a field, and on the types that it is made of."""
    found = [*metadata, *(one for part in _parts(annotation) for one in getattr(part, "__metadata__", ()))]
    return [one for each in found for one in (each, *getattr(each, "metadata", ()))]


def _fields(kinds: Sequence[type[BaseModel]]) -> dict[str, FieldInfo]:
    """The keys that a value of one of these classes may have, each with its field."""
    return {field.alias or name: field for kind in kinds for name, field in kind.model_fields.items()}


def _path(steps: Sequence[str | int]) -> str:
    """`data.columns`, `asserts[2].type`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return text.removeprefix(".")
