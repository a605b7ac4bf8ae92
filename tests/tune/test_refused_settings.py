"""A server whose model refuses temperature, as reasoning models do: what can still be chosen comes out of `tune`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from tests.tune.test_budget import Counting, reread
from tests.tune.test_cells import samples_of
from tests.tune.test_server_sweep import PROMPTS, source_of, task, without_seconds

from mock_server import serve
from retort.cli.main import main
from retort.tune.run import run
from retort.tune.server_sweep import Pace


class Reasoning(Counting):
    """Says about a temperature what OpenAI's reasoning models say, and draws at 1."""

    refused = ("temperature",)

    def refusal(self, body: dict[str, Any]) -> str | None:
        for name in self.refused:
            if name in body and body[name] != 1:
                return (
                    f"Unsupported value: '{name}' does not support {body[name]} with this model. Only the default (1) "
                    "value is supported."
                )
        return None


@pytest.fixture
def reasoning():
    server = Reasoning()
    with serve(server) as url:
        yield server, url


def two_prompts():
    """The second prompt asks for something else, and is wrong more often."""
    return replace(task(), prompts=("{p}", "please {p}"))


def test_the_prompt_and_the_vote_are_what_is_left(reasoning, tmp_path: Path) -> None:
    server, url = reasoning
    found = run(two_prompts(), source_of(url), (0.0, 0.7), 5, record=tmp_path / "r", pace=Pace(concurrency=1))
    sent = [
        body for body in server.requests if body["prompt"] in PROMPTS or body["prompt"].startswith("please")
    ]
    refused = [body for body in sent if "temperature" in body]
    assert 1 <= len(refused) <= 4, "what was in hand when the first one was refused"
    assert len(sent) - len(refused) == 12 * 2 * 5
    (setting,) = found.settings
    assert dict(setting.setting) == {} and setting.temperature is None
    assert found.recommendation.reason.startswith("This model takes no temperature")
    assert [(cell.prompt, dict(cell.setting)) for cell in found.cells] == [(1, {}), (2, {})]
    prompt, vote = found.questions
    assert prompt.question == "best prompt against the first"
    assert vote.better == "a majority vote of 5" and vote.than == "one answer"
    assert [(one.kind, one.answers) for one in found.votes] == [
        ("majority", 3), ("any", 3), ("majority", 5), ("any", 5),
    ]  # fmt: skip
    assert found.votes[3].scores[0] >= found.votes[1].scores[0] >= setting.score
    assert reread(tmp_path / "r") == found.to_dict()
    asked = len(server.requests)
    again = run(two_prompts(), source_of(url), (0.0, 0.7), 5, record=tmp_path / "r", resume=True)
    assert again.to_dict() == found.to_dict()
    assert len(server.requests) == asked + 1, "the request that a source begins with"


def test_auto_a_budget_and_the_command_end_there_too(reasoning, tmp_path: Path) -> None:
    server, url = reasoning
    auto = run(task(), source_of(url), "auto", 3, record=tmp_path / "auto")
    answered = [body for body in server.requests if body["prompt"] in PROMPTS and "temperature" not in body]
    assert [one.samples for one in auto.settings] == [36] == [len(answered)], "nothing is asked twice"
    few = run(task(), source_of(url), (0.0, 1.0), 8, budget="60 answers")
    assert [one.samples for one in few.settings] == [60], "five answers to each of twelve items"
    fewer = run(task(), source_of(url), (0.0, 1.0), 8, budget="10 answers", record=tmp_path / "fewer")
    assert [one.samples for one in fewer.settings] == [8] == [fewer.items], (
        "one to each of two blocks of items"
    )
    assert without_seconds(reread(tmp_path / "fewer")) == without_seconds(fewer.to_dict())
    assert without_seconds(reread(tmp_path / "auto")) == without_seconds(auto.to_dict())
    file = tmp_path / "t.yaml"
    items = [{"vars": {"p": prompt}, "references": ["w1"]} for prompt in PROMPTS]
    file.write_text(
        json.dumps(
            {
                "goal": "exploit",
                "prompts": ["{p}", "please {p}"],
                "max_tokens": 1,
                "scorer": "references",
                "items": items,
            }
        )
    )
    result = CliRunner().invoke(
        main, ["tune", str(file), "--model", f"{url}#mock", "-n", "3", "-o", str(tmp_path / "r.html")]
    )
    assert result.exit_code == 0, result.output
    shown = CliRunner().invoke(main, ["tune", str(file), "--model", f"{url}#mock", "-n", "3"]).stdout
    words = " ".join(shown.split())
    assert "This model takes no temperature" in words and "Best prompt against the first" in words
    assert "Score of a majority vote:" in words and "A vote against one answer" in words
    assert "This model takes no temperature" in (tmp_path / "r.html").read_text()


def test_a_refused_seed_is_left_out(reasoning) -> None:
    server, url = reasoning
    server.refused = ("seed",)
    found = run(task(), source_of(url), (0.0, 0.7), 2, pace=Pace(concurrency=1))
    kept = [body for body in server.requests if body.get("prompt") in PROMPTS and "seed" not in body]
    assert len(kept) == 12 * 2 * 2 and [one.samples for one in found.settings] == [24, 24]


def test_votes_of_fewer_answers_by_hand() -> None:
    """Answers w r r | r w w: groups of 3 vote right and wrong, all 6 are tied."""
    right = np.array([0, 1, 1, 1, 0, 0], dtype=float).reshape(1, 1, 1, 6)
    samples = samples_of(right)
    assert samples.in_groups(3).cell_sizes[0, :, 0].tolist() == [3, 3]
    assert samples.in_groups(3).majority_scores()[0, :, 0].tolist() == [1.0, 0.0]
    assert samples.in_groups(4).cell_sizes[0, :, 0].tolist() == [4], "the rest is left out"
    assert samples.in_groups(6).majority_scores()[0, 0, 0] == 0.5
