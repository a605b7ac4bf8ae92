"""The page in a real browser, from disk, with no network: it draws, fits a phone, and asks for nothing.

Needs Debian's chromium and chromium-driver (`.ci/run` installs them); skipped where they are not.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.report.stories import make_story

from browser import Browser
from retort.report import write_page

PHONE_WIDTH = 390


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("page") / "report.html"
    write_page(make_story(), file)
    return file


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, PHONE_WIDTH])
def test_every_figure_is_drawn_and_fits(browser: Browser, page: Path, width: int, scheme: str) -> None:
    browser.size(width, 900)
    browser.scheme(scheme)
    browser.network(False)
    browser.go(page.as_uri())
    sizes = browser.run(
        "return [...document.querySelectorAll('figure svg')].map(s => [s.getBoundingClientRect().width,"
        " s.getBoundingClientRect().height])"
    )
    assert len(sizes) >= 6
    assert all(wide > 100 and high > 50 for wide, high in sizes)
    if width != PHONE_WIDTH:
        assert all(wide <= width for wide, _ in sizes)
    # On a phone a figure may scroll sideways inside its own box; the page never does.
    assert browser.run("return document.documentElement.scrollWidth") <= width
    background = browser.run("return getComputedStyle(document.body).backgroundColor")
    brightness = sum(int(part) for part in background.strip("rgba()").split(",")[:3])
    assert (brightness > 600) == (scheme == "light")


def test_it_asks_for_nothing_and_complains_of_nothing(browser: Browser, page: Path) -> None:
    browser.driver.get_log("performance")
    browser.driver.get_log("browser")
    browser.go(page.as_uri())
    asked = [
        message["params"]["request"]["url"]
        for entry in browser.driver.get_log("performance")
        if (message := json.loads(entry["message"])["message"])["method"] == "Network.requestWillBeSent"
    ]
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert browser.driver.get_log("browser") == []
