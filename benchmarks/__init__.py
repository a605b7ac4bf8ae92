"""What retort costs, side by side with its peers. `python -m benchmarks --help` says how to run it.

Every number is a ratio of two things timed in turns within one run, because seconds alone speak of a machine on a day.
"""
