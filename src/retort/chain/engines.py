"""What the same settings mean in other engines: each one's order, its rule for ties, its defaults, as a Chain.

Read from transformers 5.24 (`GenerationMixin._get_logits_processor`), vLLM 0.33 (`v1/sample`), SGLang 0.5.23
(`srt/sampling`, `srt/layers/sampler.py`), llama.cpp as in llama-cpp-python 0.3.36 (`common/sampling.cpp`) and mlx-lm
0.32 (`sample_utils.py`). `tests/conformance` holds what was checked against which of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from retort.chain.stage import Stage
from retort.errors import InputError, did_you_mean
from retort.transforms import TRANSFORMS

Settings = Mapping[str, Any]
"""Flat settings: the names of SamplingParams → values; what is None or absent was not said."""

PENALTIES = ("repetition_penalty", "frequency_penalty", "presence_penalty")


@dataclass(frozen=True)
class Engine:
    """How one engine reads flat settings.

    - `version`: what was read. `order`: the transforms that it applies with these settings, in its order.
    - `quirks`: transform → its parameters there, where they are not ours (ties, scopes).
    - `defaults`: what it uses where nothing is said. `read`: settings as the engine changes them before use.
    - `scopes`: the penalty scopes that its settings can say, beside each penalty's own.
    - `min_keep_in`: the transforms that keep at least so many tokens there.
    - `greedy_alone`: at temperature 0 it takes the most likely token and applies no truncation.
    - `notes`: where its behaviour is more than a chain can say.
    """

    name: str
    version: str
    order: Callable[[Settings], tuple[str, ...]]
    quirks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    read: Callable[[Settings], dict[str, Any]] = dict
    scopes: tuple[str, ...] = ()
    greedy_alone: bool = True
    min_keep_in: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def unread(self, settings: Settings) -> tuple[str, ...]:
        """The given settings that this engine does not apply, beside these others; in the order given."""
        settings = self.read(_said(settings))
        order = self.order(settings)
        mains = {TRANSFORMS[name].main.setting for name in order}
        known = {parameter.setting for name in order for parameter in TRANSFORMS[name].parameters}
        on = {row.main.setting for row in TRANSFORMS.values()} & set(settings)
        active = [name for name in order if TRANSFORMS[name].main.setting in settings]
        return tuple(
            name
            for name in settings
            if name not in known
            or (name in on and name not in mains)
            or (name == "min_keep" and not set(active) & set(self.min_keep_in))
            or (name == "penalty_scope" and not self._says(settings[name], active))
        )

    def _says(self, scope: str, active: list[str]) -> bool:
        """True if the settings can say this penalty scope here, or it is what the active penalties have anyway."""
        own = {self.quirks.get(penalty, {}).get("scope") for penalty in PENALTIES if penalty in active}
        return scope.split(":")[0] in self.scopes or own <= {scope}

    def stages(self, settings: Settings) -> tuple[Stage, ...]:
        """The stages that these settings are in this engine, in its order; what it does not read is left out."""
        settings = self.read(_said(settings))
        order = self.order(settings)
        found = {name: stage for name in order if (stage := self._stage(name, settings)) is not None}
        if "dynatemp" in found:
            found.pop("temperature", None)
        stages = list(found.values())
        if self.greedy_alone and settings.get("temperature") == 0:
            stages = [stage for stage in stages if not stage.transform.truncates]
        return tuple(stages)

    def _stage(self, name: str, settings: Settings) -> Stage | None:
        row = TRANSFORMS[name]
        if settings.get(str(row.main.setting)) is None:
            return None
        said = {
            parameter.name: settings[parameter.setting]
            for parameter in row.parameters
            if parameter.setting is not None and settings.get(parameter.setting) is not None
        }
        if name not in self.min_keep_in:
            said.pop("min_keep", None)
        if said.get("scope", "").split(":")[0] not in self.scopes:
            said.pop("scope", None)
        stage = Stage(name, **{**self.quirks.get(name, {}), **said})
        return None if stage.is_off else stage


def stages_like(engine: str, params: Any, *, defaults: bool = False, drop: bool = False) -> tuple[Stage, ...]:
    """The stages that the settings `params` are in another engine: its order, ties and way of reading them.

    `engine`: a name of ENGINES. `params`: SamplingParams, or a mapping of its names to values (None: off). What they do
    not say is off, as if it had been switched off there; with `defaults=True` the engine's own defaults fill it in
    (llama.cpp's top_k 40, say), where a mapping that names a setting, as None too, has said it. Raises InputError for
    an unknown engine, an explicit chain in `params`, and settings that the engine does not apply, unless `drop=True`
    leaves these out.
    """
    row = find_engine(engine)
    settings = settings_of(params)
    if defaults:
        settings = {**row.defaults, **settings}
    unread = row.unread(settings)
    if unread and not drop:
        raise InputError(
            f"{row.name} does not apply {', '.join(unread)} here; leave {'it' if len(unread) == 1 else 'them'} out, "
            "or use another engine"
        )
    return row.stages(settings)


def find_engine(name: str) -> Engine:
    """The row of ENGINES for a name; raises InputError naming the known ones."""
    key = str(name).strip().lower().replace("_", "-")
    key = {"llama-cpp": "llama.cpp", "llamacpp": "llama.cpp", "mlx": "mlx-lm"}.get(key, key)
    if key not in ENGINES:
        near = did_you_mean(key, ENGINES)
        raise InputError(f"unknown engine {name!r}{near}; known are: {', '.join(ENGINES)}")
    return ENGINES[key]


def settings_of(params: Any) -> dict[str, Any]:
    """The flat settings of transforms that `params` (a mapping, or SamplingParams) give."""
    if isinstance(params, Mapping):
        given = dict(params)
        if given.pop("chain", None) is not None:
            raise InputError(
                "a chain says its own order, so it is the same in every engine; give single settings"
            )
        return given
    if getattr(params, "chain", None) is not None:
        raise InputError(
            "a chain says its own order, so it is the same in every engine; give single settings"
        )
    return dict(params.settings)


def _said(settings: Settings) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if value is not None}


def _in_order(*names: str) -> Callable[[Settings], tuple[str, ...]]:
    return lambda settings: names


def _vllm_reading(settings: Settings) -> dict[str, Any]:
    """A temperature below 0.01 is raised to it, and biases are held to ±100."""
    read = dict(settings)
    if 0 < read.get("temperature", 0) < 0.01:
        read["temperature"] = 0.01
    if "logit_bias" in read:
        pairs = read["logit_bias"]
        pairs = pairs.items() if isinstance(pairs, Mapping) else pairs
        read["logit_bias"] = {token: min(100.0, max(-100.0, bias)) for token, bias in pairs}
    return read


def _sglang_order(settings: Settings) -> tuple[str, ...]:
    """Its fused kernel takes top-k and top-p of one distribution; with min-p it takes them one after the other.

    "One distribution" is written by top_p first: whatever top_k then removes, the nucleus is that of all tokens.
    """
    first = (
        "frequency_penalty",
        "presence_penalty",
        "min_tokens",
        "repetition_penalty",
        "grammar",
        "logit_bias",
        "temperature",
    )
    return (
        (*first, "top_k", "top_p", "min_p") if settings.get("min_p") else (*first, "top_p", "top_k", "min_p")
    )


def _sglang_reading(settings: Settings) -> dict[str, Any]:
    """A temperature below 10⁻⁶ is greedy."""
    read = dict(settings)
    if 0 < read.get("temperature", 1.0) < 1e-6:
        read["temperature"] = 0.0
    return read


def _llama_cpp_order(settings: Settings) -> tuple[str, ...]:
    """With mirostat it applies the bias, the temperature and mirostat, and nothing else."""
    if settings.get("mirostat"):
        return ("grammar", "logit_bias", "temperature", "mirostat")
    return (
        "grammar",
        "logit_bias",
        *PENALTIES,
        "dry",
        "top_n_sigma",
        "top_k",
        "typical_p",
        "top_p",
        "min_p",
        "xtc",
        "temperature",
        "dynatemp",
        "adaptive_p",
    )


def _mlx_reading(settings: Settings) -> dict[str, Any]:
    """A top-p of 0 is off, not the smallest nucleus."""
    return {name: value for name, value in settings.items() if not (name == "top_p" and value == 0)}


def _transformers_reading(settings: Settings) -> dict[str, Any]:
    """A bad word that is an end token alone is not forbidden."""
    read = dict(settings)
    if read.get("bad_words") and read.get("end_ids"):
        ends = read["end_ids"] if isinstance(read["end_ids"], (tuple, list)) else (read["end_ids"],)
        words = [word for word in read["bad_words"] if tuple(word) not in {(end,) for end in ends}]
        read["bad_words"] = words or None
    return _said(read)


ENGINES: dict[str, Engine] = {
    row.name: row
    for row in (
        Engine(
            "transformers",
            "transformers 5.24",
            _in_order(
                "logit_bias",
                "repetition_penalty",
                "bad_words",
                "min_tokens",
                "grammar",
                "temperature",
                "top_h",
                "top_k",
                "top_p",
                "min_p",
                "typical_p",
                "epsilon_cutoff",
                "eta_cutoff",
            ),
            quirks={
                "repetition_penalty": {"scope": "all"},
                "top_k": {"ties": "all"},
                "top_p": {"ties": "highest"},
                "typical_p": {"ties": "all"},
                "epsilon_cutoff": {"ties": "all"},
                "eta_cutoff": {"ties": "all"},
                "top_h": {"entropy": "summed", "among": 100},
            },
            defaults={"temperature": 1.0, "top_k": 50},
            read=_transformers_reading,
            notes=(
                "sums run in the logits' own dtype, so a nucleus may differ by a token at its edge",
                "a grammar that allows only removed tokens is obeyed there, and an error here",
            ),
        ),
        Engine(
            "vllm",
            "vLLM 0.33, V1 engine, PyTorch path",
            _in_order(
                "grammar",
                "allowed",
                "bad_words",
                "min_tokens",
                "logit_bias",
                *PENALTIES,
                "temperature",
                "min_p",
                "top_k",
                "top_p",
            ),
            quirks={
                "bad_words": {"scope": "output"},
                "repetition_penalty": {"scope": "all"},
                "frequency_penalty": {"scope": "output"},
                "presence_penalty": {"scope": "output"},
                "top_k": {"ties": "all"},
                "top_p": {"ties": "highest"},
            },
            defaults={"temperature": 1.0},
            read=_vllm_reading,
            notes=("its Triton kernel keeps exactly k tokens where the PyTorch path keeps all that tie",),
        ),
        Engine(
            "sglang",
            "SGLang 0.5.23, FlashInfer backend",
            _sglang_order,
            quirks={
                "repetition_penalty": {"scope": "output"},
                "frequency_penalty": {"scope": "output"},
                "presence_penalty": {"scope": "output"},
                "top_k": {"ties": "all"},
                "top_p": {"ties": "all"},
            },
            defaults={"temperature": 1.0},
            read=_sglang_reading,
            notes=(
                "its PyTorch backend keeps exactly k tokens and takes top-k and top-p of one distribution always",
            ),
        ),
        Engine(
            "llama.cpp",
            "llama.cpp as in llama-cpp-python 0.3.36",
            _llama_cpp_order,
            quirks={
                **{penalty: {"scope": "last:64"} for penalty in PENALTIES},
                "mirostat": {"surprise": "kept"},
            },
            defaults={"temperature": 0.8, "top_k": 40, "top_p": 0.95, "min_p": 0.05},
            scopes=("last", "all"),
            greedy_alone=False,
            min_keep_in=("top_p", "min_p", "typical_p"),
            notes=(
                "which of the tokens that tie for the last place it keeps depends on its sort",
                "a grammar is asked after the draw first, and before it only if the token is refused",
                "behind top_n_sigma its typical_p and dynamic temperature still count the tokens that it masked",
            ),
        ),
        Engine(
            "mlx-lm",
            "mlx-lm 0.32",
            _in_order(
                "logit_bias",
                "repetition_penalty",
                "presence_penalty",
                "frequency_penalty",
                "top_p",
                "min_p",
                "xtc",
                "top_k",
                "temperature",
            ),
            quirks={
                **{penalty: {"scope": "last:20"} for penalty in PENALTIES},
                "top_p": {"ties": "all"},
            },
            defaults={"temperature": 0.0},
            read=_mlx_reading,
            scopes=("last",),
            min_keep_in=("min_p",),
            notes=("which of the tokens that tie at the k-th place it keeps depends on its partition",),
        ),
    )
}
