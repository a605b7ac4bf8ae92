"""What a run does: one row a kind, with its request (a pydantic model) and the function that makes its record."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model

from retort.chain import Chain
from retort.distill import run as run_distill
from retort.distill.recipe import EMBEDDED_RECIPES, Recipe
from retort.errors import from_pydantic
from retort.lens.page import DEFAULT_CHAIN, pair, passage, position
from retort.lens.path import path
from retort.report.standalone import plain
from retort.sources.base import Capability
from retort.studio.runs import Models, Run
from retort.tune import embedded_tasks, load_task
from retort.tune import run as run_tune
from retort.tune.recording import read as read_recording

LONGEST_PROMPT = 20_000
LONGEST_CONTINUATION = 512
LONGEST_CHAIN = 500
LONGEST_FILE = 1_000_000
CURVE_POINTS = 10
MOST_ANSWERS = 20_000  # that a page is sent beside a tuning's table
TASKS = tuple(embedded_tasks())
RECIPES = tuple(sorted(file.stem for file in EMBEDDED_RECIPES.glob("*.yaml")))


def _whole(value: Any) -> Any:
    """JSON schema counts 3.0 among the integers."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_whole)
Model = Annotated[str, Field(description="the model", json_schema_extra={"model": True})]
Prompt = Annotated[
    str, Field(min_length=1, max_length=LONGEST_PROMPT, description="the text that the model continues")
]
Stages = Annotated[
    str, Field(max_length=LONGEST_CHAIN, description="stages in order, as in temperature=0.8 | top_p=0.9")
]
Ids = Annotated[
    list[Annotated[int, Field(ge=0), WHOLE]],
    Field(max_length=LONGEST_CONTINUATION, description="ids of tokens after the prompt"),
]
Texts = Annotated[
    list[str],
    Field(
        max_length=LONGEST_CONTINUATION,
        description="texts of tokens after the prompt, for a model on a server",
    ),
]
Seed = Annotated[int, Field(ge=0, le=2**64 - 1, description="fixes the noise: same seed, same text"), WHOLE]
Tokens = Annotated[int, Field(ge=1, le=256, description="longest text, in tokens"), WHOLE]
Temperatures = Annotated[
    list[Annotated[float, Field(ge=0)]],
    Field(min_length=1, max_length=101, description="temperatures to cover"),
]


class Request(BaseModel):
    """The body of a request: these fields, of these types, and no others."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class PositionRequest(Request):
    model: Model
    prompt: Prompt
    chain: Stages = str(DEFAULT_CHAIN)
    continuation: Ids = []


class TextRequest(PositionRequest):
    given: Texts = []
    seed: Seed = 0
    max_tokens: Tokens = 24


class PathRequest(Request):
    model: Model
    prompt: Prompt
    chain: Stages = ""
    seed: Seed = 0
    max_tokens: Tokens = 24
    temperatures: Temperatures = [place / 20 for place in range(41)]


class CompareRequest(Request):
    model: Model
    prompt: Prompt
    chain: Stages = str(DEFAULT_CHAIN)
    model_b: Model
    prompt_b: Prompt
    chain_b: Stages | None = None


class TaskFile(Request):
    """A task file as the page read it; its name says how it is written (.yaml, .yml, .json, .jsonl)."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    text: Annotated[str, Field(min_length=1, max_length=LONGEST_FILE)]


class TuneRequest(Request):
    model: Model
    task: Annotated[Literal[TASKS], Field(description="a task that comes with retort")] = TASKS[0]  # type: ignore[valid-type]
    file: Annotated[TaskFile | None, Field(description="a task of your own, in place of `task`")] = None
    temperatures: Temperatures = [place / 4 for place in range(9)]
    chain: Stages = ""
    seed: Seed = 0
    samples: Annotated[int, Field(ge=1, le=64, description="answers per item and temperature"), WHOLE] = 4
    items: Annotated[int, Field(ge=1, le=100_000), WHOLE] | None = None


class DistilRequest(Request):
    recipe: Annotated[Literal[RECIPES], Field(description="a recipe that comes with retort")]  # type: ignore[valid-type]
    steps: Annotated[int, Field(ge=1, le=5_000, description="steps of each arm"), WHOLE] = 40
    seeds: Annotated[int, Field(ge=1, le=20, description="how many seeds"), WHOLE] = 2
    temperature: Annotated[float, Field(ge=0.05, le=100, description="τ of the soft loss")] = 1.0
    alpha: Annotated[float, Field(ge=0, le=1, description="weight of the soft term")] = 0.9


@dataclass(frozen=True)
class Kind:
    """One thing that the studio can do."""

    name: str
    help: str
    request: type[Request]
    work: Callable[[Run, Models, Any], Any]

    def body(self, models: Models) -> type[Request]:
        """Its request with the studio's models as the only values of the fields that name one."""
        # A field names a model where its schema says so, whatever the field is called.
        named = [
            name
            for name, one in self.request.model_fields.items()
            if one.json_schema_extra == {"model": True}
        ]
        about = Field(description="one of the models that this studio was started with")
        fields: dict[str, Any] = {name: (Literal[tuple(models.names)], about) for name in named}
        return create_model(self.request.__name__, __base__=self.request, **fields)


def checked(body: type[Request], given: Any) -> Any:
    """The request that was sent. Raises InputError with one sentence for the first thing that does not fit."""
    try:
        return body.model_validate(given)
    except ValidationError as error:
        raise from_pydantic(error, "the request", body) from None


def _position(run: Run, models: Models, asked: PositionRequest) -> Any:
    source = models.borrow(asked.model, run.check)
    return plain(position(source, asked.prompt, Chain.parse(asked.chain), continuation=asked.continuation))


def _text(run: Run, models: Models, asked: TextRequest) -> Any:
    def on_token(index: int, token: Any) -> None:
        run.progress(index + 1, asked.max_tokens, f"token {index + 1} of at most {asked.max_tokens}")
        run.tell("token", {"index": index, **plain(token)})

    found = passage(
        models.borrow(asked.model, run.check),
        asked.prompt,
        asked.continuation,
        given=asked.given,
        max_tokens=asked.max_tokens,
        chain=Chain.parse(asked.chain),
        seed=asked.seed,
        on_token=on_token,
    )
    return plain(found)


def _path(run: Run, models: Models, asked: PathRequest) -> Any:
    found = path(
        models.borrow(asked.model, run.check),
        asked.prompt,
        asked.temperatures,
        chain=Chain.parse(asked.chain),
        seed=asked.seed,
        max_tokens=asked.max_tokens,
    )
    return plain(found)


def _compare(run: Run, models: Models, asked: CompareRequest) -> Any:
    chain = Chain.parse(asked.chain)
    chain_b = None if asked.chain_b is None else Chain.parse(asked.chain_b)
    a, b = (models.borrow(name, run.check) for name in (asked.model, asked.model_b))
    return plain(pair(a, asked.prompt, b, asked.prompt_b, chain, chain_b))


def _tune(run: Run, models: Models, asked: TuneRequest) -> Any:
    source = models.borrow(asked.model, run.check)
    if source.capability is Capability.TOP_N:
        # A server takes turns by itself, and a sweep over one asks for it as it is; progress is where it is stopped.
        source = models.loaded(asked.model) or source
    with tempfile.TemporaryDirectory(prefix="retort-studio-") as folder:
        task: str | Path = asked.task
        if asked.file is not None:
            # The last part of the name only, so that a request writes nowhere but into this folder.
            task = Path(folder) / PurePosixPath(asked.file.name.replace("\\", "/")).name
            task.write_text(asked.file.text, encoding="utf-8")
        record = Path(folder) / "answers"
        # Answers are kept with pyarrow; without it the table has none to open.
        kept = record if find_spec("pyarrow") is not None else None
        found = run_tune(
            load_task(task),
            source,
            asked.temperatures,
            asked.samples,
            seed=asked.seed,
            limit_items=asked.items,
            on_progress=run.progress,
            chain=Chain.parse(asked.chain),
            record=kept,
        )
        return {**plain(found), "answers": None if kept is None else _answers(kept)}


def _answers(folder: Path) -> list[dict[str, Any]] | None:
    """Every answer of a sweep by its item and the number of its setting; None where there are too many to send."""
    samples, _, _ = read_recording(folder)
    if len(samples) > MOST_ANSWERS or samples.answer is None or samples.texts is None:
        return None
    return [
        {
            "item": samples.item_ids[samples.item[row]],
            "setting": int(samples.setting[row]),
            "prompt": int(samples.prompt[row]) + 1,
            "text": samples.texts[int(samples.answer[row])],
            "score": float(samples.score[row]),
        }
        for row in range(len(samples))
    ]


def _distil(run: Run, models: Models, asked: DistilRequest) -> Any:
    def on_point(arm: str, seed: int, step: int, seconds: float, val_nll: float) -> None:
        run.tell("point", {"arm": arm, "seed": seed, "step": step, "seconds": seconds, "val_nll": val_nll})

    run.progress(0, 1, "loading the teacher and the text")
    # About CURVE_POINTS points in a curve, whatever the number of steps.
    settings = asked.model_dump(exclude={"recipe"}) | {"eval_every": max(1, asked.steps // CURVE_POINTS)}
    recipe = Recipe.load(f"embedded:{asked.recipe}", [f"{key}={value}" for key, value in settings.items()])
    return plain(run_distill(recipe, on_progress=run.progress, on_point=on_point))


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "position",
            "The next-token distribution after a prompt, whole, for the page's sliders.",
            PositionRequest,
            _position,
        ),
        Kind(
            "text",
            "A text token by token: each token, its alternatives, and what the chain removed.",
            TextRequest,
            _text,
        ),
        Kind("path", "One seed, every temperature: where the text changes.", PathRequest, _path),
        Kind(
            "compare",
            "Two positions side by side: two models, two prompts, or two orders of the chain.",
            CompareRequest,
            _compare,
        ),
        Kind("tune", "Which temperature suits a task, with intervals.", TuneRequest, _tune),
        Kind(
            "distil",
            "A student on soft targets beside the same student on hard labels, by a recipe that comes with retort.",
            DistilRequest,
            _distil,
        ),
    )
}
