"""Choosing settings for a task, with evidence: tasks, scorers, the sweep, its statistics, the recommendation."""

from retort.tune.budget import PRESETS, Budget, Preset, find_preset
from retort.tune.conclude import Origin, Setting, Tuning, conclude
from retort.tune.goals import GOALS, Goal, find_goal
from retort.tune.likelihoods import Likelihoods, read_likelihoods
from retort.tune.others_records import read_records
from retort.tune.recommend import Recommendation, recommend
from retort.tune.recording import read
from retort.tune.reweight import Reweighted, Wanted, reweighted
from retort.tune.run import make_plan, run
from retort.tune.samples import Samples
from retort.tune.score import SCORERS, Scorer, ScorerKind, normalise
from retort.tune.server_sweep import Pace
from retort.tune.task import Item, Task, embedded_tasks, load_task
from retort.tune.variety import Likeness, find_likeness

__all__ = [
    "GOALS",
    "PRESETS",
    "SCORERS",
    "Budget",
    "Goal",
    "Item",
    "Likelihoods",
    "Likeness",
    "Origin",
    "Pace",
    "Preset",
    "Recommendation",
    "Reweighted",
    "Samples",
    "Scorer",
    "ScorerKind",
    "Setting",
    "Task",
    "Tuning",
    "Wanted",
    "conclude",
    "embedded_tasks",
    "find_goal",
    "find_likeness",
    "find_preset",
    "load_task",
    "make_plan",
    "normalise",
    "read",
    "read_likelihoods",
    "read_records",
    "recommend",
    "reweighted",
    "run",
]
