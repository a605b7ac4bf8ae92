"""Choosing settings, prompts and models for a task, with evidence. `retort.tune(...)` is the command as a function.

In: a task (task.py, readers/: promptfoo's files, answers made elsewhere) and a model.
`plan.py` says what is asked, `run.py` asks it: `sweep.py` of a model that runs here, `server_sweep.py` of a server,
`choice.py` without drawing; `score.py` and `checks.py` mark the answers; `recording.py` keeps them. Then no model is
needed any more: `samples.py` counts, `conclude.py` puts the record together from `recommend.py` (the rule and its
words), whose evidence is `statistics.py` (a complete grid) or `sequential.py` (a race, which may stop at any time),
from `cells.py` (prompts, models, votes, where variance comes from) and `variety.py`. Out: a `Tuning`, whose tables,
picture and page are in `report.py`.

Read first: tune.py (the verb), then recommend.py (the rule).
"""

from __future__ import annotations

from retort.calling import callable_package
from retort.tune.budget import PRESETS, Budget, Preset, Price, find_preset
from retort.tune.conclude import conclude
from retort.tune.goals import GOALS, Goal, find_goal
from retort.tune.plan import make_plan
from retort.tune.readers.records import read_answers, read_records
from retort.tune.recommend import Recommendation, recommend
from retort.tune.recording import read
from retort.tune.report import Setting, Tuning, Tunings
from retort.tune.reweight import Likelihoods, Reweighted, Wanted, read_likelihoods, reweighted
from retort.tune.run import run
from retort.tune.samples import Origin, Samples
from retort.tune.score import SCORERS, Scorer, ScorerKind, normalise
from retort.tune.server_sweep import Pace
from retort.tune.task import Item, Task, embedded_tasks, load_task
from retort.tune.tune import tune
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
    "Price",
    "Recommendation",
    "Reweighted",
    "Samples",
    "Scorer",
    "ScorerKind",
    "Setting",
    "Task",
    "Tuning",
    "Tunings",
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
    "read_answers",
    "read_likelihoods",
    "read_records",
    "recommend",
    "reweighted",
    "run",
    "tune",
]

callable_package(__name__)
