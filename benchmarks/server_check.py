"""A real OpenAI-compatible server against the same model loaded directly: do the intervals hold the truth?

    python -m benchmarks.server_check                       llama.cpp's server, through xllamacpp
    python -m benchmarks.server_check --server llama-cpp-python
    python -m benchmarks.server_check --python venv/bin/python --json
    python -m benchmarks.server_check --url http://127.0.0.1:8000/v1 --direct FOLDER    a server that runs already

An embedded model is written as GGUF, served on loopback, probed, looked at over HTTP, and compared with itself: every
probability, entropy and kept set that the model gives directly must lie in the interval that the server's top tokens
give. Nothing is installed; where the server's package is missing this says so and exits 0.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.record import hardware
from retort.chain.chain import Chain
from retort.distribution import Interval
from retort.errors import SourceError
from retort.lens import compare, look, trace
from retort.sources.base import Capability, Source
from retort.sources.load import load

PROMPTS = (
    "the sky is",
    "A pear is a kind of",
    "A hammer is used to",
    "The opposite of hot is",
    "Once upon a time",
)
TEMPERATURES = (0.5, 1.0, 1.5, 2.0)
TEXT = " very small and blue."
CHAIN = Chain("top_k=15 | temperature=1.5 | top_p=0.9")
STARTING = 60.0  # seconds a server may take to load

# Key-value cache and attention are float32 as in the direct model, and one thread sums in one order.
XLLAMACPP = """
import sys, time, xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.model_alias = sys.argv[1], {"served"}
params.n_ctx, params.n_parallel, params.warmup, params.cpuparams.n_threads = 256, 1, False, 1
params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
params.sampling.seed = 1
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
"""
LLAMA_CPP_PYTHON = """
import socket, sys, threading, uvicorn
from llama_cpp.server.app import create_app
from llama_cpp.server.settings import ModelSettings, ServerSettings
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
model = ModelSettings(model=sys.argv[1], model_alias="served", n_ctx=256, logits_all=True, n_threads=1,
                      type_k=0, type_v=0, verbose=False)
app = create_app(server_settings=ServerSettings(port=port), model_settings=[model])
threading.Thread(target=uvicorn.run, args=(app,), kwargs={"port": port, "log_level": "error"}, daemon=True).start()
print(f"http://127.0.0.1:{port}", flush=True)
sys.stdin.read()
"""
SERVERS = {"xllamacpp": ("xllamacpp", XLLAMACPP), "llama-cpp-python": ("llama_cpp.server", LLAMA_CPP_PYTHON)}


@dataclass(frozen=True)
class Checked:
    """One prompt: how many numbers were compared, how many lay in their interval, and the furthest one outside.

    `logprob_difference` and `margin_difference` are the largest of server against model, in nats at τ = 1.
    """

    prompt: str
    compared: int
    inside: int
    furthest_outside: float
    logprob_difference: float
    margin_difference: float
    entropy_low: float
    entropy: float
    entropy_high: float


def check(server: Source, direct: Source, prompt: str) -> Checked:
    """Compare both at every temperature and through a chain."""
    told = look(server, prompt, TEMPERATURES, CHAIN)
    truth = look(direct, prompt, TEMPERATURES, CHAIN, top=direct.vocab_size)
    assert told.chain is not None and truth.chain is not None
    outside: list[float] = []

    def inside(told: Interval, exact: Any) -> None:
        outside.append(max(told.low - float(exact), float(exact) - told.high, 0.0))

    logprobs = {token.id: token.logprob_raw for token in truth.rows[TEMPERATURES.index(1.0)].top}
    for row, exact in zip(told.rows, truth.rows, strict=True):
        probs = {token.id: float(token.prob) for token in exact.top}
        inside(row.entropy_nats, exact.entropy_nats)
        for token in row.top:
            inside(token.prob, probs[_id(token, exact)])
    at_one = told.rows[TEMPERATURES.index(1.0)]
    exact_one = truth.rows[TEMPERATURES.index(1.0)]
    for left, right in zip(told.chain.stages, truth.chain.stages, strict=True):
        outside.append(abs(left.kept - right.kept))
    return Checked(
        prompt=prompt,
        compared=len(outside),
        inside=sum(distance == 0.0 for distance in outside),
        furthest_outside=max(outside),
        logprob_difference=max(abs(t.logprob_raw - logprobs[_id(t, exact_one)]) for t in at_one.top),
        margin_difference=max(abs(end - float(truth.margin)) for end in (told.margin.low, told.margin.high)),
        entropy_low=at_one.entropy_nats.low,
        entropy=float(exact_one.entropy_nats),
        entropy_high=at_one.entropy_nats.high,
    )


def _id(token: Any, exact: Any) -> int:
    """The id of a server's token, by its text where the server gives no ids."""
    if token.id is not None:
        return int(token.id)
    return next(t.id for t in exact.top if t.token == token.token)


def check_trace(server: Source, direct: Source, prompt: str) -> Checked:
    """Compare a greedy text and a given one token by token."""
    outside: list[float] = []
    logprob_difference = margin_difference = 0.0
    lows, exacts, highs = [], [], []
    for text in (None, TEXT):
        told = trace(server, prompt, text, max_tokens=12, chain=CHAIN if text else None)
        truth = trace(direct, prompt, text, max_tokens=12, chain=CHAIN if text else None)
        assert [t.token for t in told.tokens] == [t.token for t in truth.tokens], (
            "another text, or cut otherwise"
        )
        for mine, exact in zip(told.tokens, truth.tokens, strict=True):
            entropy, margin, logprob = map(float, (exact.entropy_nats, exact.margin, exact.logprob_raw))
            lows.append(mine.entropy_nats.low)
            exacts.append(entropy)
            highs.append(mine.entropy_nats.high)
            outside.append(max(mine.entropy_nats.low - entropy, entropy - mine.entropy_nats.high, 0.0))
            margin_difference = max(margin_difference, mine.margin.high - margin, margin - mine.margin.low)
            if not mine.logprob_raw.exact:
                outside.append(max(logprob - mine.logprob_raw.high, 0.0))
                continue
            outside.append(float(mine.rank != exact.rank))
            logprob_difference = max(logprob_difference, abs(float(mine.logprob_raw) - logprob))
            if mine.kept is not None and text:
                outside.append(float(mine.removed_by != exact.removed_by or mine.kept != exact.kept))
    return Checked(
        prompt=f"trace {prompt}",
        compared=len(outside),
        inside=sum(distance == 0.0 for distance in outside),
        furthest_outside=max(outside),
        logprob_difference=logprob_difference,
        margin_difference=margin_difference,
        entropy_low=sum(lows) / len(lows),
        entropy=sum(exacts) / len(exacts),
        entropy_high=sum(highs) / len(highs),
    )


@contextmanager
def served(python: str, server: str, model: Path) -> Iterator[str]:
    """The URL of `model` on a server in a process of its own, which ends when its stdin closes."""
    process = subprocess.Popen(
        [python, "-c", SERVERS[server][1], str(model)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        address = process.stdout.readline().strip()
        if not address:
            raise SystemExit(f"The server {server} ended while it was starting.")
        yield f"{address}/v1#served"
    finally:
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def connect(url: str) -> Source:
    """The source at `url`, waited for while the server loads its model."""
    begun = time.monotonic()
    while True:
        try:
            return load(url)
        except SourceError:
            if time.monotonic() - begun > STARTING:
                raise
            time.sleep(0.2)


@dataclass(frozen=True)
class Verb:
    """One command against a running server: its exit code, the seconds it took, and what its record says."""

    command: str
    exit_code: int
    seconds: float
    said: Any


REAL_PROMPTS = ("The capital of Australia is", "The sea is", "Once upon a time")
CHAT = "user:What is the capital of Australia? Answer with one word."
CAPITALS = {"France": "Paris", "Japan": "Tokyo", "Italy": "Rome", "Spain": "Madrid"}


def verbs(url: str) -> Iterator[Verb]:
    """look, trace, sample and tune against the server at `url`, as a user runs them."""
    with tempfile.TemporaryDirectory() as folder:
        task = Path(folder) / "capitals.jsonl"
        rows = [{"prompt": f"The capital of {land} is", "reference": city} for land, city in CAPITALS.items()]
        task.write_text("".join(json.dumps(row) + "\n" for row in rows))
        yield _verb(
            "look", url, REAL_PROMPTS[0], "--temperature", "1,2", picked=("top", "rows", "probe", "note")
        )
        yield _verb("look", url, "--message", CHAT, "--temperature", "1", picked=("top", "rows", "note"))
        yield _verb("trace", url, REAL_PROMPTS[0], "--max-tokens", "6", picked=("tokens", "totals"))
        yield _verb("trace", url, REAL_PROMPTS[0], "--text", " Canberra, the", picked=("tokens", "totals"))
        yield _verb(
            "sample", url, REAL_PROMPTS[1], "--n", "2", "--max-tokens", "8", picked=("samples", "asked")
        )
        yield _verb(
            "sample", url, "--message", CHAT, "--n", "1", "--max-tokens", "8", picked=("samples", "asked")
        )
        tune = ("--temperature", "0,1", "--samples", "2", "--concurrency", "1")
        yield _verb("tune", str(task), "--model", url, *tune, picked=("advice", "recommendation", "scores"))


def _verb(*arguments: str, picked: tuple[str, ...]) -> Verb:
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "retort", *arguments, "--json"], capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - began
    if done.returncode:
        said: Any = done.stderr.strip().splitlines()[-1:]
    else:
        record = json.loads(done.stdout)
        said = {key: record[key] for key in picked if key in record}
    shown = " ".join(
        arguments[:1] + tuple(one for one in arguments[1:] if "://" not in one and "/" not in one)
    )
    return Verb(shown, done.returncode, round(seconds, 2), said)


def furthest(url: str, direct: str) -> dict[str, float]:
    """For each prompt, the largest difference in nats between the server's logprobs and the model's own.

    Empty for a server without logprobs. mlx-lm spells a token's bytes as byte-level BPE does: Ġ is its space.
    """
    server, model = load(url), load(direct)
    if server.capability is Capability.ANSWERS:
        return {}
    found = {}
    for prompt in REAL_PROMPTS:
        logits = model.start([model.encode(prompt)]).logits[0].astype("float64")
        own = logits - logits.max()
        own -= math.log(sum(math.exp(value) for value in own))
        text = {}
        for token_id in own.argsort()[::-1][:200].tolist():
            text.setdefault(model.token_text(token_id), own[token_id])
        known = server.next_tokens(prompt).tokens  # type: ignore[attr-defined]
        named = {token.token.replace("Ġ", " "): token.logprob for token in known}
        found[prompt] = max(abs(named[token] - text[token]) for token in named.keys() & text.keys())
    return found


def check_running(url: str, direct: str | None) -> None:
    """Print the record of every verb against a server that runs already."""
    record: dict[str, Any] = {
        "url": url,
        "hardware": hardware(),
        "verbs": [asdict(one) for one in verbs(url)],
    }
    if direct is not None:
        record["furthest_from_direct_nats"] = furthest(url, direct)
    print(json.dumps(record, indent=1, ensure_ascii=False))


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare a real server's intervals with the model itself.")
    parser.add_argument("--model", default="base", help="name of an embedded model (default: base)")
    parser.add_argument("--server", choices=list(SERVERS), default="xllamacpp")
    parser.add_argument("--type", default="f32", help="how the GGUF holds its matrices: f32, f16 or q8_0")
    parser.add_argument("--python", default=sys.executable, help="the Python that has the server's package")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("--url", help="a server that runs already: look, trace, sample and tune against it")
    parser.add_argument("--direct", help="with --url: the same model as it is loaded here")
    asked = parser.parse_args()
    if asked.url:
        check_running(asked.url, asked.direct)
        return
    package = SERVERS[asked.server][0]
    if subprocess.run([asked.python, "-c", f"import {package}"], capture_output=True).returncode:
        print(f"skipped: {asked.python} has no {package}; pip install {asked.server}", file=sys.stderr)
        return
    from training.to_gguf import convert

    from retort.sources.embedded import MODELS_FOLDER

    with tempfile.TemporaryDirectory() as folder:
        path = convert(MODELS_FOLDER / asked.model, Path(folder) / "served.gguf", asked.type)
        # The GGUF itself, read by transformers: with q8_0 both sides then hold the same rounded weights.
        direct = load(str(path))
        with served(asked.python, asked.server, path) as url:
            server = connect(url)
            rows = [check(server, direct, prompt) for prompt in PROMPTS]
            rows += [check_trace(server, direct, prompt) for prompt in PROMPTS[:3]]
            compared = compare(server, direct, PROMPTS)
            probe: Any = getattr(server, "probe", None)
    document = {
        "server": asked.server,
        "model": asked.model,
        "type": asked.type,
        "hardware": hardware(),
        "probe": asdict(probe),
        "rows": [asdict(row) for row in rows],
        "compare": compared.to_dict(),
    }
    if asked.json:
        print(json.dumps(document, indent=2))
        return
    print(
        f"{asked.server} serving {asked.model} as {asked.type}: logprobs {probe.logprobs}, {probe.given} given, replay "
        f"{probe.replay:.1e} nats, notes: {' '.join(probe.notes) or 'none'}"
    )
    for row in rows:
        print(
            f"{row.prompt!r}: {row.inside} of {row.compared} inside, furthest outside by {row.furthest_outside:.1e}; "
            f"logprobs differ by {row.logprob_difference:.1e}, entropy {row.entropy:.4f} in "
            f"[{row.entropy_low:.4f}, {row.entropy_high:.4f}]"
        )
    apart = max(place.total_variation.low for place in compared.positions)
    print(f"compare: total variation at least {apart:.1e} over {len(PROMPTS)} prompts")
    assert all(math.isfinite(row.logprob_difference) for row in rows)


if __name__ == "__main__":
    main()
