"""What every verb returns: a record that is a Python object, a JSON document, a table, and something to look at.

A record is a frozen dataclass that derives from `Record` (declare it with `@dataclass(frozen=True, repr=False)`). It
says what it shows (`blocks`), which rows a data frame has (`table_rows`), what `--fail-if` can ask (`measures`) and how
it is drawn (`plot`); everything else is here.
"""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from os import PathLike
from typing import Any, ClassVar

import numpy as np

from retort.blocks import Block, Line, html_fragment
from retort.distribution import Interval
from retort.errors import CapabilityError, MissingExtraError, printable

Measures = dict[str, list[Interval]]
LONGEST_TITLE = 90


class Record:
    """The base of what verbs return. `schema_version` is raised when a field changes its name or meaning."""

    schema_version: ClassVar[int] = 1
    MEASURES: ClassVar[tuple[str, ...]] = ()
    """The names that `measures` may hold, for a condition to be checked before the work."""

    def fields(self) -> dict[str, Any]:
        """The fields of the JSON document, in its order."""
        return {one.name: getattr(self, one.name) for one in dataclasses.fields(self)}  # type: ignore[arg-type]

    def to_dict(self) -> dict[str, Any]:
        """The document that `--json` prints: plain values; an interval is {"low", "high"}, an exact one a number."""
        return {"schema_version": self.schema_version, **json_value(self.fields())}

    def blocks(self) -> Iterator[Block]:
        """What the record shows, on a terminal and anywhere else."""
        raise NotImplementedError

    def table_rows(self) -> list[dict[str, Any]]:
        """The rows of the record's main table, for data frames and for `-o FILE.csv`; values may be intervals."""
        raise NotImplementedError

    def measures(self) -> Measures:
        """What a condition (`--fail-if "entropy > 3"`) can ask, each measure with one value or several."""
        return {}

    def plot(self, axes: Any = None) -> Any:
        """The record as a picture on matplotlib's `axes`, new ones by default; returns the axes."""
        raise CapabilityError(f"{type(self).__name__} has no picture; use its table: to_pandas().")

    def flat_rows(self) -> list[dict[str, Any]]:
        """`table_rows` with plain values: a column with an inexact interval becomes two, low and high."""
        return flattened(self.table_rows())

    def to_pandas(self) -> Any:
        """The main table as a pandas DataFrame."""
        try:
            import pandas
        except ImportError:
            raise MissingExtraError("pandas", "data-frames", "A data frame") from None
        return pandas.DataFrame(self.flat_rows())

    def to_arrow(self) -> Any:
        """The main table as a pyarrow Table."""
        try:
            import pyarrow
        except ImportError:
            raise MissingExtraError("pyarrow", "data-frames", "An Arrow table") from None
        return pyarrow.Table.from_pylist(self.flat_rows())

    def write_parquet(self, path: str | PathLike[str]) -> None:
        """The main table in a Parquet file."""
        rows = self.to_arrow()
        import pyarrow.parquet

        pyarrow.parquet.write_table(rows, str(path))

    def _repr_html_(self) -> str:
        return html_fragment(self.blocks())

    def __repr__(self) -> str:
        """One line: the kind of record and its heading; print `to_dict()` for everything."""
        heading = next((block.text for block in self.blocks() if isinstance(block, Line)), "")
        return f"<{type(self).__name__}: {heading}>"


def exact(value: float) -> Interval:
    """A measure that is known."""
    number = float(value)
    return Interval(number, number)


def total(values: Iterable[Interval], divisor: float = 1.0) -> Interval:
    """The sum of measures, divided by `divisor`: each end by itself."""
    found = list(values)
    low, high = math.fsum(one.low for one in found), math.fsum(one.high for one in found)
    return Interval(low / divisor, high / divisor)


def new_axes(axes: Any, tall: int = 0) -> Any:
    """`axes`, or new ones, with room for `tall` rows of text; MissingExtraError without matplotlib."""
    if axes is not None:
        return axes
    size = (8.0, max(4.5, 0.9 + 0.22 * tall))
    try:
        from matplotlib.figure import Figure

        if "ipykernel" in sys.modules:  # a notebook shows only the figures that pyplot knows
            from matplotlib.pyplot import figure

            return figure(figsize=size, layout="constrained").subplots()
    except ImportError:
        raise MissingExtraError("matplotlib", "report", "A picture") from None
    # Elsewhere a figure of its own, which goes when nobody holds it: pyplot would keep it until it is closed.
    return Figure(figsize=size, layout="constrained").subplots()


def titled(axes: Any, text: str) -> None:
    """Put a title on the axes: one line that fits, in which a dollar sign of a prompt is no formula."""
    shown = printable(text, keep="")
    axes.set_title(
        shown if len(shown) <= LONGEST_TITLE else shown[: LONGEST_TITLE - 1] + "…", parse_math=False
    )


def json_value(value: Any) -> Any:
    """`value` as JSON can hold it: records become objects, arrays lists, and NaN and infinities null.

    An interval is {"low", "high"}, or one number where both are equal; an end that is infinite is null.
    """
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Enum):
        return json_value(value.value)
    if isinstance(value, Interval):
        return json_value(value.low if value.exact else {"low": value.low, "high": value.high})
    if hasattr(value, "to_dict"):  # a record that says itself what belongs into its JSON
        return json_value(value.to_dict())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {one.name: json_value(getattr(value, one.name)) for one in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        items = sorted(value) if isinstance(value, (set, frozenset)) else value
        return [json_value(item) for item in items]
    if isinstance(value, PathLike):
        return str(value)
    if hasattr(value, "tolist"):  # numpy scalars and arrays
        plain = value.tolist()
        # Scores of thousands of items need no look at each, where none is NaN or infinite.
        is_finite = getattr(value, "dtype", None) == np.float64 and np.isfinite(value).all()
        return plain if is_finite else json_value(plain)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def flattened(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows with every interval as a number, or, in a column with an inexact one, as two."""
    inexact = {
        name for row in rows for name, value in row.items() if isinstance(value, Interval) and not value.exact
    }
    found = []
    for row in rows:
        flat: dict[str, Any] = {}
        for name, value in row.items():
            if name in inexact:
                flat[f"{name}_low"], flat[f"{name}_high"] = (
                    (None, None) if value is None else (_plain(value.low), _plain(value.high))
                )
            else:
                flat[name] = _plain(value.low if isinstance(value, Interval) else value)
        found.append(flat)
    return found


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
