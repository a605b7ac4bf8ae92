"""How likely each drawn answer is under every setting: what re-weighting needs, made by reading the texts once more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retort.chain import Chain
from retort.distribution import log_softmax
from retort.errors import InputError
from retort.sources.base import Source
from retort.sources.positions import position_logits
from retort.transforms import Context
from retort.tune.rows import Rows
from retort.tune.samples import Floats
from retort.tune.settings import Axis, Values, describe, key
from retort.tune.sweep import Plan

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Likelihoods:
    """Of N answers under S settings, of which the sweep's own are some.

    `logprobs` `[N, S]`: nats, summed over the tokens, after the setting's chain; -inf where it removed one.
    `outside` `[S, S]`: whether the first setting allows, somewhere along the texts, a token that the second removed:
    then answers drawn at the second cannot speak for the first.
    """

    settings: tuple[Values, ...]
    logprobs: Floats
    outside: Flags

    def number(self, setting: Values) -> int:
        """The place of a setting; raises InputError where nothing is known of it."""
        names = [key(one) for one in self.settings]
        if key(setting) not in names:
            known = "; ".join(describe(one) for one in self.settings)
            raise InputError(
                f"the answers' log-probabilities at {describe(setting)} are not known, only at {known}; take one of "
                "these, or run again with the task, --record, --resume and --reweight, which reads the texts once more"
            )
        return names.index(key(setting))

    def only(self, settings: Sequence[Values]) -> Likelihoods:
        """These settings, in this order."""
        places = [self.number(setting) for setting in settings]
        return Likelihoods(tuple(settings), self.logprobs[:, places], self.outside[np.ix_(places, places)])


def joined(pieces: Sequence[Likelihoods]) -> Likelihoods:
    """The answers of all pieces one after another, under the settings that all of them have."""
    common = [
        setting
        for setting in pieces[0].settings
        if all(key(setting) in {key(one) for one in piece.settings} for piece in pieces)
    ]
    alike = [piece.only(common) for piece in pieces]
    return Likelihoods(
        tuple(common),
        np.concatenate([piece.logprobs for piece in alike]),
        np.logical_or.reduce([piece.outside for piece in alike]),
    )


def setting_of(axis: Axis, chain: Chain) -> Values:
    """What a chain is called beside the settings of a sweep: a temperature alone is the sweep's own chain there."""
    of_one_chain = not any("chain" in setting for setting in axis.settings)
    if of_one_chain and all(stage.name == "temperature" for stage in chain):
        return {"temperature": chain.temperature}
    return {"temperature": chain.temperature, "chain": str(chain.at_temperature(chain.temperature))}


def chains_to_score(plan: Plan, more: Sequence[Chain] = ()) -> dict[str, tuple[Values, Chain]]:
    """Every setting of the sweep and `more`, by `key`: what it is called, and its chain.

    Raises InputError for a chain whose probabilities depend on more than the text so far.
    """
    axis = plan.axis
    chains = [
        chain.at_temperature(temperature)
        for chain, temperatures in plan.variants
        for temperature in temperatures
    ]
    settings = list(axis.settings)
    for chain in more:
        setting = setting_of(axis, chain)
        settings.append(setting)
        chains.append(chain if "chain" in setting else plan.chains[0].at_temperature(chain.temperature))
    for chain in chains:
        if chain.needs - {"history"}:
            raise InputError(
                f"{chain} has no fixed probability for a text (it needs {' and '.join(sorted(chain.needs))}); "
                "re-weighting needs chains that see the text alone"
            )
    return {key(setting): (setting, chain) for setting, chain in zip(settings, chains, strict=True)}


def likelihoods_of(
    rows: Rows, plan: Plan, source: Source, scored: Sequence[tuple[Values, Chain]]
) -> Likelihoods:
    """The likelihoods of these rows' answers; every different text of a prompt is read once."""
    texts: dict[tuple[int, int, tuple[int, ...]], int] = {}
    columns = (rows.columns[name] for name in ("item", "prompt", "tokens"))
    which = [
        texts.setdefault((item, prompt, tuple(ids)), len(texts))
        for item, prompt, ids in zip(*columns, strict=True)
    ]
    prompts: dict[tuple[int, int], list[int]] = {}
    of_text = np.empty((len(texts), len(scored)))
    outside = np.zeros((len(scored), len(scored)), dtype=np.bool_)
    for (item, prompt, ids), number in texts.items():
        if (item, prompt) not in prompts:
            prompts[item, prompt] = list(source.encode(plan.task.prompt(plan.items[item], prompt)))
        processed = _processed(source, prompts[item, prompt], ids, [chain for _, chain in scored])
        for place, logits_LV in enumerate(processed):
            of_text[number, place] = log_softmax(logits_LV)[np.arange(len(ids)), ids].sum()
        _mark_outside(outside, processed)
    return Likelihoods(tuple(setting for setting, _ in scored), of_text[which], outside)


def _processed(
    source: Source, prompt_ids: Sequence[int], ids: Sequence[int], chains: Sequence[Chain]
) -> list[Floats]:
    """The logits `[len(ids), vocab]` that each of the ids was drawn from, after each chain."""
    whole = [*prompt_ids, *ids[:-1]]
    rows = [position_logits(source, whole)[max(len(prompt_ids) - 1, 0) :]] if whole else []
    if not prompt_ids:
        # A prompt may be no token at all; what comes first is then read from an empty text.
        rows.insert(0, np.array(source.start([[]]).logits[:1]))
    raw = np.concatenate(rows).astype(np.float64)
    context = Context(
        history=[whole[: len(prompt_ids) + place] for place in range(len(ids))],
        prompt_lengths=[len(prompt_ids)] * len(ids),
    )
    return [np.asarray(chain.apply(raw, context=context), dtype=np.float64) for chain in chains]


def _mark_outside(outside: Flags, processed: Sequence[Floats]) -> None:
    """Note which settings allow a token here that others removed."""
    kept = [logits_LV > -np.inf for logits_LV in processed]
    for source, narrow in enumerate(kept):
        if narrow.all():
            continue
        for target, wide in enumerate(kept):
            if not outside[target, source]:
                outside[target, source] = bool((wide & ~narrow).any())
