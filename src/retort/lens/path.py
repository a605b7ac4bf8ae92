"""One seed, every temperature: the texts, the tree of what they share, and which stages of the chain apply along τ.

`sampling/path.py` finds the texts; here they become a record that can be read, drawn and kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, ClassVar

from retort.blocks import Block, Column, Drawing, Span, columns, line, spaced
from retort.chain.chain import Chain
from retort.chain.stage import Stage
from retort.errors import CapabilityError, InputError, printable
from retort.lens.asking import ask, chain_of, heading
from retort.numerals import decimals, number
from retort.records import Measures, Record, exact, new_axes, titled
from retort.sampling.path import Leaf, PathRequest, TemperaturePath, temperature_paths
from retort.sources.base import Capability
from retort.sources.chat import Message, Prompt
from retort.sources.load import Model, opened

TEMPERATURES = tuple(place / 20 for place in range(41))
MAX_TOKENS = 24
VIEWS = ("table", "tree", "bands")

# Backgrounds of the texts' own tokens, two by turns so that neighbours differ; shared tokens are dim.
GROUNDS = ("black on bright_cyan", "black on bright_yellow")
WIDEST = 100
ROW_NUMBER = 3  # columns beside the bands, for the token's place


@dataclass(frozen=True)
class PathStage:
    """A stage as the chain writes it, whether it applies along the path, and how, or why not, in a few words."""

    stage: str
    applies: bool
    why: str


@dataclass(frozen=True)
class PathBranch:
    """Tokens that the texts from `temperature_low` to `temperature_high` share here, and how they go on.

    `leaf` is the number (0 first) of the text that ends here, None where the branch parts into `branches`.
    """

    temperature_low: float
    temperature_high: float
    tokens: tuple[str, ...]
    leaf: int | None
    branches: tuple[PathBranch, ...]


@dataclass(frozen=True)
class Band:
    """A token at `row` (0 first), the temperatures that share it, and the first and last of the texts that do."""

    row: int
    low: float
    high: float
    token: str
    first: int
    last: int


@dataclass(frozen=True, repr=False)
class PathFound(Record):
    """A temperature path with the text of every token of every leaf, which the leaves themselves hold only as ids.

    `stages`: whether each stage of the chain applies along τ, and why. `rendered` is what the model saw,
    where the prompt was a conversation.
    """

    model: str
    note: str | None
    prompt: str
    seed: int
    max_tokens: int
    tokens: tuple[tuple[str, ...], ...]
    path: TemperaturePath
    stages: tuple[PathStage, ...] = ()
    chain: str = ""
    messages: tuple[Message, ...] | None = None
    rendered: str | None = None

    MEASURES: ClassVar[tuple[str, ...]] = ("texts", "logprob", "tokens", "width", "forward_passes")

    @property
    def tree(self) -> tuple[PathBranch, ...]:
        """The branches that begin at the prompt, in order of temperature."""
        return path_tree(self.path, self.tokens)

    def fields(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "note": self.note,
            "prompt": self.prompt,
            "seed": self.seed,
            "chain": self.chain,
            "stages": self.stages,
            "max_tokens": self.max_tokens,
            "exact": self.path.exact,
            "leaves": self.path.leaves,
            "tokens": self.tokens,
            "tree": self.tree,
            "forward_passes": self.path.forward_passes,
            "independent_passes": self.path.independent_passes,
            "messages": self.messages,
            "rendered": self.rendered,
        }

    def measures(self) -> Measures:
        """Of each text, and of the path as a whole."""
        leaves = self.path.leaves
        return {
            "texts": [exact(len(leaves))],
            "logprob": [exact(leaf.logprob_raw) for leaf in leaves],
            "tokens": [exact(len(leaf.ids)) for leaf in leaves],
            "width": [exact(leaf.temperature_high - leaf.temperature_low) for leaf in leaves],
            "forward_passes": [exact(self.path.forward_passes)],
        }

    def table_rows(self) -> list[dict[str, Any]]:
        """One row per text."""
        return [
            {
                "temperature_low": leaf.temperature_low,
                "temperature_high": leaf.temperature_high,
                "text": leaf.text,
                "tokens": len(leaf.ids),
                "finish_reason": leaf.finish_reason,
                "logprob_raw": leaf.logprob_raw,
            }
            for leaf in self.path.leaves
        ]

    def plot(self, axes: Any = None) -> Any:
        """The bands: each token as wide as the temperatures that share it, a text's own tokens in its colour."""
        axes = new_axes(axes)
        for band in bands(self):
            alone = band.first == band.last
            colour = f"C{band.first % 10}" if alone else "lightgrey"
            width = max(band.high - band.low, 1e-4)
            axes.barh(band.row, width, 0.95, band.low, color=colour, edgecolor="white")
            label = printable(band.token, keep="").strip()
            axes.text(
                band.low, band.row, f" {label}", va="center", fontsize=7, clip_on=True, parse_math=False
            )
        axes.invert_yaxis()
        axes.set_xlabel("temperature τ")
        axes.set_ylabel("position in the text (tokens)")
        titled(axes, f"{self.model} after {self.prompt!r}, seed {self.seed}")
        return axes

    def blocks(self, views: Sequence[str] = VIEWS) -> Iterator[Block]:
        path = self.path
        yield from heading(self.model, f"{self.prompt!r}, seed {self.seed}", None, self.note)
        for place, one in enumerate(self.stages, 1):
            said = "applies" if one.applies else "does not apply"
            yield line(f"Stage {place}, {one.stage}, {said}: {one.why}.", whole=True)
        if "table" in views:
            yield columns(
                path.leaves,
                {
                    ">τ from": lambda leaf: decimals(leaf.temperature_low, 4),
                    ">to": lambda leaf: decimals(leaf.temperature_high, 4),
                    Column("text", fold=True): lambda leaf: printable(leaf.text, keep=""),
                    "end": lambda leaf: leaf.finish_reason,
                    ">logprob, raw": lambda leaf: number(leaf.logprob_raw),
                },
                lead=2,
            )
        if "tree" in views:
            yield line("Tree: the range of τ, and the tokens that its texts share; [n] ends text n.")
            yield Drawing(lambda width: tree_lines(self))
        if "bands" in views:
            yield line(
                "Bands: each token of a text as wide as the temperatures that share it; texts too narrow "
                "to draw are only in the table."
            )
            yield Drawing(lambda width: band_lines(self, width))
        if path.exact:
            yield line(
                "Each interval of τ is exact, rounded inwards. Texts between two listed temperatures are not shown; a "
                "finer --temperature shows them."
            )
        else:
            yield line(
                "This chain does not always keep the most likely tokens, so nothing is known between the "
                "listed temperatures: the first two columns are the first and last listed ones that give the text."
            )
        asked_for = sum(len(leaf.temperatures) for leaf in path.leaves)
        saved = path.independent_passes / max(path.forward_passes, 1)
        texts = "one text" if len(path.leaves) == 1 else f"{len(path.leaves)} different texts"
        yield line(
            f"{texts} at {asked_for} temperatures: {path.forward_passes:,} forward passes, against "
            f"{path.independent_passes:,} for one text per temperature ({decimals(saved, 1)} times fewer). Logprob: "
            "nats, "
            "summed over the text, of the model's own distribution (τ = 1, nothing removed)."
        )


def path(
    model: Model,
    prompt: Prompt,
    temperatures: Sequence[float] = TEMPERATURES,
    *,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    chain: Chain | str | None = None,
    seed: int = 0,
    max_tokens: int = MAX_TOKENS,
    stop: Sequence[str] = (),
    chat: bool | None = None,
) -> PathFound:
    """The text after `prompt` at every temperature, at one seed: each is the one that `generate` gives there.

    Truncation by `top_k`, `top_p` and `min_p`, or by a `chain`, which says everything in its own order. Raises
    InputError for both, and CapabilityError for a source without the whole vocabulary.
    """
    through = chain_of(chain)
    if through is None:
        through = Chain.of(temperature=None, top_k=top_k, top_p=top_p, min_p=min_p)
    elif (top_k, top_p, min_p) != (None, None, None):
        raise InputError("a chain has its own order; put top_k, top_p and min_p into it.")
    source = opened(model)
    if source.capability is not Capability.FULL:
        raise CapabilityError(
            f"path needs the whole vocabulary at every token, and {source.name} does not give it; use a model that "
            "runs here, or `retort sample` once for each temperature."
        )
    seen = ask(source, prompt, chat)
    (found,) = temperature_paths(
        source,
        [PathRequest(tuple(seen.ids), seed)],
        temperatures,
        chain=through,
        max_tokens=max_tokens,
        stop=stop,
    )
    return PathFound(
        model=source.name,
        note=source.note,
        prompt=seen.text,
        seed=seed,
        max_tokens=max_tokens,
        tokens=tuple(tuple(map(source.token_text, leaf.ids)) for leaf in found.leaves),
        path=found,
        stages=path_stages(through),
        chain=str(through),
        messages=seen.messages,
        rendered=None if seen.messages is None else seen.text,
    )


def path_stages(chain: Chain) -> tuple[PathStage, ...]:
    """The stages of `chain` in its order; none for an empty one. Read from the chain alone, without logits.

    The path puts each of its temperatures in the place of the chain's own. What stands before that place does the same
    at every τ; what stands behind it sees the tempered distribution.
    """
    hot = -1 if chain.hot is None else chain.stages.index(chain.hot)
    before, _ = chain.around_temperature
    free_until = hot + len(before) - max(hot, 0)  # the last place after the temperature that does not see it
    return tuple(
        PathStage(
            str(stage), stage.name != "temperature", _why(stage, place < hot, place <= free_until, hot < 0)
        )
        for place, stage in enumerate(chain)
    )


def _why(stage: Stage, before: bool, free: bool, no_temperature: bool) -> str:
    row = stage.transform
    if stage.name == "temperature":
        return f"the path sets τ itself: each of its temperatures replaces {stage.value:g}"
    if row.tempers:
        return f"around each τ of the path, instead of {stage.setting('temperature'):g}"
    removes = row.truncates or row.bans
    if before:
        return (
            f"before the temperature: {'removes the same tokens' if removes else 'does the same'} at every τ"
        )
    where = "after the temperature" + (", which comes first" if no_temperature else "")
    if free:
        return f"{where}, but removes the same tokens at every τ"
    if row.truncates:
        return f"{where}: what it removes depends on τ"
    return f"{where}: {'removes by rule, whatever τ' if removes else 'changes the tempered logits'}"


# The tree and the bands


def path_tree(found: TemperaturePath, tokens: Sequence[Sequence[str]]) -> tuple[PathBranch, ...]:
    """The branches that begin at the prompt; `tokens` are the pieces of each leaf.

    Only neighbours share a branch: a text that comes again at a higher temperature, as it may for a chain that is not
    nested, stands there again.
    """
    return _branches(list(enumerate(found.leaves)), tokens, 0)


Numbered = tuple[int, Leaf]


def _branches(
    leaves: Sequence[Numbered], tokens: Sequence[Sequence[str]], depth: int
) -> tuple[PathBranch, ...]:
    """How leaves that share their first `depth` tokens go on."""
    found = []
    for group in _sharing(leaves, depth):
        number, leaf = group[0]
        steps = enumerate(zip(*(one.ids for _, one in group), strict=False))
        # Up to the first place where two of them differ; if none do, the shortest ends here and the others go on.
        shared = next(
            (place for place, ids in steps if len(set(ids)) > 1), min(len(one.ids) for _, one in group)
        )
        found.append(
            PathBranch(
                leaf.temperature_low,
                group[-1][1].temperature_high,
                tuple(tokens[number][depth:shared]),
                number if len(group) == 1 else None,
                () if len(group) == 1 else _branches(group, tokens, shared),
            )
        )
    return tuple(found)


def _sharing(leaves: Iterable[Numbered], row: int) -> Iterator[list[Numbered]]:
    """Runs of neighbours whose tokens are the same up to this row, the row included."""
    for _, group in groupby(leaves, lambda one: one[1].ids[: row + 1]):
        yield list(group)


def bands(found: PathFound) -> Iterator[Band]:
    """The bands of a path, row by row.

    Neighbouring leaves with the same prefix are one band, gap included: a prefix belongs to an unbroken stretch of τ.
    """
    leaves = found.path.leaves
    for row in range(max(len(leaf.ids) for leaf in leaves)):
        for group in _sharing(enumerate(leaves), row):
            (first, lowest), (last, highest) = group[0], group[-1]
            if len(lowest.ids) > row:
                low, high = lowest.temperature_low, highest.temperature_high
                yield Band(row, low, high, found.tokens[first][row], first, last)


def tree_lines(found: PathFound) -> list[list[Span]]:
    """A line for each branch: its τ interval, then its tokens, indented below what they follow."""
    joint = spaced(token for tokens in found.tokens for token in tokens)
    return [[(text, None)] for branch in found.tree for text in _tree_lines(branch, "", "", joint)]


def _tree_lines(branch: PathBranch, lead: str, below: str, joint: str) -> list[str]:
    text = printable(joint.join(branch.tokens), keep="")
    end = "" if branch.leaf is None else f"  [{branch.leaf + 1}]"
    lines = [
        f"{decimals(branch.temperature_low, 4)} … {decimals(branch.temperature_high, 4)}  {lead}{text}{end}"
    ]
    for place, child in enumerate(branch.branches):
        last = place == len(branch.branches) - 1
        lines += _tree_lines(child, below + ("└ " if last else "├ "), below + ("  " if last else "│ "), joint)
    return lines


def band_lines(found: PathFound, width: int) -> list[list[Span]]:
    """τ to the right, tokens downwards: each token as wide as the temperatures that share it."""
    from rich.cells import cell_len

    width = max(min(width, WIDEST) - ROW_NUMBER - 1, 10)
    leaves = found.path.leaves
    owners = column_owners(leaves, width)
    rows: dict[int, list[Span]] = {}
    for band in bands(found):
        texts = range(band.first + 1, band.last + 2)  # columns count them from 1
        own = [place for place, owner in enumerate(owners) if owner in texts]
        spans = rows.setdefault(band.row, [(f"{band.row + 1:>{ROW_NUMBER}} ", None)])
        if not own:
            continue
        begin, size = own[0], own[-1] + 1 - own[0]
        # In cells and not characters: a Chinese character takes two.
        so_far = sum(cell_len(text) for text, _ in spans)
        spans.append((" " * (begin + ROW_NUMBER + 1 - so_far), None))
        style = GROUNDS[band.first % 2] if band.first == band.last else "dim"
        spans.append(("│" + _fitted(printable(band.token, keep="").strip() or "␣", size - 1), style))
    low, high = f"{leaves[0].temperature_low:g}", f"{leaves[-1].temperature_high:g}"
    axis = f"{low}{'temperature τ':^{max(width - len(low) - len(high), 13)}}{high}"
    return [
        [(_numbers(owners), None)],
        *(rows[row] for row in sorted(rows)),
        [(" " * (ROW_NUMBER + 1) + axis, None)],
    ]


def _fitted(text: str, width: int) -> str:
    from rich.cells import cell_len, set_cell_size

    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return "" if width < 1 else set_cell_size(text, width - 1) + "…"


def column_owners(leaves: Sequence[Leaf], width: int) -> list[int | None]:
    """For each column the text at its τ, counted from 1; None between two texts.

    A text narrower than a column gets one all the same where the column nearest to it has no text, or one that has
    another column left.
    """
    low = leaves[0].temperature_low
    step = max(leaves[-1].temperature_high - low, 1e-9) / width
    owners: list[int | None] = [None] * width
    for place_of, leaf in enumerate(leaves, 1):
        # A column stands for the temperature in its middle.
        for place in range(width):
            if leaf.temperature_low <= low + (place + 0.5) * step <= leaf.temperature_high:
                owners[place] = place_of
    for place_of, leaf in enumerate(leaves, 1):
        if place_of in owners:
            continue
        middle = (leaf.temperature_low + leaf.temperature_high) / 2
        place = min(int((middle - low) / step), width - 1)
        owner = owners[place]
        # Only where the columns stay in the order of the texts, and no other text loses its last column.
        in_order = all(other is None or other < place_of for other in owners[:place]) and all(
            other is None or other > place_of for other in owners[place + 1 :]
        )
        if in_order and (owner is None or owners.count(owner) > 1):
            owners[place] = place_of
    return owners


def _numbers(owners: Sequence[int | None]) -> str:
    """The texts' numbers, each above its first column where there is room for it."""
    written = " " * ROW_NUMBER
    for place, owner in enumerate(owners):
        before = owners[place - 1] if place else None
        if owner is not None and owner != before and len(written) <= place + ROW_NUMBER:
            written += " " * (place + ROW_NUMBER + 1 - len(written)) + str(owner)
    return written
