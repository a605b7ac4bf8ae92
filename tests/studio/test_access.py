"""Access: contrast of WCAG AA on every view, light and dark; every control has a name; focus can be seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.mock_source import MockSource
from tests.report.stories import make_story

from browser import Browser
from retort.chain import Chain
from retort.lens.page import pair, passage, position
from retort.report.standalone import write_standalone

VIEWS = ("position", "text", "path", "compare", "tune", "distil")
CHAIN = Chain("temperature=1.2 | top_k=9 | top_p=0.7")

# The contrast of every piece of text that can be seen against what lies behind it (backgrounds blended down the tree).
CONTRAST = """
const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
const rgba = (colour) => {
  canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255];
};
const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
const behind = (element) => {
  const chain = [];
  for (let e = element; e; e = e.parentElement) chain.unshift(rgba(getComputedStyle(e).backgroundColor));
  return chain.reduce((under, top) => over(top, under), [255, 255, 255, 1]);
};
const light = (colour) => colour.slice(0, 3).map((v) => v / 255)
  .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const bad = [];
const walker = document.createTreeWalker(document.querySelector(".retort"), NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || element.closest(".sr, [hidden], title, option, desc")) continue;
  if (element.getClientRects().length === 0) continue;
  const style = getComputedStyle(element);
  const inDrawing = element.closest("svg") !== null;
  const under = behind(inDrawing ? element.closest("svg").parentElement : element);
  let ink = rgba(inDrawing ? style.fill : style.color);
  let opacity = 1;
  for (let e = element; e; e = e.parentElement) opacity *= Number(getComputedStyle(e).opacity);
  ink[3] *= opacity;
  const [a, b] = [light(over(ink, under)), light(under)];
  const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.7 && style.fontWeight >= 700);
  if (contrast < (large ? 3 : 4.5)) {
    const name = element.className.baseVal ?? element.className;
    bad.push(`${contrast.toFixed(2)} ${name} ${walker.currentNode.data.slice(0, 30)}`);
  }
}
return bad;
"""

NAMELESS = """
const named = "button, input, select, textarea, svg[role=img], [role=tab], summary";
return [...document.querySelectorAll(`.retort :is(${named})`)]
  .filter((e) => e.getClientRects().length > 0)
  .filter((e) => !(e.getAttribute("aria-label") || e.labels?.length || e.textContent.trim()
    || e.querySelector("title")?.textContent))
  .map((e) => e.outerHTML.slice(0, 120));
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    story = make_story()
    source = MockSource(60, ties=True, ends=False)
    records: dict[str, Any] = {
        "position": position(source, "w1", CHAIN),
        "text": passage(source, "w1", [3, 59, 7], max_tokens=14, chain=CHAIN, noise_scale=0.4),
        "path": story.path,
        "compare": pair(source, "w1", source, "w2", CHAIN),
        "tune": story.tunings[0].tuning,
        "distil": story.distillation.result,
    }
    file = tmp_path_factory.mktemp("access") / "page.html"
    write_standalone(file, "every view", records, "test")
    return file


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS)
def test_text_can_be_read_and_controls_have_names(
    browser: Browser, page: Path, view: str, scheme: str
) -> None:
    browser.scheme(scheme)
    browser.go(f"{page.as_uri()}#view={view}")
    browser.shows("main .card")
    browser.frame()
    assert browser.run(CONTRAST) == []
    assert browser.run(NAMELESS) == []
    if view == "text":
        for colour in ("rank", "flip"):
            browser.click(f"input[value={colour}]")
            assert browser.run(CONTRAST) == []


@pytest.mark.parametrize("view", VIEWS)
def test_everything_can_be_reached_by_tab_and_focus_is_seen(browser: Browser, page: Path, view: str) -> None:
    browser.go(f"{page.as_uri()}#view={view}")
    browser.shows("main .card")
    browser.run("document.activeElement.blur()")
    reached = set()
    for _ in range(60):
        browser.driver.switch_to.active_element.send_keys("\ue004")
        name, outline = browser.run(
            "const e = document.activeElement; const s = getComputedStyle(e);"
            "return [e.tagName + (e.getAttribute('role') ?? '') + (e.type ?? ''), s.outlineStyle + s.outlineWidth]"
        )
        if name == "BODY":
            break
        reached.add(name)
        assert outline not in ("none0px", "none3px"), f"no focus ring on {name}"
    assert "BUTTONtabsubmit" not in reached and "BUTTONtabbutton" in reached
    if view == "position":
        assert {"INPUTrange", "INPUTnumber", "SELECTselect-one"} <= reached


def test_right_to_left_and_odd_tokens_are_shown(browser: Browser, tmp_path: Path) -> None:
    tokens = ["سماء", " 天空", "<0xE2>", "\n", "👩‍👩‍👧", "\u202eabc", "</s>", " "]
    source = MockSource(8, ends=False)
    source.token_text = lambda token_id: tokens[token_id]  # type: ignore[method-assign]
    write_standalone(
        tmp_path / "odd.html", "odd", {"text": passage(source, "w1", range(8), max_tokens=8)}, "test"
    )
    browser.go((tmp_path / "odd.html").as_uri())
    browser.shows(".text-token")
    assert browser.texts(".text-token") == [
        "سماء",
        "␣天空",
        "⟨E2⟩",
        "↵",
        "👩‍👩‍👧",
        "⟨U+202E⟩abc",
        "</s>",
        "␣",
    ]
    assert browser.run("return document.querySelector('.text-token .token').matches(':dir(rtl)')")
    assert browser.run("return getComputedStyle(document.querySelector('.token')).unicodeBidi") == "isolate"
    browser.picture("odd-tokens")


def test_compare_names_the_stages_it_leaves_out(browser: Browser, tmp_path: Path) -> None:
    source = MockSource(60, ends=False)
    chain = Chain("temperature=1 | xtc(probability=0.5, threshold=0.1)")
    file = tmp_path / "left-out.html"
    records = {"compare": pair(source, "w1", source, "w2", chain)}
    write_standalone(file, "compare", records, "test")
    browser.go(f"{file.as_uri()}#view=compare")
    browser.shows(".pair")
    notes = browser.run(
        "return [...document.querySelectorAll('.side-a .note, .side-b .note')].map((note) => note.textContent)"
    )
    told = "xtc(probability=0.5, threshold=0.1) (it throws a coin for every token)"
    assert notes == [f"The page does not compute {told}: its numbers are without it."] * 2
