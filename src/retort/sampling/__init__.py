"""Drawing tokens and texts. Prompts and settings flow in, texts flow out, and of each token how it was drawn.

Read `draw.py` first: one function draws the rows of a batch. Below it are `noise.py` (the random numbers, by seed and
position) and `kernels/` (the same draw, compiled, for long rows). Above it: `generate.py` (whole texts), `path.py` (the
text at every temperature; `envelope.py` says where one row's token changes), `speculative.py` (a draft model).
`params.py` are the settings of a request.
"""

from retort.sampling.draw import NOISE_SCALE, BadRowsError, SampleBatch, Sampler, sample
from retort.sampling.generate import Piece, Sample, SampledToken, generate, stream
from retort.sampling.kernels.threads import num_threads, set_num_threads
from retort.sampling.noise import NoiseCache, gumbel, gumbel_at, uniform_at
from retort.sampling.params import SamplingParams
from retort.sampling.path import Leaf, PathRequest, TemperaturePath, temperature_path, temperature_paths
from retort.sampling.speculative import Speculation

__all__ = [
    "NOISE_SCALE",
    "BadRowsError",
    "Leaf",
    "NoiseCache",
    "PathRequest",
    "Piece",
    "Sample",
    "SampleBatch",
    "SampledToken",
    "Sampler",
    "SamplingParams",
    "Speculation",
    "TemperaturePath",
    "generate",
    "gumbel",
    "gumbel_at",
    "num_threads",
    "sample",
    "set_num_threads",
    "stream",
    "temperature_path",
    "temperature_paths",
    "uniform_at",
]
