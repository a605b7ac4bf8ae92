"""Figures are legible: no two texts overlap, tokens are shown as they are, and the bands are the path's own blocks."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from tests.report.stories import make_distillation, make_look, make_path, make_story, make_tuning

from retort.lens.path import Band
from retort.lens.path import bands as path_bands
from retort.report import bands, figures
from retort.report.drawing import token_text

STORY = make_story()


def texts(figure: Figure) -> list[Text]:
    """Every text that is really drawn (ticks beyond an axis exist as objects and are not)."""
    drawn: list[Text] = []

    def note(self, gc, x, y, s, prop, angle, ismath=False, mtext=None) -> None:
        if mtext is not None:  # lines of a longer text come without it
            drawn.append(mtext)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RendererAgg, "draw_text", note)
        FigureCanvasAgg(figure).draw()
    return drawn + [text for text in figure.findobj(Text) if "\n" in text.get_text()]


DRAWN = {
    "distribution": lambda: figures.distribution(STORY.looks[1]),
    "distribution at one temperature": lambda: figures.distribution(make_look((1.0,))),
    "entropy": lambda: figures.entropy(STORY.entropies),
    "path": lambda: bands.path(STORY.path),
    "exploit": lambda: figures.tuning(STORY.tunings[0].tuning),
    "explore, undetectable": lambda: figures.tuning(make_tuning("explore", setting=1.0, detectable=False)),
    "learning": lambda: figures.learning(STORY.distillation),
    "differences": lambda: figures.differences(STORY.distillation.result),
    "one difference": lambda: figures.differences(
        replace(make_distillation(test=False), difference_equal_time=None)
    ),
}


@pytest.mark.parametrize("name", DRAWN)
def test_no_text_overlaps_another_or_leaves_the_figure(name: str) -> None:
    figure = DRAWN[name]()
    found = texts(figure)
    assert len(found) > 4
    width, height = figure.bbox.width, figure.bbox.height
    boxes = [(text.get_text(), text.get_window_extent()) for text in found]
    assert [t for t, b in boxes if b.x0 < -1 or b.y0 < -1 or b.x1 > width + 1 or b.y1 > height + 1] == []
    overlapping = [
        (first, second)
        for (first, a), (second, b) in combinations(boxes, 2)
        if min(a.x1, b.x1) - max(a.x0, b.x0) > 1 and min(a.y1, b.y1) - max(a.y0, b.y0) > 1
    ]
    assert overlapping == []


def test_a_tokens_spaces_and_signs_are_shown_as_they_are() -> None:
    shown = {text.get_text() for text in texts(figures.distribution(make_look()))}
    assert {"‘ fruit’", "‘ $x^2$’"} <= shown
    assert "τ = 1, as it is" in shown
    assert token_text("\n") == r"‘\n’"
    assert token_text("a" * 40) == "‘" + "a" * 15 + "…’"


def test_blocks_of_a_path_by_hand() -> None:
    """Leaves "a b", "a c", "d": their first tokens are two blocks, and a gap inside a shared prefix is bridged."""
    whole = make_path()
    leaves = [
        replace(leaf, temperature_low=low, temperature_high=high, ids=ids)
        for leaf, (low, high, ids) in zip(
            whole.path.leaves, [(0.0, 0.5, (0, 1)), (0.75, 1.0, (0, 2)), (1.0, 2.0, (3,))], strict=False
        )
    ]
    found = replace(
        whole, tokens=(("a", "b"), ("a", "c"), ("d",)), path=replace(whole.path, leaves=tuple(leaves))
    )
    assert list(path_bands(found)) == [
        Band(0, 0.0, 1.0, "a", 0, 1),
        Band(0, 1.0, 2.0, "d", 2, 2),
        Band(1, 0.0, 0.5, "b", 0, 0),
        Band(1, 0.75, 1.0, "c", 1, 1),
    ]


def test_neighbouring_texts_have_different_colours() -> None:
    colours = bands.leaf_colours(make_path())
    assert len(set(colours)) == len(colours) == 9


def test_the_table_of_comparisons_leaves_out_what_was_not_measured() -> None:
    assert [name for name, _ in figures.comparisons(make_distillation(test=False))] == [
        "same steps, validation",
        "same time, validation",
    ]
    assert figures.comparisons(make_distillation(control=False)) == []
