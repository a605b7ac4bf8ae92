"""Any chain in SGLang: a custom logit processor, sent with each request.

The server is started with `--enable-custom-logit-processor`; a request carries `custom_logit_processor` (the string of
`processor_string()`) and `custom_params` (of `custom_params(chain)`). SGLang runs it after its penalties, grammar and
bias and before its temperature, so leave temperature at 1 and top-k, top-p and min-p off.

Written against the interface as published in SGLang 0.5.23 (sglang/srt/sampling/custom_logit_processor.py,
sglang/srt/layers/sampler.py) and tested against a description of it; not run inside SGLang.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from retort.adapters.requests import (
    KEY,
    LOG,
    Request,
    Row,
    apply_rows,
    check_engine_temperature,
    derived,
    request_of,
)
from retort.chain import Chain
from retort.errors import InputError

MEMORY = "__retort__"
"""Where a request's chain and state stay between steps: SGLang makes a new processor object as batches change, but
hands over the same dictionary of a request each time."""


class _Rows:
    """`(logits [rows, vocab], one dictionary of custom parameters a row) → logits`, changed in place."""

    def __call__(self, logits: Any, custom_param_list: Sequence[Any] | None = None) -> Any:
        rows = []
        for place, params in enumerate(custom_param_list or ()):
            if not params or KEY not in params:
                continue
            engine_request = params.get("__req__")
            if MEMORY not in params:
                params[MEMORY] = _remembered(params[KEY], engine_request)
            if params[MEMORY] is not None:
                rows.append(Row(place, params[MEMORY], partial(_tokens, engine_request)))
        apply_rows(logits, rows)
        return logits


def processor_string() -> str:
    """What a request's `custom_logit_processor` is: a JSON text that names our class for the server to import.

    The form of SGLang's own `to_str`, which pickles a class by its name; the server needs retort-lm installed, the
    client needs neither SGLang nor dill.
    """
    by_name = f"c{__name__}\nChainLogitProcessor\n.".encode()  # pickle, protocol 0: a global, and stop
    return json.dumps({"callable": by_name.hex()})


def custom_params(chain: Chain | str | Mapping[str, Any], seed: int | None = None) -> dict[str, Any]:
    """A request's `custom_params`: `{"retort": chain}` and the seed of its coins, checked here, before it is sent.

    Raises InputError for a chain that cannot be read, or one that cannot be written as text (a grammar).
    """
    spec: Any = str(chain) if isinstance(chain, Chain) else chain
    request = request_of(spec, seed)
    if isinstance(chain, Chain) and request.chain != chain:
        raise InputError(f"the chain ({chain}) cannot be written as text, and text is what a request carries")
    if seed is not None:
        spec = {"chain": spec, "seed": seed} if isinstance(spec, str) else {**spec, "seed": seed}
    return {KEY: spec}


def _remembered(spec: Any, engine_request: Any) -> Request | None:
    """The request that these parameters mean; None, and an error in the log, for what nobody checked before sending.

    SGLang asks no processor whether it likes its parameters, and an exception here would end the server.
    """
    settings = getattr(engine_request, "sampling_params", None)
    try:
        request = request_of(spec, getattr(settings, "sampling_seed", None))
        check_engine_temperature(request, getattr(settings, "temperature", None))
    except InputError as problem:
        LOG.error("a request goes on without its chain: %s", problem)
        return None
    return request


def _tokens(engine_request: Any) -> tuple[Sequence[int], Sequence[int]]:
    return list(engine_request.origin_input_ids), list(engine_request.output_ids)


def __getattr__(name: str) -> Any:
    if name != "ChainLogitProcessor":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    base = "sglang.srt.sampling.custom_logit_processor.CustomLogitProcessor"
    made = globals()[name] = derived(__name__, name, _Rows, base, "SGLang", "0.5.23")
    return made
