"""retort's sampling inside other engines: transformers, vLLM and SGLang.

Each engine has its own module, loaded when it is first named (`retort.adapters.transformers`), and each module imports
that engine's library only.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["sglang", "transformers", "vllm"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'retort.adapters' has no attribute {name!r}")
    return import_module(f"retort.adapters.{name}")
