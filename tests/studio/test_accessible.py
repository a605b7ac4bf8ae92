"""Every view against axe-core's rules for WCAG 2.2 A and AA, light and dark, at the width of a phone and of a desk.

axe-core is a development dependency of the page (`cd frontend && npm ci`); where it is not there the tests are skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.mock_server import MockServer, serve
from tests.studio.server import Studio, mock, studio

from browser import Browser
from retort.sources.load import load

AXE = Path(__file__).resolve().parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
VIEWS = {
    "position": "view=position&prompt=w1&chain=repetition_penalty%3D1.2+%7C+temperature%3D1.3+%7C+top_k%3D5",
    "text": "view=text&prompt=w1&max_tokens=8",
    "path": "view=path&prompt=w1&max_tokens=5&temperatures=0%3A2%3A5&truncations=top_k%3D9",
    "compare": "view=compare&prompt=w1&model_b=mock%3Ab",
    "distil": "view=distil&steps=2&seeds=2",
    "tune": "view=tune&model=mock%3Aa&task=explore&tune_temperatures=0%2C1&samples=2&items=3",
    "server position": "view=position&prompt=one+two&model=SERVED&chain=temperature%3D1.5",
    "server text": "view=text&prompt=one+two&max_tokens=4&model=SERVED",
    "server compare": "view=compare&prompt=one+two&prompt_b=w1&model=SERVED&model_b=mock%3Ab",
}


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Studio, str]]:
    pytest.importorskip("starlette")
    pytest.importorskip("openai")
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci in frontend/")
    with serve(MockServer()) as url:
        served = f"{url}#mock"
        names = ("mock:a", "mock:b", served)
        with studio(
            *names, load=lambda name: mock(name) if name.startswith("mock:") else load(name)
        ) as found:
            yield found, served


def violations(browser: Browser) -> list[Any]:
    script = (
        "const [rules, done] = arguments; axe.run(document, {runOnly: rules}).then(found => "
        "done(found.violations.map(one => [one.id, one.nodes.map(node => node.html.slice(0, 120))])))"
    )
    return list(browser.driver.execute_async_script(script, RULES))


@pytest.mark.parametrize("view", VIEWS)
def test_no_rule_is_broken(browser: Browser, running: tuple[Studio, str], view: str) -> None:
    found, served = running
    browser.go(f"{found.page}#{VIEWS[view].replace('SERVED', served.replace('#', '%23'))}")
    browser.shows(".run-form")
    browser.click(".run-form button[type=submit]")
    browser.shows(".holder .card")
    busy = "return document.querySelector('form[aria-busy=true]') !== null"
    browser.until(lambda: not browser.run(busy), seconds=120 if view == "distil" else 15)
    assert browser.text(".error") == ""
    browser.run(AXE.read_text(encoding="utf-8"))
    for width, scheme in ((1280, "light"), (1600, "dark"), (360, "light"), (360, "dark")):
        browser.size(width, 900)
        browser.scheme(scheme)
        browser.frame()
        assert violations(browser) == [], f"{width} {scheme}"


@pytest.mark.parametrize("step", range(1, 6))
def test_no_rule_is_broken_in_the_tour(browser: Browser, running: tuple[Studio, str], step: int) -> None:
    browser.go(f"{running[0].page}#view=tour&step={step}")
    browser.shows(".tour h2")
    browser.run("document.querySelectorAll('.tour details').forEach(one => { one.open = true; })")
    browser.run(AXE.read_text(encoding="utf-8"))
    for width, scheme in ((1280, "light"), (360, "dark")):
        browser.size(width, 900)
        browser.scheme(scheme)
        browser.frame()
        assert violations(browser) == [], f"{width} {scheme}"


def test_no_rule_is_broken_in_the_glossary(browser: Browser, running: tuple[Studio, str]) -> None:
    browser.go(f"{running[0].page}#view=glossary&term=entropy")
    browser.shows(".glossary")
    browser.run(AXE.read_text(encoding="utf-8"))
    for width, scheme in ((1280, "light"), (360, "dark")):
        browser.size(width, 900)
        browser.scheme(scheme)
        browser.frame()
        assert violations(browser) == [], f"{width} {scheme}"


def test_a_broken_rule_is_seen(browser: Browser, running: tuple[Studio, str]) -> None:
    browser.go(f"{running[0].page}#view=position&prompt=w1")
    browser.shows(".run-form")
    browser.run(AXE.read_text(encoding="utf-8"))
    browser.run("document.querySelector('.brand').style.color = '#ddd'")
    assert [one[0] for one in violations(browser)] == ["color-contrast"]
