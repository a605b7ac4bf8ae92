"""The tour: every verb once on one model, what was found in plain words, and the page.

In: a plan (`plan.py`, read it first). Out: a `Story` for the report. `run.py` runs the verbs, `findings.py` says what
they found, `kept.py` finds the tunings of an earlier tour again.
"""

from retort.tour.plan import DEFAULT, SMALL, Plan, quick
from retort.tour.run import Found, run

__all__ = ["DEFAULT", "SMALL", "Found", "Plan", "quick", "run"]
