"""Records drawn: figures and one standalone page. Computes nothing new; matplotlib loads when a page is made."""

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
