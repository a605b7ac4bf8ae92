"""A capture killed with `kill -9` at random moments, gone on with each time, and compared with one never killed.

`python tests/distill/cache/killed.py 20` kills twenty times, prints how many of the kills hit a capture at work and
whether the files are the same, and exits 1 if they are not. The kills hit forked children of a process in which
everything is loaded, so that twenty take seconds and not minutes.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
import warnings
from pathlib import Path

OPTIONS = {"shard_tokens": 150, "batch_tokens": 128, "codec": "sampled:20"}
SHARDS_BEFORE_ANEW = 3  # so many may be there before all are thrown away, so that every kill hits something


def kill_and_resume(teacher: str, text: str, killed: Path, whole: Path, kills: int, seed: int = 0) -> int:
    """How many of `kills` hit a capture that was at work; afterwards `killed` is finished, as `whole` is."""
    warnings.simplefilter("ignore")
    import torch

    torch.set_num_threads(1)
    from retort.distill.cache import capture
    from retort.distill.cache.teacher import open_teacher

    opened = open_teacher(teacher, "float32")
    module = sys.modules["retort.distill.cache.capture"]
    module.open_teacher = lambda name, dtype: opened  # type: ignore[attr-defined]
    capture(teacher, text, whole, **OPTIONS)  # type: ignore[arg-type]

    def child() -> int:
        pid = os.fork()
        if pid == 0:
            # Slow writing, so that kills fall everywhere and no run gets far.
            real = os.fsync
            os.fsync = lambda handle: (time.sleep(0.01), real(handle))[1]  # type: ignore[assignment]
            try:
                capture(teacher, text, killed, resume=True, **OPTIONS)  # type: ignore[arg-type]
            finally:
                os._exit(0)
        return pid

    def forget() -> None:
        for file in killed.iterdir():
            file.unlink()

    begin = time.perf_counter()
    os.waitpid(child(), 0)
    took = time.perf_counter() - begin
    forget()
    moments = random.Random(seed)
    hit = 0
    for number in range(kills):
        pid = child()
        time.sleep(moments.uniform(0.0, 0.5) * took)
        os.kill(pid, signal.SIGKILL)
        hit += os.WIFSIGNALED(os.waitpid(pid, 0)[1])
        there = len(list(killed.iterdir())) if killed.exists() else 0
        if number < kills - 2 and there > SHARDS_BEFORE_ANEW + 1:
            forget()
    capture(teacher, text, killed, resume=True, **OPTIONS)  # type: ignore[arg-type]
    return hit


def same_files(one: Path, other: Path) -> bool:
    """Whether two folders hold files of equal names and bytes."""
    contents = [{file.name: file.read_bytes() for file in folder.iterdir()} for folder in (one, other)]
    return contents[0] == contents[1]


def main(arguments: list[str]) -> int:
    """As the head of the file says."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from tiny_models import TEXT, save_tiny_model

    kills = int(arguments[0]) if arguments else 20
    with tempfile.TemporaryDirectory(prefix="retort-killed-") as folder:
        place = Path(folder)
        teacher, text = str(save_tiny_model(place / "teacher", seed=3, padding=4)), place / "text.txt"
        text.write_text(
            "\n\n".join(f"{TEXT[n % 4]} {'and so on ' * (n % 5)}" for n in range(30)), encoding="utf-8"
        )
        hit = kill_and_resume(teacher, str(text), place / "killed", place / "whole", kills, seed=kills)
        same = same_files(place / "killed", place / "whole")
        number = len(list((place / "whole").glob("shard-*")))
    print(
        f"{kills} kills, {hit} of a capture at work; {number} shards; {'the same bytes' if same else 'OTHER BYTES'}"
    )
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
