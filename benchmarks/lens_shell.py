"""What the lens costs without a page: `retort look` from the shell, and `trace` beside the forward pass it needs."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, cast

from benchmarks.models import random_prompts, save_random_llama
from benchmarks.record import Settings
from benchmarks.timing import Row, compared, in_turns
from retort.chain import Chain
from retort.lens.asking import EMBEDDED
from retort.lens.trace import trace
from retort.sources.load import load
from retort.sources.positions import position_logits

PROMPT = "the sky is"
TEXT_FROM = 3000  # a character of the embedded validation text
TRACED_CHAIN = "temperature=0.8 | top_k=50 | top_p=0.9"

# In a process that has torch already, the seconds from the command's first import to its last printed line.
BEYOND_TORCH = """
import sys, time, torch
begin = time.perf_counter()
from retort.cli.main import main
main(sys.argv[1:], standalone_mode=False)
print(time.perf_counter() - begin, file=sys.stderr)
"""


def shell_rows(model: str, settings: Settings) -> list[Row]:
    """A cold look as a process of its own beside importing torch and transformers, and what it adds to torch."""
    look = ["look", model, PROMPT]
    code = {
        "retort": ["-m", "retort", *look],
        "import torch": ["-c", "import torch"],
        "import transformers' Llama": ["-c", "from transformers import LlamaForCausalLM"],
    }
    seconds = in_turns(
        {name: lambda given=given: _run(given) for name, given in code.items()}, settings.rounds
    )
    beyond = [float(_run(["-c", BEYOND_TORCH, *look]).split()[-1]) for _ in range(settings.rounds)]
    return [
        compared(f"retort look {model} '{PROMPT}', whole process", seconds),
        compared(f"retort look {model} '{PROMPT}', beyond importing torch", {"retort": beyond}),
    ]


def trace_rows(model: str, settings: Settings) -> list[Row]:
    """A text of some length given to `trace`, beside the forward pass alone: through the source, and transformers'."""
    import torch

    source = load(model)
    length = 24 if settings.quick else 200
    ids = source.encode(EMBEDDED.read_text(encoding="utf-8")[TEXT_FROM : TEXT_FROM + 20 * length])
    text = " " + source.decode(ids[1 : length + 1])
    whole = source.encode(PROMPT + text)
    tokens = torch.tensor([whole])
    rows = []
    for name, chain in (("no chain", None), (TRACED_CHAIN, Chain(TRACED_CHAIN))):
        timed = {
            "retort": lambda chain=chain: trace(source, PROMPT, text, chain=chain),
            "forward pass": lambda: position_logits(source, whole[:-1]),
        }
        rows.append((name, timed))
    found = [
        compared(f"trace, {len(whole)} tokens, {name}", in_turns(timed, settings.rounds, pause=0.05))
        for name, timed in rows
    ]
    # Loaded apart: a source whose transformers model is there takes its logits from it.
    theirs = getattr(load(model), "model", None)
    if theirs is None:
        return found

    def forward() -> None:
        with torch.no_grad():
            theirs(input_ids=tokens, use_cache=False)

    timed = {
        "retort": lambda: trace(source, PROMPT, text),
        "transformers' forward pass": forward,
    }
    found.append(
        compared(f"trace, {len(whole)} tokens, beside transformers", in_turns(timed, settings.rounds))
    )
    return [*found, _trace_of_a_larger_model(settings)]


def _trace_of_a_larger_model(settings: Settings) -> Row:
    """`trace` of a random model as large as the smallest that people use: 12 layers of 768, 50,257 tokens."""
    import torch

    length, size = (24, (512, 64, 2)) if settings.quick else (200, (50_257, 768, 12))
    with tempfile.TemporaryDirectory(prefix="retort-benchmark-") as folder:
        save_random_llama(Path(folder), *size)
        source = load(folder)
        text = " ".join(random_prompts(1, length))
        tokens = torch.tensor([source.encode(f"w1 {text}")])
        model = cast(Any, source).model

        def forward() -> None:
            with torch.no_grad():
                model(input_ids=tokens, use_cache=False)

        timed = {"retort": lambda: trace(source, "w1 ", text), "transformers' forward pass": forward}
        layers = f"{size[2]} layers of {size[1]}, {size[0]:,} tokens"
        return compared(f"trace, {length} tokens, random model: {layers}", in_turns(timed, settings.rounds))


def _run(arguments: list[str]) -> str:
    """What the process said on stderr."""
    done = subprocess.run(
        [sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    return done.stderr
