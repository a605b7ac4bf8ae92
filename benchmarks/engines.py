"""A path and a tuning on a real model beside other engines, on this machine: the same prompts, settings and sizes.

- retort: `temperature_paths`, as `retort path` and `retort tune` run it (float32)
- transformers: one `model.generate` for each temperature, all its texts together (float32)
- llama.cpp: its own server of the wheel xllamacpp, four texts at a time, one request for each text (4-bit weights)
- vLLM: its own server, where RETORT_BENCH_VLLM names a Python that has it, and RETORT_BENCH_FOLDER the folder of
  SmolLM2-135M-Instruct in Hugging Face format; all requests at once (float32)

"path" is 41 temperatures from 0 to 2 of one chat prompt. "capitals" is the task's first wording at 16 temperatures with
8 answers of at most 12 tokens, on the first items. Seconds are those of all processors that the engine used, so that a
machine that does other things does not decide; "clock" are seconds by the clock, "s an item" what one item costs. Each
is run once, after a short warm-up: the peers take minutes. The texts differ (other noise), so do their lengths.
"one sequence" is 100 tokens of one text by llama.cpp, drawn by retort and by llama.cpp's own sampler in its own loop:
one library, the same settings, by the clock.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.models import peer_of
from benchmarks.record import Record, Settings, record
from benchmarks.timing import Row, compared, in_turns
from retort import load, temperature_paths
from retort.sampling import PathRequest
from retort.sources import llama_cpp
from retort.sources.chat import prompt_for
from retort.sources.embedded import smollm2_file
from retort.tune import load_task
from retort.tune.plan import request_seed

MODEL = "embedded:smollm2"
ITEMS, ANSWERS, PATH_TOKENS = 6, 8, 40
PORTS = {"llama.cpp": 8155, "vLLM": 8156}
SLOTS = 4
LLAMA_CPP = """
import sys, time, xllamacpp
p = xllamacpp.CommonParams()
p.model.path, p.port, p.n_parallel, p.n_ctx = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), 2048
p.cpuparams.n_threads = p.cpuparams_batch.n_threads = int(sys.argv[4])
p.hostnames = ["127.0.0.1"]
server = xllamacpp.Server(p)
while True: time.sleep(1)
"""


@dataclass(frozen=True)
class Work:
    """Prompts as ids, and of each how many texts at each temperature."""

    case: str
    prompts: Sequence[Sequence[int]]
    temperatures: Sequence[float]
    answers: int
    max_tokens: int
    stop: tuple[str, ...]

    def seeds(self, prompt: int) -> list[int]:
        return [request_seed(0, str(prompt), answer) for answer in range(self.answers)]


def run(settings: Settings) -> Record:
    """The record of both cases."""
    servers = _servers(settings.threads)
    source: Any = load(MODEL)
    task = load_task("capitals")
    items = task.items[: 2 if settings.quick else ITEMS]
    steps, grid, tokens = (3, 3, 4) if settings.quick else (41, 16, PATH_TOKENS)
    asked = prompt_for(source, "Write one sentence about the sea.", chat=True)
    works = (
        Work("path", [asked.ids], _even(steps), 1, tokens, ()),
        Work(
            f"capitals, {len(items)} items", [task.seen(source, item, 0).ids for item in items], _even(grid),
            ANSWERS, task.max_tokens, task.stop,
        ),
    )  # fmt: skip
    rows = [*(_compare(source, work, servers) for work in works), _one_sequence(settings.quick)]
    return record(
        "engines",
        __doc__ or "",
        MODEL,
        settings,
        {"items": len(items), "answers": ANSWERS, "path": f"{tokens} tokens"},
        rows,
    )


def _even(count: int) -> list[float]:
    return [2.0 * step / (count - 1) for step in range(count)]


def _compare(source: Any, work: Work, servers: Mapping[str, list[str]]) -> Row:
    short = Work(work.case, work.prompts[:1], work.temperatures[:2], 1, 2, work.stop)
    peer = peer_of(MODEL)
    timed = {
        "retort": _timed(lambda one: _ours(source, one), short, work, os.getpid()),
        "transformers": _timed(lambda one: _transformers(source, peer, one), short, work, os.getpid()),
    }
    for name, command in servers.items():
        with _served(name, command) as (url, process):
            ask = partial(_llama_cpp if name == "llama.cpp" else _vllm, url)
            timed[name] = _timed(ask, short, work, process)
    count = len(work.prompts)
    details: dict[str, float] = {}
    for name, (seconds, clock) in timed.items():
        details |= {f"{name}, s an item": seconds / count, f"{name}, clock": clock}
    return compared(work.case, {name: [seconds] for name, (seconds, _) in timed.items()}, **details)


def _timed(run_it: Callable[[Work], object], short: Work, work: Work, process: int) -> tuple[float, float]:
    """Seconds of a process and its children on all processors, and by the clock."""
    run_it(short)
    begin, used = time.perf_counter(), _used(process)
    run_it(work)
    return _used(process) - used, time.perf_counter() - begin


def _used(process: int) -> float:
    """Processor seconds that a process and its children, as they are now, have used (Linux)."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        return 0.0
    own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    # Not of our own process: a server that it started is a peer.
    return own + sum(_used(int(child)) for child in children if process != os.getpid())


def _ours(source: Any, work: Work) -> None:
    requests = [
        PathRequest(tuple(ids), seed)
        for number, ids in enumerate(work.prompts)
        for seed in work.seeds(number)
    ]
    temperature_paths(source, requests, work.temperatures, max_tokens=work.max_tokens, stop=work.stop)


def _transformers(source: Any, model: Any, work: Work) -> None:
    import torch
    from transformers import StoppingCriteria, StoppingCriteriaList

    pad = next(iter(source.end_ids))
    width = max(map(len, work.prompts))
    ids = torch.tensor([[pad] * (width - len(row)) + list(row) for row in work.prompts])
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in work.prompts])
    ends = [
        token for token in range(source.vocab_size) if any(s in source.token_text(token) for s in work.stop)
    ]
    last = torch.tensor(ends, dtype=torch.long)

    class Ended(StoppingCriteria):
        def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
            return torch.isin(input_ids[:, -1], last)

    how: dict[str, Any] = {"max_new_tokens": work.max_tokens, "pad_token_id": pad, "attention_mask": mask}
    if ends:
        how["stopping_criteria"] = StoppingCriteriaList([Ended()])
    with torch.inference_mode():
        for temperature in work.temperatures:
            drawn: dict[str, Any] = {"do_sample": False}
            if temperature:
                drawn = {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0}
                drawn["num_return_sequences"] = work.answers
            model.generate(ids, **how, **drawn)


def _one_sequence(quick: bool) -> Row:
    """`generate` on `llama-cpp:` beside llama_decode and llama_sampler_sample of the same library."""
    from retort import SamplingParams, generate

    source: Any = load(f"llama-cpp:{MODEL}")
    source.end_ids = frozenset()
    prompt, tokens = "The capital of Australia is", 5 if quick else 100
    params = SamplingParams(temperature=0.8, top_k=40, top_p=0.95, max_tokens=tokens, seed=3)
    own = _llama_cpps_loop(source, source.encode(prompt), tokens)
    seconds = in_turns(
        {"retort": lambda: generate(source, prompt, params), "llama.cpp": own}, 1 if quick else 5
    )
    return compared(
        f"one sequence, {tokens} tokens, by the clock",
        seconds,
        **{f"{name}, tokens/s": tokens / min(values) for name, values in seconds.items()},
    )


def _llama_cpps_loop(source: Any, ids: Sequence[int], tokens: int) -> Callable[[], None]:
    library, pointer = source.library, ctypes.c_void_p
    makers = {
        "top_k": (ctypes.c_int32(40),),
        "top_p": (ctypes.c_float(0.95), ctypes.c_size_t(1)),
        "temp": (ctypes.c_float(0.8),),
        "dist": (ctypes.c_uint32(7),),
    }
    library.llama_sampler_chain_init.restype = pointer
    library.llama_sampler_chain_add.argtypes = [pointer, pointer]
    library.llama_sampler_sample.argtypes = [pointer, pointer, ctypes.c_int32]
    chain = library.llama_sampler_chain_init(ctypes.c_bool(True))
    for name, arguments in makers.items():
        make = getattr(library, f"llama_sampler_init_{name}")
        make.restype = pointer
        library.llama_sampler_chain_add(chain, make(*arguments))

    def loop() -> None:
        context = llama_cpp._Context(source, llama_cpp.FIRST_CELLS)
        batch = context._batch
        new = list(ids)
        for step in range(tokens):
            batch.num_tokens = len(new)
            for place, token in enumerate(new):
                batch.token[place] = token
                batch.position[place] = place if step == 0 else len(ids) + step - 1
                batch.num_sequences[place], batch.sequence[place][0] = 1, 0
                batch.wanted[place] = place == len(new) - 1
            assert not library.llama_decode(context._context, batch)
            new = [library.llama_sampler_sample(chain, context._context, -1)]

    return loop


def _llama_cpp(url: str, work: Work) -> None:
    """Everything off but the temperature; a greedy text is asked for once."""
    bodies = [
        {
            "prompt": list(ids), "temperature": temperature, "seed": seed % 2**31, "n_predict": work.max_tokens,
            "stop": list(work.stop), "samplers": ["temperature"], "cache_prompt": True,
        }
        for number, ids in enumerate(work.prompts)
        for temperature in work.temperatures
        for seed in work.seeds(number)[: None if temperature else 1]
    ]  # fmt: skip
    _post(f"{url}/completion", bodies, SLOTS)


def _vllm(url: str, work: Work) -> None:
    bodies = [
        {
            "model": "smollm2", "prompt": list(ids), "temperature": temperature, "seed": number,
            "n": work.answers if temperature else 1, "max_tokens": work.max_tokens, "stop": list(work.stop),
            "top_p": 1.0, "top_k": 0,
        }
        for number, ids in enumerate(work.prompts)
        for temperature in work.temperatures
    ]  # fmt: skip
    _post(f"{url}/v1/completions", bodies, len(bodies))


def _post(url: str, bodies: Sequence[Mapping[str, Any]], at_once: int) -> None:
    import httpx2

    with httpx2.Client(timeout=600.0) as client, ThreadPoolExecutor(at_once) as pool:
        for answer in pool.map(lambda body: client.post(url, json=body), bodies):
            answer.raise_for_status()


def _servers(threads: int) -> dict[str, list[str]]:
    """The servers that can be had here, by name, as commands."""
    found = {
        "llama.cpp": [
            sys.executable, "-c", LLAMA_CPP, str(smollm2_file()), str(PORTS["llama.cpp"]), str(SLOTS), str(threads)
        ]
    }  # fmt: skip
    python = os.environ.get("RETORT_BENCH_VLLM")
    if python:
        folder = os.environ.get("RETORT_BENCH_FOLDER")
        if not folder:
            raise SystemExit(
                "RETORT_BENCH_VLLM is set, so RETORT_BENCH_FOLDER must name the folder of SmolLM2-135M-Instruct in "
                "Hugging Face format: vLLM does not read the embedded GGUF file."
            )
        found["vLLM"] = [
            python, "-m", "vllm.entrypoints.openai.api_server", "--model", folder, "--served-model-name", "smollm2",
            "--dtype", "float32", "--port", str(PORTS["vLLM"]), "--max-model-len", "512",
        ]  # fmt: skip
    return found


@contextmanager
def _served(name: str, command: Sequence[str]) -> Iterator[tuple[str, int]]:
    """The address of a server that answers, and its process; it is stopped afterwards."""
    import httpx2

    url = f"http://127.0.0.1:{PORTS[name]}"
    with tempfile.TemporaryDirectory(prefix="retort-benchmark-") as folder:
        log = Path(folder) / "server.log"
        with log.open("w") as written, subprocess.Popen(command, stdout=written, stderr=written) as server:
            try:
                for _ in range(240):
                    if server.poll() is not None:
                        raise SystemExit(f"{name} did not start: {log.read_text()[-500:]}")
                    try:
                        if httpx2.get(f"{url}/health", timeout=2.0).status_code == 200:
                            break
                    except httpx2.HTTPError:
                        pass
                    time.sleep(1.0)
                yield url, server.pid
            finally:
                server.terminate()
