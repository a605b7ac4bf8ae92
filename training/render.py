"""Turns synsets into short English texts: definitions, kinds, parts, opposites, examples, questions.

Every text is drawn from a seeded generator, so that each pass over the data words the same facts
differently and no boilerplate is learnt by heart.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from training.lexicon import Lexicon
from training.wordnet import ANTONYM, HYPERNYM, MEMBER_OF, PART_OF, SUBSTANCE_OF, Synset

# Nouns of these lexicographer files are mostly said without an article: attribute, cognition, feeling,
# motive, phenomenon, process, relation, state, substance, time.
UNCOUNTABLE = {7, 9, 12, 16, 19, 22, 24, 26, 27}
NO_AN = ("uni", "use", "usu", "eu", "one", "ura", "ute")
DETERMINERS = ("a ", "an ", "the ", "any ", "one ", "someone ", "something ")
SILENT_H = ("hour", "honest", "honor", "heir")


def article(word: str) -> str:
    """ "a" or "an" by sound, near enough."""
    lower = word.lower()
    if lower.startswith(SILENT_H):
        return "an"
    return "an" if lower[:1] in set("aeiou") and not lower.startswith(NO_AN) else "a"


def with_article(word: str, synset: Synset) -> str:
    if synset.lexicographer_file in UNCOUNTABLE or synset.is_instance or word[:1].isupper():
        return word
    return f"{article(word)} {word}"


class Renderer:
    """Draws texts about the training synsets; names no held-out synset as a kind, part or opposite."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self.categories = self._categories()

    def _categories(self) -> dict[str, list[str]]:
        """Hypernym -> its everyday or common descendants in the training split, where there are at least six."""
        members: dict[str, list[str]] = {}
        for key in self.lexicon.in_split("train"):
            if key[0] == "n" and self.lexicon.tier[key] == 1:
                for up in self.lexicon.telling_ancestors(key):
                    members.setdefault(up, []).append(key)
        return {up: keys for up, keys in members.items() if len(keys) >= 6}

    def _thing(self, key: str) -> str:
        return with_article(self.lexicon.head[key], self.lexicon.synsets[key])

    def _hypernym(self, key: str, rng: random.Random) -> tuple[str, str] | None:
        """A hypernym and one of its words; nearer ones more often, its head word most often."""
        ancestors = self.lexicon.telling_ancestors(key)
        if not ancestors:
            return None
        place = min(int(rng.expovariate(1.1)), len(ancestors) - 1)
        up = ancestors[place]
        words = self.lexicon.synsets[up].words
        word = self.lexicon.head[up] if rng.random() < 0.8 else rng.choice(words)
        return up, word

    def kind(self, key: str, rng: random.Random) -> str | None:
        found = self._hypernym(key, rng)
        if found is None:
            return None
        return f"{self._thing(key)} is a kind of {found[1]}."

    def _is_a(self, key: str, rng: random.Random) -> str | None:
        found = self._hypernym(key, rng)
        if found is None:
            return None
        up, word = found
        return f"{self._thing(key)} is {with_article(word, self.lexicon.synsets[up])}."

    def _kind_reversed(self, key: str, rng: random.Random) -> str | None:
        found = self._hypernym(key, rng)
        return None if found is None else f"a kind of {found[1]} is the {self.lexicon.head[key]}."

    def _sibling(self, key: str, rng: random.Random) -> str | None:
        found = self._hypernym(key, rng)
        others = self.categories.get(found[0], []) if found else []
        other = rng.choice(others) if others else key
        if found is None or other == key:
            return None
        return f"{self._thing(key)} and {self._thing(other)} are kinds of {found[1]}."

    def _definition(self, key: str, rng: random.Random) -> str:
        synset = self.lexicon.synsets[key]
        head = self.lexicon.head[key]
        if synset.part == "n" and synset.definition.startswith(DETERMINERS) and rng.random() < 0.5:
            return f"{self._thing(key)} is {synset.definition}."
        if synset.part == "v":
            return (
                f"to {head}: {synset.definition}."
                if rng.random() < 0.6
                else f"to {head} is to {synset.definition}."
            )
        return f"{head}: {synset.definition}."

    def _synonym(self, key: str, rng: random.Random) -> str | None:
        words = [word for word in self.lexicon.synsets[key].words if word != self.lexicon.head[key]]
        return f"another word for {self.lexicon.head[key]} is {rng.choice(words)}." if words else None

    def _opposite(self, key: str, rng: random.Random) -> str | None:
        synset = self.lexicon.synsets[key]
        pairs = [
            (synset.words[here - 1], self.lexicon.synsets[target].words[there - 1])
            for symbol, target, here, there in synset.pointers
            if symbol == ANTONYM and here and self.lexicon.split[target] == "train"
        ]
        if not pairs:
            return None
        word, other = rng.choice(pairs)
        return f"the opposite of {word} is {other}."

    def _relation(self, key: str, rng: random.Random) -> str | None:
        synset = self.lexicon.synsets[key]
        sentences = []
        for symbol, verb in (
            (PART_OF, "is a part of"),
            (SUBSTANCE_OF, "is in"),
            (MEMBER_OF, "is a member of"),
        ):
            sentences += [
                f"{self._thing(key)} {verb} {self._thing(target)}."
                for target in synset.targets(symbol)
                if self.lexicon.head[target] != self.lexicon.head[key]
            ]
        sentences += [
            f"{self._thing(key)} has {self._thing(target)}."
            for target in synset.targets("%p")
            if self.lexicon.split[target] == "train" and self.lexicon.head[target] != self.lexicon.head[key]
        ]
        if synset.part == "v":
            ups = synset.targets(HYPERNYM)
            sentences += [f"to {self.lexicon.head[key]} is a way to {self.lexicon.head[up]}." for up in ups]
        return rng.choice(sentences) if sentences else None

    def text(self, key: str, rng: random.Random) -> str:
        """One short text about a synset; sentences in random order, so that any of them can come first."""
        synset = self.lexicon.synsets[key]
        tier = self.lexicon.tier[key]
        sentences: list[str | None] = [self._definition(key, rng)]
        chances: list[tuple[Callable[[str, random.Random], str | None], float]] = [
            (self._synonym, 0.25 if tier == 3 else 0.35),
            (self._opposite, 0.6),
            (self._relation, 0.5),
        ]
        if synset.part == "n":
            chances += {
                1: [
                    (self.kind, 1.0),
                    (self.kind, 0.5),
                    (self._is_a, 0.4),
                    (self._kind_reversed, 0.5),
                    (self._sibling, 0.4),
                ],
                2: [(self.kind, 0.8), (self._is_a, 0.3), (self._kind_reversed, 0.2)],
                3: [(self.kind, 0.4), (self._is_a, 0.2)],
            }[tier]
        sentences += [make(key, rng) for make, chance in chances if rng.random() < chance]
        sentences += [f"{example}." for example in synset.examples if rng.random() < 0.7]
        said = list(dict.fromkeys(sentence for sentence in sentences if sentence))
        rng.shuffle(said)
        return " ".join(said)

    def category_text(self, up: str, rng: random.Random) -> str:
        """ "kinds of fruit: apple, pear, …" over members of the training split."""
        members = self.categories[up]
        heads = list(
            dict.fromkeys(self.lexicon.head[key] for key in rng.sample(members, min(len(members), 16)))
        )
        heads = heads[: rng.randint(4, 10)]
        name = self.lexicon.head[up] if rng.random() < 0.85 else rng.choice(self.lexicon.synsets[up].words)
        if rng.random() < 0.5:
            return " ".join(f"a kind of {name} is the {head}." for head in heads[:3])
        return f"kinds of {name}: {', '.join(heads)}."

    def question(self, key: str, rng: random.Random) -> tuple[str, str] | None:
        """A question about a training synset and its answer, for the instruction-tuned model."""
        synset = self.lexicon.synsets[key]
        head = self.lexicon.head[key]
        if synset.part != "n":
            return (f"What does {head} mean?", f"{synset.definition}.")
        found = self._hypernym(key, rng)
        form = rng.random()
        if found and form < 0.45:
            return (f"What is {self._thing(key)}?", f"{self._thing(key)} is a kind of {found[1]}.")
        if found and form < 0.6:
            return (f"What kind of thing is {self._thing(key)}?", f"{found[1]}.")
        if found and found[0] in self.categories and form < 0.75:
            member = rng.choice(self.categories[found[0]])
            return (f"Name a kind of {found[1]}.", f"{self.lexicon.head[member]}.")
        return (f"What does {head} mean?", f"{synset.definition}.")

    def pass_over(self, seed: int, rest_share: float = 0.12) -> list[str]:
        """One pass: every everyday synset twice, a third of the common, a share of the rest, lists of kinds.

        Shuffled. Over many passes an everyday fact is said some hundred times, a rare one once or twice.
        """
        rng = random.Random(seed)
        everyday = self.lexicon.in_split("train", 1)
        common = self.lexicon.in_split("train", 2)
        rest = self.lexicon.in_split("train", 3)
        keys = (
            everyday * 2
            + rng.sample(common, len(common) // 3)
            + rng.sample(rest, int(len(rest) * rest_share))
        )
        texts = [self.text(key, rng) for key in keys]
        texts += [self.category_text(up, rng) for up in self.categories for _ in range(3)]
        rng.shuffle(texts)
        return texts
