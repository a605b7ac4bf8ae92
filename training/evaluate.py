"""What the embedded models know, measured: facts against chance, nearness against chance, how much work a path shares.

    python training/evaluate.py [MODEL ...]       # default: the whole embedded family

Writes training/results/evidence.json; the tables in docs/LOG.md are its numbers.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from retort import load, temperature_path  # noqa: E402
from retort.lens.similar import triple_test  # noqa: E402
from retort.tune import load_task, run  # noqa: E402
from training.lexicon import build_lexicon  # noqa: E402
from training.render import Renderer  # noqa: E402
from training.tasks import PLAIN_THINGS, chance, exploit_items  # noqa: E402

FAMILY = ("base", "instruct", "small", "small-distilled")
NUM_TRIPLES = 400
SIMILARITY_TEMPERATURES = (1.0, 2.0, 4.0)
PATH_PROMPTS = (
    "a pear is a kind of",
    "a kind of fruit is the",
    "a dog is",
    "the opposite of hot is",
    "music:",
)


def triples(renderer: Renderer, seed: int = 5) -> list[tuple[str, str, str]]:
    """(anchor, near, far): near shares a telling hypernym with few descendants, far has another lexicographer file."""
    lexicon, rng = renderer.lexicon, random.Random(seed)
    plain = [
        key
        for key in lexicon.in_split("train", 1)
        if lexicon.synsets[key].lexicographer_file in PLAIN_THINGS and lexicon.head[key].isalpha()
    ]
    chosen: list[tuple[str, str, str]] = []
    used: set[str] = set()
    for anchor in rng.sample(plain, len(plain)):
        ups = [up for up in lexicon.telling_ancestors(anchor) if up in renderer.categories]
        if not ups or lexicon.descendants[ups[0]] > 400 or lexicon.head[anchor] in used:
            continue
        nears = [key for key in renderer.categories[ups[0]] if lexicon.head[key] != lexicon.head[anchor]]
        fars = [
            key
            for key in plain
            if lexicon.synsets[key].lexicographer_file != lexicon.synsets[anchor].lexicographer_file
        ]
        near, far = rng.choice(nears), rng.choice(fars)
        words = (lexicon.head[anchor], lexicon.head[near], lexicon.head[far])
        if len(set(words)) == 3 and all(word.isalpha() for word in words):
            used.add(words[0])
            chosen.append(words)
        if len(chosen) == NUM_TRIPLES:
            break
    return chosen


def path_row(model: str, prompt: str, seed: int) -> dict[str, Any]:
    grid = [step / 20 for step in range(41)]
    path = temperature_path(load(model), prompt, seed=seed, temperatures=grid, max_tokens=24)
    share = path.forward_passes / path.independent_passes
    return {
        "prompt": prompt, "seed": seed, "texts": len(path.leaves), "forward_passes": path.forward_passes,
        "independent_passes": path.independent_passes, "share": round(share, 3),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="*", default=[f"embedded:{name}" for name in FAMILY])
    renderer = Renderer(build_lexicon())
    named, (constant, constant_share) = triples(renderer), chance(exploit_items(renderer))
    task = load_task("exploit")
    evidence: dict[str, Any] = {
        "constant_answer": constant,
        "constant_answer_score": round(constant_share, 4),
    }
    for model in parser.parse_args().models:
        source = load(model)
        greedy = run(task, source, [0.0, 1.0], 1).settings[0]
        nearness = triple_test(source, named, temperatures=SIMILARITY_TEMPERATURES)
        pear = triple_test(source, [("pear", "apple", "hammer")], temperatures=SIMILARITY_TEMPERATURES)
        evidence[model] = {
            "exploit_greedy": greedy.score,
            "exploit_greedy_ci": greedy.score_ci,
            "triples": nearness.triples,
            "near_is_nearer": nearness.share_nearer,
            "near_is_nearer_ci": nearness.share_ci,
            "nats_nearer": nearness.difference,
            "nats_nearer_ci": nearness.difference_ci,
            "pear_to_hammer_minus_pear_to_apple_nats": pear.difference,
        }
        print(model, json.dumps(evidence[model]), flush=True)
    evidence["path"] = [path_row("embedded:base", prompt, seed) for prompt in PATH_PROMPTS for seed in (7, 8)]
    for row in evidence["path"]:
        print(row)
    results = ROOT / "training/results/evidence.json"
    results.parent.mkdir(parents=True, exist_ok=True)
    results.write_text(json.dumps(evidence, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
