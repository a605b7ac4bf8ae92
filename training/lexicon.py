"""Decides which synsets people use, how often each is shown in training, and which are held out.

Commonness is the unigram log-probability of the English trigram model in the package pocketsphinx.
Tiers: 1 everyday things (concrete nouns), 2 other common meanings, 3 the rest of WordNet.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from training.wordnet import HYPERNYM, INSTANCE, Synset, read_senses, read_synsets, read_tag_counts

CONCRETE = {5, 6, 8, 13, 17, 18, 20, 27}  # animal, artifact, body, food, object, person, plant, substance
COMMON_LOG_PROB = -14.6  # nats; "pear" is -13.69, "aardvark" -15.89
EVERYDAY_LOG_PROB = -14.0
# What a demonstration should not say: meanings that WordNet itself marks so, in the gloss or by a usage domain.
OFFENSIVE_GLOSS = re.compile(
    r"slur|disparag|offensive (term|word|name|epithet)|obscen|vulgar|derogat|pejorativ|taboo", re.I
)
OFFENSIVE_USAGE = {"ethnic slur", "disparagement", "obscenity", "vulgarism", "dirty word", "slang"}
HELD_OUT_SHARE = {"validation": 0.03, "test": 0.03}
TOO_GENERAL = (
    4600  # a hypernym above more synsets than this ("artifact", "whole") says nothing; "animal" has 4,026
)


@cache
def _english() -> Any:
    from pocketsphinx import Config, LogMath, NGramModel, get_model_path

    return NGramModel(Config(), LogMath(), get_model_path() + "/en-us/en-us.lm.bin")


@cache
def word_log_prob(word: str) -> float:
    """Unigram log-probability in nats; -inf outside the model's 72,547 words. (LogMath's base is 1.0001.)"""
    value = _english().prob([word.lower()])
    return value * 1e-4 if value > -400_000 else float("-inf")


@dataclass
class Lexicon:
    """The chosen synsets: tier, split, head word, and the hypernym graph over nouns."""

    synsets: dict[str, Synset]
    tier: dict[str, int]
    split: dict[str, str]  # train, validation, test, excluded
    head: dict[str, str]  # the word a synset goes by
    hyponyms: dict[str, list[str]] = field(default_factory=dict)
    descendants: dict[str, int] = field(default_factory=dict)

    def in_split(self, split: str, tier: int | None = None) -> list[str]:
        return [key for key in self.tier if self.split[key] == split and tier in (None, self.tier[key])]

    def ancestors(self, key: str) -> list[str]:
        """Hypernyms from the nearest up, each once."""
        found: list[str] = []
        layer = self.synsets[key].targets(HYPERNYM, INSTANCE)
        while layer:
            found += [parent for parent in layer if parent not in found]
            layer = [
                up for parent in layer for up in self.synsets[parent].targets(HYPERNYM) if up not in found
            ]
        return list(dict.fromkeys(found))

    def telling_ancestors(self, key: str) -> list[str]:
        """Direct hypernyms, and higher ones that still say something."""
        direct = self.synsets[key].targets(HYPERNYM, INSTANCE)
        return [
            up for up in self.ancestors(key) if up in direct or self.descendants.get(up, 0) <= TOO_GENERAL
        ]


def _is_offensive(synset: Synset, synsets: dict[str, Synset]) -> bool:
    usages = {word for target in synset.targets(";u") for word in synsets[target].words}
    return bool(OFFENSIVE_GLOSS.search(synset.definition) or usages & OFFENSIVE_USAGE)


def _held_out(key: str) -> str:
    share = int(hashlib.sha256(key.encode()).hexdigest()[:8], 16) / 2**32
    for split, size in HELD_OUT_SHARE.items():
        if share < size:
            return split
        share -= size
    return "train"


def build_lexicon() -> Lexicon:
    synsets, senses = read_synsets(), read_senses()
    offensive = {key for key, synset in synsets.items() if _is_offensive(synset, synsets)}
    tags = read_tag_counts(senses)
    tier = dict.fromkeys(synsets, 3)
    head = {key: synset.words[0] for key, synset in synsets.items()}
    for (word, part), keys in senses.items():
        if " " in word or not word.isalpha():
            continue
        log_prob = word_log_prob(word)
        if log_prob < COMMON_LOG_PROB:
            continue
        for rank, key in enumerate(keys):
            synset = synsets[key]
            seldom_meant = rank > 0 and tags.get(key, 0) < 2 and not (part == "n" and rank < 2)
            if key in offensive or synset.is_instance or seldom_meant:
                continue
            common = word_log_prob(head[key]) if head[key].isalpha() else float("-inf")
            if common < log_prob and rank == 0:
                head[key] = word
            everyday = part == "n" and synset.lexicographer_file in CONCRETE and log_prob >= EVERYDAY_LOG_PROB
            tier[key] = min(tier[key], 1 if everyday and rank < 2 else 2)
    lexicon = Lexicon(synsets, tier, {}, head)
    for key, synset in synsets.items():
        for parent in synset.targets(HYPERNYM):
            if synset.part == "n" and key not in offensive:
                lexicon.hyponyms.setdefault(parent, []).append(key)
    for key, synset in synsets.items():
        if synset.part == "n" and key not in offensive:
            for ancestor in lexicon.ancestors(key):
                lexicon.descendants[ancestor] = lexicon.descendants.get(ancestor, 0) + 1
    # Only synsets without noun hyponyms are held out: no training text then names one as the kind of a thing.
    # Verbs' hypernyms and the wholes of parts are not covered (docs/LOG.md).
    lexicon.split = {key: "train" if key in lexicon.hyponyms else _held_out(key) for key in synsets}
    lexicon.split.update(dict.fromkeys(offensive, "excluded"))
    return lexicon
