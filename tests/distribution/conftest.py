"""Hypothesis for these tests: the same examples on every run, and no deadline, since the machine may be busy."""

from hypothesis import settings

settings.register_profile("retort", deadline=None, derandomize=True, max_examples=40)
settings.load_profile("retort")
