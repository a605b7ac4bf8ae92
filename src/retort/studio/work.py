"""What a run does: one row a kind, with the fields of its request and the function that makes its record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from retort.distribution import Chain
from retort.lens.position import DEFAULT_CHAIN, position
from retort.report.standalone import plain
from retort.studio.fields import Body, Field, whole
from retort.studio.models import Models
from retort.studio.runs import Run

LONGEST_PROMPT = 20_000
LONGEST_CONTINUATION = 512
LONGEST_CHAIN = 500

Work = Callable[[Run, Models, dict[str, Any]], Any]


@dataclass(frozen=True)
class Kind:
    """One thing that the studio can do. `kept`: the same request gets the result that is there already."""

    name: str
    help: str
    fields: tuple[Field, ...]
    work: Work
    kept: bool = True

    def body(self, models: Models) -> Body:
        """Its request's body, the models that can be named among its choices."""
        return Body(
            (Field("model", "string", "the model", required=True, choices=models.names), *self.fields)
        )


PROMPT = Field(
    "prompt", "string", "the text that the model continues", required=True, least=1, most=LONGEST_PROMPT
)
CHAIN = Field(
    "chain",
    "string",
    "stages in order, as in temperature=0.8 | top_p=0.9",
    str(DEFAULT_CHAIN),
    most=LONGEST_CHAIN,
)
CONTINUATION = Field(
    "continuation", "array", "ids of tokens after the prompt", [], most=LONGEST_CONTINUATION, items="integer"
)


def _position(run: Run, models: Models, body: dict[str, Any]) -> Any:
    chain = Chain.parse(body["chain"])
    source = models.borrow(body["model"], run.check)
    return plain(position(source, body["prompt"], chain, continuation=whole(body["continuation"])))


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "position",
            "The next-token distribution after a prompt, whole, for the page's sliders.",
            (PROMPT, CHAIN, CONTINUATION),
            _position,
        ),
    )
}
