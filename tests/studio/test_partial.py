"""The studio over a server that names its best tokens only: every number is an interval, and Python's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.mock_server import TOKENS, MockServer, serve, true_log_probs
from tests.studio.server import Studio, mock, studio

from browser import Browser
from retort.chain import Chain
from retort.distribution import softmax
from retort.distribution.bounds import PartialDistribution
from retort.lens.page import position
from retort.report.standalone import write_standalone
from retort.sources.base import KnownTop
from retort.sources.load import load

EXACT = 1e-6
PROMPT = "one two"


def _load(name: str) -> Any:
    return mock(name) if name.startswith("mock:") else load(name)


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[MockServer, str]]:
    pytest.importorskip("openai")
    made = MockServer()
    with serve(made) as url:
        yield made, f"{url}#mock"


@pytest.fixture(scope="module")
def running(server: tuple[MockServer, str]) -> Iterator[Studio]:
    pytest.importorskip("starlette")
    with studio(server[1], "mock:a", load=_load, grace=5.0) as found:
        yield found


def known(url: str, prompt: str = PROMPT) -> KnownTop:
    return load(url).next_tokens(prompt)  # type: ignore[attr-defined,no-any-return]


def partial(url: str, prompt: str = PROMPT) -> PartialDistribution:
    return known(url, prompt).at(1.0)


def result(running: Studio, kind: str, **body: Any) -> Any:
    run = running.start(kind, **body)
    assert running.wait(run, "done", "failed") == "done", running.ask("GET", f"/api/runs/{run}").json
    return running.ask("GET", f"/api/runs/{run}/result").json


def refusal(running: Studio, kind: str, **body: Any) -> str:
    run = running.start(kind, **body)
    assert running.wait(run, "done", "failed") == "failed"
    return str(running.ask("GET", f"/api/runs/{run}").json["error"])


def opened(browser: Browser, running: Studio, state: str) -> None:
    browser.go(f"{running.page}#{state}")
    browser.shows(".run-form")


def ends(browser: Browser, selector: str) -> list[tuple[float, float]]:
    found = browser.run(
        "return [...document.querySelectorAll(arguments[0])].map(e => [Number(e.dataset.low), Number(e.dataset.high)])",
        selector,
    )
    return [(low, high) for low, high in found]


def test_a_position_is_what_the_server_told(running: Studio, server: tuple[MockServer, str]) -> None:
    found = result(running, "position", model=server[1], prompt=PROMPT)
    told = known(server[1])
    assert found["known"] == "top_n" and found["vocabulary"] == len(TOKENS)
    assert found["tokens"] == [token.token for token in told.tokens]
    assert found["logprobs"] == [token.logprob for token in told.tokens]
    assert found["probe"]["logprobs"] == "raw" and found["probe"]["temperature"] == "ignored"


def test_a_text_is_greedy_and_can_be_branched(running: Studio, server: tuple[MockServer, str]) -> None:
    def greedy(prompt: str, count: int) -> list[str]:
        tokens: list[str] = []
        for _ in range(count):
            tokens.append(TOKENS[int(np.argmax(true_log_probs(prompt + "".join(tokens))))])
        return tokens

    body = {"model": server[1], "prompt": PROMPT, "max_tokens": 4}
    found = result(running, "text", **body)
    assert [token["token"] for token in found["tokens"]] == greedy(PROMPT, 4)
    other = found["tokens"][0]["alternatives"][3]["token"]
    branched = result(running, "text", **body, given=[other])
    assert [token["token"] for token in branched["tokens"]] == [other, *greedy(PROMPT + other, 3)]
    assert [token["given"] for token in branched["tokens"]] == [True, False, False, False]
    assert branched["tokens"][0]["rank"] == 4
    for token, before in zip(branched["tokens"], range(4), strict=True):
        text = PROMPT + "".join(one["token"] for one in branched["tokens"][:before])
        truth = np.array(true_log_probs(text))
        assert (
            token["entropy_nats"]["low"]
            <= float(-(np.exp(truth) * truth).sum())
            <= token["entropy_nats"]["high"]
        )
        assert token["logprob_raw"] == pytest.approx(truth[TOKENS.index(token["token"])], abs=1e-9)


def test_a_given_token_that_the_server_does_not_name_is_bounded(
    running: Studio, server: tuple[MockServer, str]
) -> None:
    worst = TOKENS[int(np.argmin(true_log_probs(PROMPT)))]
    found = result(running, "text", model=server[1], prompt=PROMPT, max_tokens=1, given=[worst])
    token = found["tokens"][0]
    assert token["rank"] is None and token["logprob_raw"]["low"] is None
    assert min(true_log_probs(PROMPT)) <= token["logprob_raw"]["high"]
    assert found["totals"]["unknown"] == 1 and found["totals"]["logprob_raw"]["low"] is None


def test_two_sides_where_one_is_known_in_part(running: Studio, server: tuple[MockServer, str]) -> None:
    body = {"model": server[1], "prompt": PROMPT, "model_b": server[1], "prompt_b": "three four"}
    found = result(running, "compare", **body)
    p, q = (np.exp(true_log_probs(prompt)) for prompt in (PROMPT, "three four"))
    compared = found["compared"]
    assert (
        compared["total_variation"]["low"] <= 0.5 * np.abs(p - q).sum() <= compared["total_variation"]["high"]
    )
    assert compared["kl_ab"]["low"] <= float((p * np.log(p / q)).sum())
    beside = result(running, "compare", model="mock:a", prompt="w1", model_b=server[1], prompt_b=PROMPT)
    assert [beside["a"]["known"], beside["b"]["known"]] == ["full", "top_n"]


@pytest.mark.parametrize(
    ("kind", "body", "said"),
    [
        ("position", {"continuation": [3]}, "does not accept token ids"),
        ("text", {"continuation": [3]}, "not token ids"),
        ("path", {}, "needs the whole vocabulary"),
    ],
)
def test_what_a_server_cannot_do_is_a_sentence(
    running: Studio, server: tuple[MockServer, str], kind: str, body: dict[str, Any], said: str
) -> None:
    assert said in refusal(running, kind, model=server[1], prompt=PROMPT, **body)


def test_a_server_is_tuned(running: Studio, server: tuple[MockServer, str]) -> None:
    body = {"task": "explore", "temperatures": [0, 1], "samples": 2, "items": 3}
    found = result(running, "tune", model=server[1], **body)
    assert found["model"] == server[1] and [one["temperature"] for one in found["settings"]] == [0, 1]
    assert "chain" in refusal(running, "tune", model=server[1], **body, chain="top_p=0.9")


def test_texts_of_tokens_are_for_servers(running: Studio) -> None:
    assert "takes ids" in refusal(running, "text", model="mock:a", prompt="w1", given=[" w2"])


def test_a_server_for_conversations_alone_gives_positions_but_no_text() -> None:
    pytest.importorskip("openai")
    chat = MockServer()
    chat.completions = False
    with serve(chat) as url, studio(f"{url}#mock", load=_load) as found:
        model = f"{url}#mock"
        assert result(found, "position", model=model, prompt=PROMPT)["known"] == "top_n"
        assert "only answers conversations" in refusal(found, "text", model=model, prompt=PROMPT)


def test_a_server_that_fails_is_a_sentence_and_the_next_request_works(
    running: Studio, server: tuple[MockServer, str]
) -> None:
    result(running, "position", model=server[1], prompt="first")
    server[0].fault_always = "malformed"
    try:
        said = refusal(running, "position", model=server[1], prompt="second")
    finally:
        server[0].fault_always = None
    assert "JSON" in said and len(said.splitlines()) == 1
    assert result(running, "position", model=server[1], prompt="second")["known"] == "top_n"


def test_position_in_the_page(browser: Browser, running: Studio, server: tuple[MockServer, str]) -> None:
    opened(browser, running, f"view=position&prompt={PROMPT}&chain=temperature%3D1")
    browser.shows(".range-bars")
    assert "20 tokens of 60 are known" in browser.text(".note") and "raw" in browser.text(".note")
    told = partial(server[1])
    truth = np.array(sorted(true_log_probs(PROMPT), reverse=True))
    for temperature in (0.5, 1.0, 1.8):
        browser.set("input.tau", temperature)
        at = told.at(temperature)
        (entropy,) = ends(browser, "[data-measure=entropy]")
        assert entropy == pytest.approx((at.entropy.low, at.entropy.high), abs=EXACT)
        shown = ends(browser, ".range-bars tbody:first-of-type .processed-ink")
        assert np.array(shown) == pytest.approx(np.stack([at.probs.low, at.probs.high], axis=1), abs=EXACT)
        (tail,) = ends(browser, ".range-bars .tail .processed-ink")
        assert tail == pytest.approx((at.unseen.low, at.unseen.high), abs=EXACT)
        probs = softmax(truth, temperature)
        assert all(low <= one <= high for (low, high), one in zip(shown, probs, strict=False))
    browser.picture("studio-partial-position")


def test_the_chain_in_the_page_is_decided_or_says_why_not(
    browser: Browser, running: Studio, server: tuple[MockServer, str]
) -> None:
    chain = "temperature=0.7 | top_k=6 | top_p=0.8"
    opened(browser, running, f"view=position&prompt={PROMPT}&chain={chain.replace(' ', '+')}")
    browser.shows(".range-bars")
    found = Chain(chain).explain(partial(server[1]))
    shown = ends(browser, ".range-bars tbody:first-of-type .processed-ink")
    assert [low for low, _ in shown] == pytest.approx(found.probs.low, abs=EXACT)
    assert [high for _, high in shown] == pytest.approx(found.probs.high, abs=EXACT)
    assert browser.texts(".range-bars .fate")[6] == "removed by top_k=6"
    browser.set("[data-number=top_k]", "40")
    assert "What top_k=40 keeps cannot be decided here" in browser.text(".undecided")
    assert browser.text(".range-bars tbody .processed-ink") == "?"
    browser.set("[data-number=top_k]", "3")
    assert browser.run("return document.querySelector('.undecided').hidden")


def test_a_first_look_shows_numbers_even_where_the_default_chain_is_open(
    browser: Browser, running: Studio, server: tuple[MockServer, str]
) -> None:
    server[0].most = 5
    from retort.sources.server import probe

    probe.PROBES.clear()
    try:
        with studio(server[1], load=_load) as few:
            opened(browser, few, f"view=position&prompt={PROMPT}")
            browser.shows(".range-bars")
            assert browser.run("return document.querySelector('.undecided').hidden")
            (entropy,) = ends(browser, "[data-measure=entropy]")
            assert entropy[0] < entropy[1]
    finally:
        server[0].most = 20
        probe.PROBES.clear()


def test_a_click_writes_the_token_behind_the_prompt(browser: Browser, running: Studio) -> None:
    opened(browser, running, f"view=position&prompt={PROMPT}")
    browser.shows(".range-bars .pick")
    token = browser.text(".range-bars .pick").replace("␣", " ")
    browser.click(".range-bars .pick")
    browser.until(
        lambda: browser.run("return document.querySelector('[name=prompt]').value") == PROMPT + token
    )
    browser.until(lambda: browser.text(".prompt .tokens").endswith(token.replace(" ", "␣")))


def test_text_in_the_page_and_a_branch(browser: Browser, running: Studio) -> None:
    opened(browser, running, f"view=text&prompt={PROMPT}&max_tokens=6&chain=temperature%3D0.8")
    browser.click(".run-form button[type=submit]")
    browser.until(lambda: "greedy text" in browser.text(".prompt .meta"))
    first = browser.texts(".text-token")
    assert len(first) == 6 and "…" in browser.text(".facts")
    browser.picture("studio-partial-text")
    other = browser.text(".alternatives .pick")
    browser.click(".alternatives .pick")
    browser.until(lambda: browser.texts(".text-token")[:1] == [other])
    assert "1 token chosen" in browser.text(".picked")
    browser.run("[...document.querySelectorAll('.picked button')].at(-1).click()")
    browser.until(lambda: browser.texts(".text-token") == first)


@pytest.mark.parametrize("width", [360, 1600])
@pytest.mark.parametrize("view", ["position", "text", "compare"])
def test_every_view_fits(browser: Browser, running: Studio, view: str, width: int) -> None:
    browser.size(width, 900)
    opened(browser, running, f"view={view}&prompt={PROMPT}&max_tokens=6&model_b=mock%3Aa&prompt_b=w1")
    browser.click(".run-form button[type=submit]")
    browser.shows(".holder .range-bars")
    browser.frame()
    assert browser.run("return document.documentElement.scrollWidth") <= width
    browser.picture(f"partial-{view}-{width}")


def test_a_standalone_page_of_a_server(
    browser: Browser, server: tuple[MockServer, str], tmp_path: Path
) -> None:
    source: Any = load(server[1])
    record = position(source, PROMPT, Chain("temperature=1"))
    write_standalone(tmp_path / "page.html", "a server", {"position": record}, "0")
    browser.network(False)
    browser.go((tmp_path / "page.html").as_uri())
    browser.shows(".range-bars")
    browser.set("input.tau", 1.5)
    at = partial(server[1]).at(1.5)
    assert ends(browser, "[data-measure=entropy]") == [
        pytest.approx((at.entropy.low, at.entropy.high), abs=EXACT)
    ]


def test_page_writes_what_a_server_can_tell(server: tuple[MockServer, str], tmp_path: Path) -> None:
    from click.testing import CliRunner

    from retort.cli.page import page as command

    file = tmp_path / "page.html"
    arguments = [server[1], PROMPT, "--max-tokens", "3", "--against", server[1], "--against-prompt", "three"]
    done = CliRunner().invoke(command, [*arguments, "-o", str(file), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["views"] == ["position", "text", "compare", "tour"]
    assert file.stat().st_size < 500_000
