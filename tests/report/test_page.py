"""The page stands alone, says everything, and follows light and dark."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tests.report.stories import make_distillation, make_story

from retort.distill.results import Bin
from retort.errors import InputError
from retort.report import render, write_page

VOID = {"meta", "br", "hr", "img", "input", "link"}


class Reader(HTMLParser):
    """Collects attributes and visible text, and notices a tag that is not closed where it should be."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: list[str] = []
        self.problems: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}> at {self.getpos()}")

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.texts.append(data)


@pytest.fixture(scope="module")
def page() -> str:
    return render(make_story())


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader


def test_every_tag_is_closed_and_every_id_is_there_once(page: str) -> None:
    reader = read(page)
    assert (reader.problems, reader.open) == ([], [])
    ids = Counter(value for _, name, value in reader.attributes if name == "id")
    assert [one for one, count in ids.items() if count > 1] == []
    used = {value[1:] for _, name, value in reader.attributes if name == "href"}
    used |= set(re.findall(r"url\(#([^)]+)\)", page))
    assert used
    assert used <= set(ids)


def test_it_needs_nothing_from_outside(page: str) -> None:
    reader = read(page)
    tags = {tag for tag, _, _ in reader.attributes}
    assert not tags & {"script", "link", "img", "iframe", "object"}
    assert "<script" not in page
    assert not re.search(r"\bsrc=|@import|@font-face|https?://", page)
    assert {value[:1] for _, name, value in reader.attributes if name == "href"} == {"#"}
    assert "default-src 'none'" in page


def test_every_colour_of_a_figure_is_defined_for_light_and_for_dark(page: str) -> None:
    used = set(re.findall(r"var\(--([\w-]+)\)", page))
    assert {"ink", "cool", "warm", "region", "card"} <= used
    light, dark = re.findall(r":root \{(.*?)\}", page, re.DOTALL)
    for scheme in (light, dark):
        assert used <= set(re.findall(r"--([\w-]+):", scheme))
    svgs = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(svgs) == 8
    # All but the texts' own colours, which stand on their own ground in light and dark alike.
    loose = {
        colour
        for svg in svgs
        if 'aria-label="Which text' not in svg
        for colour in re.findall(r"#[0-9a-f]{6}\b", svg)
    }
    assert loose == set()


def test_it_says_every_finding_step_command_and_text(page: str) -> None:
    story = make_story()
    said = " ".join("".join(read(page).texts).split())
    expected = [part for finding in story.findings for part in (finding.title, finding.text)]
    expected += [step.command for step in story.steps]
    expected += [*story.next_commands, "9 of 9 students from an earlier run"]
    expected += [leaf.text.strip() for leaf in story.path.path.leaves]
    expected += [found.tuning.recommendation.reason for found in story.tunings]
    expected += ["150 of 300 items, evenly spread", "48 of 48 items,", "nats per token", "Same steps: helps."]
    assert [part for part in expected if " ".join(part.split()) not in said] == []


def test_figures_carry_real_text_and_a_label(page: str) -> None:
    reader = read(page)
    assert "suggested: τ = 0.2; shaded: statistically tied with the best" in reader.texts
    assert all(value for tag, name, value in reader.attributes if tag == "svg" and name == "aria-label")
    assert sum(tag == "svg" and name == "aria-label" for tag, name, _ in reader.attributes) == 8


def test_a_token_cannot_become_markup() -> None:
    story = make_story()
    evil = replace(story.looks[0], prompt="</h3><script>alert(1)</script>")
    page = render(replace(story, looks=(evil,), entropies=(evil,)))
    assert "<script" not in page
    assert read(page).problems == []


def test_bins_of_the_gain_are_listed_where_they_are_known(page: str) -> None:
    assert "Where the difference comes from" not in page
    story = make_story()
    one = Bin(0.25, 1.5, 400, 0.4, 3.25, 3.0, 0.25, (0.125, 0.375), 0.1)
    told = replace(story.distillation.result, gain_by={"frequency": (one,)}, gain_by_part="test")
    listed = render(replace(story, distillation=replace(story.distillation, result=told)))
    row = "<td>times in the training text</td><td>0.25 to 1.5</td><td>40%</td><td>3.250</td><td>3.000</td>"
    assert row in listed and "<td>0.1250 to 0.3750</td><td>+0.1000</td>" in listed
    assert read(listed).problems == []


def test_a_temperature_that_moves_is_said_from_first_to_last() -> None:
    story = make_story()
    found = story.distillation.result
    moving = {**found.recipe, "temperature": {"first": 4.0, "last": 1.0, "schedule": "linear"}}
    distillation = replace(story.distillation, result=replace(found, recipe=moving))
    assert "4 to 1, 70% of the loss" in " ".join(render(replace(story, distillation=distillation)).split())


def test_without_a_control_there_is_no_difference_to_draw() -> None:
    story = make_story()
    alone = replace(story.distillation, result=make_distillation(control=False))
    page = render(replace(story, distillation=alone))
    assert "The paired difference" not in page
    assert "no control" in page
    assert read(page).problems == []


def test_same_story_same_page_written_whole(tmp_path: Path, page: str) -> None:
    file = tmp_path / "deep" / "report.html"
    write_page(make_story(), file)
    assert file.read_text(encoding="utf-8") == page
    assert [one.name for one in file.parent.iterdir()] == ["report.html"]
    (tmp_path / "taken").write_text("")
    with pytest.raises(InputError, match="taken"):
        write_page(make_story(), tmp_path / "taken" / "report.html")
