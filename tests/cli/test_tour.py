"""`retort tour` as one types it, on a small random model; needs torch."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from retort.cli.progress import Progress
from tiny_models import TEXT, save_tiny_model

RECIPE = """\
teacher: {model}
student: {{config: {{model_type: llama, hidden_size: 16, num_hidden_layers: 1, intermediate_size: 16,
  num_attention_heads: 2, num_key_value_heads: 2}}}}
data: {{train: {folder}/text.txt, validation: {folder}/text.txt}}
sequence_length: 8
batch_size: 4
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tour")
    save_tiny_model(made / "tiny")
    (made / "text.txt").write_text("\n\n".join(TEXT * 10))
    (made / "recipe.yaml").write_text(RECIPE.format(model=made / "tiny", folder=made))
    return made


@pytest.fixture
def arguments(folder: Path) -> list[str]:
    return [
        "tour", "--small", "--quick", "--model", str(folder / "tiny"), "--recipe", str(folder / "recipe.yaml"),
        "--out", str(folder / "out"),
    ]  # fmt: skip


def test_steps_then_findings_then_what_to_type_then_the_page(run, arguments, folder: Path) -> None:
    result = run(*arguments)
    assert result.exit_code == 0, result.stderr
    places = [
        result.stdout.index(said)
        for said in (
            "$ retort look embedded:english 'the sky is'",
            "'blue'",
            "$ retort sample",
            "τ = 1.5: ",
            "$ retort path",
            "$ retort tune exploit",
            "8 of the",
            "$ retort tune explore",
            "$ retort distill",
            "What was found",
            "A quick tour",
            "Distil: same steps",
            "For your own model",
            "MODEL=./my-model",
        )
    ]
    assert places == sorted(places)
    assert result.stdout.splitlines()[-1] == f"The pictures: {folder / 'out' / 'report.html'}"
    assert (
        max(map(len, result.stdout.split("What was found")[1].split("For your own")[0].splitlines())) <= 101
    )

    again = run(*arguments)
    assert again.stdout.count("Reused: ") == 3
    assert "--fresh" in again.stdout


def test_json_is_one_document_with_everything(run_json, arguments) -> None:
    document = run_json(*arguments)
    assert set(document) >= {
        "findings",
        "looks",
        "path",
        "tunings",
        "distillation",
        "steps",
        "report",
        "note",
    }
    assert [found["tuning"]["task"] for found in document["tunings"]] == ["exploit", "explore"]
    assert {"setting", "region"} <= set(document["tunings"][0]["tuning"]["recommendation"])
    assert document["distillation"]["result"]["verdict"] in ("helps", "does not help", "cannot tell")
    assert len(document["path"]["tokens"]) == len(document["path"]["leaves"])


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (["--recipe", "none.yaml"], "none.yaml"),
        (["--out", "recipe.yaml"], "--out"),
        (["--seed", "-1"], "--seed"),
    ],
)
def test_a_mistake_is_one_line_before_anything_is_shown(
    run, arguments, folder: Path, monkeypatch: pytest.MonkeyPatch, extra: list[str], said: str
) -> None:
    monkeypatch.chdir(folder)
    result = run(*arguments, *extra)
    assert (result.exit_code, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1
    assert said in result.stderr


def test_results_go_to_stdout_past_the_progress(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("job", stream=io.StringIO()) as progress:
        print("a library's chatter")
        with progress.aside():
            print("a result")
        print("more chatter")
    assert capsys.readouterr() == ("a result\n", "a library's chatter\nmore chatter\n")
