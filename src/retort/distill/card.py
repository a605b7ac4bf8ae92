"""The model card of a saved student: its recipe, the result of the whole distillation with its interval, how to load
it."""

from __future__ import annotations

from pathlib import Path

from retort.distill.results import ARM_NAMES, ArmResult, DistillResult
from retort.numerals import decimals

FILE = "README.md"


def write_cards(found: DistillResult) -> list[str]:
    """Write the card of every saved student; the folders that got one."""
    saved = [one for results in found.arms.values() for one in results if one.saved is not None]
    for one in saved:
        (Path(str(one.saved)) / FILE).write_text(model_card(found, one), encoding="utf-8")
    return [str(one.saved) for one in saved]


def model_card(found: DistillResult, student: ArmResult) -> str:
    """The card, in Markdown with the head that model hubs read."""
    import yaml

    teachers = ", ".join(str(name) for name in found.teacher["models"])
    recipe = yaml.safe_dump(found.recipe, sort_keys=False, allow_unicode=True)
    losses = [("validation", student.val_nll, found.teacher["val_nll"])]
    if student.test_nll is not None:
        losses.append(("test", student.test_nll, found.teacher["test_nll"]))
    rows = "\n".join(
        f"| {part} | {decimals(nll, 4)} | {decimals(teacher, 4)} |" for part, nll, teacher in losses
    )
    taught = (
        "soft targets of"
        if student.arm == "soft"
        else "hard labels alone, as the control of a distillation from"
    )
    return f"""---
library_name: transformers
pipeline_tag: text-generation
tags: [distillation, retort]
---

# {ARM_NAMES.get(student.arm, student.arm)}, seed {student.seed}

A student trained by `retort distill` on {taught} {teachers}: {student.steps:,} steps, {student.tokens:,} tokens read.
The weights are those of step {student.kept_step or student.steps:,}.

```python
from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained("path/to/this/folder")
tokenizer = AutoTokenizer.from_pretrained("path/to/this/folder")
```

## Held-out loss, in nats per token at temperature 1

| text | this student | teacher |
|---|---|---|
{rows}

## What distilling was worth

Differences are the loss on hard labels minus the loss on soft targets, paired over seeds: above 0, distilling gave the
better student.

- Same steps: **{found.verdict}**. {found.verdict_reason}
- Same time: **{found.verdict_equal_time}**. {found.verdict_equal_time_reason}

## Recipe

```yaml
{recipe}```
"""
