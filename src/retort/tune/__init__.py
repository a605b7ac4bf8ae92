"""Choosing a temperature for a task, with evidence: tasks, scorers, the sweep, its statistics, the recommendation."""

from retort.tune.goals import GOALS, Goal
from retort.tune.recommend import recommend
from retort.tune.records import Recommendation, Setting, Tuning
from retort.tune.run import run
from retort.tune.scorers import SCORERS, Scorer, ScorerKind, normalise
from retort.tune.task import Item, Task, embedded_tasks, load_task

__all__ = [
    "GOALS",
    "SCORERS",
    "Goal",
    "Item",
    "Recommendation",
    "Scorer",
    "ScorerKind",
    "Setting",
    "Task",
    "Tuning",
    "embedded_tasks",
    "load_task",
    "normalise",
    "recommend",
    "run",
]
