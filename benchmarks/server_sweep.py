"""A sweep over a real server, killed at random moments and taken up again: nothing is lost and nothing asked twice.

    python -m benchmarks.server_sweep                       llama.cpp's server, through xllamacpp
    python -m benchmarks.server_sweep --python venv/bin/python --server llama-cpp-python

`retort tune exploit --record DIR` against the server is killed with SIGKILL several times and resumed each time; then
`--from DIR` must say what the finished run said. Nothing is installed; where the server's package is missing this says
so and exits 0.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.server_check import SERVERS, connect, served

KILLS = 5
SWEEP = ("--items", "40", "--samples", "3", "--temperatures", "0,0.5,1,1.5")


def killed_and_resumed(url: str, folder: Path, kills: int) -> tuple[list[int], dict[str, object]]:
    """Answers on disk after each kill, and the record of the run that was let finish."""
    command = [sys.executable, "-m", "retort", "tune", "exploit", "--model", url, *SWEEP]
    command += ["--record", str(folder), "--json"]
    draw, kept = random.Random(1), []
    for _ in range(kills):
        again = ["--resume"] if folder.exists() else []
        process = subprocess.Popen([*command, *again], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        # By answers and not by seconds: on a busy machine a kill after so many seconds finds nothing to lose.
        enough = (kept[-1] if kept else 0) + draw.randint(10, 60)
        while process.poll() is None and _answers(folder) < enough:
            time.sleep(0.01)
        if process.poll() is not None:
            process.communicate()
            break
        process.kill()
        process.communicate()
        kept.append(_answers(folder))
    last = subprocess.run([*command, "--resume"], capture_output=True, text=True, check=True)
    record: dict[str, object] = json.loads(last.stdout)
    return kept, record


def _answers(folder: Path) -> int:
    """Answers in the folder's journals and finished pieces."""
    import pyarrow.parquet as pq

    lines = sum(len(file.read_bytes().splitlines()) for file in folder.glob("*.jsonl"))
    return lines + sum(pq.read_metadata(file).num_rows for file in folder.glob("*.parquet"))


def main() -> None:
    parser = argparse.ArgumentParser(description="Kill a sweep over a real server and take it up again.")
    parser.add_argument("--server", choices=list(SERVERS), default="xllamacpp")
    parser.add_argument("--python", default=sys.executable, help="the Python that has the server's package")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    asked = parser.parse_args()
    package = SERVERS[asked.server][0]
    if subprocess.run([asked.python, "-c", f"import {package}"], capture_output=True).returncode:
        print(f"skipped: {asked.python} has no {package}; pip install {asked.server}", file=sys.stderr)
        return
    from training.to_gguf import convert

    from retort.sources.embedded import MODELS_FOLDER

    with tempfile.TemporaryDirectory() as folder:
        path = convert(MODELS_FOLDER / "base", Path(folder) / "served.gguf", "f32")
        with served(asked.python, asked.server, path) as url:
            connect(url)
            kept, record = killed_and_resumed(url, Path(folder) / "sweep", KILLS)
        read = [sys.executable, "-m", "retort", "tune", "--from", str(Path(folder) / "sweep"), "--json"]
        again = json.loads(subprocess.run(read, capture_output=True, text=True, check=True).stdout)
    scores = {str(one["temperature"]): one["score"] for one in again["settings"]}
    document = {
        "server": asked.server,
        "kept_after_kills": kept,
        "same_from_disk": again == record,
        "scores": scores,
    }
    if asked.json:
        print(json.dumps(document, indent=1))
    else:
        outcome = "is the same" if document["same_from_disk"] else "DIFFERS"
        print(
            f"{asked.server}: killed {len(kept)} times with {', '.join(map(str, kept))} answers on disk, then done; "
            f"the record from disk {outcome}; scores {scores}"
        )


if __name__ == "__main__":
    main()
