"""Settings as one option: `--settings "temperature=0.8,top_k=50"` or JSON, in any engine's names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from retort.chain.chain import Chain
    from retort.sampling.params import SamplingParams


@dataclass(frozen=True)
class Settings:
    """What was written, under our names: as params, and the settings of transforms (None: said to be off)."""

    named: dict[str, Any]
    params: SamplingParams
    said: dict[str, Any]


class SettingsText(click.ParamType):
    """Settings written as `name=value,name=value` or as a JSON object."""

    name = "SETTINGS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Settings:
        from retort.errors import InputError
        from retort.sampling.params import SamplingParams
        from retort.sampling.setting_names import irrelevant, parse_settings

        if isinstance(value, Settings):
            return value
        try:
            given = parse_settings(value)
            named = SamplingParams.named(given)
            if beside := irrelevant(given):
                verb = "do" if len(beside) > 1 else "does"
                click.echo(f"--settings: {', '.join(beside)} {verb} not change the distribution.", err=True)
            return Settings(named, *SamplingParams.said(named))
        except InputError as problem:
            self.fail(str(problem), param, ctx)


def sampling_params(
    settings: Settings | None,
    given: dict[str, Any],
    chain: Chain | None,
    engine: str | None,
    defaults: bool,
    model: str | None = None,
) -> SamplingParams:
    """The params of `--settings` and the command's own options (`given`: name → value, None where not given).

    What the command line did not say of seed, max_tokens and stop may stand in the settings. With an engine, the chain
    is what the settings are there; with `defaults`, what they leave open is what the engine takes from `model`. Raises
    a usage error if something is said twice.
    """
    from retort.chain.chain import Chain
    from retort.chain.engines import find_engine
    from retort.sampling.params import SamplingParams
    from retort.sources.load import load, own_settings, with_breakers

    if defaults and engine is None:
        raise click.UsageError("--defaults are an engine's own; name the engine with --engine.")
    named = {} if settings is None else dict(settings.named)
    for name, value in given.items():
        said = click.get_current_context().get_parameter_source(name) is ParameterSource.COMMANDLINE
        if said and name in named:
            raise click.UsageError(
                f"--{name.replace('_', '-')} and --settings both say {name}; give it once."
            )
        if value is not None and name not in named:
            named[name] = value
    if chain is not None:
        named["chain"] = chain
    params, transforms = SamplingParams.said(named)
    if engine is None:
        SamplingParams.from_dict(named)  # refuses an engine's order where no engine is named
        return params
    if params.chain is not None:
        raise click.UsageError(
            "a chain has its own order, so it cannot be combined with --engine; give one of them."
        )
    own = own_settings(model) if defaults and model is not None else None
    if model is not None and transforms.get("dry_multiplier"):
        transforms = with_breakers(transforms, find_engine(engine).name, load(model))
    there = Chain.like(engine, transforms, defaults=defaults, model_defaults=own)
    return SamplingParams(
        chain=there, end_ids=params.end_ids, seed=params.seed, max_tokens=params.max_tokens, stop=params.stop
    )


settings_option = click.option(
    "--settings",
    type=SettingsText(),
    help='Settings in any engine\'s names, as in "temperature=0.8,top_k=50,repeat_penalty=1.1", or a JSON object.',
)
