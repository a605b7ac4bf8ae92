"""What a change to the code must not change: write it down with one checkout, compare with another.

python -m benchmarks.unchanged write DIR [--source CHECKOUT]     what that checkout gives
python -m benchmarks.unchanged compare OLD NEW                   every difference; exit 1 if any was not wanted

Recorded are the JSON of every verb on embedded models and on files, the tokens and numbers of 10,000 sampled rows
through 24 chains, the bytes of a short capture with each codec, and the weights of a short distillation. Differences
that were wanted are listed in `benchmarks/unchanged.json` as patterns with their reason; all others are printed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parent / "docs" / "examples"
WANTED = HERE / "unchanged.json"

# Numbers may move by this share: float64 sums in another order, not more.
TOLERANCE = 1e-9

KING = "'Once upon a time there was a king who had a'"
SKY = f"logits:{EXAMPLES / 'sky.json'}"

VERBS: dict[str, str] = {
    "look file": f"look {SKY} x --temperature 0.1,1,2,3,4",
    "look base": f"look embedded:base {KING} --temperature 0,0.5,1,2 --chain 'temperature=0.8 | top_k=50 | top_p=0.9'",
    "look english": "look embedded:english 'the sky is' --temperature 1,2",
    "look recorded": f"look recorded:{EXAMPLES / 'llama-server.jsonl'} 'the sky is' --temperature 1,2",
    "look messages": "look embedded:instruct --message 'user:What is a pear?' --temperature 1",
    "trace base": f"trace embedded:base {KING} --text ' crown and a horse' --chain top_p=0.9",
    "trace greedy": "trace embedded:english 'the sky is' --max-tokens 5",
    "compare models": f"compare embedded:base embedded:small {KING}",
    "path english": "path embedded:english 'the sky is' --seed 2 --max-tokens 8 --temperatures 0:2:21",
    "path chain": f"path embedded:base {KING} --max-tokens 12 --temperatures 0:2:21 --chain 'top_k=40 | min_p=0.05'",
    "similar base": "similar embedded:base apple pear hammer",
    "sample base": f"sample embedded:base {KING} --n 4 --max-tokens 16 --settings temperature=0.8,top_k=50,top_p=0.9",
    "sample penalties": f"sample embedded:base {KING} --n 2 --max-tokens 16 --settings repetition_penalty=1.2",
    "explain base": f"explain embedded:base {KING} --settings temperature=0.8,top_k=50,top_p=0.9,min_p=0.05",
    "equivalent": "equivalent embedded:base embedded:small",
    "determinism": "determinism embedded:small --max-tokens 4",
    "tune exploit": "tune exploit --model embedded:base --items 20 --temperatures 0:2:5 --samples 4",
    "tune explore": "tune explore --model embedded:base --items 10 --temperatures 0:2:5 --samples 4",
    "tune phrases": f"tune {EXAMPLES / 'phrases.yaml'} --model embedded:english --temperatures 0:2:5",
    "models": "models",
}

CODECS = ("sampled:50", "topk+tail:8", "topk:8", "dense")

RECIPE = [
    "embedded:default", "data.tokens=8000", "data.validation_tokens=1024", "data.test_tokens=1024", "steps=6",
    "eval_every=3", "seeds=1", "equal_time=false",
]  # fmt: skip

# Run with the checkout's own package: only names that stay public.
SAMPLER = """
import json, sys
import numpy as np
import retort
rows, vocab = 10_000, 512
random = np.random.default_rng(7)
logits = (random.standard_normal((rows, vocab)) * 4).astype(np.float32)
logits[::5] = np.round(logits[::5])  # ties
found = {}
for spec in json.loads(sys.argv[1]):
    params = retort.SamplingParams(chain=retort.Chain(spec), seed=11)
    batch = retort.sample(logits, params, positions=np.arange(rows) % 97)
    sums = {name: float(getattr(batch, "logprob_" + name).sum()) for name in ("raw", "processed")}
    found[spec] = {"ids": batch.ids.tolist(), **sums}
print(json.dumps(found))
"""

CHAINS = (
    "temperature=0", "temperature=1", "temperature=0.7", "temperature=2.5", "temperature=0.8 | top_k=50", "top_k=5",
    "top_k=1", "temperature=1.3 | top_p=0.9", "top_p=0.5 | temperature=1.5", "temperature=0.9 | min_p=0.05",
    "min_p=0.3 | temperature=2", "temperature=0.8 | top_k=50 | top_p=0.9", "typical_p=0.9", "top_h=0.5",
    "temperature=0.8 | top_k=50 | top_p=0.9 | min_p=0.05", "top_k=40 | top_p=0.95 | min_p=0.05 | temperature=0.8",
    "temperature=1.2 | typical_p=0.7", "epsilon_cutoff=0.001", "eta_cutoff=0.002", "top_n_sigma=1.0",
    "xtc(probability=0.5, threshold=0.1)", "dynatemp(range=0.5)", "logit_bias(3: 2.0)",
    "temperature=0.6 | top_k=3 | top_p=0.4",
)  # fmt: skip


def main() -> None:
    """Write or compare, as the arguments say."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.unchanged", description=(__doc__ or "").split("\n")[0]
    )
    commands = parser.add_subparsers(dest="command", required=True)
    writing = commands.add_parser("write", help="write what a checkout gives into DIR")
    writing.add_argument("folder", type=Path)
    writing.add_argument("--source", type=Path, default=HERE.parent, help="the checkout; default: this one")
    comparing = commands.add_parser("compare", help="print every difference between two such folders")
    comparing.add_argument("old", type=Path)
    comparing.add_argument("new", type=Path)
    asked = parser.parse_args()
    if asked.command == "write":
        write(asked.folder, asked.source.resolve())
    else:
        sys.exit(1 if compare(asked.old, asked.new) else 0)


def write(folder: Path, source: Path) -> None:
    """One JSON file for each part, made by the package in `source`/src."""
    folder.mkdir(parents=True, exist_ok=True)
    verbs = {}
    for name, arguments in VERBS.items():
        print(f"{name} …", file=sys.stderr, flush=True)
        verbs[name] = _json_of(_retort(source, [*shlex.split(arguments), "--json"]))
    _keep(folder / "verbs.json", verbs)
    print("sampler …", file=sys.stderr, flush=True)
    _keep(folder / "sampler.json", _json_of(_python(source, ["-c", SAMPLER, json.dumps(CHAINS)])))
    with tempfile.TemporaryDirectory() as work:
        captures = {}
        text = Path(work) / "text.txt"
        text.write_text(
            "\n\n".join(f"Once upon a time there was horse number {i}." for i in range(40)), encoding="utf-8"
        )
        for codec in CODECS:
            print(f"capture {codec} …", file=sys.stderr, flush=True)
            out = Path(work) / codec.replace(":", "-")
            _retort(source, ["capture", "embedded:small", str(text), "--out", str(out), "--codec", codec])
            captures[codec] = _hashes(out, "*.parquet")
        _keep(folder / "captures.json", captures)
        print("distill …", file=sys.stderr, flush=True)
        students = Path(work) / "students"
        _retort(source, ["distill", *RECIPE, f"save={students}", f"output={Path(work) / 'results'}"])
        _keep(folder / "weights.json", _hashes(students, "*.safetensors"))


def _retort(source: Path, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    return _python(source, ["-m", "retort", *arguments])


def _python(source: Path, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(source / "src"),
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
    }
    return subprocess.run(
        [sys.executable, *arguments], env=environment, cwd=source, capture_output=True, text=True, check=False
    )


def _json_of(done: subprocess.CompletedProcess[str]) -> Any:
    if done.returncode:
        return {"exit": done.returncode, "said": done.stderr.strip().splitlines()[-1:]}
    return json.loads(done.stdout)


def _hashes(folder: Path, pattern: str) -> dict[str, str]:
    files = sorted(folder.rglob(pattern))
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def _keep(file: Path, found: Any) -> None:
    file.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def compare(old: Path, new: Path) -> int:
    """Print the differences that were not wanted and count the others; returns how many were not wanted."""
    wanted: dict[str, str] = json.loads(WANTED.read_text(encoding="utf-8")) if WANTED.exists() else {}
    unexplained, explained = 0, dict.fromkeys(wanted, 0)
    for file in ("verbs.json", "sampler.json", "captures.json", "weights.json"):
        before, after = (json.loads((folder / file).read_text(encoding="utf-8")) for folder in (old, new))
        for place, was, now in differences(before, after, file.removesuffix(".json")):
            reason = next((pattern for pattern in wanted if re.fullmatch(pattern, place)), None)
            if reason is None:
                unexplained += 1
                print(f"{place}: {_short(was)} → {_short(now)}")
            else:
                explained[reason] += 1
    for pattern, count in explained.items():
        print(f"{count:6} wanted: {wanted[pattern]}  ({pattern})")
    print(
        f"{unexplained} differences that were not wanted"
        if unexplained
        else "identical, apart from the wanted differences"
    )
    return unexplained


def differences(was: Any, now: Any, place: str) -> Iterator[tuple[str, Any, Any]]:
    """Each leaf in which the two documents differ, as (place, old, new); lists of another length differ as a whole."""
    if isinstance(was, dict) and isinstance(now, dict):
        for key in sorted(was.keys() | now.keys()):
            if key in was and key in now:
                yield from differences(was[key], now[key], f"{place}.{key}")
            else:
                yield f"{place}.{key}", was.get(key, "absent"), now.get(key, "absent")
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for index, (one, other) in enumerate(zip(was, now, strict=True)):
            yield from differences(one, other, f"{place}[{index}]")
    elif not _same(was, now):
        yield place, was, now


def _same(was: Any, now: Any) -> bool:
    if isinstance(was, float) and isinstance(now, (int, float)) and not isinstance(now, bool):
        return math.isclose(was, now, rel_tol=TOLERANCE, abs_tol=1e-12)
    return bool(was == now)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "…"


if __name__ == "__main__":
    main()
