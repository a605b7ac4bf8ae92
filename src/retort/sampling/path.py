"""One seed, every temperature: the tree of texts that a prompt becomes as τ moves, with each text's exact interval.

With the noise fixed, a text is a piecewise constant function of τ. All temperatures that still share a prefix share one
forward pass; the τ-axis splits only where the chosen token changes. Requests that have come to the same prefix (other
seeds of one prompt, say) share its pass too.

Only branches that hold a listed temperature are followed. For chains that are not nested (see `Chain.nested`)
nothing is known between the listed temperatures, and the path says `exact=False`. Where one row's tokens change is
`envelope.py`'s to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from threading import Lock

import numpy as np

from retort.chain import Chain
from retort.distribution import log_softmax, tempered
from retort.errors import InputError
from retort.sampling.decoding import Ending, FinishReason, check_request
from retort.sampling.envelope import KeptSets, Lines, Stretch, rounded_inwards, split, split_lines
from retort.sampling.generate import MAX_ROWS
from retort.sampling.kernels import MIN_VOCABULARY, races
from retort.sampling.noise import NoiseCache
from retort.sampling.params import check_max_tokens, check_seed, checked_stop
from retort.sources.base import LaneSource, Source
from retort.transforms import Context

FIRST_GUESS = 8.0
"""Rows a request is thought to branch into before the first batch has shown how many it is."""

FULL = 0.9
"""Share of the rows that a batch is planned to fill: what does not fit in the end reads its prefix again."""


@dataclass(frozen=True)
class PathRequest:
    """A prompt, as token ids, and the seed of its noise."""

    prompt_ids: tuple[int, ...]
    seed: int = 0


@dataclass(frozen=True)
class Leaf:
    """A text, and the temperatures at which it comes out.

    [temperature_low, temperature_high] is the exact interval rounded inwards to 1e-4, within the listed range;
    `temperatures` are the listed ones in it. `ids` holds every token drawn, the one that ended the text included;
    `logprob_raw` is their summed logprob in nats under the untouched model.
    """

    temperature_low: float
    temperature_high: float
    temperatures: tuple[float, ...]
    text: str
    ids: tuple[int, ...]
    finish_reason: FinishReason
    logprob_raw: float


@dataclass(frozen=True)
class TemperaturePath:
    """The leaves of one request in order of temperature; each listed temperature is in exactly one.

    `forward_passes`: rows run through the model for it, a row shared by several requests counted once, for the first.
    `independent_passes`: what generating at each listed temperature by itself would have run.
    `exact`: the leaves' intervals are exact; False for chains where only the listed temperatures are known.
    """

    leaves: tuple[Leaf, ...]
    forward_passes: int
    independent_passes: int
    exact: bool = True

    def at(self, temperature: float) -> Leaf:
        """The leaf of a listed temperature, or of any temperature in a leaf's interval; raises InputError."""
        for leaf in self.leaves:
            if temperature in leaf.temperatures:
                return leaf
        for leaf in self.leaves:
            if self.exact and leaf.temperature_low <= temperature <= leaf.temperature_high:
                return leaf
        raise InputError(
            f"the path holds no text for temperature {temperature:g}; ask for it when the path is made"
        )


def temperature_path(
    source: Source,
    prompt: str,
    seed: int,
    temperatures: Sequence[float],
    *,
    chain: Chain | None = None,
    max_tokens: int = 32,
    stop: Sequence[str] = (),
) -> TemperaturePath:
    """The temperature path of one prompt and seed; see `temperature_paths`."""
    request = PathRequest(tuple(source.encode(prompt)), seed)
    return temperature_paths(source, [request], temperatures, chain=chain, max_tokens=max_tokens, stop=stop)[
        0
    ]


def temperature_paths(
    source: Source,
    requests: Sequence[PathRequest],
    temperatures: Sequence[float],
    *,
    chain: Chain | None = None,
    max_tokens: int = 32,
    stop: Sequence[str] = (),
    max_rows: int = MAX_ROWS,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[TemperaturePath]:
    """The text of each request at every temperature, in order of requests.

    At τ the text is what `generate` gives with `chain.at_temperature(τ)` and the request's seed. Rows of all requests
    are decoded together, at most `max_rows` at a time; what does not fit waits, and its prefix is read again later
    (counted in `forward_passes`). `on_progress(done, total)` counts finished requests.
    Raises InputError for a prompt that is empty or leaves no room for max_tokens, for bad temperatures, and for logits
    with NaN or +inf; CapabilityError for a source without the whole vocabulary.
    """
    grid = _grid(temperatures)
    check_max_tokens(max_tokens)
    ending = Ending(source, checked_stop(stop), max_tokens)
    for request in requests:
        check_seed(request.seed)
        check_request(source, request.prompt_ids, max_tokens)
    lane_of = _lanes(source, requests)
    lanes = max(lane_of, default=0) + 1
    progress = _Progress(len(requests), on_progress)
    runs = [
        _Run(
            source,
            [request for request, place in zip(requests, lane_of, strict=True) if place == lane],
            grid,
            chain or Chain(()),
            ending,
            max_rows,
            progress,
        )
        for lane in range(lanes)
    ]
    _finish(source, runs)
    done = [iter([run.path(number) for number in range(len(run.requests))]) for run in runs]
    return [next(done[lane]) for lane in lane_of]


def _lanes(source: Source, requests: Sequence[PathRequest]) -> list[int]:
    """Which thread each request is for. Those of one prompt stay together, since they share passes."""
    prompts = {
        prompt: number for number, prompt in enumerate(dict.fromkeys(one.prompt_ids for one in requests))
    }
    lanes = min(source.lanes, len(prompts) // 2) if isinstance(source, LaneSource) else 1
    return [prompts[request.prompt_ids] % max(1, lanes) for request in requests]


def _finish(source: Source, runs: Sequence[_Run]) -> None:
    """Carry out the runs, each in a thread of its own; what goes wrong in one ends all."""
    if len(runs) == 1:
        runs[0].all()
        return
    assert isinstance(source, LaneSource)
    with ThreadPoolExecutor(len(runs), initializer=source.enter_lane, initargs=(len(runs),)) as pool:
        try:
            for finished in as_completed([pool.submit(run.all) for run in runs]):
                finished.result()
        except BaseException:  # Ctrl-C too: the threads would go on to their ends
            for run in runs:
                run.stopped = True
            raise


class _Progress:
    """Counts finished requests of all runs, one at a time."""

    def __init__(self, total: int, tell: Callable[[int, int], None] | None) -> None:
        self._total, self._tell, self._done, self._lock = total, tell, 0, Lock()

    def one_more(self) -> None:
        with self._lock:
            self._done += 1
            if self._tell is not None:
                self._tell(self._done, self._total)


@dataclass(frozen=True)
class _Branch:
    """The part of a request's τ-axis that has come to some prefix."""

    request: int
    low: float
    high: float
    temperatures: tuple[float, ...]


@dataclass
class _Node:
    """A prefix: one row of the decoder, shared by every branch of every request that has come to it."""

    prompt_ids: tuple[int, ...]
    ids: tuple[int, ...] = ()
    logprob_raw: float = 0.0
    branches: list[_Branch] = field(default_factory=list)

    @property
    def prefix(self) -> tuple[int, ...]:
        return self.prompt_ids + self.ids


class _Run:
    """The state of one call of `temperature_paths`."""

    def __init__(
        self,
        source: Source,
        requests: list[PathRequest],
        grid: tuple[float, ...],
        chain: Chain,
        ending: Ending,
        max_rows: int,
        progress: _Progress,
    ) -> None:
        self.source, self.requests, self.grid, self.ending = source, requests, grid, ending
        self.chain = _PathChain(chain)
        self.max_rows = max(1, max_rows)
        self.progress = progress
        self.stopped = False  # set from outside, to leave off before the end
        self.noise = NoiseCache(source.vocab_size)
        self.leaves: list[list[Leaf]] = [[] for _ in requests]
        self.forward_passes = [0] * len(requests)
        self.temperatures_left = [len(grid)] * len(requests)
        self.rows_per_branch = FIRST_GUESS

    def all(self) -> None:
        """Run every request to its end."""
        nodes: dict[tuple[int, ...], _Node] = {}
        for number, request in enumerate(self.requests):
            prompt_ids = tuple(request.prompt_ids)
            node = nodes.setdefault(prompt_ids, _Node(prompt_ids))
            node.branches.append(_Branch(number, self.grid[0], self.grid[-1], self.grid))
        # A stack: what had to wait goes on before new requests begin, so that little waits at any time.
        waiting = list(reversed(nodes.values()))
        while waiting and not self.stopped:
            self._batch(self._take(waiting), waiting)

    def path(self, number: int) -> TemperaturePath:
        """The result of one request."""
        leaves = tuple(sorted(self.leaves[number], key=lambda leaf: leaf.temperatures[0]))
        independent = sum(len(leaf.temperatures) * len(leaf.ids) for leaf in leaves)
        return TemperaturePath(leaves, self.forward_passes[number], independent, self.chain.exact)

    def _take(self, waiting: list[_Node]) -> list[_Node]:
        """Nodes to start together: as many as are likely to stay within `max_rows` once they have branched."""
        taken = [waiting.pop()]
        branches = len(taken[0].branches)
        while waiting and len(taken) < self.max_rows:
            # Texts that go on are begun again: with their prompt alone, it is read once for all of them.
            if taken[0].ids and waiting[-1].prompt_ids != taken[0].prompt_ids:
                break
            branches += len(waiting[-1].branches)
            if branches * self.rows_per_branch > FULL * self.max_rows:
                break
            taken.append(waiting.pop())
        return taken

    def _batch(self, nodes: list[_Node], waiting: list[_Node]) -> None:
        """Decode these nodes and all that grows from them; what does not fit goes to `waiting`."""
        branches, fresh = sum(len(node.branches) for node in nodes), not nodes[0].ids
        most = len(nodes)
        # All rows take a step together, so one pass through the weights serves every request, temperature and seed.
        decoder = self.source.start([node.prefix for node in nodes])
        self._count(nodes)
        while not self.stopped:
            grown: dict[tuple[int, int], _Node] = {}
            if self.chain.is_plain and self.source.vocab_size >= MIN_VOCABULARY:
                self._grow_together(nodes, decoder.logits, grown)
            else:
                for row, node in enumerate(nodes):
                    self._grow(row, node, decoder.logits[row], grown)
            going = [(place, node) for place, node in grown.items() if not self._finished(node)]
            most = max(most, len(going))
            # Their columns go with the rows; kept for later they would be memory without a bound.
            waiting.extend(node for _, node in reversed(going[self.max_rows :]))
            going = going[: self.max_rows]
            if not going:
                break
            decoder.advance([row for (row, _), _ in going], [token for (_, token), _ in going])
            nodes = [node for _, node in going]
            self._count(nodes)
        if fresh:  # texts that go on have branched already, and say nothing of new ones
            self.rows_per_branch = max(most / branches, 1.0 / self.max_rows)

    def _count(self, nodes: list[_Node]) -> None:
        for node in nodes:
            self.forward_passes[node.branches[0].request] += 1

    def _grow_together(
        self, nodes: list[_Node], logits: np.ndarray, grown: dict[tuple[int, int], _Node]
    ) -> None:
        """As `_grow` for all nodes, compiled: for a long vocabulary of which nothing is removed."""
        branches = [(row, node, branch) for row, node in enumerate(nodes) for branch in node.branches]
        found = races(
            logits,
            [row for row, _, _ in branches],
            [self.requests[branch.request].seed for _, _, branch in branches],
            [len(node.ids) for _, node, _ in branches],
            [branch.low for _, _, branch in branches],
            [branch.high for _, _, branch in branches],
        )
        for place, (row, node, branch) in enumerate(branches):
            if not np.isfinite(found.tops[row]):
                log_softmax(logits[row])  # says what is wrong with the row
            count = int(found.counts[place])
            if count == 1:
                stretches = [Stretch(int(found.ids[place, 0]), branch.low, branch.high, branch.temperatures)]
            elif count > 1:
                lines = Lines(*(one[place, :count] for one in (found.ids, found.values, found.noises)))
                stretches = split_lines(lines, branch.low, branch.high, branch.temperatures)
            else:
                noise = self.noise.row(self.requests[branch.request].seed, len(node.ids))
                stretches = split(
                    logits[row].astype(np.float64), noise, branch.low, branch.high, branch.temperatures
                )
            for stretch in stretches:
                log_prob = float(logits[row, stretch.token] - found.tops[row] - found.log_sums[row])
                _add(grown, row, node, branch, stretch, log_prob)

    def _grow(self, row: int, node: _Node, logits: np.ndarray, grown: dict[tuple[int, int], _Node]) -> None:
        """Split the branches of a node by their next token, and add the nodes of those tokens to `grown`."""
        logits = logits.astype(np.float64)
        log_probs = log_softmax(logits)
        context = Context(history=[node.prefix], prompt_lengths=[len(node.prompt_ids)])
        next_token = self.chain.for_row(logits, context)
        for branch in node.branches:
            noise = self.noise.row(self.requests[branch.request].seed, len(node.ids))
            for stretch in next_token(noise, branch.low, branch.high, branch.temperatures):
                _add(grown, row, node, branch, stretch, float(log_probs[stretch.token]))

    def _finished(self, node: _Node) -> bool:
        """Whether the node's text is over; if so it becomes a leaf of each of its branches."""
        reason = self.ending.finish_reason(node.ids)
        if reason is None:
            return False
        text = self.ending.text(node.ids)
        for branch in node.branches:
            for low, high, temperatures in self._intervals(branch):
                leaf = Leaf(low, high, temperatures, text, node.ids, reason, node.logprob_raw)
                self.leaves[branch.request].append(leaf)
            self.temperatures_left[branch.request] -= len(branch.temperatures)
            if self.temperatures_left[branch.request] == 0:
                self.progress.one_more()
        return True

    def _intervals(self, branch: _Branch) -> Iterator[tuple[float, float, tuple[float, ...]]]:
        if self.chain.exact:
            yield *rounded_inwards(branch.low, branch.high, branch.temperatures), branch.temperatures
            return
        # Runs of neighbours in the grid: nothing says that one text holds a single stretch of τ.
        places = [self.grid.index(temperature) for temperature in branch.temperatures]
        begin = 0
        for end in range(1, len(places) + 1):
            if end == len(places) or places[end] != places[end - 1] + 1:
                run = branch.temperatures[begin:end]
                yield run[0], run[-1], run
                begin = end


def _add(
    grown: dict[tuple[int, int], _Node],
    row: int,
    node: _Node,
    branch: _Branch,
    stretch: Stretch,
    log_prob: float,
) -> None:
    """Let a stretch of a branch go on in the node of its token; branches that draw one token share it."""
    child = grown.get((row, stretch.token))
    if child is None:
        child = _Node(node.prompt_ids, (*node.ids, stretch.token), node.logprob_raw + log_prob)
        grown[row, stretch.token] = child
    child.branches.append(_Branch(branch.request, stretch.low, stretch.high, stretch.temperatures))


NextToken = Callable[[np.ndarray, float, float, tuple[float, ...]], list[Stretch]]
"""(noise, low, high, temperatures) → the tokens drawn at these temperatures, for one row of logits."""


class _PathChain:
    """A chain cut at its temperature: what comes before is done once a row, what follows for each τ that matters."""

    def __init__(self, chain: Chain) -> None:
        if chain.needs - {"history"}:
            raise InputError(
                f"a temperature path needs a chain whose text depends on temperature and noise alone, got {chain}; "
                "leave out stages that are random or remember earlier draws, or use sample"
            )
        self.chain = chain
        self.exact = chain.nested
        self.before, self.after = map(Chain, chain.around_temperature)
        self.is_plain = self.exact and not len(self.before) and not len(self.after)

    def for_row(self, logits: np.ndarray, context: Context) -> NextToken:
        """How the next token of this row, `[vocab]` float64, depends on noise and temperature."""
        if not self.exact:
            return self._one_by_one(logits, context)
        start = self.before.apply(logits, context=context)
        kept = (
            KeptSets(start, lambda temperature: self._keeps(start, temperature)) if len(self.after) else None
        )
        return lambda noise, low, high, temperatures: split(start, noise, low, high, temperatures, kept)

    def _keeps(self, start: np.ndarray, temperature: float) -> np.ndarray:
        return self.after.apply(tempered(start, temperature)) > -np.inf

    def _one_by_one(self, logits: np.ndarray, context: Context) -> NextToken:
        processed = {}

        def next_token(
            noise: np.ndarray, low: float, high: float, temperatures: tuple[float, ...]
        ) -> list[Stretch]:
            by_token: dict[int, Stretch] = {}
            for temperature in temperatures:
                if temperature not in processed:
                    chain = self.chain.at_temperature(temperature)
                    processed[temperature] = chain.apply(logits, context=context)
                # The listed temperatures at which a token is drawn need not be neighbours; `_intervals` parts them.
                token = int(np.argmax(processed[temperature] + noise))
                stretch = by_token.get(token, Stretch(token, temperature, temperature, ()))
                by_token[token] = replace(
                    stretch, high=temperature, temperatures=(*stretch.temperatures, temperature)
                )
            return list(by_token.values())

        return next_token


def _grid(temperatures: Sequence[float]) -> tuple[float, ...]:
    """The listed temperatures, rising and each once; raises InputError."""
    values = [float(temperature) for temperature in temperatures]
    if not values:
        raise InputError("a temperature path needs at least one temperature, got none; for example 0, 0.5, 1")
    for value in values:
        if not 0.0 <= value < float("inf"):
            raise InputError(f"temperatures must be finite numbers of 0 (greedy) or more, got {value:g}")
    return tuple(sorted(set(values)))
