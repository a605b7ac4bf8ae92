"""For all tests: no deadlines of hypothesis, no notice of kernels being compiled: machines are slow now and then."""

from hypothesis import settings

from retort.sampling import compiling

settings.register_profile("retort", deadline=None)
settings.load_profile("retort")

compiling.PATIENCE = 3600.0
