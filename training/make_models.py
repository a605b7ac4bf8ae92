"""Makes everything in src/retort/embedded: texts, tasks, and the family base, instruct, small, small-distilled.

    python training/make_models.py [tokenizer texts tasks base instruct small report]

Each stage is skipped if its result is in training/work (or in the package); interrupted stages go on
from their checkpoint. Needs Debian's wordnet-base and two idle cores for about an hour and a half; logs and metrics
of the run that made the shipped models are in training/results/.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.chdir(ROOT)

import numpy as np  # noqa: E402
import torch  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402
from transformers import LlamaForCausalLM  # noqa: E402

from training.corpus import (  # noqa: E402
    END,
    VOCABULARY,
    as_pretrained,
    held_out_texts,
    pack,
    train_tokenizer,
    training_rows,
    write_texts,
)
from training.kneser_ney import KneserNey  # noqa: E402
from training.lexicon import build_lexicon  # noqa: E402
from training.pretrain import Settings, fresh_model, held_out_nll, train  # noqa: E402
from training.probe import exploit_accuracy  # noqa: E402
from training.render import Renderer  # noqa: E402
from training.tasks import write_tasks  # noqa: E402

WORK = ROOT / "training/work"
RESULTS = ROOT / "training/results"
MODELS = ROOT / "src/retort/embedded/models"
TEXT = ROOT / "src/retort/embedded/text"
RECIPE = ROOT / "src/retort/embedded/recipes/evidence.yaml"
LICENCE = "Apache-2.0, WordNet"  # the weights, and the text they were trained on; both in NOTICE

BASE = Settings(hidden_size=256, intermediate_size=768, layers=6, heads=4, steps=1800)
INSTRUCT = Settings(
    hidden_size=256, intermediate_size=768, layers=6, heads=4, steps=200,
    learning_rate=4e-4, warmup=20, decay_share=0.9, seed=1,
)  # fmt: skip
# Synsets in the students' training text, by tier: about 270,000 tokens.
TRAIN_PART = {1: 2400, 2: 2400, 3: 1600}

# It begins as every text of the training did (see corpus.pack), with the marker that also ends an answer.
CHAT_TEMPLATE = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "{% if message['role'] == 'user' %}Question: {{ message['content'] }}\n"
    "{% elif message['role'] == 'assistant' %}Answer: {{ message['content'] }}{{ eos_token }}"
    "{% else %}{{ raise_exception('it knows the roles user and assistant, not ' + message['role']) }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}Answer:{% endif %}"
)


@cache
def renderer() -> Renderer:
    return Renderer(build_lexicon())


@cache
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(WORK / "tokenizer.json"))


def validation_rows() -> np.ndarray:
    return pack(tokenizer(), held_out_texts(renderer(), "validation"), BASE.length)


def make_tokenizer() -> None:
    if not (WORK / "tokenizer.json").exists():
        WORK.mkdir(parents=True, exist_ok=True)
        train_tokenizer(renderer()).save(str(WORK / "tokenizer.json"))


def make_texts() -> None:
    """The students' training part, and the held-out validation and test parts."""
    lexicon, rng = renderer().lexicon, random.Random(21)
    keys = [
        key for tier, size in TRAIN_PART.items() for key in rng.sample(lexicon.in_split("train", tier), size)
    ]
    rng.shuffle(keys)
    write_texts(TEXT / "train.txt", [renderer().text(key, rng) for key in keys])
    for split in ("validation", "test"):
        write_texts(TEXT / f"{split}.txt", held_out_texts(renderer(), split))


def make_tasks() -> None:
    write_tasks(renderer())


def _probe(model: LlamaForCausalLM) -> dict[str, float]:
    return {"exploit_greedy": round(exploit_accuracy(model, tokenizer()), 4)}


def make_base() -> None:
    model = fresh_model(BASE, tokenizer().token_to_id(END))
    rows = training_rows(renderer(), tokenizer(), BASE.length)
    train(model, rows, BASE, WORK / "base", validation_rows(), _probe)
    _export(
        model, "base", BASE.steps * BASE.rows_per_step * BASE.length,
        "Llama, 6 layers, width 256, on WordNet told as text: definitions, kinds, parts, opposites, examples.",
    )  # fmt: skip


def _question_rows(start_pass: int = 0) -> Iterator[np.ndarray]:
    lexicon, number = renderer().lexicon, start_pass
    while True:
        rng = random.Random(f"questions-{number}")
        keys = lexicon.in_split("train", 1) * 2 + rng.sample(lexicon.in_split("train", 2), 3000)
        pairs = [pair for key in keys if (pair := renderer().question(key, rng))]
        rng.shuffle(pairs)
        yield from pack(tokenizer(), [f"Question: {q}\nAnswer: {a}" for q, a in pairs], INSTRUCT.length)
        number += 1


def make_instruct() -> None:
    model = LlamaForCausalLM.from_pretrained(MODELS / "base", dtype=torch.float32)
    train(model, _question_rows(), INSTRUCT, WORK / "instruct", validation_rows(), _probe, evaluate_every=100)
    tokens = (BASE.steps + INSTRUCT.steps) * BASE.rows_per_step * BASE.length
    _export(
        model,
        "instruct",
        tokens,
        "base, tuned on questions and answers drawn from the same facts.",
        CHAT_TEMPLATE,
    )


def _say_now_and_then(done: float, total: float, detail: str) -> None:
    if re.search(r"step \d*0 of", detail):
        print(f"{done / total:4.0%} {detail}", flush=True)


def make_small() -> None:
    """Both students of the embedded recipe, by retort's own distill: hard labels, and base's soft targets."""
    from retort import distill

    # A folder of its own: results and students are found again if the stage is interrupted.
    recipe = distill.Recipe.load(RECIPE, [f"output={WORK / 'distill'}", f"save={WORK / 'students'}"])
    result = distill.run(recipe, on_progress=_say_now_and_then)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "distill.json").write_text(json.dumps(result.to_dict(), indent=1) + "\n", encoding="utf-8")
    seed = recipe.seeds[0]
    for arm, name, text in (
        ("hard", "small", "a tenth of base, trained on hard labels alone, with embedded:train."),
        (
            "soft",
            "small-distilled",
            "small with base's soft targets: the same data, steps and first weights.",
        ),
    ):
        model = LlamaForCausalLM.from_pretrained(WORK / "students" / f"{arm}-seed{seed}", dtype=torch.float32)
        _export(model, name, recipe.steps * recipe.batch_size * recipe.sequence_length, text)


def _export(
    model: LlamaForCausalLM,
    name: str,
    training_tokens: int,
    description: str,
    chat_template: str | None = None,
) -> None:
    """An ordinary Hugging Face folder, weights in float16, with retort.json beside them."""
    folder, partial = MODELS / name, MODELS / f".{name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    half = LlamaForCausalLM(model.config).half()
    half.load_state_dict(model.state_dict())
    half.save_pretrained(partial)
    pretrained = as_pretrained(tokenizer(), BASE.context)
    pretrained.chat_template = chat_template
    pretrained.save_pretrained(partial)
    test = pack(tokenizer(), held_out_texts(renderer(), "test"), BASE.length)
    record: dict[str, Any] = {
        "name": name,
        "parameters": sum(weight.numel() for weight in half.parameters()),
        "training_tokens": training_tokens,
        "held_out_nll": round(held_out_nll(half.float(), test), 4),
        "licence": LICENCE,
        "description": description[0].upper() + description[1:],
    }
    (partial / "retort.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    for file in partial.iterdir():
        file.chmod(0o644)
    shutil.rmtree(folder, ignore_errors=True)
    partial.replace(folder)
    log = WORK / name / "log.jsonl"
    if log.exists():
        RESULTS.mkdir(parents=True, exist_ok=True)
        shutil.copy(log, RESULTS / f"{name}.jsonl")
    print(f"{name}: {record}", flush=True)


def make_report() -> None:
    """training/results/metrics.json: held-out NLL of every model beside a Kneser-Ney trigram of the same tokens."""
    lexicon, rng = renderer().lexicon, random.Random(9)
    texts = [renderer().text(key, rng) for key in lexicon.in_split("train")]
    texts += [renderer().category_text(up, rng) for up in renderer().categories]
    rng.shuffle(texts)
    trigram_rows = pack(tokenizer(), texts, BASE.length)
    trigram = KneserNey(trigram_rows, VOCABULARY)
    metrics: dict[str, Any] = {}
    for split in ("validation", "test"):
        rows = pack(tokenizer(), held_out_texts(renderer(), split), BASE.length)
        metrics[split] = {"tokens": int(rows.size), "kneser_ney_trigram": round(trigram.nll(rows), 4)}
        for name in ("base", "instruct", "small", "small-distilled"):
            model = LlamaForCausalLM.from_pretrained(MODELS / name, dtype=torch.float32)
            metrics[split][name] = round(held_out_nll(model, rows), 4)
    metrics["kneser_ney_training_tokens"] = int(trigram_rows.size)
    for name in ("base", "instruct", "small", "small-distilled"):
        model = LlamaForCausalLM.from_pretrained(MODELS / name, dtype=torch.float32)
        metrics.setdefault("exploit_greedy", {})[name] = round(exploit_accuracy(model, tokenizer()), 4)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(metrics, indent=1))


STAGES: dict[str, tuple[Callable[[], None], Path]] = {
    "tokenizer": (make_tokenizer, WORK / "tokenizer.json"),
    "texts": (make_texts, TEXT / "test.txt"),
    "tasks": (make_tasks, ROOT / "src/retort/embedded/tasks/explore.jsonl"),
    "base": (make_base, MODELS / "base/retort.json"),
    "instruct": (make_instruct, MODELS / "instruct/retort.json"),
    "small": (make_small, MODELS / "small-distilled/retort.json"),
    "report": (make_report, RESULTS / "metrics.json"),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "stages", nargs="*", choices=[*STAGES, []], help="which stages; all where none is named"
    )
    parser.add_argument(
        "--again", action="store_true", help="make the named stages again though their result is there"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    for name in arguments.stages or STAGES:
        make, result = STAGES[name]
        if result.exists() and not arguments.again:
            print(f"{name}: {result.relative_to(ROOT)} is there; --again makes it anew", flush=True)
            continue
        print(f"{name} …", flush=True)
        make()


if __name__ == "__main__":
    main()
