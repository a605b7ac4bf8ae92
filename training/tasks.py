"""The two embedded tasks, their answers read off WordNet's graph.

exploit: "a pear is a kind of" → a hypernym, direct or higher, of any noun meaning of the word.
explore: "a kind of fruit is the" → how many different words for something under *fruit* come out.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

from training.lexicon import Lexicon, word_log_prob
from training.render import Renderer, with_article
from training.wordnet import read_senses

TASKS = Path("src/retort/embedded/tasks")
EXPLOIT_ITEMS, EXPLORE_ITEMS = 300, 48
PLAIN_THINGS = {5, 6, 8, 13, 20}  # animal, artifact, body, food, plant
FEWEST_MEMBERS, MOST_DESCENDANTS = 12, 1700

EXPLOIT_YAML = """\
name: exploit
goal: exploit
description: >
  Facts that the embedded models saw in training: what kind of thing a thing is. An answer counts if WordNet has it
  above any noun meaning of the word, directly or higher (up to the hypernyms over more than 4,600 meanings, such as
  "artifact", which say nothing).
prompts:
  - "{thing} is a kind of"
max_tokens: 8
stop: ["."]
scorer: {kind: references}
items: exploit.jsonl
"""

EXPLORE_YAML = """\
name: explore
goal: explore
description: >
  As many different examples as possible: how many of the sampled answers are different words for something that
  WordNet has under the category, at any depth.
prompts:
  - "a kind of {category} is the"
max_tokens: 8
stop: ["."]
scorer: {kind: distinct_valid}
items: explore.jsonl
"""


def accepted_hypernyms(lexicon: Lexicon, word: str) -> list[str]:
    """Every word of every telling hypernym of every noun meaning of `word`."""
    meanings = [key for key, synset in lexicon.synsets.items() if synset.part == "n" and word in synset.words]
    ups = {up for key in meanings for up in lexicon.telling_ancestors(key)}
    return sorted({name for up in ups for name in lexicon.synsets[up].words} - {word})


def valid_hyponyms(lexicon: Lexicon, category: str) -> list[str]:
    """Every word of every synset under `category`, held-out ones too: WordNet decides, not the training text."""
    below, found = list(lexicon.hyponyms.get(category, [])), set()
    while below:
        key = below.pop()
        if key not in found:
            found.add(key)
            below += lexicon.hyponyms.get(key, [])
    return sorted({word for key in found for word in lexicon.synsets[key].words})


def exploit_items(renderer: Renderer, seed: int = 11) -> list[dict[str, object]]:
    """Everyday single-word things of the training split, drawn at random."""
    lexicon, rng = renderer.lexicon, random.Random(seed)
    first: dict[str, str] = {}
    for (word, part), meanings in read_senses().items():
        key = meanings[0]  # the most frequent meaning decides whether the word is a plain thing
        plain = part == "n" and lexicon.synsets[key].lexicographer_file in PLAIN_THINGS
        everyday = lexicon.tier[key] == 1 and lexicon.split[key] == "train"
        named_so = word == lexicon.head[key] and word in lexicon.synsets[key].words
        if plain and everyday and named_so and len(word) > 2 and word.isalpha():
            first[word] = key
    chosen = rng.sample(sorted(first), EXPLOIT_ITEMS)
    return [
        {
            "id": word,
            "vars": {"thing": with_article(word, lexicon.synsets[first[word]])},
            "references": accepted_hypernyms(lexicon, word),
        }
        for word in sorted(chosen)
    ]


def explore_items(renderer: Renderer) -> list[dict[str, object]]:
    """The categories people name most often, neither narrow nor all-embracing."""
    lexicon = renderer.lexicon
    best: dict[str, str] = {}
    for key, members in renderer.categories.items():
        name = lexicon.head[key]
        plain = lexicon.synsets[key].lexicographer_file in PLAIN_THINGS and name.isalpha()
        suited = plain and len(members) >= FEWEST_MEMBERS and lexicon.descendants[key] <= MOST_DESCENDANTS
        if suited and (name not in best or len(members) > len(renderer.categories[best[name]])):
            best[name] = key
    names = sorted(best, key=lambda name: -word_log_prob(name))[:EXPLORE_ITEMS]
    return [
        {"id": name, "vars": {"category": name}, "references": valid_hyponyms(lexicon, best[name])}
        for name in sorted(names)
    ]


def chance(items: list[dict[str, object]]) -> tuple[str, float]:
    """The one answer that fits most items, and the share it fits: what a model scores that knows no item."""
    counts: dict[str, int] = {}
    for item in items:
        for reference in item["references"]:  # type: ignore[attr-defined]
            counts[reference] = counts.get(reference, 0) + 1
    best = max(counts, key=lambda word: counts[word])
    return best, counts[best] / len(items)


def write_tasks(renderer: Renderer, folder: Path = TASKS) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text, items in (
        ("exploit", EXPLOIT_YAML, exploit_items(renderer)),
        ("explore", EXPLORE_YAML, explore_items(renderer)),
    ):
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
        lines = [json.dumps(item, ensure_ascii=False) for item in items]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
