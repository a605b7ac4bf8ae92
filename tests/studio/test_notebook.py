"""The widget: its traits in Python, and its program drawing them in a browser as anywidget would call it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.mock_source import MockSource

from browser import Browser
from retort.chain import Chain
from retort.distribution import Distribution
from retort.errors import InputError
from retort.lens.page import position
from retort.report.standalone import BUNDLE

pytest.importorskip("anywidget")

# What a notebook's front end does: an element, a model with get and on, and the module's default export.
HOST = """<!doctype html><meta charset="utf-8"><style>STYLE</style><body><div id="cell"></div>
<script type="application/json" id="record">RECORD</script>
<script type="module">
SCRIPT
const listeners = [];
const model = {
  data: JSON.parse(document.getElementById("record").textContent),
  get(name) { return this[name]; },
  on(name, callback) { listeners.push(callback); },
  off() { listeners.length = 0; },
};
window.changeTo = (data) => { model.data = data; listeners.forEach((callback) => callback()); };
window.leave = EXPORTED.render({ model, el: document.getElementById("cell") });
</script>"""


def test_it_holds_the_bundle_and_the_records() -> None:
    from retort.notebook import Page, page

    widget = page(position=position(MockSource(30), "w1"))
    assert isinstance(widget, Page)
    assert widget.data["position"]["model"] == "mock:30"
    assert "render" in Page._esm and ".retort" in Page._css
    json.dumps(widget.data, allow_nan=False)


def test_it_takes_what_the_command_takes() -> None:
    from retort.notebook import page

    widget = page(MockSource(30), "w1", temperatures=[0, 1], max_tokens=3, against_prompt="w2", tour=True)
    assert set(widget.data) == {"version", "title", "tour", "position", "text", "path", "compare"}
    assert widget.data["compare"]["b"]["prompt"] == "w2" and len(widget.data["text"]["tokens"]) == 3
    with pytest.raises(InputError, match="both a model and a prompt"):
        page(MockSource(30))


@pytest.mark.parametrize("records", [{}, {"look": 1}])
def test_another_record_is_refused(records: dict[str, int]) -> None:
    from retort.notebook import page

    with pytest.raises(
        InputError, match="a page needs a model and a prompt, or records named tour, position"
    ):
        page(**records)


def drawn(browser: Browser, folder: Path, data: object) -> None:
    """The widget in a page of its own, as anywidget would draw it."""
    script = (BUNDLE / "page.js").read_text(encoding="utf-8")
    exported = script.rsplit("export {", 1)[1].split(" as default", 1)[0].strip()
    script = script.rsplit("export {", 1)[0]
    style = (BUNDLE / "page.css").read_text(encoding="utf-8")
    host = HOST.replace("STYLE", style).replace("RECORD", json.dumps(data).replace("<", "\\u003c"))
    file = folder / "cell.html"
    file.write_text(host.replace("EXPORTED", exported).replace("SCRIPT", script), encoding="utf-8")
    browser.go(file.as_uri())
    browser.shows("#cell .panel")


def test_it_draws_in_a_cell(browser: Browser, tmp_path: Path) -> None:
    from retort.notebook import page

    source = MockSource(200)
    drawn(browser, tmp_path, page(position=position(source, "w1", Chain("temperature=1"))).data)
    browser.shows("#cell .bars")
    # A notebook's cell is narrower than its window, and the layout follows the cell.
    browser.run("document.getElementById('cell').style.width = '640px'")
    browser.frame()
    parts = "[...document.querySelectorAll('#cell :is(.card, table)')]"
    reach = f"Math.max(...{parts}.map(e => e.getBoundingClientRect().right))"
    left = browser.run("return document.getElementById('cell').getBoundingClientRect().left")
    assert browser.run(f"return {reach}") <= left + 640
    browser.run("document.getElementById('cell').style.width = ''")
    browser.set("input.tau", "1.4")
    logits = source.logits_of([1])
    expected = Distribution(Chain("temperature=1.4").apply(logits))
    assert browser.value("[data-measure=entropy]") == pytest.approx(float(expected.entropy), abs=1e-6)
    assert "#" not in browser.driver.current_url, "a widget does not touch the notebook's address"
    # The notebook has commands on arrow keys and letters; what is pressed inside the widget is the widget's.
    browser.run("document.addEventListener('keydown', event => { window.heard = event.key; })")
    browser.run("document.querySelector('#cell input.tau').focus()")
    browser.press("\ue014")
    assert browser.text("#cell .tau-value") == "1.41" and browser.run("return window.heard ?? null") is None
    browser.run("window.changeTo(arguments[0])", page(position=position(source, "w9")).data)
    browser.until(lambda: "w9" in browser.text(".prompt"))
    browser.run("window.leave()")
    assert browser.run("return document.querySelector('#cell .bars')") is None


SHOWS = {
    "tour": ".tour table",
    "position": ".bars",
    "text": ".text-token",
    "path": ".bands",
    "compare": ".side-mark",
}


@pytest.mark.parametrize("width", [640, 1000])
def test_every_tab_draws_in_a_cell_and_stays_inside(browser: Browser, tmp_path: Path, width: int) -> None:
    from retort.notebook import page

    data = page(
        MockSource(200), "w1", temperatures=[0, 0.5, 1, 2], max_tokens=6, against_prompt="w2", tour=True
    ).data
    drawn(browser, tmp_path, data)
    browser.run("document.getElementById('cell').style.width = arguments[0]", f"{width}px")
    tabs = browser.texts("#cell [role=tab]")
    assert tabs == ["Tour", "Position", "Text", "Path", "Compare", "Terms"]
    for place, (name, selector) in enumerate(SHOWS.items()):
        browser.click(f"#cell [role=tab]:nth-of-type({place + 1})")
        browser.shows(f"#cell {selector}")
        browser.frame()
        assert browser.text("#cell [role=tab][aria-selected=true]").lower() == name
        # What may be scrolled sideways counts by its frame.
        outside = browser.run(
            "const edge = document.getElementById('cell').getBoundingClientRect().left + arguments[0];"
            "return [...document.querySelectorAll('#cell :is(.card, table, figure, svg, .tau-box)')]"
            ".filter(e => !e.parentElement.closest('.scroll') && e.getBoundingClientRect().right > edge + 1)"
            ".map(e => e.className?.baseVal ?? e.className)",
            width,
        )
        assert outside == [], f"{name} at {width} px"
        browser.picture(f"notebook-{name}-{width}")
