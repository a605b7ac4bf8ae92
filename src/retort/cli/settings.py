"""Settings as one option: `--settings "temperature=0.8,top_k=50"` or JSON, in any engine's names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from retort.sampling.params import SamplingParams


@dataclass(frozen=True)
class Settings:
    """What was written: as params, and the settings of transforms that it names (None: said to be off)."""

    params: SamplingParams
    said: dict[str, Any]
    written: dict[str, Any]


class SettingsText(click.ParamType):
    """Settings written as `name=value,name=value` or as a JSON object."""

    name = "SETTINGS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Settings:
        from retort.errors import InputError
        from retort.sampling.params import SamplingParams
        from retort.sampling.setting_names import parse_settings

        if isinstance(value, Settings):
            return value
        try:
            written = parse_settings(value)
            return Settings(*SamplingParams.said(written), written)
        except InputError as problem:
            self.fail(str(problem), param, ctx)


settings_option = click.option(
    "--settings",
    type=SettingsText(),
    help='Settings in any engine\'s names, as in "temperature=0.8,top_k=50,repeat_penalty=1.1", or a JSON object.',
)
