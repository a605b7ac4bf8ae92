"""The tour: every verb once on one model, what was found in plain words, and the page."""

from retort.tour.plan import DEFAULT, QUICK, Plan
from retort.tour.run import Found, run

__all__ = ["DEFAULT", "QUICK", "Found", "Plan", "run"]
