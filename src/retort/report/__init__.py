"""Records as figures and pages. Records flow in, HTML flows out; nothing new is computed here.

Read `page.py` first (the report of the tour); `standalone.py` makes the interactive page. matplotlib is loaded when a
page is made.
"""

from retort.report.page import render, write_page
from retort.report.story import DistillFound, DrawsFound, Finding, Step, Story, TuneFound

__all__ = [
    "DistillFound",
    "DrawsFound",
    "Finding",
    "Step",
    "Story",
    "TuneFound",
    "render",
    "write_page",
]
