"""Drawing tokens and texts: settings, noise, one batch of rows, whole texts, and the text at every temperature."""

from retort.sampling.generate import Piece, Sample, SampledToken, generate, stream
from retort.sampling.noise import NoiseCache, gumbel, gumbel_at, uniform_at
from retort.sampling.params import SamplingParams
from retort.sampling.path import Leaf, PathRequest, TemperaturePath, temperature_path, temperature_paths
from retort.sampling.sampler import NOISE_SCALE, BadRowsError, SampleBatch, sample
from retort.sampling.speculative_decoding import Speculation
from retort.sampling.workers import num_threads, set_num_threads

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
