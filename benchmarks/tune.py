"""A sweep of 16 temperatures with shared noise against the same samples drawn one temperature at a time.

- retort sweep: `temperature_paths` over all items and seeds, as `retort tune` runs it
- retort, independent: one `generate` for each temperature, all items and seeds together; the same texts
- transformers, a loop: one `model.generate(do_sample=True)` for each temperature, all items and seeds together; as many
  texts, of other noise, each ended by its full stop too
- transformers, one by one: one `model.generate` for each text, which is the plain loop; of fewer items

"passes, share" is forward-pass rows of the sweep over those of the independent runs. Answers are short (exploit task,
under 8 tokens, ended by a full stop) or long (64 tokens). "whole job" is `retort tune exploit` with 200 items × 16
temperatures × 8 answers, statistics included; "from a recording" is the command `retort tune --from` on a million
recorded answers, in a process of its own, with the most memory that it had.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.models import benchmark_model
from benchmarks.path import check_same_texts, transformers_tokens
from benchmarks.record import Record, Settings, record
from benchmarks.timing import Row, compared, in_turns
from retort import SamplingParams, generate, load, temperature_paths
from retort.sampling import PathRequest
from retort.tune import load_task
from retort.tune import run as tune
from retort.tune.recording import Recording
from retort.tune.samples import Rows

GRID = [step / 7.5 for step in range(16)]
SHORT, LONG = 7, 64
SHORT_ITEMS, ONE_BY_ONE_ITEMS, LONG_ITEMS, SEEDS = 24, 4, 4, 2
MILLION = (2500, 25, 16)


def _rows(settings: Settings) -> tuple[str, list[Row]]:
    """Short and long answers, each drawn three ways."""
    task = load_task("exploit")
    with benchmark_model(settings.model) as (model, named, _):
        source = load(model)
        items = task.items[:2] if settings.quick else task.items[:SHORT_ITEMS]
        prompts = [task.prompt(item) for item in items]
        grid = GRID[::8] if settings.quick else GRID
        rows = [
            _compare(source, "short answers", prompts, grid, SHORT, (".",), settings.rounds),
            _one_by_one(
                source, "short answers", prompts[:ONE_BY_ONE_ITEMS], grid, SHORT, (".",), settings.rounds
            ),
        ]
        few = prompts[:1] if settings.quick else prompts[:LONG_ITEMS]
        length = 6 if settings.quick else LONG
        rows.append(_compare(source, "long answers", few, grid, length, (), settings.rounds))
        rows.append(
            _one_by_one(source, "long answers", prompts[:1], grid, length, (), min(settings.rounds, 3))
        )
        rows.append(_whole_job(source, settings))
    rows.append(_from_recording((20, 2, 16) if settings.quick else MILLION))
    return named, rows


def _compare(
    source: Any,
    name: str,
    prompts: Sequence[str],
    grid: Sequence[float],
    max_tokens: int,
    stop: tuple[str, ...],
    rounds: int,
) -> Row:
    repeated = [prompt for prompt in prompts for _ in range(SEEDS)]
    requests = [PathRequest(tuple(source.encode(prompt)), seed) for seed, prompt in enumerate(repeated)]

    ends = _ending(source, stop)

    def sweep() -> list[Any]:
        return temperature_paths(source, requests, grid, max_tokens=max_tokens, stop=stop)

    def independent() -> list[Any]:
        found = []
        for temperature in grid:
            params = [
                SamplingParams(temperature=temperature, seed=seed, max_tokens=max_tokens, stop=stop)
                for seed in range(len(repeated))
            ]
            found += generate(source, repeated, params)
        return found

    def transformers_loop() -> None:
        for temperature in grid:
            transformers_tokens(source, repeated, temperature, max_tokens, ends)

    paths, texts = sweep(), independent()
    check_same_texts(paths, texts, grid, len(repeated))
    timed = {
        "retort sweep": sweep,
        "retort, independent": independent,
        "transformers, a loop": transformers_loop,
    }
    seconds = in_turns(timed, rounds)
    share = sum(one.forward_passes for one in paths) / sum(one.independent_passes for one in paths)
    return compared(
        f"{name}: {len(repeated)} × {len(grid)} texts, at most {max_tokens} tokens",
        seconds,
        **{"passes, share": share},
    )


def _ending(source: Any, stop: Sequence[str]) -> list[int]:
    """The tokens that have a stop string in them."""
    ids = range(source.vocab_size)
    return [one for one in ids if any(mark in source.token_text(one) for mark in stop)]


def _one_by_one(
    source: Any,
    name: str,
    prompts: Sequence[str],
    grid: Sequence[float],
    max_tokens: int,
    stop: tuple[str, ...],
    rounds: int,
) -> Row:
    """The sweep against what is usually written first: a call of `generate` for each text."""
    repeated = [prompt for prompt in prompts for _ in range(SEEDS)]
    requests = [PathRequest(tuple(source.encode(prompt)), seed) for seed, prompt in enumerate(repeated)]
    ends = _ending(source, stop)

    def sweep() -> None:
        temperature_paths(source, requests, grid, max_tokens=max_tokens, stop=stop)

    def one_by_one() -> None:
        for temperature in grid:
            for prompt in repeated:
                transformers_tokens(source, [prompt], temperature, max_tokens, ends)

    seconds = in_turns({"retort sweep": sweep, "transformers, one by one": one_by_one}, rounds)
    return compared(f"{name}: {len(repeated)} × {len(grid)} texts, one by one", seconds)


def _whole_job(source: Any, settings: Settings) -> Row:
    items, samples = (4, 2) if settings.quick else (200, 8)
    start = time.perf_counter()
    found = tune(load_task("exploit"), source, GRID, samples, limit_items=items)
    seconds = time.perf_counter() - start
    assert found.forward_passes is not None and found.independent_passes is not None
    return compared(
        f"whole job: {items} items × 16 temperatures × {samples} answers",
        {"retort tune": [seconds]},
        **{"passes, share": found.forward_passes / found.independent_passes},
    )


# The command, and the most memory that its process had in use: of this process alone, which what a parent is told
# (ru_maxrss) is not, since a child begins as a copy of its parent.
FROM_RECORDING = """
import sys
from retort.cli.main import main
main(["tune", "--from", sys.argv[1], "--json"], standalone_mode=False)
with open("/proc/self/status") as status:
    print(next(line.split()[1] for line in status if line.startswith("VmHWM")), file=sys.stderr)
"""


def _from_recording(size: tuple[int, int, int]) -> Row:
    """A recording of made-up answers of that many items, repeats and temperatures, read and concluded."""
    items, repeats, settings = size
    with tempfile.TemporaryDirectory() as folder:
        _write(Path(folder), items, repeats, settings)
        start = time.perf_counter()
        ran = subprocess.run(
            [sys.executable, "-c", FROM_RECORDING, folder], capture_output=True, text=True, check=True
        )
        seconds = time.perf_counter() - start
    return compared(
        f"from a recording: {items * repeats * settings:,} answers",
        {"retort tune --from": [seconds]},
        **{"GB at most": int(ran.stderr.split()[-1]) / 2**20},
    )


def _write(folder: Path, items: int, repeats: int, settings: int) -> None:
    described = {
        "task": "made up", "goal": "exploit", "model": "none", "seed": 0, "chain": "", "pieces": 1,
        "settings": [{"temperature": step / 8} for step in range(settings)], "items": [f"q{n}" for n in range(items)],
    }  # fmt: skip
    recording = Recording.begin(folder, described, resume=False)
    rows = Rows()
    for item in range(items):
        for repeat in range(repeats):
            for setting in range(settings):
                answer = (item * 7 + repeat * setting) % 40
                text = f"answer {answer} to {item}"
                rows.add(
                    setting=setting, item=item, prompt=0, repeat=repeat, seed=repeat, text=text, answer=text,
                    tokens=[answer, item % 7, repeat], finish_reason="stop", logprob_raw=-1.0, score=float(answer < 20),
                )  # fmt: skip
    recording.write(0, rows)


def run(settings: Settings) -> Record:
    """The record of all cases."""
    named, rows = _rows(settings)
    details = {"temperatures": "16 from 0 to 2", "seeds": SEEDS}
    return record("tune", __doc__ or "", named, settings, details, rows)
