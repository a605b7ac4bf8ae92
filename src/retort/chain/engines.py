"""What the same settings mean in other engines: each one's order, its rule for ties, its defaults, as a Chain.

Read from transformers 5.24 (`GenerationMixin._get_logits_processor`), vLLM 0.33 (`v1/worker/gpu/sample`, the model
runner V2), SGLang 0.5.23 (`srt/sampling`, `srt/layers/sampler.py`), llama.cpp as in llama-cpp-python 0.3.36
(`common/sampling.cpp`, `common/common.h`), mlx-lm 0.32 (`sample_utils.py`) and Ollama (`sample/samplers.go` at 0117cd8,
`api/types.go`). `tests/conformance` holds what was checked against which of them; the page's copy of the orders and
quirks is frontend/src/math/engines.ts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from retort.chain.stage import Stage, given_values
from retort.errors import InputError, did_you_mean
from retort.transforms import TRANSFORMS

Settings = Mapping[str, Any]
"""Flat settings: the names of SamplingParams → values; what is None or absent was not said."""

TRUNCATIONS = frozenset(row.main.setting for row in TRANSFORMS.values() if row.truncates)
"""The settings of truncations, which a greedy choice ignores."""

PENALTIES = ("repetition_penalty", "frequency_penalty", "presence_penalty")


@dataclass(frozen=True)
class Limit:
    """What an engine accepts for a setting: from `low` to `high`, without `low` if `above`; in words, `allowed`."""

    low: float
    high: float
    allowed: str
    above: bool = False

    def holds(self, value: Any) -> bool:
        """True if the engine accepts this value; only numbers are limited."""
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return True
        return self.low <= value <= self.high and not (self.above and value == self.low)


@dataclass(frozen=True)
class Engine:
    """How one engine reads flat settings.

    - `version`: what was read. `order`: the transforms that it applies with these settings, in its order.
    - `quirks`: transform → its parameters there, where they are not ours (ties, scopes).
    - `defaults`: what it uses where nothing is said. `read`: settings as the engine changes them before use.
    - `scopes`: the penalty scopes that its settings can say, beside each penalty's own.
    - `min_keep_in`: the transforms that keep at least so many tokens there.
    - `limits`: setting → the values that it accepts in a request; others are refused there.
    - `file`: the settings that it takes from the model where the user sets nothing: "generation_config" (a folder's
      generation_config.json), "gguf" (`general.sampling.*` of the file's metadata), or None. `takes`: the names that it
      takes from generation_config.json; `sampling_asked`: it samples only if that file says do_sample.
    - `reads`: settings that it reads without a transform of their own (samplers), or that may do nothing there.
    - `compares_lengths`: it refuses a least length above the greatest.
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
    limits: Mapping[str, Limit] = field(default_factory=dict)
    file: str | None = None
    takes: tuple[str, ...] = ()
    sampling_asked: bool = False
    reads: tuple[str, ...] = ()
    compares_lengths: bool = False
    notes: tuple[str, ...] = ()

    def unread(self, settings: Settings) -> tuple[str, ...]:
        """The given settings that this engine does not apply, beside these others; in the order given."""
        settings = self.read(_said(settings))
        order = self.order(settings)
        known = {parameter.setting for name in order for parameter in TRANSFORMS[name].parameters}
        active = [name for name in order if TRANSFORMS[name].main.setting in settings]
        # Not applied are: what no stage of this order has, min_keep without an active stage that reads it, and a scope
        # that the engine's settings cannot say.
        return tuple(
            name
            for name in settings
            if (name not in known and name not in (*self.reads, "min_keep"))
            or (name == "min_keep" and not set(active) & set(self.min_keep_in))
            or (name == "penalty_scope" and not self._says(settings[name], active))
        )

    def start(self, model: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What this engine uses where the user sets nothing: its defaults, and over them the model's own settings.

        `model`: the content of generation_config.json, or GGUF metadata with `general.sampling.*` keys; None if the
        model has neither.
        """
        given = {} if model is None else dict(model)
        if self.file == "gguf":
            return {**self.defaults, **_of_gguf(given)}
        # Engines that read a folder's generation_config.json do not read a GGUF file's own settings.
        if self.file != "generation_config" or any(str(name).startswith("general.") for name in given):
            return dict(self.defaults)
        # null in the file: not set.
        told = {name: given[name] for name in self.takes if given.get(name) is not None}
        if not self.sampling_asked:
            return {**self.defaults, **told}
        # Without do_sample transformers decodes greedily and ignores the file's truncations, but not its penalty.
        if given.get("do_sample") is not True:
            kept = {name: value for name, value in told.items() if name not in TRUNCATIONS}
            return {**kept, "temperature": 0.0}
        # top_k 50 is GenerationConfig's own default; many files leave it unsaid.
        return {"temperature": 1.0, "top_k": 50, **told}

    def filled(self, settings: Settings, model: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The settings over what the engine uses where the user sets nothing.

        A temperature that is set asks transformers to sample, as `do_sample=True` does: top_k 50 then comes with it.
        """
        start = self.start(model)
        if self.sampling_asked and settings.get("temperature") and start.get("temperature") == 0.0:
            start = self.start({**(model or {}), "do_sample": True})
        together = {**start, **settings}  # a setting of None stays: the user has switched the default off
        # An order without a sampler has no use for the default of its setting.
        idle = [name for name in self.unread(together) if name not in settings]
        return {name: value for name, value in together.items() if name not in idle}

    def refused(self, settings: Settings) -> tuple[str, ...]:
        """What this engine refuses of a request, one sentence each: settings beyond its limits."""
        said = _said(settings)
        found = [
            f"{self.name} refuses {name}={said[name]}: it allows {limit.allowed}."
            for name, limit in self.limits.items()
            if name in said and not limit.holds(said[name])
        ]
        least, most = said.get("min_tokens"), said.get("max_tokens")
        if self.compares_lengths and least is not None and most is not None and least > most:
            found.append(f"{self.name} refuses min_tokens={least} above max_tokens={most}.")
        return tuple(found)

    def idle(self, settings: Settings) -> tuple[str, ...]:
        """What this engine reads of the settings and does nothing with, one sentence each."""
        said = _said(settings)
        named = "adaptive_p" in (said.get("samplers") or ())
        if "adaptive_target" in self.reads and "adaptive_target" in said and not named:
            return (f"adaptive_target does nothing in {self.name} unless samplers names adaptive_p.",)
        return ()

    def _says(self, scope: str, active: list[str]) -> bool:
        """True if the settings can say this penalty scope here, or it is what the active penalties have anyway."""
        # A scope that every active penalty has anyway needs no setting.
        own = {self.quirks.get(penalty, {}).get("scope") for penalty in PENALTIES if penalty in active}
        return scope.split(":")[0] in self.scopes or own <= {scope}

    def stages(self, settings: Settings) -> tuple[Stage, ...]:
        """The stages that these settings are in this engine, in its order; what it does not read is left out."""
        settings = self.read(_said(settings))
        order = self.order(settings)
        found = {name: stage for name in order if (stage := self._stage(name, settings)) is not None}
        # The order may hold both (llama.cpp's sampler "temperature" is both), and a chain holds one.
        if "dynatemp" in found:
            found.pop("temperature", None)
        stages = list(found.values())
        # llama.cpp applies its samplers at 0 too, where xtc can change the token.
        if self.greedy_alone and settings.get("temperature") == 0:
            stages = [stage for stage in stages if not stage.transform.truncates]
        return tuple(stages)

    def _stage(self, name: str, settings: Settings) -> Stage | None:
        said = given_values(TRANSFORMS[name], settings)
        if TRANSFORMS[name].main.name not in said:
            return None
        # XTC's own least number is no flat setting of ours, and one of llama.cpp's.
        said.pop("min_keep", None)
        if name in self.min_keep_in and settings.get("min_keep") is not None:
            said["min_keep"] = settings["min_keep"]
        # Where the engine's settings cannot say a scope, the penalty has the one of its quirks.
        if said.get("scope", "").split(":")[0] not in self.scopes:
            said.pop("scope", None)
        stage = Stage(name, **{**self.quirks.get(name, {}), **said})
        return None if stage.is_off else stage


def stages_like(
    engine: str,
    params: Any,
    *,
    defaults: bool = False,
    drop: bool = False,
    model_defaults: Mapping[str, Any] | None = None,
) -> tuple[Stage, ...]:
    """The stages that the settings `params` are in another engine: its order, ties and way of reading them.

    `engine`: a name of ENGINES. `params`: SamplingParams, or a mapping of its names to values (None: off). What they do
    not say is off, as if it had been switched off there; with `defaults=True` the engine's own defaults fill it in
    (llama.cpp's top_k 40, say), where a mapping that names a setting, as None too, has said it. `model_defaults`: the
    model's own settings, which come before the engine's where the engine takes them (see `Engine.start`). Raises
    InputError for an unknown engine, an explicit chain in `params`, and settings that the engine does not apply, unless
    `drop=True` leaves these out.
    """
    row = find_engine(engine)
    settings = settings_of(params)
    if defaults or model_defaults is not None:
        settings = row.filled(settings, model_defaults)
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
    is_mapping = isinstance(params, Mapping)
    chain = params.get("chain") if is_mapping else getattr(params, "chain", None)
    if chain is not None:
        raise InputError(
            "a chain says its own order, so it is the same in every engine; give single settings"
        )
    given = params if is_mapping else params.settings
    return {name: value for name, value in given.items() if name != "chain"}


def _said(settings: Settings) -> dict[str, Any]:
    """The settings that are not None."""
    return {name: value for name, value in settings.items() if value is not None}


def _always(order: str) -> Callable[[Settings], tuple[str, ...]]:
    """The order that is written `one | other`, whatever the settings."""
    names = _names(order)
    return lambda settings: names


def _names(order: str) -> tuple[str, ...]:
    return tuple(order.replace("|", " ").split())


def _vllm_reading(settings: Settings) -> dict[str, Any]:
    """A temperature below 0.01 is raised to it, and biases are held to ±100."""
    read = dict(settings)
    # 0 is not raised: it is greedy there too.
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
    cuts = "top_k | top_p" if settings.get("min_p") else "top_p | top_k"
    return _names(
        "frequency_penalty | presence_penalty | min_tokens | repetition_penalty | grammar | logit_bias"
        f" | temperature | {cuts} | min_p"
    )


def _sglang_reading(settings: Settings) -> dict[str, Any]:
    """A temperature below 10⁻⁶ is greedy."""
    read = dict(settings)
    if 0 < read.get("temperature", 1.0) < 1e-6:
        read["temperature"] = 0.0
    return read


LLAMA_CPP_SAMPLERS: dict[str, tuple[str, ...]] = {
    "penalties": PENALTIES,
    "dry": ("dry",),
    "top_n_sigma": ("top_n_sigma",),
    "top_k": ("top_k",),
    "typ_p": ("typical_p",),
    "top_p": ("top_p",),
    "min_p": ("min_p",),
    "xtc": ("xtc",),
    "temperature": ("temperature", "dynatemp"),
}
"""llama.cpp's default samplers in its default order → our transforms. adaptive_p is not among them."""

LLAMA_CPP_NAMES = {
    "typical_p": "typ_p",
    "typical": "typ_p",
    "temp": "temperature",
    "top-k": "top_k",
    "top-p": "top_p",
    "min-p": "min_p",
}
"""Other names that llama.cpp takes for its samplers."""


def _llama_cpp_order(settings: Settings) -> tuple[str, ...]:
    """The order of `samplers`, its default one if nothing is said; adaptive_p comes last and only if it is named.

    With mirostat it applies the bias, the temperature and mirostat, and nothing else.
    """
    if settings.get("mirostat"):
        return ("grammar", "logit_bias", "temperature", "mirostat")
    names = [LLAMA_CPP_NAMES.get(name, name) for name in settings.get("samplers") or LLAMA_CPP_SAMPLERS]
    unknown = [name for name in names if name not in LLAMA_CPP_SAMPLERS and name != "adaptive_p"]
    if unknown:
        near = did_you_mean(unknown[0], [*LLAMA_CPP_SAMPLERS, "adaptive_p"])
        raise InputError(
            f"llama.cpp has no sampler {unknown[0]!r}{near}; known are: {', '.join(LLAMA_CPP_SAMPLERS)}, adaptive_p"
        )
    # A sampler that is named twice is applied once here: a chain holds one temperature.
    chosen = [ours for name in dict.fromkeys(names) for ours in LLAMA_CPP_SAMPLERS.get(name, ())]
    return ("grammar", "logit_bias", *chosen, *(["adaptive_p"] if "adaptive_p" in names else []))


GGUF_SAMPLING = {
    "temp": "temperature",
    "top_k": "top_k",
    "top_p": "top_p",
    "min_p": "min_p",
    "xtc_probability": "xtc_probability",
    "xtc_threshold": "xtc_threshold",
    "penalty_repeat": "repetition_penalty",
    "penalty_last_n": "penalty_last_n",
    "mirostat": "mirostat",
    "mirostat_tau": "mirostat_tau",
    "mirostat_eta": "mirostat_eta",
    "sequence": "samplers",
}
"""`general.sampling.NAME` of a GGUF file's metadata → the setting that llama.cpp takes it for."""


def _of_gguf(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The settings in GGUF metadata; a sequence may be a list, or a text with `;` between names."""
    found: dict[str, Any] = {}
    for name, ours in GGUF_SAMPLING.items():
        value = metadata.get(f"general.sampling.{name}")
        if value is None:
            continue
        if ours == "samplers":
            found[ours] = tuple(value.split(";") if isinstance(value, str) else value)
        elif ours == "penalty_last_n":
            found["penalty_scope"] = "all" if value == -1 else f"last:{int(value)}"
        else:
            # Metadata is float32: 0.8 is stored as 0.800000011920929.
            found[ours] = float(f"{value:.7g}") if isinstance(value, float) else value
    # A file that switches a sampler off leaves it out, and with it the settings that only that sampler reads.
    for main, off, others in (
        ("xtc_probability", (0,), ("xtc_threshold",)),
        ("mirostat", (0,), ("mirostat_tau", "mirostat_eta")),
        ("repetition_penalty", (0, 1), ("penalty_scope",)),
    ):
        if found.get(main, 0) in off:
            for name in (main, *others):
                found.pop(name, None)
    return found


def _ollama_reading(settings: Settings) -> dict[str, Any]:
    """A temperature below 0 is greedy; top-p and min-p are held to 0 to 1."""
    read = dict(settings)
    for name, high in (("temperature", math.inf), ("top_p", 1.0), ("min_p", 1.0)):
        if read.get(name) is not None:
            read[name] = max(0.0, min(high, read[name]))
    return read


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


# vLLM and SGLang take the same names from generation_config.json, and both keep OpenAI's bounds.
SERVER_TAKES = ("repetition_penalty", "temperature", "top_k", "top_p", "min_p")
OPENAI_LIMITS = {
    "top_p": Limit(0.0, 1.0, "a number above 0 and up to 1", above=True),
    "presence_penalty": Limit(-2.0, 2.0, "-2 to 2"),
    "frequency_penalty": Limit(-2.0, 2.0, "-2 to 2"),
}

ENGINES: dict[str, Engine] = {
    row.name: row
    for row in (
        Engine(
            "transformers",
            "transformers 5.24",
            _always(
                "logit_bias | repetition_penalty | bad_words | min_tokens | grammar | temperature"
                " | top_h | top_k | top_p | min_p | typical_p | epsilon_cutoff | eta_cutoff"
            ),
            # Its processors compare each score with that of the last token kept, so ties with it stay. TopPLogitsWarper
            # goes by place: it sorts rising and cuts from the low end, so the highest ids of a tie stay.
            quirks={
                "repetition_penalty": {"scope": "all"},
                "top_k": {"ties": "all"},
                "top_p": {"ties": "highest"},
                "typical_p": {"ties": "all"},
                "epsilon_cutoff": {"ties": "all"},
                "eta_cutoff": {"ties": "all"},
                "top_h": {"entropy": "summed", "among": 100},
            },
            defaults={"temperature": 0.0},
            read=_transformers_reading,
            file="generation_config",
            takes=(
                "temperature",
                "top_k",
                "top_p",
                "min_p",
                "top_h",
                "typical_p",
                "epsilon_cutoff",
                "eta_cutoff",
                "repetition_penalty",
            ),
            sampling_asked=True,
            notes=(
                "without a generation_config.json that says do_sample it takes the most likely token",
                "sums run in the logits' own dtype, so a nucleus may differ by a token at its edge",
                "a grammar that allows only removed tokens is obeyed there, and an error here",
            ),
        ),
        Engine(
            "vllm",
            "vLLM 0.33, model runner V2",
            _always(
                "grammar | allowed | bad_words | min_tokens | logit_bias | repetition_penalty"
                " | frequency_penalty | presence_penalty | temperature | min_p | top_k | top_p"
            ),
            quirks={
                "bad_words": {"scope": "output"},
                "repetition_penalty": {"scope": "all"},
                "frequency_penalty": {"scope": "output"},
                "presence_penalty": {"scope": "output"},
            },
            defaults={"temperature": 1.0},
            read=_vllm_reading,
            file="generation_config",
            takes=SERVER_TAKES,
            limits={"temperature": Limit(0.0, 2.0, "0 to 2"), **OPENAI_LIMITS},
            compares_lengths=True,
            notes=(
                "its V1 runner and its PyTorch path (also on CPUs) keep all tokens that tie at the k-th place, and the "
                "highest ids at the edge of a nucleus",
            ),
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
            file="generation_config",
            takes=SERVER_TAKES,
            limits={"repetition_penalty": Limit(0.0, 2.0, "0 to 2"), **OPENAI_LIMITS},
            compares_lengths=True,
            notes=(
                "a test in its repository asks for top-k and top-p of one distribution with min-p, too; 0.5.23 takes "
                "them one after the other",
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
                "dry": {"last_n": 64},
            },
            defaults={"temperature": 0.8, "top_k": 40, "top_p": 0.95, "min_p": 0.05},
            scopes=("last", "all"),
            greedy_alone=False,
            min_keep_in=("top_p", "min_p", "typical_p", "xtc"),
            file="gguf",
            reads=("samplers", "adaptive_target", "adaptive_decay"),
            limits={
                "penalty_last_n": Limit(0, math.inf, "0 or more"),
                "dry_penalty_last_n": Limit(0, math.inf, "0 or more"),
            },
            notes=(
                "a repetition that DRY sees ends at a newline, a colon, a double quote or an asterisk there; explain "
                "and sample --engine take the model's tokens that hold one, a chain of your own needs their ids as "
                "dry_breakers",
                "which of the tokens that tie for the last place it keeps depends on its sort",
                "a grammar is asked after the draw first, and before it only if the token is refused",
                "behind top_n_sigma its typical_p and dynamic temperature still count the tokens that it masked",
            ),
        ),
        Engine(
            "mlx-lm",
            "mlx-lm 0.32",
            _always(
                "logit_bias | repetition_penalty | presence_penalty | frequency_penalty | top_p"
                " | min_p | xtc | top_k | temperature"
            ),
            quirks={
                **{penalty: {"scope": "last:20"} for penalty in PENALTIES},
                "top_p": {"ties": "all"},
                "xtc": {"ties": "all", "likely": "passed"},
            },
            defaults={"temperature": 0.0},
            read=_mlx_reading,
            scopes=("last",),
            min_keep_in=("min_p",),
            limits={"xtc_threshold": Limit(0.0, 0.5, "0 to 0.5")},
            notes=(
                "its server and mlx_lm.generate always protect the newline and the end tokens from XTC; give them as "
                "xtc_special_tokens",
                "which of the tokens that tie at the k-th place it keeps depends on its partition",
            ),
        ),
        Engine(
            "ollama",
            "Ollama, its own sampler (sample/samplers.go at 0117cd8)",
            _always(
                "grammar | repetition_penalty | frequency_penalty | presence_penalty | top_k"
                " | temperature | top_p | min_p"
            ),
            quirks={penalty: {"scope": "last:64"} for penalty in PENALTIES},
            defaults={"temperature": 0.8, "top_k": 40, "top_p": 0.9},
            read=_ollama_reading,
            scopes=("last", "all"),
            notes=(
                "its OpenAI route sets a temperature of 1 and a top-p of 1 where the request says nothing",
                "models that it still runs through llama.cpp's runner are sampled in llama.cpp's order",
            ),
        ),
    )
}
