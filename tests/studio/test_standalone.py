"""The standalone page in Chromium, from disk and offline: its numbers are Python's, by mouse and by keyboard."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.mock_source import MockSource

from browser import Browser
from retort.chain import Chain
from retort.distribution import Distribution, leakage, softmax, top_ids
from retort.lens.page import position
from retort.report.standalone import page_html, write_standalone

START = "temperature=0.8 | top_k=50 | top_p=0.9"
PROMPT = "w1 w2 w3"
EXACT = 1e-6


@pytest.fixture(scope="module")
def source() -> MockSource:
    return MockSource(3000, spread=2.5)


@pytest.fixture(scope="module")
def page(source: MockSource, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("page") / "page.html"
    write_standalone(file, "a page", {"position": position(source, PROMPT, Chain(START))}, "test")
    return file


def opened(browser: Browser, page: Path, state: str = "") -> None:
    browser.network(False)
    browser.go(f"{page.as_uri()}#{state}")
    browser.shows(".bars")


def check_numbers(browser: Browser, source: MockSource, chain: str) -> None:
    """Every measure and every probability in the table against Python, for this chain."""
    logits = source.logits_of(source.encode(PROMPT)).astype(np.float64)
    processed = Chain(chain).apply(logits)
    one, raw = Distribution(processed), Distribution(logits)
    expected = {
        "entropy": one.entropy,
        "entropy-raw": raw.entropy,
        "kept": one.support,
        "margin": raw.margin,
        "leakage": leakage(logits, processed),
        "kept-mass": Chain(chain).explain(logits).stages[-1].kept_mass_total.low,
    }
    for name, value in expected.items():
        assert browser.value(f"[data-measure={name}]") == pytest.approx(float(value), abs=EXACT), name
    assert browser.value("[data-measure=support]") == pytest.approx(float(one.effective_support), rel=EXACT)
    ids = top_ids(logits, 20)
    shown = browser.run(
        "return [...document.querySelectorAll('.bars tbody:not(.tail) tr')].map(r =>"
        " [...r.querySelectorAll('td[data-value]')].map(c => Number(c.dataset.value)))"
    )
    assert np.allclose(np.array(shown)[:, 0], raw.probs[ids], atol=EXACT, rtol=0)
    assert np.allclose(np.array(shown)[:, 1], softmax(processed)[ids], atol=EXACT, rtol=0)


def test_the_slider_gives_pythons_numbers(browser: Browser, source: MockSource, page: Path) -> None:
    opened(browser, page)
    check_numbers(browser, source, START)
    for temperature in ("0.3", "1", "2.4"):
        browser.set("input.tau", temperature)
        check_numbers(browser, source, START.replace("0.8", temperature))
    browser.set("[data-number=top_k]", "7")
    browser.set("[data-stage=top_p]", "0.35")
    check_numbers(browser, source, "temperature=2.4 | top_k=7 | top_p=0.35")
    assert "fewer than any of them alone" in browser.text(".warnings")
    browser.picture("position-cut")


def test_order_by_keyboard_and_by_mouse(browser: Browser, source: MockSource, page: Path) -> None:
    opened(browser, page, "chain=temperature%3D2+%7C+top_k%3D40+%7C+top_p%3D0.6")
    check_numbers(browser, source, "temperature=2 | top_k=40 | top_p=0.6")
    browser.run("document.querySelector('[data-name=temperature] .handle').focus()")
    browser.press("\ue015")  # arrow down
    browser.press("\ue015")
    check_numbers(browser, source, "top_k=40 | top_p=0.6 | temperature=2")
    assert "temperature is now stage 3 of 3" in browser.text("[role=status]")
    assert browser.run("return document.activeElement.closest('li').dataset.name") == "temperature"
    assert "not see that temperature" in browser.text(".warnings")

    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By

    handle = browser.driver.find_element(By.CSS_SELECTOR, "[data-name=top_p] .handle")
    ActionChains(browser.driver).click_and_hold(handle).move_by_offset(0, -90).release().perform()
    browser.frame()
    check_numbers(browser, source, "top_p=0.6 | top_k=40 | temperature=2")
    browser.run("document.querySelector('[data-name=top_k] .handle').focus()")
    browser.press("\ue017")  # delete
    check_numbers(browser, source, "top_p=0.6 | temperature=2")
    browser.set(".chain-add", "min_p")
    check_numbers(browser, source, "top_p=0.6 | temperature=2 | min_p=0.05")


def test_greedy_and_a_setting_that_cannot_be(browser: Browser, source: MockSource, page: Path) -> None:
    opened(browser, page)
    browser.set("input.tau", "0")
    assert browser.value("[data-measure=kept]") == 1
    assert browser.value("[data-measure=entropy]") == 0
    browser.set("[data-number=top_p]", "1.4")
    assert browser.text(".error") == "top_p must be a number from 0 to 1, got 1.4"
    browser.set("[data-number=top_p]", "1")
    assert browser.text("[data-name=top_p] .effect") == "off"


def test_a_link_carries_the_state(browser: Browser, source: MockSource, page: Path) -> None:
    opened(browser, page)
    browser.set("input.tau", "1.7")
    link = browser.until(lambda: "1.7" in browser.driver.current_url and browser.driver.current_url)
    browser.go(link)
    browser.shows(".bars")
    check_numbers(browser, source, START.replace("0.8", "1.7"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280, 2200])
def test_it_fits_and_asks_for_nothing(browser: Browser, page: Path, width: int, scheme: str) -> None:
    browser.size(width, 900)
    browser.scheme(scheme)
    browser.asked()
    opened(browser, page)
    assert browser.asked() == []
    assert browser.run("return document.documentElement.scrollWidth") <= width
    brightness = browser.run(
        "return getComputedStyle(document.querySelector('.retort')).backgroundColor.match(/\\d+/g)"
        ".slice(0, 3).reduce((a, b) => a + Number(b), 0)"
    )
    assert (brightness > 600) == (scheme == "light")
    browser.picture(f"position-{width}-{scheme}")


def test_a_token_cannot_end_the_script(tmp_path: Path) -> None:
    html = page_html(
        "</title><b>", {"position": {"tokens": ["</script><script>alert(1)</script>", "<!--"]}}, "1"
    )
    assert "<script>alert" not in html
    assert "</title><b>" not in html
    assert html.count("<script") == 2


def test_tune_and_distil_are_drawn_from_their_records(browser: Browser, tmp_path: Path) -> None:
    from tests.report.stories import make_story

    story = make_story()
    records = {"tune": story.tunings[0].tuning, "distil": story.distillation.result}
    write_standalone(tmp_path / "records.html", "records", records, "test")
    browser.network(False)
    for scheme in ("light", "dark"):
        browser.scheme(scheme)
        browser.go(f"{(tmp_path / 'records.html').as_uri()}#view=tune")
        browser.shows(".recommendation")
        assert f"τ = {story.tunings[0].tuning.recommendation.setting:g}" in browser.text(".verdict")
        assert len(browser.texts(".plain-table tbody tr")) == len(story.tunings[0].tuning.settings)
        browser.picture(f"tune-{scheme}")
        browser.run("location.hash = 'view=distil'")
        browser.shows(".difference-chart")
        result = story.distillation.result
        assert result.verdict_reason in browser.text("[aria-label=Verdict]")
        assert len(browser.texts(".plain-table tbody tr")) == sum(map(len, result.arms.values()))
        first = result.arms["hard"][0]
        assert first.test_nll is not None
        losses = browser.texts(".plain-table tbody tr:first-child td")[1:3]
        assert losses == [f"{first.val_nll:.4f}", f"{first.test_nll:.4f}"]
        assert result.difference is not None
        assert f"{result.difference.mean:+.4f}".replace("-", "−") in browser.text(".difference-chart")
        browser.picture(f"distil-{scheme}")


def test_downloads_are_made_in_the_page(browser: Browser, page: Path, tmp_path: Path) -> None:
    browser.driver.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)}
    )
    opened(browser, page)
    for kind in ("JSON", "CSV", "SVG", "PNG"):
        browser.run(
            "[...document.querySelectorAll('.menu-list button')].find(b => b.textContent === arguments[0]).click()",
            kind,
        )
        file = tmp_path / f"retort-position.{kind.lower()}"
        browser.until(lambda file=file: file.is_file() and file.stat().st_size > 0)
    table = (tmp_path / "retort-position.csv").read_text(encoding="utf-8").splitlines()
    assert table[0] == "rank,id,token,logit,prob_raw,prob_processed,removed_by" and len(table) == 1001
    assert json.loads((tmp_path / "retort-position.json").read_text())["chain"] == START
    assert (tmp_path / "retort-position.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    drawing = (tmp_path / "retort-position.svg").read_text(encoding="utf-8")
    assert "var(--" not in drawing and "rgb(" in drawing


def test_a_saved_page_opens_where_it_was(
    browser: Browser, source: MockSource, page: Path, tmp_path: Path
) -> None:
    opened(browser, page, "chain=temperature%3D1.5")
    browser.run(
        "URL.createObjectURL = (blob) => { blob.text().then((text) => { window.saved = text; }); return '#'; }"
    )
    browser.set("input.tau", "0.4")
    browser.run(
        "[...document.querySelectorAll('.tools button')].find(b => b.textContent === 'Save this page').click()"
    )
    browser.until(lambda: browser.run("return window.saved !== undefined"))
    copy = tmp_path / "saved.html"
    copy.write_text(browser.run("return window.saved"), encoding="utf-8")
    browser.go(copy.as_uri())
    browser.shows(".bars")
    check_numbers(browser, source, "temperature=0.4")


@pytest.mark.parametrize(
    "arguments",
    [
        ["look", "embedded:small", "A pear is", "--temperature", "0.5,1,2"],
        ["trace", "embedded:small", "A pear is a kind of fruit."],
        ["compare", "embedded:small", "embedded:base", "A pear is a kind of"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_an_html_file_of_a_command_reads_well_on_a_phone(
    browser: Browser, tmp_path: Path, arguments: list[str]
) -> None:
    from click.testing import CliRunner

    from retort.cli.main import main

    file = tmp_path / "a.html"
    found = CliRunner().invoke(main, [*arguments, "-o", str(file)])
    assert found.exit_code == 0, found.output
    for width, cards in ((390, True), (1280, False)):
        browser.size(width, 844)
        browser.go(file.as_uri())
        wide = browser.run(
            "return [...document.querySelectorAll('html, .wide')].filter(e => e.scrollWidth > e.clientWidth).length"
        )
        assert wide == 0, "nothing scrolls sideways"
        # On a phone each row is a paragraph, with the column's name before each number.
        named = browser.run(
            "return getComputedStyle(document.querySelector('.many td + td[data-of]'), '::before').content"
        )
        assert (named != "none") is cards
