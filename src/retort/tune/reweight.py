"""How likely the drawn answers are elsewhere: at every setting (for re-weighting), and under a second model.

An answer drawn at one setting counts at another as often as that one would have drawn it, `w = Π q'/q` over its tokens.
The estimate is a ratio over all answers, `Σ w·score / Σ w`, so that what matters is how many items there are and not
how many answers to each; its interval is a bootstrap over items of both sums. Likelihoods need the texts read once
more; a sweep's own are kept beside its recording: one Parquet file per piece, one column per setting.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retort.chain import Chain
from retort.distribution import importance_weights, log_softmax
from retort.errors import CapabilityError, InputError, SourceError
from retort.numerals import decimals, percent
from retort.sources.base import Capability, Source
from retort.sources.chat import SeenPrompt
from retort.sources.positions import position_logits
from retort.transforms import Context
from retort.tune.goals import Goal
from retort.tune.item import encoded_after, num_shared
from retort.tune.plan import Plan
from retort.tune.recording import write_table
from retort.tune.samples import Floats, Ints, Rows, Samples, mean_of_known, over_prompts
from retort.tune.settings import Axis, Values, describe, key
from retort.tune.statistics import ERROR_RATE, mean_intervals, resampled_means
from retort.tune.sweep import ProgressCallback

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
                f"the answers' logprobs at {describe(setting)} are known only at {known}; use "
                f"one of these, or run again with the task, --record, --resume and --reweight, which "
                f"reads the texts once more"
            )
        return names.index(key(setting))

    def only(self, settings: Sequence[Values]) -> Likelihoods:
        places = [self.number(setting) for setting in settings]
        return Likelihoods(tuple(settings), self.logprobs[:, places], self.outside[np.ix_(places, places)])


def joined(pieces: Sequence[Likelihoods]) -> Likelihoods:
    """The answers of all pieces one after another, under the settings that all of them have."""
    in_all = set.intersection(*({key(one) for one in piece.settings} for piece in pieces))
    common = [setting for setting in pieces[0].settings if key(setting) in in_all]
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
    own = [chain.at_temperature(one) for chain, temperatures in plan.variants for one in temperatures]
    found = list(zip(plan.axis.settings, own, strict=True))
    for chain in more:
        setting = setting_of(plan.axis, chain)
        alone = plan.chains[0].at_temperature(chain.temperature)
        found.append((setting, chain if "chain" in setting else alone))
    for _, chain in found:
        if chain.needs - {"history"}:
            raise InputError(
                f"{chain} has no fixed probability for a text (it needs {' and '.join(sorted(chain.needs))}); "
                "re-weighting needs chains that see the text alone"
            )
    return {key(setting): (setting, chain) for setting, chain in found}


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
            prompts[item, prompt] = plan.task.seen(source, plan.items[item], prompt).ids
        processed = _processed(source, prompts[item, prompt], ids, [chain for _, chain in scored])
        for place, logits_LV in enumerate(processed):
            of_text[number, place] = log_softmax(logits_LV)[np.arange(len(ids)), ids].sum()
        _mark_outside(outside, processed)
    return Likelihoods(tuple(setting for setting, _ in scored), of_text[which], outside)


def _processed(
    source: Source, prompt_ids: Sequence[int], ids: Sequence[int], chains: Sequence[Chain]
) -> list[Floats]:
    """The logits `[len(ids), vocab]` that each of the ids was drawn from, after each chain."""
    # Logits after a token are what the next one was drawn from, so the last id itself is not read.
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
        if narrow.all():  # it removed nothing, so no setting is wider
            continue
        for target, wide in enumerate(kept):
            if not outside[target, source]:
                outside[target, source] = bool((wide & ~narrow).any())


def score_pieces(
    plan: Plan,
    source: Source,
    pieces: Sequence[Rows],
    more: Sequence[Chain],
    folder: Path | None,
    on_progress: ProgressCallback | None = None,
) -> Likelihoods:
    """The likelihoods of all answers under the sweep's settings and `more`; read from `folder` where they are there,
    written to it where they are new."""
    wanted = chains_to_score(plan, more)
    found = []
    for number, rows in enumerate(pieces):
        kept = None if folder is None else _read_piece(folder, number)
        there = set() if kept is None else {key(setting) for setting in kept.settings}
        if kept is None or not wanted.keys() <= there:
            # Read all of them again: which settings are wider than which must be known of every pair.
            kept = likelihoods_of(rows, plan, source, list(wanted.values()))
            if folder is not None:
                _write_piece(folder, number, kept)
        found.append(kept.only([setting for setting, _ in wanted.values()]))
        if on_progress is not None:
            on_progress(number + 1, len(pieces), "pieces read again")
    return joined(found)


def read_likelihoods(folder: Path, num_answers: int) -> Likelihoods:
    """The likelihoods kept beside a recording of so many answers; raises SourceError where they are not there."""
    pieces: list[Likelihoods] = []
    # Which pieces there are is known by their answers alone: a race's number is not in its run.json.
    while (total := sum(len(piece.logprobs) for piece in pieces)) < num_answers:
        piece = _read_piece(folder, len(pieces))
        if piece is None:
            raise SourceError(
                f"{folder} does not have the logprobs of all its answers; run again with the task, "
                f"--record {folder} --resume --logprobs, which draws nothing again"
            )
        pieces.append(piece)
    if total != num_answers:
        raise SourceError(
            f"{folder} has logprobs of {total} answers and {num_answers} answers; delete its "
            f"logprobs files and make them again"
        )
    return joined(pieces)


def _file(folder: Path, number: int) -> Path:
    return folder / f"logprobs-{number:06d}.parquet"


def _read_piece(folder: Path, number: int) -> Likelihoods | None:
    import pyarrow.parquet as pq

    file = _file(folder, number)
    if not file.exists():
        return None
    try:
        table = pq.read_table(file)
        outside = json.loads((table.schema.metadata or {})[b"outside"])
    except (OSError, ValueError, KeyError) as problem:
        raise SourceError(
            f"{file} is damaged; delete it and make it again with --resume --logprobs"
        ) from problem
    settings = tuple(json.loads(name) for name in table.column_names)
    logprobs = np.stack([column.to_numpy() for column in table.columns], axis=1)
    return Likelihoods(settings, logprobs, np.array(outside, dtype=np.bool_))


def _write_piece(folder: Path, number: int, piece: Likelihoods) -> None:
    import pyarrow as pa

    names = [json.dumps(dict(setting)) for setting in piece.settings]
    columns = dict(zip(names, map(pa.array, piece.logprobs.T), strict=True))
    table = pa.table(columns).replace_schema_metadata({"outside": json.dumps(piece.outside.tolist())})
    try:
        write_table(table, _file(folder, number))
    except OSError as problem:
        raise SourceError(
            f"logprobs cannot be written to {folder} ({problem.strerror or problem}); continue with --resume"
        ) from problem


MOST_READ = 4_000
"""Different answers that are read, of an evenly spaced part of the items where there are more."""


def check_second(source: Source) -> None:
    """Raises CapabilityError for a model that does not give the whole vocabulary."""
    if source.capability is not Capability.FULL:
        raise CapabilityError(
            f"{source.name} gives only its most likely tokens, so it cannot score a text; use a second "
            f"model that runs here"
        )


def second_nll(
    plan: Plan, pieces: Sequence[Rows], source: Source, on_progress: ProgressCallback | None = None
) -> NDArray[np.float64]:
    """`[settings]` nats per token of the answers under `source` (τ = 1): `−Σ ln p / Σ tokens` of an item's answers at a
    setting, the mean over items. NaN where no answer has a token."""
    columns = {
        name: [value for piece in pieces for value in piece.columns[name]]
        for name in ("item", "prompt", "setting", "text")
    }
    chosen = _affordable(len(plan.items), columns["item"], columns["prompt"], columns["text"])
    # Per cell first, then over prompts and items: an item with long answers counts as much as another.
    shape = (len(plan.items), len(plan.task.prompts), len(plan.axis))
    nats, tokens = np.zeros(shape), np.zeros(shape)
    read: dict[tuple[int, int, str], tuple[float, int]] = {}
    rows = [row for row in zip(*columns.values(), strict=True) if row[0] in chosen]
    for done, (item, prompt, setting, text) in enumerate(rows, 1):
        key = (item, prompt, text)
        if key not in read:
            read[key] = _nll(source, plan.task.seen(source, plan.items[item], prompt), text)
        nats[item, prompt, setting] += read[key][0]
        tokens[item, prompt, setting] += read[key][1]
        if on_progress is not None:
            on_progress(done, len(rows), f"answers read by {source.name}")
    with np.errstate(divide="ignore", invalid="ignore"):
        return mean_of_known(over_prompts(np.where(tokens > 0, nats / tokens, np.nan)), axis=0)


def _nll(source: Source, prompt: SeenPrompt, text: str) -> tuple[float, int]:
    """`−ln p` of the text after the prompt, and its number of tokens.

    Prompt and text are cut into tokens together, as the model would read them; a token over the border counts as the
    text's.
    """
    before, ids = prompt.ids, encoded_after(source, prompt, text)
    # The first token of all has no logits before it, so it is never scored.
    first = max(num_shared(before, ids), 1)
    if len(ids) <= first:
        return 0.0, 0
    log_probs = log_softmax(position_logits(source, ids[:-1])[first - 1 :].astype(np.float64))
    return -float(log_probs[np.arange(len(ids) - first), ids[first:]].sum()), len(ids) - first


def _affordable(
    num_items: int, items: Sequence[int], prompts: Sequence[int], texts: Sequence[str]
) -> frozenset[int]:
    """As many items, evenly spaced, as MOST_READ different answers allow; at least one."""
    different = len(set(zip(items, prompts, texts, strict=True)))
    most = max(1, min(num_items, num_items * MOST_READ // max(different, 1)))
    return frozenset(np.linspace(0, num_items - 1, most).round().astype(int).tolist())


RESAMPLES = 2000

SMALLEST_MEAN_WEIGHT = 0.8
"""Weights are 1 on average. Below this, texts that were never drawn hold much of the target's probability; without this
rule, intervals from τ = 0.35 held for τ = 1 half of the time (docs/LOG.md)."""

FEWEST_ITEMS = 10
"""Items that the weights must be spread over (effective number): an interval over fewer would be too narrow."""


@dataclass(frozen=True)
class Wanted:
    """What to estimate: these settings (none: all that are known but the source), from answers drawn at `source`
    (None: for each the setting of the sweep whose answers are worth most there)."""

    targets: tuple[Chain, ...] = ()
    source: Chain | None = None


@dataclass(frozen=True)
class Reweighted:
    """The score at `setting`, estimated from answers drawn at `source`; None with a sentence in `refused` instead.

    `effective_sample_size`: how many of the `samples` answers the weighted ones are worth, `(Σw)²/Σw²`; None where none
    is possible. `measured`: the score of answers drawn at `setting` itself, where the sweep has them.
    """

    setting: Mapping[str, Any]
    source: Mapping[str, Any]
    score: float | None
    score_ci: tuple[float, float] | None
    effective_sample_size: float | None
    samples: int
    refused: str | None = None
    measured: float | None = None


def check_goal(goal: Goal) -> None:
    """Nothing where the goal's score is a mean over answers; else InputError."""
    if not goal.is_mean:
        raise InputError(
            f"the score of goal {goal.name} is not a mean over single answers, so it cannot be "
            f"re-weighted; re-weighting is for goal exploit"
        )


def reweighted(
    samples: Samples, likelihoods: Likelihoods, goal: Goal, wanted: Wanted, seed: int = 0
) -> tuple[Reweighted, ...]:
    """The estimates wanted, in the order of the targets.

    Raises InputError for a goal whose score is no mean, a source that the sweep did not draw from, and a target under
    which the answers were not scored.
    """
    check_goal(goal)
    drawn = {key(setting): number for number, setting in enumerate(samples.axis.settings)}
    sources = list(drawn.values())
    if wanted.source is not None:
        setting = setting_of(samples.axis, wanted.source)
        if key(setting) not in drawn:
            known = "; ".join(describe(one) for one in samples.axis.settings)
            raise InputError(
                f"no answers were drawn at {describe(setting)}; re-weight from a setting of the sweep: {known}"
            )
        sources = [drawn[key(setting)]]
    targets = [setting_of(samples.axis, chain) for chain in wanted.targets] or list(likelihoods.settings)
    scores = samples.cell_scores
    found = []
    for target in targets:
        # A setting's own answers say nothing new of it; they are beside the estimate, as `measured`.
        own = drawn.get(key(target))
        others = [source for source in sources if source != own]
        if not others:
            if wanted.targets:
                raise InputError(
                    f"{describe(target)} is the setting of the answers; there is nothing to re-weight"
                )
            continue
        tried = [_estimate(samples, likelihoods, source, target, seed) for source in others]
        # By what they are worth and not by their scores, or the highest of several estimates would be picked.
        best = max(tried, key=lambda one: (one.refused is None, one.effective_sample_size or 0.0))
        measured = None if own is None else float(np.nanmean(scores[:, :, own]))
        found.append(replace(best, measured=measured))
    return tuple(found)


def _estimate(
    samples: Samples, likelihoods: Likelihoods, source: int, target: Mapping[str, Any], seed: int
) -> Reweighted:
    """The score at `target` from the answers drawn at setting number `source`."""
    origin = samples.axis.settings[source]
    to, at = likelihoods.number(target), likelihoods.number(origin)
    here = np.flatnonzero(samples.setting == source)
    there, drawn = likelihoods.logprobs[here][:, [to, at]].T
    found = Reweighted(target, origin, None, None, None, len(here))
    try:
        # Twice: without its limit first, so that a refusal comes with what the answers are worth.
        weighting = importance_weights(there, drawn, smallest_share=0.0)
        found = replace(found, effective_sample_size=weighting.effective_sample_size)
        if likelihoods.outside[to, at]:
            raise InputError(
                f"{describe(target)} allows tokens that {describe(origin)} removed, so its answers "
                f"cannot be re-weighted; use answers from a wider setting, or draw at the new one"
            )
        importance_weights(there, drawn)
        if weighting.mean_weight < SMALLEST_MEAN_WEIGHT:
            raise InputError(
                f"the answers cover about {percent(weighting.mean_weight)} of what {describe(target)} "
                f"would draw, and the rest never occurred at {describe(origin)}; use answers from a "
                f"wider setting, or draw at the new one"
            )
        # Answers of an item are not independent: what the weights rest on is counted in items once more.
        sums = _sums_of_items(samples, here, weighting.weights)
        worth = float(sums[:, 1].sum() ** 2 / np.square(sums[:, 1]).sum())
        if worth < FEWEST_ITEMS:
            raise InputError(
                f"the weights rest on {decimals(worth, 1)} items, fewer than {FEWEST_ITEMS}; use a nearer "
                f"setting, more items, or draw at the new one"
            )
    except InputError as problem:
        return replace(found, refused=str(problem))
    means = resampled_means(sums, RESAMPLES, np.random.default_rng(seed))
    low, high = mean_intervals(means[:, :1] / means[:, 1:], len(sums), ERROR_RATE)[0]
    score = float(sums[:, 0].sum() / sums[:, 1].sum())
    return replace(found, score=score, score_ci=(float(low), float(high)))


def _sums_of_items(samples: Samples, here: Ints, weights: Floats) -> Floats:
    """`[items, 2]`: Σ w·score and Σ w of each item's answers, of the items that have any."""
    _, item = np.unique(samples.item[here], return_inverse=True)
    totals = [np.bincount(item, values) for values in (weights * samples.score[here], weights)]
    return np.stack(totals, axis=1).astype(np.float64)
