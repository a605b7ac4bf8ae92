"""llama.cpp's own sampler chain, called through the library that its Python bindings bring; for comparison only.

The bindings for Python copy candidates one by one, so the library is called directly: a candidate array is filled by
compiled code, the chain is applied to it, and both are counted. Order and settings are llama.cpp's: top_k, top_p,
min_p, temperature last.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])
PLACES = (("xllamacpp", "*.so"), ("llama_cpp", "lib/libllama.so"))
MISSING = "llama.cpp was left out: neither xllamacpp nor llama-cpp-python is installed"


class _Candidates(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.c_void_p),
        ("size", ctypes.c_size_t),
        ("selected", ctypes.c_int64),
        ("sorted", ctypes.c_bool),
    )


class _ChainParams(ctypes.Structure):
    _fields_ = (("no_perf", ctypes.c_bool),)


def find_library() -> ctypes.CDLL | None:
    """The library that exports llama.cpp's samplers, if bindings are installed."""
    for package, pattern in PLACES:
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            continue
        for file in sorted(Path(spec.origin).parent.glob(pattern)):
            library = ctypes.CDLL(str(file))
            if hasattr(library, "llama_sampler_apply"):
                return library
    return None


def sampler(
    library: ctypes.CDLL, settings: Mapping[str, Any], num_tokens: int
) -> Callable[[np.ndarray], list[int]]:
    """A function: logits `[n, vocab]` float32 → one token a row, by llama.cpp's chain with these settings."""
    library.llama_sampler_chain_init.restype = ctypes.c_void_p
    library.llama_sampler_chain_init.argtypes = [_ChainParams]
    chain = library.llama_sampler_chain_init(_ChainParams(True))
    library.llama_sampler_chain_add.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    library.llama_sampler_apply.argtypes = [ctypes.c_void_p, ctypes.POINTER(_Candidates)]

    def add(name: str, *arguments: Any) -> None:
        make = getattr(library, f"llama_sampler_init_{name}")
        make.restype = ctypes.c_void_p
        library.llama_sampler_chain_add(chain, make(*arguments))

    if "top_k" in settings:
        add("top_k", ctypes.c_int32(settings["top_k"]))
    for name in ("top_p", "min_p"):
        if name in settings:
            add(name, ctypes.c_float(settings[name]), ctypes.c_size_t(1))
    add("temp", ctypes.c_float(settings["temperature"]))
    add("dist", ctypes.c_uint32(7))

    candidates = np.zeros(num_tokens, dtype=CANDIDATE)
    array = _Candidates(candidates.ctypes.data, num_tokens, -1, False)
    fill = _filler()

    def draw(logits: np.ndarray) -> list[int]:
        drawn = []
        for row in logits:
            fill(row, candidates)
            array.size, array.selected, array.sorted = num_tokens, -1, False
            library.llama_sampler_apply(chain, ctypes.byref(array))
            drawn.append(int(candidates["id"][array.selected]))
        return drawn

    return draw


def _filler() -> Callable[[np.ndarray, np.ndarray], None]:
    from numba import njit

    @njit
    def fill(row, candidates):  # type: ignore[no-untyped-def]
        for token in range(len(row)):
            candidates[token].id = token
            candidates[token].logit = row[token]
            candidates[token].p = 0.0

    return fill
