"""The page as a notebook widget (Jupyter, VS Code, marimo): `page(position=…, text=…)` shows the records it is given.

The same program as the standalone page and the studio, through anywidget. The data is in the notebook; the widget never
asks a model.
"""

from __future__ import annotations

from typing import Any

from retort.errors import InputError, MissingExtraError
from retort.report.standalone import BUNDLE, plain

try:
    import anywidget
    import traitlets
except ImportError as problem:
    raise MissingExtraError(str(problem.name), "notebook", "The notebook widget") from None

VIEWS = ("position", "text", "path", "compare", "tune", "distil")


class Page(anywidget.AnyWidget):
    """The widget. `data` holds the records by view, as the page reads them; set it to show others."""

    _esm = (BUNDLE / "page.js").read_text(encoding="utf-8")
    _css = (BUNDLE / "page.css").read_text(encoding="utf-8")
    data = traitlets.Dict().tag(sync=True)


def page(**records: Any) -> Page:
    """The widget with one tab for each record.

    `position`, `text` and `compare` (lens.page: position, passage, pair), `path` (lens.path), `tune` (a Tuning),
    `distil` (a DistillResult). Raises InputError for another name, or none at all.
    """
    unknown = [name for name in records if name not in VIEWS]
    if unknown or not records:
        got = repr(unknown[0]) if unknown else "none"
        raise InputError(f"a page shows {', '.join(VIEWS)}, got {got}; give at least one record by its name")
    from retort import __version__

    return Page(data={"version": __version__, "title": "retort", **plain(records)})
