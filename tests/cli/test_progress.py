"""Progress lines: silent for short jobs, a plain line now and then where there is no terminal."""

import io

import pytest

from retort.cli.progress import Progress, time_left


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _able_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever terminal the tests are started from."""
    monkeypatch.setenv("TERM", "xterm-256color")


def test_plain_lines_come_at_most_every_ten_seconds() -> None:
    stream, clock = io.StringIO(), Clock()
    with Progress("job", stream=stream, clock=clock) as progress:
        for second in range(31):
            clock.now = 100.0 + second
            progress(second, 60)
    lines = stream.getvalue().splitlines()
    assert lines == [
        "job: 10 of 60, about 50 s left",
        "job: 20 of 60, about 40 s left",
        "job: 30 of 60, about 30 s left",
    ]


def test_a_percentage_stands_alone() -> None:
    stream, clock = io.StringIO(), Clock()
    with Progress("job", unit="%", stream=stream, clock=clock) as progress:
        clock.now += 10
        progress(20.4, 100.0, "reading")
    assert stream.getvalue() == "job: 20%, reading, about 39 s left\n"


def test_a_short_job_shows_nothing() -> None:
    for stream in (io.StringIO(), Terminal()):
        clock = Clock()
        with Progress("job", stream=stream, clock=clock) as progress:
            clock.now += 0.1
            progress(1, 2)
        assert stream.getvalue() == ""


def test_a_terminal_gets_a_live_line_with_the_detail_as_it_is() -> None:
    stream, clock = Terminal(), Clock()
    with Progress("job", unit=" texts", stream=stream, clock=clock) as progress:
        clock.now += 5
        progress(1, 4, "[seed] 2")
    shown = stream.getvalue()
    assert "job" in shown
    assert "1 of 4 texts" in shown
    assert "[seed] 2" in shown
    assert "about 15 s left" in shown


@pytest.mark.parametrize("term", ["dumb", "unknown"])
def test_a_terminal_that_cannot_move_its_cursor_gets_plain_lines(
    monkeypatch: pytest.MonkeyPatch, term: str
) -> None:
    monkeypatch.setenv("TERM", term)
    stream, clock = Terminal(), Clock()
    with Progress("job", stream=stream, clock=clock) as progress:
        clock.now += 10
        progress(10, 60)
    assert stream.getvalue() == "job: 10 of 60, about 50 s left\n"


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()], ids=["lines", "terminal"])
def test_a_job_that_estimates_its_own_seconds_shows_that_estimate_alone(stream: io.StringIO) -> None:
    """Loading a model took 20 s more than what was counted: the rest does not take longer for it."""
    clock = Clock()
    with Progress("distill", in_seconds=True, stream=stream, clock=clock) as progress:
        clock.now += 52
        progress(32, 2552, "hard, seed 0, step 5 of 500")
    shown = " ".join(stream.getvalue().split())
    assert "hard, seed 0, step 5 of 500" in shown and "about 42 min left" in shown
    assert "2,552" not in shown and "68 min" not in shown


def test_what_a_library_prints_stays_off_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("job"):
        print("a library's chatter")
    print("the result")
    assert capsys.readouterr() == ("the result\n", "a library's chatter\n")


@pytest.mark.parametrize(
    ("elapsed", "done", "total", "said"),
    [
        (5, 0, 10, "time left unknown"),
        (10, 10, 10, "about 0 s left"),
        (60, 1, 3, "about 2 min left"),
        (3600, 1, 4, "about 3.0 h left"),
    ],
)
def test_time_left(elapsed: float, done: float, total: float, said: str) -> None:
    assert time_left(elapsed, done, total) == said
