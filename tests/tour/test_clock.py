"""The estimate of a whole tour: budgets before a step, its own pace inside, the machine's speed for the rest."""

import pytest

from retort.tour.run import Clock


class Time:
    now = 50.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


def test_budget_then_pace_then_the_machines_speed(time: Time) -> None:
    said = []
    clock = Clock([10, 100, 20], lambda *report: said.append(report), clock=time)
    clock.begin("look")
    assert said[-1] == (0, 130, "1/3 look")
    time.now += 20  # twice the budget
    assert clock.end(reused=False) == 20
    clock.begin("tune")
    assert said[-1] == (20, 20 + 200 + 40, "2/3 tune")
    time.now += 30
    clock.progress(1, 4, "paths")
    assert said[-1] == (50, 50 + 90 + 40, "2/3 tune: paths")


def test_the_first_items_of_a_step_say_nothing_about_its_pace(time: Time) -> None:
    """One item of a hundred after 15 s, most of them for opening the model, is not 25 minutes."""
    said = []
    clock = Clock([60, 40], lambda *report: said.append(report), clock=time)
    clock.begin("tune")
    time.now += 15
    clock.progress(1, 100)
    assert said[-1][:2] == (15, 60 + 40)
    time.now += 15
    clock.progress(50, 100)
    assert said[-1][:2] == (30, 60 + 40)
    time.now += 60
    clock.progress(1, 1000)  # far beyond its budget, and hardly begun: then the pace is all there is
    assert said[-1][1] > 10_000


def test_a_step_that_reused_results_does_not_make_the_machine_fast(time: Time) -> None:
    said = []
    clock = Clock([60, 100], lambda *report: said.append(report), clock=time)
    clock.begin("tune")
    clock.end(reused=True)
    clock.begin("distill")
    assert said[-1] == (0, 100, "2/2 distill")


def test_nobody_listening(time: Time) -> None:
    clock = Clock([1], None, clock=time)
    clock.begin("look")
    clock.progress(0, 1)
    assert clock.end(reused=False) == 0
