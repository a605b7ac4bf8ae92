"""`retort` on gloo ranks over which Accelerate spreads the student by FSDP2, as `accelerate launch --use_fsdp` asks it.

Accelerate takes FSDP on accelerators only; it is told that CPU ranks are such. All else is the command as it is. The
environment is what `accelerate launch --use_fsdp --fsdp_version 2 …` hands to its ranks.
"""

from __future__ import annotations

import os
from typing import Any

import accelerate.state
from accelerate.utils import DistributedType

from retort.cli.main import main

ENVIRONMENT = {
    "ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2", "FSDP_AUTO_WRAP_POLICY": "TRANSFORMER_BASED_WRAP",
    "FSDP_STATE_DICT_TYPE": "FULL_STATE_DICT", "FSDP_RESHARD_AFTER_FORWARD": "true",
    "FSDP_CPU_RAM_EFFICIENT_LOADING": "false",
}  # fmt: skip
found_state = accelerate.state.PartialState.__init__


def state_of_accelerators(state: accelerate.state.PartialState, *arguments: Any, **others: Any) -> None:
    found_state(state, *arguments, **others)
    if state.distributed_type == DistributedType.MULTI_CPU:
        state.distributed_type = DistributedType.MULTI_GPU


def say_how_weights_lie() -> None:
    """On stderr, so that the test sees that the student was spread at all."""
    import sys

    from retort.distill import arm

    whole = arm.whole_weights

    def saying(trainer: Any) -> Any:
        print("weights lie as", type(next(trainer.model.parameters())).__name__, file=sys.stderr)
        return whole(trainer)

    arm.whole_weights = saying


if __name__ == "__main__":
    os.environ.update(ENVIRONMENT)
    setattr(accelerate.state.PartialState, "__init__", state_of_accelerators)  # noqa: B010
    say_how_weights_lie()
    main(prog_name="retort")
