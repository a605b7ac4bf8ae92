"""The model card of a saved student: where it comes from, what it measures, what distilling was worth."""

from __future__ import annotations

from pathlib import Path

from retort.distill.results import ARM_NAMES, ArmResult, DistillResult
from retort.numerals import decimals


def write_cards(found: DistillResult) -> None:
    """Write the card of every saved student."""
    for one in (one for results in found.arms.values() for one in results if one.saved is not None):
        (Path(str(one.saved)) / "README.md").write_text(model_card(found, one), encoding="utf-8")


def model_card(found: DistillResult, student: ArmResult) -> str:
    """The card, in Markdown with the head that model hubs read."""
    import yaml

    teachers = ", ".join(str(name) for name in found.teacher["models"])
    recipe = yaml.safe_dump(found.recipe, sort_keys=False, allow_unicode=True)
    losses = [("validation", student.val_nll, found.teacher["val_nll"])]
    if student.test_nll is not None:
        losses.append(("test", student.test_nll, found.teacher["test_nll"]))
    rows = "\n".join(f"| {part} | {decimals(own, 4)} | {decimals(its, 4)} |" for part, own, its in losses)
    taught = "hard labels alone, as the control of a distillation from"
    if student.arm == "soft":
        taught = "soft targets of"
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
