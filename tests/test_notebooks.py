"""The notebooks under docs/ run from top to bottom, and every record in them shows its tables."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda notebook: notebook.stem)
def test_a_notebook_runs(notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = os.pathsep.join(filter(None, [str(ROOT / "src"), os.environ.get("PYTHONPATH")]))
    monkeypatch.setenv("PYTHONPATH", path)
    # The user's own profile and startup files are not part of the check.
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    run = nbclient.NotebookClient(nbformat.read(notebook, as_version=4), timeout=300, kernel_name="python3")
    done = run.execute(cwd=str(tmp_path))
    shown = [output for cell in done.cells for output in cell.get("outputs", ())]
    assert [output for output in shown if output["output_type"] == "error"] == []
    assert sum("text/html" in output.get("data", {}) for output in shown) >= 2
    assert any("image/png" in output.get("data", {}) for output in shown), "plot() shows no picture"
    assert all(
        "execution_count" not in cell or not cell["outputs"] for cell in nbformat.read(notebook, 4).cells
    ), "keep a notebook without its outputs: they would go stale"
