"""How far a run of claims is: what they are measured on, in parts of known size, reported as one percentage."""

from __future__ import annotations

from collections.abc import Callable, Mapping

ProgressCallback = Callable[[float, float, str], None]

WHOLE = 100.0


class Work:
    """Parts of a run by size, and a callback `(per cent done, 100, what is being done)`.

    A size is a guess of how many rows go through the model. A part counts once, however many claims share it; one that
    was not planned counts nothing.
    """

    def __init__(self, sizes: Mapping[str, float], on_progress: ProgressCallback | None = None) -> None:
        self._sizes = sizes
        self._on_progress = on_progress
        self._shares: dict[str, float] = {}

    def tell(self, part: str, share: float, detail: str) -> None:
        """`share` (0 to 1) of this part is done; it never goes back."""
        self._shares[part] = max(share, self._shares.get(part, 0.0))
        if self._on_progress is not None:
            done = sum(size * self._shares.get(name, 0.0) for name, size in self._sizes.items())
            self._on_progress(WHOLE * done / max(sum(self._sizes.values()), 1e-9), WHOLE, detail)
