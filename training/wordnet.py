"""Reads WordNet 3.0's data files (Debian's `wordnet-base`) into synsets and relations.

Format: wndb(5WN). One `Synset` a line of data.*; pointers are kept between synsets only (the
word-to-word part of a pointer is used for antonyms alone).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

WORDNET = Path("/usr/share/wordnet")
PARTS = {"n": "noun", "v": "verb", "a": "adj", "r": "adv"}

# Pointer symbols of wninput(5WN) that the text uses.
HYPERNYM, INSTANCE, PART_OF, SUBSTANCE_OF, MEMBER_OF, ANTONYM = "@", "@i", "#p", "#s", "#m", "!"


@dataclass(frozen=True)
class Synset:
    """One meaning: its words in order, its gloss split into definition and examples, its pointers."""

    key: str  # part of speech + byte offset, e.g. "n07767847"
    part: str  # n, v, a or r
    lexicographer_file: int  # 5 animal, 6 artifact, 13 food, 20 plant, ... (lexnames(5WN))
    words: tuple[str, ...]
    definition: str
    examples: tuple[str, ...]
    pointers: tuple[tuple[str, str, int, int], ...]  # symbol, target key, source word, target word (0: all)

    def targets(self, *symbols: str) -> list[str]:
        return [target for symbol, target, _, _ in self.pointers if symbol in symbols]

    @property
    def is_instance(self) -> bool:
        return any(symbol == INSTANCE for symbol, *_ in self.pointers)


def _parse(line: str) -> Synset:
    data, _, gloss = line.partition(" | ")
    fields = data.split()
    offset, file_number, part, count = fields[0], int(fields[1]), fields[2], int(fields[3], 16)
    part = "a" if part == "s" else part
    words = tuple(
        re.sub(r"\((p|a|ip)\)$", "", word).replace("_", " ") for word in fields[4 : 4 + 2 * count : 2]
    )
    start = 4 + 2 * count
    pointers = []
    for k in range(int(fields[start])):
        symbol, target, target_part, words_hex = fields[start + 1 + 4 * k : start + 5 + 4 * k]
        target_part = "a" if target_part == "s" else target_part
        pointers.append((symbol, target_part + target, int(words_hex[:2], 16), int(words_hex[2:], 16)))
    examples = tuple(example.strip() for example in re.findall(r'"([^"]+)"', gloss))
    definition = re.sub(r'[;:,]?\s*"[^"]*"(\s*-\s*[^;"]*)?', "", gloss).strip().strip(";").strip()
    return Synset(part + offset, part, file_number, words, definition, examples, tuple(pointers))


def read_synsets(folder: Path = WORDNET) -> dict[str, Synset]:
    """Every synset by key, in file order. Raises FileNotFoundError with what to install."""
    if not (folder / "data.noun").exists():
        raise FileNotFoundError(f"{folder}/data.noun is missing; install Debian's package wordnet-base")
    synsets = {}
    for name in PARTS.values():
        for line in (folder / f"data.{name}").read_text(encoding="latin-1").splitlines():
            if not line.startswith("  "):
                synset = _parse(line)
                synsets[synset.key] = synset
    return synsets


def read_senses(folder: Path = WORDNET) -> dict[tuple[str, str], list[str]]:
    """(word, part) -> synset keys, most frequent sense first (index.*)."""
    senses = {}
    for part, name in PARTS.items():
        for line in (folder / f"index.{name}").read_text(encoding="latin-1").splitlines():
            if not line.startswith("  "):
                fields = line.split()
                offsets = fields[-int(fields[2]) :]
                senses[fields[0].replace("_", " "), part] = [part + offset for offset in offsets]
    return senses


def read_tag_counts(synset_of: dict[tuple[str, str], list[str]], folder: Path = WORDNET) -> dict[str, int]:
    """Synset key -> how often its words carry this sense in the tagged texts (cntlist.rev)."""
    counts: dict[str, int] = {}
    for line in (folder / "cntlist.rev").read_text(encoding="latin-1").splitlines():
        sense_key, number, count = line.split()
        word, _, rest = sense_key.partition("%")
        part = {"1": "n", "2": "v", "3": "a", "4": "r", "5": "a"}[rest[0]]
        keys = synset_of.get((word.replace("_", " "), part), [])
        if int(number) <= len(keys):
            key = keys[int(number) - 1]
            counts[key] = counts.get(key, 0) + int(count)
    return counts
