"""Settings as an engine reads them, as one of the settings that a sweep compares: `llama.cpp: top_k=40, min_p=0.05`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from retort.chain import Chain
from retort.chain.engines import find_engine
from retort.errors import InputError
from retort.sampling.params import SamplingParams
from retort.sampling.setting_names import parse_settings

WRITTEN = re.compile(r"\s*([A-Za-z][\w.-]*)\s*:(.*)", re.DOTALL)
SOME_TEMPERATURE = 0.5
"""Stands in for the temperatures of a sweep: any that is not 1, which would leave no stage to mark its place."""


@dataclass(frozen=True)
class EngineSettings:
    """What is set, under our names, in an engine's order, ties and defaults."""

    engine: str
    settings: Mapping[str, Any]

    def chain(self, *, swept: bool) -> Chain:
        """The chain that they are there. `swept`: to be taken at other temperatures, so the engine's place for the
        temperature is kept, whatever temperature is set."""
        settings = {**self.settings, "temperature": SOME_TEMPERATURE} if swept else self.settings
        return Chain.like(self.engine, settings)


def parse_engine_settings(text: str) -> EngineSettings | None:
    """The settings in `ENGINE: name=value, name=value`; None for a text of another form, such as a chain.

    Raises InputError for an unknown engine or setting, and for one that is no transform's (seed, max_tokens).
    """
    written = WRITTEN.fullmatch(text)
    if written is None:
        return None
    engine = find_engine(written[1]).name
    named = SamplingParams.named(parse_settings(written[2]))
    _, said = SamplingParams.said(named)
    if not said or len(said) < len(named):
        wrong = ", ".join(sorted(set(named) - set(said)))
        raise InputError(
            f"{text.strip()!r} sets {wrong or 'nothing'}; give what shapes the distribution, as in "
            f"'{engine}: top_k=40, top_p=0.9'"
        )
    found = EngineSettings(engine, said)
    found.chain(swept=False)
    return found
