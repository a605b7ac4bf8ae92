"""For all tests: hypothesis without a deadline, because a machine with other work is slow now and then."""

from hypothesis import settings

settings.register_profile("retort", deadline=None)
settings.load_profile("retort")
