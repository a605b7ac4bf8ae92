"""The verbs that look: what a model says next, token by token, beside another model, and along the temperature.

In: a model (a MODEL string, a path, or a source that is open), a prompt or texts, temperatures and chains. Out: one
record per verb, `Look`, `Trace`, `Compare`, `Similar`, `PathFound`, `Determinism`, `Equivalent`: the document of
`--json`, its tables and its picture (see `retort/records.py`). Read `look.py` first. `page.py` makes what the page is
sent; `asking.py` turns names into models and conversations into text.
"""

from retort.lens.compare import Compare, compare
from retort.lens.determinism import Determinism, determinism
from retort.lens.equivalent import Equivalent, equivalent
from retort.lens.look import Look, look
from retort.lens.path import PathFound, path
from retort.lens.similar import Similar, similar
from retort.lens.trace import Trace, trace

__all__ = [
    "Compare",
    "Determinism",
    "Equivalent",
    "Look",
    "PathFound",
    "Similar",
    "Trace",
    "compare",
    "determinism",
    "equivalent",
    "look",
    "path",
    "similar",
    "trace",
]
