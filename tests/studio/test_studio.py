"""The studio in Chromium: every view, by mouse and keyboard, a model's error, a lost connection, two tabs and ten."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
from tests.studio.server import Studio, mock, studio

from browser import Browser
from retort.chain import Chain
from retort.distribution import Distribution, kl, log_softmax, top_ids, total_variation
from retort.lens.page import passage
from retort.lens.path import path_stages
from retort.numerals import probability
from retort.sampling.path import temperature_path
from retort.transforms import Context

EXACT = 1e-6


@pytest.fixture(scope="module")
def running() -> Iterator[Studio]:
    pytest.importorskip("starlette")
    with studio("mock:a", "mock:b", "mock:slow", "mock:broken", grace=0.5) as found:
        yield found


def opened(browser: Browser, running: Studio, state: str) -> None:
    browser.go(f"{running.page}#{state}")
    browser.shows(".run-form")


def run(browser: Browser, wait_for: str) -> None:
    browser.click(".run-form button[type=submit]")
    browser.shows(wait_for)


def test_position_and_a_branch(browser: Browser, running: Studio) -> None:
    opened(browser, running, "view=position&prompt=w1+w2")
    browser.shows(".bars")
    assert "token" not in browser.driver.current_url.split("#")[0]
    logits = mock("mock:a").logits_of([1, 2]).astype(np.float64)
    for temperature in ("0.5", "1.5"):
        browser.set("input.tau", temperature)
        expected = Distribution(Chain(f"temperature={temperature}").apply(logits))
        assert browser.value("[data-measure=entropy]") == pytest.approx(float(expected.entropy), abs=EXACT)
    best = int(np.argmax(logits))
    browser.click(".bars .pick")
    browser.until(lambda: f"w{best}" in browser.text(".prompt .tokens"))
    after = Distribution(mock("mock:a").logits_of([1, 2, best]).astype(np.float64))
    browser.until(
        lambda: browser.value("[data-measure=entropy-raw]") == pytest.approx(float(after.entropy), abs=EXACT)
    )
    browser.picture("studio-position")


def test_the_tree_opens_to_what_follows_a_token(browser: Browser, running: Studio) -> None:
    opened(browser, running, "view=position&prompt=w1+w2&chain=temperature%3D1.3")
    browser.shows(".tree summary")

    def at(*ids: int) -> Distribution:
        logits = mock("mock:a").logits_of([1, 2, *ids]).astype(np.float64)
        return Distribution(Chain("temperature=1.3").apply(logits))

    def shown(selector: str) -> list[str]:
        return browser.texts(f".tree {selector}")

    first = at().top(5).tolist()
    assert shown("summary b.figure") == [probability(float(at().probs[token])) for token in first]
    assert shown(".joint") == [""] * 5
    browser.click(".tree > ul > li:nth-child(2) > details > summary")
    browser.until(lambda: len(shown("summary")) == 10)
    after = at(first[1])
    second = after.top(5).tolist()
    inner = "ul ul summary"
    assert shown(f"{inner} .tree-token") == [
        mock("mock:a").token_text(token).replace(" ", "␣") for token in second
    ]
    assert shown(f"{inner} b.figure") == [probability(float(after.probs[token])) for token in second]
    joint = [float(at().probs[first[1]]) * float(after.probs[token]) for token in second]
    assert shown(f"{inner} .joint") == [probability(one) for one in joint]
    # The slider acts on every token that is open, and what a stage removes is said.
    browser.set("input.tau", "0")
    assert shown(f"{inner} b.figure") == ["100.00%", *["removed"] * 4]
    assert shown("> ul > li > details > summary b.figure")[1] == "removed"
    browser.picture("studio-tree")


@pytest.mark.parametrize(
    "chain",
    [
        "repetition_penalty=1.7 | temperature=0.8 | typical_p(0.7, ties=all)",
        "temperature=1.5 | presence_penalty(2, scope=all) | top_k=7",
        "dry(multiplier=3, base=1.75, allowed_length=1, last_n=-1) | top_p(0.9, ties=highest)",
    ],
)
def test_stages_that_look_back(browser: Browser, running: Studio, chain: str) -> None:
    history = [3, 4, 3, 4, 3]
    opened(browser, running, urlencode({"view": "position", "prompt": "w3 w4 w3 w4 w3", "chain": chain}))
    browser.shows(".bars")
    logits = mock("mock:a").logits_of(history).astype(np.float64)
    processed = Chain(chain).apply(logits, context=Context([history], [len(history)]))
    expected = Distribution(processed)
    assert browser.value("[data-measure=entropy]") == pytest.approx(float(expected.entropy), abs=EXACT)
    assert browser.value("[data-measure=kept]") == int(np.sum(processed > -np.inf))
    shown = browser.run(
        "return [...document.querySelectorAll('.bars tbody:first-of-type td.processed-ink')]"
        ".map(c => Number(c.dataset.value))"
    )
    assert shown == pytest.approx(expected.probs[top_ids(logits, len(shown))], abs=EXACT)


def test_ties_can_be_set_in_the_page(browser: Browser, running: Studio) -> None:
    opened(browser, running, "view=position&prompt=w1&chain=top_k%3D5")
    browser.shows(".bars")
    browser.set("[data-option=ties]", "all")
    browser.until(lambda: "top_k%285%2C+ties%3Dall%29" in browser.driver.current_url)


def test_text_by_keyboard_and_a_branch(browser: Browser, running: Studio) -> None:
    opened(browser, running, "view=text&prompt=w1&chain=temperature%3D1.2+%7C+top_k%3D9&seed=4&max_tokens=10")
    run(browser, ".text-token")
    expected = passage(mock("mock:a"), "w1", max_tokens=10, chain=Chain("temperature=1.2 | top_k=9"), seed=4)
    shown = browser.texts(".text-token")
    assert shown == [one.token.replace(" ", "␣") for one in expected.tokens]
    browser.run("document.querySelector('.text-token').focus()")
    browser.press("\ue014")  # right
    browser.press("\ue014")
    assert browser.run("return document.activeElement.textContent") == shown[2]
    assert browser.text(".detail h2").startswith("3 of")
    assert f"{expected.tokens[2].entropy_nats:.4g} nats" in browser.text(".facts")
    browser.press("\ue010")  # end
    assert browser.run("return document.activeElement.textContent") == shown[-1]
    browser.press("\ue011")  # home
    browser.click("input[value=rank]")
    assert "rank" in browser.run("return document.querySelector('.text-token').getAttribute('aria-label')")
    browser.picture("studio-text")
    other = browser.text(".alternatives .pick")
    browser.click(".alternatives .pick")
    browser.until(lambda: browser.texts(".text-token")[:1] == [other])
    assert "1 token chosen" in browser.text(".picked")
    browser.run("[...document.querySelectorAll('.picked button')].at(-1).click()")
    browser.until(lambda: browser.texts(".text-token") == shown)
    assert browser.run("return document.querySelector('.picked').hidden")
    browser.click(".alternatives .pick")
    browser.until(lambda: browser.texts(".text-token")[:1] == [other])
    assert "given" in browser.text(".detail h2")


def test_path_morphs_at_a_fixed_seed(browser: Browser, running: Studio) -> None:
    opened(browser, running, "view=path&prompt=w1&seed=2&max_tokens=8&temperatures=0%3A2%3A21")
    run(browser, ".bands")
    source = mock("mock:a")
    temperatures = [place / 10 for place in range(21)]
    found = temperature_path(source, "w1", 2, temperatures, max_tokens=8)
    for temperature in (0.0, 0.7, 2.0):
        browser.set("input.tau", temperature)
        leaf = found.at(temperature)
        shown = [source.token_text(token).replace(" ", "␣") for token in leaf.ids]
        assert browser.text(".path-text") == "".join(shown)
    browser.run("document.querySelector('input.tau').focus()")
    browser.press("\ue00f")  # page down: a cooler text
    cooler = found.leaves[-2]
    assert browser.text(".path-text") == "".join(
        source.token_text(token).replace(" ", "␣") for token in cooler.ids
    )
    assert len(browser.texts(".plain-table tbody tr")) == len(found.leaves)
    browser.picture("studio-path")


def test_path_says_which_stages_apply(browser: Browser, running: Studio) -> None:
    state = "view=path&prompt=w1&seed=2&max_tokens=4&temperatures=0%3A2%3A5"
    state += "&truncations=top_k%3D9+%7C+temperature%3D0.7+%7C+top_p%3D0.9"
    opened(browser, running, state)
    run(browser, ".bands")
    said = browser.texts(".path-stages li")
    expected = path_stages(Chain("top_k=9 | temperature=0.7 | top_p=0.9"))
    assert [one.split(" ")[0] for one in said] == ["top_k=9", "temperature=0.7", "top_p=0.9"]
    assert all(
        one.stage in text and one.why in text and ("does not apply" in text) is not one.applies
        for one, text in zip(expected, said, strict=True)
    )


def test_compare_two_models(browser: Browser, running: Studio) -> None:
    opened(
        browser,
        running,
        "view=compare&prompt=w1&model_b=mock%3Ab&chain_a=temperature%3D1&chain_b=temperature%3D1",
    )
    run(browser, ".pair")
    a, b = (mock(name).logits_of([1]).astype(np.float64) for name in ("mock:a", "mock:b"))

    def check(first: str, second: str) -> None:
        log_a, log_b = log_softmax(Chain(first).apply(a)), log_softmax(Chain(second).apply(b))
        assert browser.value("[data-measure=kl-forward]") == pytest.approx(float(kl(log_a, log_b)), abs=EXACT)
        assert browser.value("[data-measure=tv]") == pytest.approx(
            float(total_variation(log_a, log_b)), abs=EXACT
        )

    check("temperature=1", "temperature=1")
    browser.set(".side-b [data-stage=temperature]", "2.5")
    check("temperature=1", "temperature=2.5")
    browser.set(".side-a .chain-add", "top_k")
    check("temperature=1 | top_k=50", "temperature=2.5")
    browser.set(".side-a [aria-label^='A: order']", "llama.cpp")
    assert browser.run("return document.querySelector('.side-a .stage').dataset.name") == "top_k"
    browser.picture("studio-compare")


def test_a_models_error_is_a_sentence_and_the_page_lives_on(browser: Browser, running: Studio) -> None:
    opened(browser, running, "view=position&model=mock%3Abroken&prompt=w1")
    browser.until(
        lambda: browser.text(".error") == "The weights of mock:broken are gone; get the whole model."
    )
    browser.set("select[name=model]", "mock:a")
    run(browser, ".bars")
    assert browser.text(".error") == ""


def test_a_failed_or_empty_prompt_leaves_no_old_result(browser: Browser, running: Studio) -> None:
    opened(browser, running, "view=position&model=mock%3Aa&prompt=w1")
    browser.shows(".bars")
    browser.set("select[name=model]", "mock:broken")
    browser.click(".run-form button[type=submit]")
    browser.until(lambda: "are gone" in browser.text(".error"))
    assert browser.run("return document.querySelector('.bars')") is None
    browser.set("select[name=model]", "mock:a")
    run(browser, ".bars")
    browser.set("textarea[name=prompt]", "")
    browser.click(".run-form button[type=submit]")
    browser.until(lambda: browser.text(".error") == "The prompt is empty.")
    assert browser.run("return document.querySelector('.bars')") is None
    assert browser.run("return document.querySelector('[name=prompt]').value") == ""


def test_the_tour_is_the_first_tab_and_each_step_moves(browser: Browser, running: Studio) -> None:
    browser.go(running.page)
    browser.shows(".tour")
    assert browser.texts("[role=tab]")[0] == "Tour"
    for step in range(1, 6):
        assert browser.text(".tour h2").startswith(f"{step}.")
        assert browser.run("return document.querySelectorAll('.tour .question').length") == 1
        if step < 5:
            browser.run("[...document.querySelectorAll('.tour-go button')].at(-1).click()")
    browser.go(f"{running.page}#view=tour&step=2")
    browser.shows(".tour table")
    browser.set(".tour input[type=range]", "0")
    assert browser.texts(".tour tbody td.figure")[1] == "100.00%"
    browser.picture("studio-tour")


def test_a_finger_sets_a_tenth_with_the_buttons_beside_the_slider(browser: Browser, running: Studio) -> None:
    browser.go(f"{running.page}#view=tour&step=1")
    browser.shows(".tour .nudge")
    less, more = ".tour .nudge:first-child", ".tour .nudge:last-child"
    browser.click(more)
    assert browser.text(".tour output") == "+0.1"
    for _ in range(2):
        browser.click(less)
    assert browser.text(".tour output") == "−0.1"
    browser.go(f"{running.page}#view=tour&step=2")
    browser.shows(".tour .nudge")
    browser.set(".tour input[type=range]", "0.97")
    browser.click(more)  # to the next tenth, so that 1 is met
    assert (browser.text(".tour output"), browser.text(".tour .tau-meaning")) == ("1", "the model’s own")
    browser.set(".tour input[type=range]", "0")
    browser.click(less)
    assert browser.text(".tour output") == "0"


def test_on_a_phone_each_step_of_the_tour_has_a_word_and_no_row_is_too_wide(
    browser: Browser, running: Studio
) -> None:
    browser.size(390, 844)
    browser.go(f"{running.page}#view=tour&step=1")
    browser.shows(".tour .nudge")
    seen = browser.run(
        "return [...document.querySelectorAll('.tour-steps button')].map(one => [one.innerText.split(/\\s/).at(-1),"
        " one.scrollWidth <= one.clientWidth, one.getBoundingClientRect().height >= 44])"
    )
    assert [word for word, _, _ in seen] == ["Softmax", "τ", "Entropy", "Truncation", "Student"]
    assert all(fits and tall for _, fits, tall in seen)
    assert browser.run("return document.documentElement.scrollWidth") <= 390


def test_the_tour_leads_into_the_studio(browser: Browser, running: Studio) -> None:
    browser.go(f"{running.page}#view=tour&step=5")
    browser.shows(".tour table")
    browser.set(".tour input[type=range]", "3")
    # The hard label has everything on the right token; the soft target at τ = 3 has nearly all on the wrong ones.
    cells = browser.texts(".tour tbody td.figure")
    assert cells[2] == "100.00%" and percent(browser.text(".tour .measure dd b")) > 90
    browser.run("[...document.querySelectorAll('.tour-go button')].at(-1).click()")
    browser.shows(".run-form")
    assert browser.text("[role=tab][aria-selected=true]") == "Position"


def test_the_last_step_says_what_its_row_shows(browser: Browser, running: Studio) -> None:
    browser.go(f"{running.page}#view=tour&step=5")
    browser.shows(".tour table")
    shown = {}
    for temperature in ("0", "0.5", "1", "1.2", "2", "3"):
        browser.set(".tour input[type=range]", temperature)
        wrong, cities, support = browser.texts(".tour .measure dd b")
        rows = browser.run(
            "return [...document.querySelectorAll('.tour tbody tr')].map(row => [row.querySelector('th').textContent,"
            " row.querySelector('td.figure:nth-child(3)').textContent])"
        )
        right = next(share for token, share in rows if token == "␣Canberra")
        assert percent(wrong) + percent(right) == pytest.approx(100, abs=0.011), (
            "the right token is no wrong one"
        )
        shown[temperature] = percent(cities), percent(rows[-1][1]), support
    assert shown["0"][2] == "1 token"
    assert max(shown, key=lambda one: shown[one][0]) == "1.2"
    assert shown["3"][0] == pytest.approx(0.4, abs=0.05) and shown["3"][1] > 98
    answer = browser.run("return document.querySelector('.tour .question').textContent")
    assert "near τ = 1.2; at τ = 3 they have 0.4" in answer


def percent(text: str) -> float:
    return 0.0 if text.startswith("<") else float(text.removesuffix("%"))


def test_five_on_every_logit_changes_no_probability(browser: Browser, running: Studio) -> None:
    browser.go(f"{running.page}#view=tour&step=1")
    browser.shows(".tour table")
    assert "τ" not in browser.run("return document.querySelector('.tour-body').textContent")
    before = browser.texts(".tour tbody td.figure")
    browser.click(".tour-body input[type=checkbox]")
    browser.frame()
    after = browser.texts(".tour tbody td.figure")
    assert after[2::3] == before[2::3]
    assert [float(one) for one in after[:24:3]] == pytest.approx([float(one) + 5 for one in before[:24:3]])
    powers = [[float(cell.replace(",", "")) for cell in cells[1::3]] for cells in (before, after)]
    assert powers[1] == pytest.approx([148.41 * one for one in powers[0]], rel=1e-3)


def test_a_look_at_the_terms_keeps_the_step_as_it_was(browser: Browser, running: Studio) -> None:
    browser.go(f"{running.page}#view=tour&step=4")
    browser.shows(".tour table")
    browser.run("[...document.querySelectorAll('.tour input[type=radio]')].at(-1).click()")
    browser.click(".tour .measure .help")
    browser.click(".help-note:popover-open a")
    browser.shows(".glossary [aria-current=true]")
    browser.run("history.back()")
    browser.shows(".tour table")
    assert browser.text(".tour .measure dd b").startswith("1 of ")
    assert browser.run("return [...document.querySelectorAll('.tour input[type=radio]')].at(-1).checked")


def test_the_browsers_back_leads_to_the_last_view_and_step(browser: Browser, running: Studio) -> None:
    # In a new tab: from a full history (50 entries) Chromium drops entries made by scripts first, as these are.
    driver: Any = browser.driver
    first = driver.current_window_handle
    driver.switch_to.new_window("tab")
    try:
        go_back_and_forth(browser, running)
    finally:
        driver.close()
        driver.switch_to.window(first)


def go_back_and_forth(browser: Browser, running: Studio) -> None:
    browser.go(running.page)
    browser.shows(".tour")
    for step in (2, 3):
        time.sleep(0.4)  # two within 0.3 s are one entry: browsers limit how many there may be
        browser.click(".tour-go .solid")
        assert browser.text(".tour h2").startswith(f"{step}.")
    browser.set(".tour input[type=range]", "0.4")
    time.sleep(0.4)
    browser.click("[role=tab]:nth-of-type(3)")
    browser.shows(".run-form")
    browser.set("[name=prompt]", "w7")
    for step in (3, 2, 1):
        browser.run("history.back()")
        browser.until(lambda step=step: browser.text(".tour h2").startswith(f"{step}."))
        if step == 3:
            assert browser.text(".tour .tau-value") == "0.4"
    browser.run("history.forward()")
    browser.until(lambda: browser.text(".tour h2").startswith("2."))
    browser.run("location.hash = '#view=tour&step=4'")
    browser.until(lambda: browser.text(".tour h2").startswith("4."))


def test_on_a_phone_the_bars_have_room(browser: Browser, running: Studio) -> None:
    browser.size(390, 844)
    for step in (1, 2, 4, 5):
        browser.go(f"{running.page}#view=tour&step={step}")
        browser.shows(".tour table")
        assert (
            browser.run("return document.querySelector('.tour .bar-box').getBoundingClientRect().width") > 250
        )
        assert browser.run("return document.documentElement.scrollWidth") <= 390


def test_the_sums_of_softmax_are_shown(browser: Browser, running: Studio) -> None:
    browser.go(f"{running.page}#view=tour&step=1")
    browser.shows(".tour table")
    for added in ("0", "0.1"):
        browser.set(".tour input[type=range]", added)
        rows = browser.run(
            "return [...document.querySelectorAll('.tour tbody tr')]"
            ".map(row => [...row.querySelectorAll('td.figure')].map(cell => cell.textContent))"
        )
        powers = [float(one[1].replace(",", "")) for one in rows]
        shares = [percent(one[2]) for one in rows]
        assert sum(powers[:-1]) == pytest.approx(powers[-1], abs=len(powers))
        assert [100 * one / powers[-1] for one in powers] == pytest.approx(shares, abs=0.006)
        assert (shares[0] > shares[1]) is (added == "0"), "0.1 is enough to overtake"


@pytest.mark.parametrize("width", [390, 768])
@pytest.mark.parametrize("view", ["position", "path", "tour"])
def test_the_slider_stays_in_sight(browser: Browser, running: Studio, view: str, width: int) -> None:
    browser.size(width, 700)
    browser.go(f"{running.page}#view={view}&step=2&prompt=w1&max_tokens=40&temperatures=0%3A2%3A9")
    if view == "path":
        browser.shows(".run-form")
        run(browser, ".bands")
    browser.shows("input.tau")
    browser.run("[...document.querySelectorAll('.bars, .bands')].at(-1).scrollIntoView({block: 'end'})")
    browser.frame()
    seen = browser.run(
        "const box = document.querySelector('input.tau').getBoundingClientRect();"
        "return [scrollY > 0, box.top >= 0, box.bottom <= innerHeight,"
        " document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2).className]"
    )
    assert seen[1:] == [True, True, "tau"] and (seen[0] or view == "tour")


def test_the_first_view_truncates_nothing(browser: Browser, running: Studio) -> None:
    opened(browser, running, "view=position&prompt=w1")
    browser.shows(".bars")
    assert browser.run("return document.querySelectorAll('input[type=range]').length") == 1
    assert browser.value("[data-measure=kept]") == 400
    raw, processed = (browser.value(f"[data-measure={name}]") for name in ("entropy-raw", "entropy"))
    assert raw == processed


def unexplained(browser: Browser) -> list[str]:
    """Names of numbers without a "?": in a list of measures, and at the head of a column of figures."""
    return list(
        browser.run(
            "const bare = e => e.querySelector('.help') === null && e.textContent.trim() !== '';"
            "return [...document.querySelectorAll('.measure dt, .tau-box, figure figcaption')].filter(bare)"
            ".map(e => e.textContent).concat([...document.querySelectorAll('table')].flatMap(table => "
            "[...table.querySelectorAll('thead th')].filter((head, place) => bare(head) && "
            "table.querySelector(`tbody tr > :nth-child(${place + 1})`)?.matches('.figure:not(:has(button))'))"
            ".map(e => e.textContent)))"
        )
    )


@pytest.mark.parametrize(
    "state",
    [
        *(f"view=tour&step={step}" for step in range(1, 6)),
        "view=position&prompt=w1&chain=temperature%3D1.2+%7C+top_k%3D5",
        "view=text&prompt=w1&max_tokens=6",
        "view=path&prompt=w1&max_tokens=5&temperatures=0%3A2%3A5",
        "view=compare&prompt=w1&model_b=mock%3Ab",
        "view=tune&model=mock%3Aa&task=explore&tune_temperatures=0%2C1&samples=2&items=3",
    ],
)
def test_every_number_has_a_question_mark(browser: Browser, running: Studio, state: str) -> None:
    browser.go(f"{running.page}#{state}")
    if "tour" not in state:
        browser.shows(".run-form")
        run(browser, ".holder .card")
        browser.until(lambda: browser.run("return document.querySelector('form[aria-busy=true]') === null"))
    browser.shows(".help")
    assert unexplained(browser) == []


@pytest.mark.parametrize("width", [390, 1280])
def test_a_question_mark_explains_and_leads_to_the_glossary(
    browser: Browser, running: Studio, width: int
) -> None:
    browser.size(width, 800)
    opened(browser, running, "view=position&prompt=w3+w4")
    browser.shows(".bars")
    for place in range(browser.run("return document.querySelectorAll('button.help').length")):
        browser.run("document.querySelectorAll('button.help')[arguments[0]].scrollIntoView()", place)
        browser.run("document.querySelectorAll('button.help')[arguments[0]].click()", place)
        browser.frame()
        left, right, top, bottom = browser.run(
            "const box = document.querySelector('.help-note:popover-open').getBoundingClientRect();"
            "return [box.left, box.right, box.top, box.bottom]"
        )
        assert left >= 0 and right <= width and top >= 0 and bottom <= 800, "the note is in the window"
        browser.press("\ue00c")
        assert browser.run("return document.querySelector('.help-note:popover-open')") is None
    browser.click(".measure [aria-label='What is entropy?']")
    assert "in nats" in browser.text(".help-note:popover-open")
    browser.click(".help-note:popover-open a")
    browser.shows(".glossary [aria-current=true]")
    assert (
        browser.run("return document.querySelector('.glossary [aria-current=true]').dataset.term")
        == "entropy"
    )
    browser.run(
        "[...document.querySelectorAll('[role=tab]')].find(tab => tab.textContent === 'Position').click()"
    )
    browser.shows(".bars")
    assert browser.run("return document.querySelector('[name=prompt]').value") == "w3 w4"


def test_another_vocabulary_never_has_0_percent(browser: Browser, running: Studio) -> None:
    opened(browser, running, "view=compare&prompt=w1&model_b=mock%3Aslow")
    run(browser, ".pair")
    cells = browser.texts(".pair tbody td.figure")
    assert any(cell == "–" for cell in cells) and "0" not in cells
    assert "different vocabularies" in browser.text(".note")
    assert browser.run("return document.querySelectorAll('[data-measure=tv]').length") == 0


def test_a_task_file_is_tuned_and_any_cell_opens(browser: Browser, running: Studio, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    file = tmp_path / "mine.json"
    task = {"name": "mine", "goal": "exploit", "scorer": {"kind": "references"}, "max_tokens": 2}
    items = [{"vars": {"text": one}, "references": ["w2"]} for one in ("w1", "w3")]
    file.write_text(
        json.dumps({**task, "prompts": ["{text}", "w9 {text}"], "items": items}), encoding="utf-8"
    )
    opened(browser, running, "view=tune&model=mock%3Aa&tune_temperatures=0%2C1%2C2&samples=3&items=")
    browser.driver.find_element("css selector", "input[type=file]").send_keys(str(file))
    run(browser, ".settings")
    assert "on mine" in browser.text("[aria-label=Recommendation]")
    assert len(browser.texts(".settings tbody tr")) == 3
    last = "[...document.querySelectorAll('.settings tbody tr')].at(-1)"
    browser.run(f"[...{last}.querySelectorAll('.open-answers')].at(-1).click()")
    browser.frame()
    head = browser.run(
        "return [...document.querySelectorAll('.answers thead select')].map(e => e.selectedOptions[0].textContent)"
    )
    assert head[0] == "τ = 2" and head[1] != head[0]
    shown = browser.run("return document.querySelectorAll('.answers tbody tr').length")
    assert shown == 4, "two items, two prompts"
    browser.run(f"{last}.querySelector('.open-answers').click()")
    browser.frame()
    assert browser.run("return document.querySelectorAll('.answers tbody tr').length") == 2, "prompt 1 alone"


def test_a_run_is_stopped_from_the_page(browser: Browser, running: Studio) -> None:
    opened(browser, running, "view=text&model=mock%3Aslow&prompt=w1&chain=&max_tokens=200")
    browser.click(".run-form button[type=submit]")
    browser.until(lambda: "token 3" in browser.text(".news"))
    assert "Writing" in browser.text("main") and len(browser.texts(".text-token")) >= 2
    browser.run(
        "[...document.querySelectorAll('.run-form button')].find(b => b.textContent === 'Stop').click()"
    )
    browser.until(lambda: browser.text(".news") == "Stopped.")
    browser.until(lambda: running.ask("GET", "/api/models").json["working"] == 0)


def test_escape_stops_a_run_and_closes_the_menu(browser: Browser, running: Studio) -> None:
    opened(browser, running, "view=text&model=mock%3Aslow&prompt=w1+w4&chain=&max_tokens=200")
    browser.run("document.querySelector('.run-form button[type=submit]').focus()")
    browser.press("\ue007")  # enter
    browser.until(lambda: "token 2" in browser.text(".news"))
    browser.press("\ue00c")  # escape
    browser.until(lambda: browser.text(".news") == "Stopped.")
    browser.until(lambda: running.ask("GET", "/api/models").json["working"] == 0)
    browser.run(
        "const menu = document.querySelector('.menu'); menu.open = true; menu.querySelector('button').focus()"
    )
    browser.press("\ue00c")
    assert not browser.run("return document.querySelector('.menu').open")
    assert browser.run("return document.activeElement.tagName") == "SUMMARY"


def test_a_lost_connection_is_taken_up_again(browser: Browser, running: Studio) -> None:
    for part in ("ERR_INCOMPLETE", "ERR_CONNECTION", "Failed to load resource"):
        browser.expect(part)
    opened(browser, running, "view=text&model=mock%3Aslow&prompt=w1+w9&chain=&max_tokens=40")
    browser.click(".run-form button[type=submit]")
    browser.until(lambda: "token 2" in browser.text(".news"))
    browser.run(
        "window.said = []; const news = document.querySelector('.news');"
        "new MutationObserver(() => window.said.push(news.textContent)).observe(news, {childList: true, subtree: true})"
    )
    assert running.cut() >= 1
    browser.until(lambda: any("trying again" in one for one in browser.run("return window.said")))
    browser.until(lambda: len(browser.texts(".text-token")) == 40, seconds=25)
    browser.until(lambda: browser.text(".news") == "")


def test_a_studio_that_is_gone_says_so_and_keeps_what_was_shown(browser: Browser) -> None:
    for part in ("ERR_CONNECTION", "Failed to load resource"):
        browser.expect(part)
    with studio("mock:a") as short:
        opened(browser, short, "view=position&prompt=w1")
        browser.shows(".bars")
    browser.click(".run-form button[type=submit]")
    browser.until(lambda: "does not answer" in browser.text(".error"))
    browser.set("input.tau", "2")
    assert browser.text(".tau-value") == "2"


def test_ten_tabs_do_not_break_each_other(browser: Browser, running: Studio) -> None:
    driver: Any = browser.driver
    first = driver.current_window_handle
    tabs = []
    for number in range(10):
        driver.switch_to.new_window("tab")
        tabs.append(driver.current_window_handle)
        driver.get(f"{running.page}#view=position&prompt=w{number}")
    for number, tab in enumerate(tabs):
        driver.switch_to.window(tab)
        browser.shows(".bars")
        expected = Distribution(mock("mock:a").logits_of([number]).astype(np.float64))
        assert browser.value("[data-measure=entropy-raw]") == pytest.approx(
            float(expected.entropy), abs=EXACT
        )
        driver.close()
    driver.switch_to.window(first)
    browser.until(lambda: running.ask("GET", "/api/models").json["working"] == 0)


def test_without_the_token_nothing_can_be_run(browser: Browser, running: Studio) -> None:
    browser.driver.get(running.url)
    browser.run("sessionStorage.clear()")
    browser.go(f"{running.url}/#view=text")
    browser.shows(".run-form")
    assert "the address that retort studio printed" in browser.text(".error")
    assert browser.run("return document.querySelector('.run-form button[type=submit]').disabled")


@pytest.mark.parametrize("width", [360, 2000])
@pytest.mark.parametrize("view", ["position", "text", "path", "compare"])
def test_every_view_fits(browser: Browser, running: Studio, view: str, width: int) -> None:
    browser.size(width, 900)
    opened(browser, running, f"view={view}&prompt=w1&max_tokens=12&model_b=mock%3Ab")
    run(browser, ".holder .card")
    browser.frame()
    assert browser.run("return document.documentElement.scrollWidth") <= width
    browser.picture(f"{view}-{width}")


def test_tabs_by_keyboard(browser: Browser, running: Studio) -> None:
    opened(browser, running, "view=position&prompt=w1")
    browser.run("document.querySelector('[role=tab][aria-selected=true]').focus()")
    browser.press("\ue014")
    assert browser.text("[role=tab][aria-selected=true]") == "Text"
    browser.press("\ue012", "\ue012", "\ue012")
    assert browser.text("[role=tab][aria-selected=true]") == browser.texts("[role=tab]")[-1]
    assert browser.run("return document.activeElement.getAttribute('role')") == "tab"


def test_the_page_loads_from_the_studio_alone(browser: Browser, running: Studio) -> None:
    browser.asked()
    opened(browser, running, "view=position&prompt=w1")
    browser.shows(".bars")
    assert all(url.startswith(running.url) for url in browser.asked())
    with urllib.request.urlopen(running.url) as answer:
        assert len(answer.read()) < 2000


def test_tune_from_the_studio(browser: Browser, running: Studio) -> None:
    opened(
        browser,
        running,
        "view=tune&model=mock%3Aa&task=explore&tune_temperatures=0%2C1%2C2&samples=2&items=4",
    )
    run(browser, ".recommendation")
    body = {
        "model": "mock:a",
        "task": "explore",
        "temperatures": [0, 1, 2],
        "samples": 2,
        "items": 4,
        "seed": 0,
    }
    asked = running.start("tune", **body)
    running.wait(asked, "done")
    record = running.ask("GET", f"/api/runs/{asked}/result").json
    shown = browser.run(
        "return [...document.querySelectorAll('.plain-table td[data-value]')].map(c => Number(c.dataset.value))"
    )
    assert shown == pytest.approx([one["score"] for one in record["settings"]], abs=EXACT)
    assert record["recommendation"]["reason"] in browser.text("main")
    assert len(browser.texts(".line-chart")) == 2
    vendi = [f"{one['variety']['vendi']:.4g}" for one in record["settings"]]
    shown_cells = browser.texts("[aria-label='Other measures of variety'] tbody td")
    assert [float(cell) for cell in shown_cells[3::5]] == [float(one) for one in vendi]
    browser.picture("studio-tune")


def test_distil_can_be_started_followed_and_stopped(browser: Browser, running: Studio) -> None:
    pytest.importorskip("accelerate")
    opened(browser, running, "view=distil&steps=40&seeds=1")
    browser.click(".run-form button[type=submit]")
    # From the first second on: what is done, and a clock that runs while torch is being loaded.
    browser.until(lambda: "Training" in browser.text(".verdict"), seconds=1)
    assert browser.text(".news").endswith(" s") and not browser.run(
        "return document.querySelector('progress').hidden"
    )
    browser.until(lambda: browser.text(".news").endswith((" 1 s", " 2 s")), seconds=5)
    browser.until(lambda: len(browser.texts(".line-chart .series-dot")) >= 2, seconds=60)
    said = browser.run(
        "[...document.querySelectorAll('.run-form button')].find(b => b.textContent === 'Stop').click();"
        "return document.querySelector('.news').textContent"
    )
    assert said.startswith("Stopping …")
    browser.until(lambda: browser.text(".news") == "Stopped.")
    assert browser.text(".verdict") == "Stopped before a verdict"
    assert "seed 0, step " in browser.text("[aria-label=Verdict]")
    browser.until(lambda: running.ask("GET", "/api/models").json["working"] == 0)
