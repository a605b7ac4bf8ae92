"""What a student is trained on: the terms of the loss, and the loss of a micro-batch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from retort.distill.cached_targets import CachedTargets
from retort.distill.heads import OutputHead
from retort.distill.losses import align_labels, distillation_loss, fused_distillation_loss
from retort.distill.losses.mixture import Mixture
from retort.distill.models import Teacher
from retort.distill.recipe_values import OnPolicy, TemperatureSchedule, temperature_at


@dataclass(frozen=True)
class Objective:
    """What the loss is made of; without a teacher or a cache it is cross-entropy alone.

    `cache` takes the teacher's place in the loss; the rows then say where each token comes from. `fused`: from hidden
    states, without logits.
    """

    teacher: Teacher | None
    temperature: float | TemperatureSchedule
    alpha: float
    divergence: str = "forward_kl"
    cache: CachedTargets | None = None
    on_policy: OnPolicy | None = None
    fused: bool = False

    @property
    def kd_weight(self) -> float:
        """Weight of the soft term in the first step, tau squared included where the divergence is tempered."""
        return self.kd_weight_at(0, 1)

    def kd_weight_at(self, step: int, steps: int) -> float:
        """Weight of the soft term in `step` (from 0) of `steps`."""
        return Mixture.of(
            temperature_at(self.temperature, step, steps), self.alpha, self.divergence
        ).soft_weight

    @property
    def ce_weight(self) -> float:
        """Weight of the cross-entropy term."""
        return 1 - self.alpha

    @property
    def decides(self) -> list[Any]:
        """What of the loss decides an arm's numbers, as plain values; teacher and cache are known by their hashes."""
        moving = isinstance(self.temperature, TemperatureSchedule)
        own = [] if self.on_policy is None else [asdict(self.on_policy)]
        fused = ["fused"] if self.fused else []  # the same to float error is not the same
        temperature = asdict(self.temperature) if moving else self.temperature  # type: ignore[arg-type]
        return [self.kd_weight, self.ce_weight, temperature, self.divergence, *own, *fused]

    def loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        labels: Tensor,
        temperature: float,
        *,
        head: OutputHead | None,
        half: bool,
    ) -> tuple[Tensor, Tensor, Any]:
        """The summed loss of a micro-batch, how many positions it has, and the model's outputs.

        `model` is the wrapped one and is called as it is: calling what is inside a DDP or FSDP wrapper would skip the
        gradient exchange without an error. `head` is the student's, where the loss is fused.
        """
        inputs = dict(inputs)
        sources, own_words = inputs.pop("sources", None), inputs.pop("own", False)
        # The student's own words are no labels: cross-entropy with them is noise around a gradient of 0.
        alpha = 1.0 if own_words else self.alpha
        aligned, device = align_labels(labels), labels.device.type
        # Not Trainer's own bf16: that copies the logits to float32, the largest tensor of the step, before the loss
        # reads them; the loss widens them chunk by chunk.
        if head is not None:
            with head.hidden() as seen, torch.autocast(device, torch.bfloat16, enabled=half):
                outputs = model(**inputs, use_cache=False)
            total, count = self._fused(seen[0], head, inputs, aligned, temperature, alpha)
        else:
            with torch.autocast(device, torch.bfloat16, enabled=half):
                outputs = model(**inputs, use_cache=False)
            if self.cache is not None:
                assert sources is not None, "rows without sources cannot be looked up in a cache"
                total, count = self.cache.loss(
                    outputs.logits, aligned, sources, temperature, alpha, self.divergence
                )
            else:
                soft = None if self.teacher is None else self.teacher(**inputs)
                total, count = distillation_loss(
                    outputs.logits, soft, aligned, temperature, alpha, self.divergence
                )
        return total * self.alpha if own_words else total, count, outputs

    def _fused(
        self,
        hidden: Tensor,
        head: OutputHead,
        inputs: dict[str, Any],
        aligned: Tensor,
        temperature: float,
        alpha: float,
    ) -> tuple[Tensor, Tensor]:
        soft: dict[str, Any] = {"teacher_hidden": None, "teacher_weight": None}
        if self.teacher is not None:
            teacher_hidden, judge = self.teacher.hidden(**inputs)
            soft = {
                "teacher_hidden": teacher_hidden,
                # Table entries beyond the tokenizer's ids are nobody's token.
                "teacher_weight": judge.weight[: self.teacher.num_tokens],
                "teacher_bias": None if judge.bias is None else judge.bias[: self.teacher.num_tokens],
                "teacher_scale": judge.scale,
                "teacher_softcap": judge.softcap,
            }
        return fused_distillation_loss(
            hidden,
            head.weight,
            labels=aligned,
            temperature=temperature,
            alpha=alpha,
            divergence=self.divergence,
            student_bias=head.bias,
            student_scale=head.scale,
            student_softcap=head.softcap,
            **soft,
        )


HARD_LABELS = Objective(teacher=None, temperature=1.0, alpha=0.0)
