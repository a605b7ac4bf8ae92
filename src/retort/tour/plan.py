"""What a tour does, as one record: which models, prompts, temperatures and amounts; and the commands that do the same.

Three sizes come with retort: the default on a real model, the small one on the models that were trained here, and a
quick one of either to see that every part runs.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field, replace


def evenly(last: float, count: int) -> tuple[float, ...]:
    """`count` temperatures from 0 to `last`, both included, without the last digits of binary arithmetic."""
    return tuple(round(last * number / (count - 1), 10) for number in range(count))


@dataclass(frozen=True)
class Plan:
    """`model` does everything but the distilling, which `recipe` describes.

    `looks`: (MODEL, prompt) of each look; the model of the tour must be among them. `draws` and `draw_temperatures`:
    texts drawn after the first look's prompt at each temperature. `path_chat`: the path's prompt is a message of the
    user. `tasks`: for each task, how many of its items (evenly spread over its list; None: all) and how many answers
    per item. `budget_seconds`: what each step takes on two idle cores, so that the time left can be told before a
    step has begun.
    """

    model: str = "embedded:smollm2"
    looks: tuple[tuple[str, str], ...] = (("embedded:smollm2", "The capital of Australia is"),)
    look_temperatures: tuple[float, ...] = (0.5, 1.0, 2.0)
    look_top: int = 10
    entropy_temperatures: tuple[float, ...] = evenly(3.0, 61)
    draws: int = 10
    draw_temperatures: tuple[float, ...] = (0.0, 0.7, 1.0, 1.5)
    draw_max_tokens: int = 4
    path_prompt: str = "Write one sentence about the sea."
    path_chat: bool = True
    path_temperatures: tuple[float, ...] = evenly(2.0, 41)
    path_max_tokens: int = 40
    tasks: tuple[tuple[str, int | None, int], ...] = (("capitals", 24, 4), ("names", 24, 8))
    tune_temperatures: tuple[float, ...] = (0.0, 0.3, 0.5, 0.7, 1.0, 1.3, 1.6, 2.0)
    note: str | None = None  # what the reader of the findings must know
    recipe: str = "embedded:default"
    recipe_overrides: tuple[str, ...] = ()
    budget_seconds: dict[str, float] = field(
        default_factory=lambda: {
            "look": 3.0, "draw": 2.0, "path": 8.0, "tune": 60.0, "distill": 150.0, "report": 5.0
        }
    )  # fmt: skip

    def on(self, model: str) -> Plan:
        """The same plan on another MODEL, which is then also the teacher; looks of other models stay."""
        looks = tuple((model if name == self.model else name, prompt) for name, prompt in self.looks)
        # A JSON string is a YAML string, so any path comes through the override as it is.
        return replace(
            self,
            model=model,
            looks=looks,
            recipe_overrides=(*self.recipe_overrides, f"teacher={json.dumps(model)}"),
        )


DEFAULT = Plan()

# The models that were trained here: a count of words that answers at once, and a network of 7 million parameters.
SMALL = Plan(
    model="embedded:base",
    looks=(("embedded:english", "the sky is"), ("embedded:base", "a pear is a kind of")),
    path_prompt="a pear is",
    path_chat=False,
    path_max_tokens=12,
    tasks=(("exploit", None, 8), ("explore", None, 32)),
    tune_temperatures=evenly(2.0, 21),
    budget_seconds={"look": 4.0, "draw": 2.0, "path": 3.0, "tune": 45.0, "distill": 150.0, "report": 5.0},
)


def quick(plan: Plan) -> Plan:
    """The same tour, large enough for every part to run, too small for conclusions."""
    return replace(
        plan,
        note="A quick tour, to see that every part runs; there are too few items, answers and steps to "
        "conclude anything.",
        draws=3,
        path_temperatures=evenly(2.0, 11),
        path_max_tokens=8,
        tasks=tuple((name, 8, 2) for name, _, _ in plan.tasks),
        tune_temperatures=evenly(2.0, 5),
        recipe_overrides=("seeds=2", "steps=20", "eval_every=5"),
        budget_seconds={"look": 4.0, "draw": 2.0, "path": 4.0, "tune": 8.0, "distill": 25.0, "report": 5.0},
    )


def spoken(temperatures: Sequence[float]) -> str:
    """A list of temperatures as the commands take it: first:last:count where it is even, else every one."""
    count = len(temperatures)
    if count > 3:
        first, last = temperatures[0], temperatures[-1]
        even = [first + (last - first) * number / (count - 1) for number in range(count)]
        if all(abs(a - b) < 1e-9 for a, b in zip(even, temperatures, strict=True)):
            return f"{first:g}:{last:g}:{count}"
    return ",".join(f"{one:g}" for one in temperatures)


def look_command(plan: Plan, model: str, prompt: str) -> str:
    return _line("retort", "look", model, prompt, "--temperature", spoken(plan.look_temperatures))


def draw_command(plan: Plan, prompt: str, temperature: float, seed: int) -> str:
    return _line(
        "retort", "sample", plan.looks[0][0], prompt, "--temperature", f"{temperature:g}", "--samples", plan.draws,
        "--max-tokens", plan.draw_max_tokens, "--seed", seed,
    )  # fmt: skip


def path_command(plan: Plan, seed: int) -> str:
    temperatures = spoken(plan.path_temperatures)
    return _line(
        "retort", "path", plan.model, plan.path_prompt, *["--chat"] * plan.path_chat, "--seed", seed,
        "--temperature", temperatures, "--max-tokens", plan.path_max_tokens,
    )  # fmt: skip


def tune_command(plan: Plan, task: str, samples: int, seed: int) -> str:
    return _line(
        "retort", "tune", task, "--model", plan.model, "--temperature", spoken(plan.tune_temperatures),
        "--samples", samples, "--seed", seed,
    )  # fmt: skip


def distill_command(plan: Plan, output: str) -> str:
    return _line("retort", "distill", plan.recipe, *plan.recipe_overrides, f"output={output}")


def next_commands(plan: Plan, seed: int, program: str) -> tuple[str, ...]:
    """Lines for a shell that look at, follow, tune and distil the reader's model; `program` is how retort is called."""
    command = shlex.quote(program)
    prompt = shlex.quote(plan.looks[0][1])
    return (
        "MODEL=./my-model   # a folder in Hugging Face format, or a hub id such as Qwen/Qwen3-0.6B",
        f'{command} look "$MODEL" {prompt} --temperature {spoken(plan.look_temperatures)}',
        f'{command} path "$MODEL" {prompt} --seed {seed}',
        f'{command} tune {plan.tasks[0][0]} --model "$MODEL" --items 40   # or your own task, my-task.yaml',
        f'{command} distill {plan.recipe} teacher="$MODEL" output=out/my-student',
        f'{command} tour --model "$MODEL" --quick --out out/my-tour   # all of this at once',
    )


def _line(*words: object) -> str:
    return shlex.join(map(str, words))
