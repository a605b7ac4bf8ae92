"""How many of promptfoo's own example configurations retort reads: `python -m benchmarks.promptfoo_examples CLONE`.

CLONE is a checkout of promptfoo's repository. Every `promptfooconfig*.yaml` under its examples is loaded, once as it is
and once with what is not supported left out; nothing is asked of any model. `--show NAME` prints what is read of one.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from retort.errors import RetortError
from retort.tune.task import Task, load_task

READ, SKIPPED, REFUSED = "read", "read with skips", "refused"


def outcome(file: Path) -> tuple[str, str, Task | None]:
    """How a configuration is read, why not, and the task."""
    try:
        return READ, "", load_task(file)
    except RetortError as problem:
        said = str(problem)
    try:
        task = load_task(file, skip_unsupported=True)
        return SKIPPED, ", ".join(f"{what} ×{count}" for what, count in task.skipped.items()), task
    except RetortError as problem:
        return REFUSED, f"{said} | with skips: {problem}", None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clone", type=Path)
    parser.add_argument(
        "--show", metavar="NAME", help="print prompts and assertions of the examples with this in their path"
    )
    parser.add_argument("--list", action="store_true", help="print every example with its outcome")
    chosen = parser.parse_args()
    examples = chosen.clone / "examples"
    files = sorted(examples.rglob("promptfooconfig*.y*ml"))
    counts: Counter[str] = Counter()
    unscored = 0
    for file in files:
        name = str(file.relative_to(examples))
        if chosen.show and chosen.show not in name:
            continue
        kind, why, task = outcome(file)
        counts[kind] += 1
        unscored += task is not None and task.scorer.kind.name == "none"
        if chosen.list or chosen.show:
            print(f"{kind:15} {name}: {why}")
        if chosen.show and task is not None:
            show(task)
    print(
        f"{len(files)} configurations: "
        + ", ".join(f"{counts[kind]} {kind}" for kind in (READ, SKIPPED, REFUSED))
    )
    print(
        f"of those read, {unscored} have no assertion that is carried out and show variety and agreement alone"
    )


def show(task: Task) -> None:
    """Everything that a sweep would ask and check."""
    print(
        f"  goal {task.goal}, chat {task.is_chat}, models {task.models}, max_tokens {task.max_tokens}, {task.budget}"
    )
    for item in task.items:
        for number in range(len(task.prompts)):
            print(f"  {item.id}.{number}: {task.prompt(item, number)!r}"[:400])
        for check in item.checks:
            print(f"      {check.name} {check.value!r} weight {check.weight:g}"[:200])


if __name__ == "__main__":
    main()
