"""The few places where numpy arrays and torch tensors differ, so that every formula is written once for both.

Legend: N rows, V vocabulary, M candidates. Torch is reached only through the tensor that a caller hands in;
this file never imports it.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from retort.errors import InputError

Array: TypeAlias = Any
"""A numpy array or a torch tensor."""

Floats: TypeAlias = NDArray[np.float64]
"""A numpy array of float64."""


def namespace(array: Array) -> Any:
    """The array API namespace (numpy's or torch's functions) that `array` belongs to.

    numpy's own functions follow the standard, and the wrapper around them is slow to import.
    """
    return np if is_numpy(array) else array_api_compat.array_namespace(array)


def is_numpy(array: Array) -> bool:
    """True for numpy arrays, which are computed in float64; torch tensors keep float32, for training."""
    return bool(array_api_compat.is_numpy_array(array))


def as_floats(values: Array) -> Array:
    """`values` as an array `[..., vocab]` of float32 or float64; the same object if it is one already.

    Lists and integers become float64. float16 and bfloat16 become float32, which holds them exactly: sums and
    quotients of half floats create ties and totals that are visibly not one.
    """
    if not array_api_compat.is_array_api_obj(values):
        try:
            values = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError) as problem:
            kind = type(values).__name__
            raise InputError(
                f"logits must be a numpy array, a torch tensor or a list of numbers, got {kind}: {problem}"
            ) from None
    if values.ndim == 0 or values.shape[-1] == 0:
        raise InputError(
            f"logits need at least one token on their last axis, got shape {tuple(values.shape)}; "
            "pass an array of shape [..., vocab]"
        )
    xp = namespace(values)
    if values.dtype in (xp.float32, xp.float64):
        return values
    if xp.isdtype(values.dtype, "complex floating"):
        raise InputError(f"logits must be real numbers, got {values.dtype}")
    half_float = not xp.isdtype(values.dtype, ("integral", "bool"))
    return xp.astype(values, xp.float32 if half_float else xp.float64)


def widened(array: Array) -> Array:
    """`array` in the precision that sums and exponentials use: float64 for numpy, unchanged for torch."""
    return array.astype(np.float64, copy=False) if is_numpy(array) else array


def detached(array: Array) -> Array:
    """`array` without its gradient history: which tokens are kept is not a differentiable function."""
    return array if is_numpy(array) else array.detach()


def like(array: Array, values: Any, dtype: Any = None) -> Array:
    """`values` as an array of the same kind and on the same device as `array`."""
    return namespace(array).asarray(values, dtype=dtype, device=array_api_compat.device(array))


def token_ids(logits: Array) -> Array:
    """`[vocab]` integers 0 .. vocab-1 on the device of `logits`."""
    return namespace(logits).arange(logits.shape[-1], device=array_api_compat.device(logits))


def largest(values_NV: Array, count: int) -> Array:
    """`[N, count]` largest values of each row in falling order, without sorting the rest of the row."""
    num_tokens = values_NV.shape[-1]
    if not is_numpy(values_NV):
        xp = namespace(values_NV)
        if count > num_tokens // 4:
            return xp.sort(values_NV, axis=-1, descending=True)[..., :count]
        return xp.topk(values_NV, count, dim=-1, sorted=True).values
    if count < num_tokens:
        values_NV = np.partition(values_NV, num_tokens - count, axis=-1)[..., num_tokens - count :]
    return np.sort(values_NV, axis=-1)[..., ::-1]


def to_numpy(array: Array) -> np.ndarray:
    """`array` as a numpy array on the host, for small results such as a list of bad rows."""
    return array if is_numpy(array) else array.detach().cpu().numpy()
