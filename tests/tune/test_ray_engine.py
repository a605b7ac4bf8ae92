"""A sweep on Ray's workers has the local answers; skipped where ray is not installed (it is an extra)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from retort.sources.load import load
from retort.tune import load_task, run

ray = pytest.importorskip("ray", reason="ray is an extra that `make env` does not install")


@pytest.fixture
def cluster():
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def test_the_same_answers_as_here(cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setattr(sys.modules["retort.tune.plan"], "REQUESTS_KEPT_AT_ONCE", 8)
    task = load_task("docs/examples/phrases.yaml")
    source = load("embedded:english")
    local = run(task, source, (0.0, 1.0), 4)
    spread = run(task, source, (0.0, 1.0), 4, engine="ray")
    assert replace(spread, forward_passes=None, item_scores=None).to_dict() == (
        replace(local, forward_passes=None, item_scores=None).to_dict()
    )
    assert (spread.item_scores == local.item_scores).all()


def test_a_worker_that_dies_is_started_again(cluster, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import os\nfrom pathlib import Path\n"
        "def score(answer):\n"
        f"    died = Path({str(tmp_path / 'died')!r})\n"
        "    if not died.exists() and os.environ.get('RAY_JOB_ID'):\n"
        "        died.touch()\n"
        "        os._exit(1)\n"
        "    return len(answer) % 2\n"
    )
    (tmp_path / "t.yaml").write_text(
        "goal: exploit\nprompts: ['{start}']\nmax_tokens: 2\nscorer: {kind: function, target: mine.py:score}\n"
        "items:\n"
        + "".join(f"- {{vars: {{start: once upon a time {n}}}}}\n" for n in ("one", "two", "three"))
    )
    task = load_task(tmp_path / "t.yaml")
    source = load("embedded:english")
    spread = run(task, source, (0.0, 1.0), 4, engine="ray")
    assert (tmp_path / "died").exists(), "no worker died, so nothing was shown"
    assert (spread.item_scores == run(task, source, (0.0, 1.0), 4).item_scores).all()
