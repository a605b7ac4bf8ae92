"""The fused loss beside dense code: seconds and peak memory of forward and backward, each in a process of its own.

- retort: `fused_distillation_loss` on hidden states and output weights
- textbook: whole logits of both models in float32, `kl_div` and `cross_entropy`
- TRL: the same with `GKDTrainer.generalized_jsd_loss` (beta 0), where TRL is installed
- torchtune: its `ForwardKLWithChunkedOutputLoss` on whole logits, where it is installed; it knows neither temperature
  nor hidden states, so its numbers are of a simpler loss

Seconds are of the processor, so that a machine that does other things too tells the same; with `--threads 1` they are
what an idle machine's clock would say. Peak memory is the process's high-water mark less what inputs and libraries
took before. Students are 512 wide, teachers 1,024; 2,048 positions; temperature 3, alpha 0.7.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.record import Record, Settings, record
from benchmarks.timing import Row, compared

POSITIONS, STUDENT_WIDTH, TEACHER_WIDTH = 2048, 512, 1024
TEMPERATURE, ALPHA = 3.0, 0.7
MEGABYTE = 1e6


def run(settings: Settings) -> Record:
    """The record for both vocabularies in both arithmetics."""
    vocabularies, positions = ((512,), 16) if settings.quick else ((32_000, 128_256), POSITIONS)
    found = rows(vocabularies, positions, settings.rounds, settings.threads)
    return record("distill_loss", __doc__ or "", "random numbers", settings, {"positions": positions}, found)


def rows(vocabularies: tuple[int, ...], positions: int, rounds: int, threads: int) -> list[Row]:
    """A row for each vocabulary and arithmetic; details are megabytes at the peak."""
    found = []
    for vocab in vocabularies:
        for dtype in ("float32", "bfloat16"):
            seconds: dict[str, list[float]] = {}
            peaks = {}
            for name in CONTESTANTS:
                told = _measured(name, vocab, dtype, positions, rounds, threads)
                if told is not None:
                    seconds[name], peaks[name] = told["seconds"], told["peak"] / MEGABYTE
            details = {f"{name}, MB": peak for name, peak in peaks.items()}
            details["textbook MB / ours"] = peaks["textbook"] / peaks["retort"]
            found.append(compared(f"loss, {positions} × {vocab:,}, {dtype}", seconds, **details))
    return found


def _measured(
    name: str, vocab: int, dtype: str, positions: int, rounds: int, threads: int
) -> dict[str, Any] | None:
    """What a process of its own says, None where the peer is not installed."""
    given = [name, str(vocab), dtype, str(positions), str(rounds), str(threads)]
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.distill_loss", *given],
        capture_output=True,
        text=True,
        env=os.environ,
    )
    if run.returncode:
        if name in ("retort", "textbook"):
            raise RuntimeError(run.stderr)
        return None
    told: dict[str, Any] = json.loads(run.stdout.strip().splitlines()[-1])
    return told


def _retort(inputs: dict[str, Any]) -> Any:
    from retort.distill.losses import fused_distillation_loss

    total, count = fused_distillation_loss(**inputs, temperature=TEMPERATURE, alpha=ALPHA)
    return total / count


def _logits(inputs: dict[str, Any]) -> tuple[Any, Any]:
    import torch

    student = (inputs["student_hidden"] @ inputs["student_weight"].T).float()
    with torch.no_grad():
        teacher = (inputs["teacher_hidden"] @ inputs["teacher_weight"].T).float()
    return student, teacher


def _textbook(inputs: dict[str, Any]) -> Any:
    from torch.nn import functional

    student, teacher = _logits(inputs)
    soft = functional.kl_div(
        functional.log_softmax(student / TEMPERATURE, dim=-1),
        functional.log_softmax(teacher / TEMPERATURE, dim=-1),
        reduction="batchmean",
        log_target=True,
    )
    hard = functional.cross_entropy(student, inputs["labels"])
    return ALPHA * TEMPERATURE**2 * soft + (1 - ALPHA) * hard


def _trl(inputs: dict[str, Any]) -> Any:
    from torch.nn import functional
    from trl.experimental.gkd.gkd_trainer import GKDTrainer

    student, teacher = _logits(inputs)
    soft = GKDTrainer.generalized_jsd_loss(
        student[None], teacher[None], inputs["labels"][None], beta=0, temperature=TEMPERATURE
    )
    hard = functional.cross_entropy(student, inputs["labels"])
    return ALPHA * TEMPERATURE**2 * soft + (1 - ALPHA) * hard


def _torchtune(inputs: dict[str, Any]) -> Any:
    # The file alone: the package needs another version of torchao than the one that goes with this torch.
    package = importlib.util.find_spec("torchtune")
    if package is None or package.origin is None:
        raise ImportError("torchtune")
    file = Path(package.origin).parent / "modules" / "loss" / "kd_losses.py"
    spec = importlib.util.spec_from_file_location("kd_losses", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    student, teacher = _logits(inputs)
    chunks = [list(one[None].chunk(8, dim=1)) for one in (student, teacher)]
    return module.ForwardKLWithChunkedOutputLoss(8)(*chunks, inputs["labels"][None])


CONTESTANTS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "retort": _retort,
    "textbook": _textbook,
    "TRL": _trl,
    "torchtune": _torchtune,
}


def _inputs(vocab: int, dtype: str, positions: int) -> dict[str, Any]:
    import torch

    generator = torch.Generator().manual_seed(0)

    def numbers(rows: int, width: int, scale: float) -> Any:
        return (scale * torch.randn(rows, width, generator=generator)).to(getattr(torch, dtype))

    return {
        "student_hidden": numbers(positions, STUDENT_WIDTH, 1).requires_grad_(),
        "student_weight": numbers(vocab, STUDENT_WIDTH, 3 / STUDENT_WIDTH**0.5).requires_grad_(),
        "teacher_hidden": numbers(positions, TEACHER_WIDTH, 1),
        "teacher_weight": numbers(vocab, TEACHER_WIDTH, 3 / TEACHER_WIDTH**0.5),
        "labels": torch.randint(0, vocab, (positions,), generator=generator),
    }


def _high_water() -> int:
    status = Path("/proc/self/status").read_text()
    return 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


def measure(name: str, vocab: int, dtype: str, positions: int, rounds: int, threads: int) -> dict[str, Any]:
    """Seconds of each round after one uncounted one, and bytes at the peak of that first one."""
    import torch

    torch.set_num_threads(threads)
    loss = CONTESTANTS[name]
    small = _inputs(64, dtype, 8)
    loss(small).backward()  # libraries loaded, kernels chosen
    inputs = _inputs(vocab, dtype, positions)
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts again from what is held now
    before = _high_water()
    loss(inputs).backward()
    peak = _high_water() - before
    seconds = []
    for _ in range(rounds):
        inputs["student_hidden"].grad = inputs["student_weight"].grad = None
        begin = time.process_time()
        loss(inputs).backward()
        seconds.append(time.process_time() - begin)
    return {"seconds": seconds, "peak": peak}


if __name__ == "__main__":
    name, vocab, dtype, positions, rounds, threads = sys.argv[1:]
    print(json.dumps(measure(name, int(vocab), dtype, int(positions), int(rounds), int(threads))))
