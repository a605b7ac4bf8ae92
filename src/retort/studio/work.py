"""What a run does: one row a kind, with the fields of its request and the function that makes its record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from retort.chain import Chain
from retort.distill import run as run_distill
from retort.distill.recipe import EMBEDDED_RECIPES, Recipe
from retort.lens.page import DEFAULT_CHAIN, pair, passage, position
from retort.lens.path import path
from retort.report.standalone import plain
from retort.sources.base import Capability
from retort.studio.fields import Body, Field, whole
from retort.studio.models import Models
from retort.studio.runs import Run
from retort.tune import embedded_tasks, load_task
from retort.tune import run as run_tune

LONGEST_PROMPT = 20_000
LONGEST_CONTINUATION = 512
LONGEST_CHAIN = 500
MOST_TOKENS = 256
MOST_TEMPERATURES = 101
LARGEST_SEED = 2**64 - 1
CURVE_POINTS = 10

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
        """Its request's body, the studio's models as the choices of the fields that name one."""
        return Body(tuple(replace(one, choices=models.names) if one.models else one for one in self.fields))


MODEL = Field("model", "string", "the model", required=True, models=True)
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
TRUNCATIONS = replace(CHAIN, help="stages besides the temperature, in order", default="")
CONTINUATION = Field(
    "continuation", "array", "ids of tokens after the prompt", [], most=LONGEST_CONTINUATION, items="integer"
)
GIVEN = Field(
    "given",
    "array",
    "texts of tokens after the prompt, for a model on a server",
    [],
    most=LONGEST_CONTINUATION,
    items="string",
)
SEED = Field("seed", "integer", "fixes the noise: same seed, same text", 0, least=0, most=LARGEST_SEED)
MAX_TOKENS = Field("max_tokens", "integer", "longest text, in tokens", 24, least=1, most=MOST_TOKENS)
TEMPERATURES = Field(
    "temperatures",
    "array",
    "temperatures that must be covered",
    [place / 20 for place in range(41)],
    least=1,
    most=MOST_TEMPERATURES,
    items="number",
)


def _position(run: Run, models: Models, body: dict[str, Any]) -> Any:
    source, chain = models.borrow(body["model"], run.check), Chain.parse(body["chain"])
    return plain(position(source, body["prompt"], chain, continuation=whole(body["continuation"])))


def _text(run: Run, models: Models, body: dict[str, Any]) -> Any:
    def on_token(index: int, token: Any) -> None:
        run.progress(index + 1, body["max_tokens"], f"token {index + 1} of at most {body['max_tokens']}")
        run.tell("token", {"index": index, **plain(token)})

    found = passage(
        models.borrow(body["model"], run.check),
        body["prompt"],
        whole(body["continuation"]),
        given=body["given"],
        max_tokens=int(body["max_tokens"]),
        chain=Chain.parse(body["chain"]),
        seed=int(body["seed"]),
        on_token=on_token,
    )
    return plain(found)


def _path(run: Run, models: Models, body: dict[str, Any]) -> Any:
    found = path(
        models.borrow(body["model"], run.check),
        body["prompt"],
        body["temperatures"],
        chain=Chain.parse(body["chain"]),
        seed=int(body["seed"]),
        max_tokens=int(body["max_tokens"]),
    )
    return plain(found)


def _compare(run: Run, models: Models, body: dict[str, Any]) -> Any:
    chain = Chain.parse(body["chain"])
    chain_b = None if body["chain_b"] is None else Chain.parse(body["chain_b"])
    source = models.borrow(body["model"], run.check)
    source_b = models.borrow(body["model_b"], run.check)
    return plain(pair(source, body["prompt"], source_b, body["prompt_b"], chain, chain_b))


def _tune(run: Run, models: Models, body: dict[str, Any]) -> Any:
    source = models.borrow(body["model"], run.check)
    if source.capability is Capability.TOP_N:
        # A server takes turns by itself, and a sweep over one asks for it as it is; progress is where it is stopped.
        source = models.loaded(body["model"]) or source
    found = run_tune(
        load_task(body["task"]),
        source,
        body["temperatures"],
        int(body["samples"]),
        seed=int(body["seed"]),
        limit_items=None if body["items"] is None else int(body["items"]),
        on_progress=run.progress,
        chain=Chain.parse(body["chain"]),
    )
    return plain(found)


def _distil(run: Run, models: Models, body: dict[str, Any]) -> Any:
    def on_point(arm: str, seed: int, step: int, seconds: float, val_nll: float) -> None:
        run.tell("point", {"arm": arm, "seed": seed, "step": step, "seconds": seconds, "val_nll": val_nll})

    steps = int(body["steps"])
    settings = {
        "steps": steps,
        "seeds": int(body["seeds"]),
        "temperature": body["temperature"],
        "alpha": body["alpha"],
        "eval_every": max(1, steps // CURVE_POINTS),
    }
    recipe = Recipe.load(f"embedded:{body['recipe']}", [f"{key}={value}" for key, value in settings.items()])
    return plain(run_distill(recipe, on_progress=run.progress, on_point=on_point))


TASKS = tuple(embedded_tasks())
RECIPES = tuple(sorted(file.stem for file in EMBEDDED_RECIPES.glob("*.yaml")))

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "position",
            "The next-token distribution after a prompt, whole, for the page's sliders.",
            (MODEL, PROMPT, CHAIN, CONTINUATION),
            _position,
        ),
        Kind(
            "text",
            "A text token by token: what stood there, what could have, what was cut away.",
            (MODEL, PROMPT, CHAIN, CONTINUATION, GIVEN, SEED, MAX_TOKENS),
            _text,
        ),
        Kind(
            "path",
            "One seed, every temperature: where the text changes.",
            (MODEL, PROMPT, TRUNCATIONS, SEED, MAX_TOKENS, TEMPERATURES),
            _path,
        ),
        Kind(
            "compare",
            "Two positions side by side: two models, two prompts, or two orders of the chain.",
            (
                MODEL,
                PROMPT,
                CHAIN,
                replace(MODEL, name="model_b", help="the second model"),
                replace(PROMPT, name="prompt_b", help="the second prompt"),
                replace(
                    CHAIN,
                    name="chain_b",
                    help="the second one's stages; the first one's by default",
                    default=None,
                ),
            ),
            _compare,
        ),
        Kind(
            "tune",
            "Which temperature suits a task, with intervals. The tasks are those that come with retort.",
            (
                MODEL,
                Field("task", "string", "the task", required=True, choices=TASKS),
                replace(
                    TEMPERATURES,
                    help="temperatures to compare",
                    least=2,
                    default=[place / 4 for place in range(9)],
                ),
                TRUNCATIONS,
                SEED,
                Field("samples", "integer", "answers an item and temperature", 4, least=1, most=64),
                Field(
                    "items", "integer", "how many items of the task; all by default", least=1, most=100_000
                ),
            ),
            _tune,
        ),
        Kind(
            "distil",
            "A student on soft targets beside the same student on hard labels, by a recipe that comes with retort.",
            (
                Field("recipe", "string", "the recipe", required=True, choices=RECIPES),
                Field("steps", "integer", "steps of each arm", 40, least=1, most=5_000),
                Field("seeds", "integer", "how many seeds", 2, least=1, most=20),
                Field("temperature", "number", "τ of the soft loss", 1.0, least=0.05, most=100),
                Field("alpha", "number", "weight of the soft term", 0.9, least=0, most=1),
            ),
            _distil,
        ),
    )
}
