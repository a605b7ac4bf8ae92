"""A capture on Ray's workers writes the files of a local one. The order of shards and the refusals need no ray; the
rest is skipped where ray is not installed (it is an extra).
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from retort.distill.cache import Manifest
from retort.distill.cache.ray_engine import _number_of_workers, in_order
from retort.errors import InputError, MissingExtraError, SourceError

Capture = Callable[..., Manifest]


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_shards_come_in_order_and_few_are_begun_before_the_first_is_written() -> None:
    begun: list[int] = []
    done: set[int] = set()

    def begin(job: int) -> int:
        begun.append(job)
        done.update({1, 2, 3} & set(begun))  # the first is slow, those behind it are not
        return job

    found = []
    for job, ref in in_order(iter(range(9)), begin, done.__contains__, ahead=4):
        assert job == ref
        found.append(job)
        assert len(begun) <= len(found) + 4
        done.add(job + 4)
    assert found == begun == list(range(9))


def test_without_ray_a_server_or_room_it_is_refused_in_a_sentence(
    captured: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"Spreading a capture .* needs ray.*retort-lm\[ray\]"):
        captured(engine="ray")
    with pytest.raises(
        InputError, match=r"engine is ray, but http://localhost:1/v1#m computes on its server"
    ):
        captured(engine="ray", teacher="http://localhost:1/v1#m", codec="topk:4")
    with pytest.raises(InputError, match="workers is 3, but the engine is local"):
        captured(workers=3)
    assert not (tmp_path / "cache").exists()
    assert _number_of_workers([8, 4, 1], 2, None) == 6
    with pytest.raises(
        InputError,
        match=r"workers is 7, each with as many threads as this process \(2\).* have 8, 4, 1 CPUs.*room for 6",
    ):
        _number_of_workers([8, 4, 1], 2, 7)
    with pytest.raises(InputError, match="room for 0"):
        _number_of_workers([1, 1], 2, None)


@pytest.fixture
def cluster() -> Iterator[None]:
    ray = pytest.importorskip("ray", reason="ray is an extra that `make env` does not install")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()
    torch.set_num_threads(before)


def workers_here() -> list[int]:
    """The processes of Ray that compute for this one: children of a child of ours that are at work."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            name, parent = (folder / "cmdline").read_text(), _parent(int(folder.name))
            if name.startswith("ray::_Worker") and _parent(parent) == os.getpid():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds the workers to kill in /proc")
def test_killed_workers_are_started_again_and_the_files_are_the_local_ones(
    cluster: None, captured: Capture, tmp_path: Path
) -> None:
    """Every worker gets a `kill -9` after the first shard; then a capture begun here is resumed there."""
    killed: list[int] = []

    def kill(tokens: int, documents: int, total: int) -> None:
        if not killed:
            killed.extend(workers_here())
            for pid in killed:
                os.kill(pid, signal.SIGKILL)

    whole = captured("local")
    spread = captured("spread", engine="ray", on_shard=kill)
    assert killed, "no worker was found, so nothing was shown"
    assert spread == whole and contents(tmp_path / "spread") == contents(tmp_path / "local")

    class Stop(Exception):
        pass

    def stop(tokens: int, documents: int, total: int) -> Any:
        if documents > 8:
            raise Stop

    with pytest.raises(Stop):
        captured("begun", on_shard=stop)
    there = {name for name in contents(tmp_path / "begun") if name.startswith("shard")}
    assert 0 < len(there) < len(whole.shards)
    captured("begun", engine="ray", resume=True, workers=1)
    assert contents(tmp_path / "begun") == contents(tmp_path / "local")
    # What a worker has to say is said as it would be here.
    with pytest.raises(SourceError, match="no-such-model") as said:
        captured("wrong", engine="ray", teacher="no-such-model", workers=1)
    assert "Traceback" not in str(said.value) and not (tmp_path / "wrong").exists()
