"""The commands that do each part of a tour alone, and those to type next for a model of one's own."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from retort.tour.plan import Plan


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


def path_command(plan: Plan, seed: int) -> str:
    temperatures = spoken(plan.path_temperatures)
    return _line(
        "retort", "path", plan.model, plan.path_prompt, "--seed", seed, "--temperatures", temperatures,
        "--max-tokens", plan.path_max_tokens,
    )  # fmt: skip


def tune_command(plan: Plan, task: str, samples: int, seed: int) -> str:
    return _line(
        "retort", "tune", task, "--model", plan.model, "--temperatures", spoken(plan.tune_temperatures),
        "--samples", samples, "--seed", seed,
    )  # fmt: skip


def distill_command(plan: Plan, output: str) -> str:
    return _line("retort", "distill", plan.recipe, *plan.recipe_overrides, f"output={output}")


def next_commands(plan: Plan, seed: int, program: str) -> tuple[str, ...]:
    """Lines for a shell that look at, follow, tune and distil the reader's model; `program` is how retort is called."""
    command = shlex.quote(program)
    prompt = shlex.quote(plan.first_prompt)
    return (
        "MODEL=./my-model   # a folder in Hugging Face format, or a hub id such as Qwen/Qwen3-0.6B",
        f'{command} look "$MODEL" {prompt} --temperature {spoken(plan.look_temperatures)}',
        f'{command} path "$MODEL" {prompt} --seed {seed}',
        f'{command} tune {plan.tasks[0][0]} --model "$MODEL" --items 40   # or a task of your own, my-task.yaml',
        f'{command} distill {plan.recipe} teacher="$MODEL" output=out/my-student',
        f'{command} tour --model "$MODEL" --quick --out out/my-tour   # all of this at once',
    )


def _line(*words: object) -> str:
    return shlex.join(map(str, words))
