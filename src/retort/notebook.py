"""The page as a notebook widget (Jupyter, VS Code, marimo): `page(model, prompt)`, or records: `page(position=…)`.

The same program as the standalone page and the studio, through anywidget. The data is in the notebook; the widget never
asks a model by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retort.chain.chain import Chain
from retort.errors import InputError, MissingExtraError
from retort.lens.page import PATH_TEMPERATURES, views
from retort.report.standalone import BUNDLE, plain, tour
from retort.sources.load import Model

try:
    import anywidget
    import traitlets
except ImportError as problem:
    raise MissingExtraError(str(problem.name), "notebook", "The notebook widget") from None

VIEWS = ("tour", "position", "text", "path", "compare", "tune", "distil")


class Page(anywidget.AnyWidget):
    """The widget. `data` holds the records by view, as the page reads them; set it to show others."""

    _esm = (BUNDLE / "page.js").read_text(encoding="utf-8")
    _css = (BUNDLE / "page.css").read_text(encoding="utf-8")
    data = traitlets.Dict().tag(sync=True)


def page(
    model: Model | None = None,
    prompt: str | None = None,
    *,
    chain: Chain | str | None = None,
    temperatures: Sequence[float] = PATH_TEMPERATURES,
    seed: int = 0,
    max_tokens: int = 24,
    against: Model | None = None,
    against_prompt: str | None = None,
    **records: Any,
) -> Page:
    """The widget: about what `model` would say after `prompt`, as `retort page` has it, or with a tab for each record.

    Records: `tour=True`, `position`, `text` and `compare` (lens.page: position, passage, pair), `path` (lens.path),
    `tune` (a Tuning), `distil` (a DistillResult). Raises InputError for another name, nothing at all, and a model
    without a prompt.
    """
    unknown = [name for name in records if name not in VIEWS]
    if unknown or not (records or model):
        got = repr(unknown[0]) if unknown else "none"
        raise InputError(
            f"a page needs a model and a prompt, or records named {', '.join(VIEWS)}, got {got}; give a model and a "
            "prompt, or at least one record by its name"
        )
    if (model is None) != (prompt is None):
        raise InputError(
            'a page about a model takes both a model and a prompt: page("embedded:base", "A pear is")'
        )
    if records.get("tour") is True:
        records["tour"] = tour()
    if model is not None and prompt is not None:
        through = Chain.parse(chain) if isinstance(chain, str) else chain
        made = views(
            model,
            prompt,
            chain=through,
            temperatures=temperatures,
            seed=seed,
            max_tokens=max_tokens,
            against=against,
            against_prompt=against_prompt,
        )
        records = made | records
    from retort import __version__

    return Page(data={"version": __version__, "title": "retort", **plain(records)})
