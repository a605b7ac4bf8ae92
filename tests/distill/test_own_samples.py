"""Steps on the student's own words: who speaks, what is judged, and that nothing hangs on batches, ranks or kills."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from distill.test_objectives import resumed, soft_arm
from distill.test_trainer import LENGTH, VOCAB_SIZE, KeepGradients, tiny, trainer_of
from retort.distill import Recipe, run
from retort.distill.models import Teacher
from retort.distill.objective import Objective, continue_rows, is_on_policy, own_batch, row_seed
from retort.distill.recipe import OnPolicy
from retort.distill.step import DistillTrainer
from retort.errors import InputError
from retort.sampling import SamplingParams, sample

Values = Callable[..., dict[str, Any]]
TOKENS, PROMPT = VOCAB_SIZE - 2, 2  # two ids of the table are nobody's token


def objective(share: float = 1.0, alpha: float = 0.7) -> Objective:
    return Objective(
        Teacher([tiny(1)], TOKENS, torch.float32),
        3.0,
        alpha,
        on_policy=OnPolicy(share=share, prompt_tokens=PROMPT, temperature=0.8),
    )


class Keep(DistillTrainer):
    """Keeps the batches that it learns from, and their losses."""

    def compute_loss(self, model: Any, inputs: dict[str, Tensor], *others: Any, **named: Any) -> Any:
        loss = super().compute_loss(model, inputs, *others, **named)
        self.__dict__.setdefault("seen", []).append((dict(inputs), loss.detach().clone()))
        return loss


def kept(folder: Path, kind: type[DistillTrainer] = Keep, **options: Any) -> Any:
    trainer = trainer_of(kind, folder, **options)
    trainer.distillation = objective()
    trainer.keeper = KeepGradients()
    trainer.add_callback(trainer.keeper)
    trainer.train()
    return trainer


def test_rows_are_what_the_student_says_after_their_first_tokens(tmp_path: Path) -> None:
    """Drawn again one token at a time, without a cache and each row alone."""
    trainer = kept(tmp_path)
    (batch, _), rows, student = trainer.seen[0], trainer.train_dataset, tiny(0)
    assert batch["input_ids"].shape == (8, LENGTH)
    for row, ids in enumerate(batch["input_ids"].tolist()):
        said = rows[row]["input_ids"][:PROMPT].tolist()
        for place in range(LENGTH - PROMPT):
            logits = student(torch.tensor([said])).logits[:, -1, :TOKENS].detach()
            drawn = sample(logits, SamplingParams(temperature=0.8), [row_seed(0, 0, row)], [place])
            said.append(int(drawn.ids[0]))
        assert ids == said
    assert len({tuple(ids) for ids in batch["input_ids"][:, PROMPT:].tolist()}) > 4
    assert batch["labels"][:, :PROMPT].eq(-100).all() and batch["labels"][:, PROMPT:].equal(
        batch["input_ids"][:, PROMPT:]
    )
    assert trainer.model.training


def test_trap_the_loss_is_the_teachers_judgement_alone(tmp_path: Path) -> None:
    """By hand: alpha tau² KL over the tokens that the student chose; own words are no labels, prompts no targets."""
    (batch, loss), student, teacher = kept(tmp_path).seen[0], tiny(0), tiny(1)
    ids = batch["input_ids"]
    log_q = functional.log_softmax(student(ids).logits / 3, -1)
    log_p = functional.log_softmax(
        functional.pad(teacher(ids).logits[..., :TOKENS], (0, 2), value=-torch.inf) / 3, -1
    )
    each = torch.where(log_p > -torch.inf, log_p.exp() * (log_p - log_q), 0.0).sum(-1)
    expected = 0.7 * 9 * each[:, PROMPT - 1 : -1].mean()
    torch.testing.assert_close(loss, expected.detach())
    hard = functional.cross_entropy(
        student(ids).logits[:, PROMPT - 1 : -1].flatten(0, 1), ids[:, PROMPT:].flatten()
    )
    for wrong in (expected + 0.3 * hard, 0.7 * 9 * each[:, :-1].mean()):
        with pytest.raises(AssertionError):
            torch.testing.assert_close(loss, wrong.detach())


class CountsInMicroBatch(Keep):
    """The wrong version: a row's draws hang on its place in the micro-batch."""

    def _first_row(self, number: int, rows: int) -> int:
        return 0


def test_trap_micro_batches_change_no_word(tmp_path: Path) -> None:
    def check(kind: type[DistillTrainer]) -> None:
        whole, parts = kept(tmp_path, kind), kept(tmp_path, kind, micro_batch_size=2)
        assert torch.cat([batch["input_ids"] for batch, _ in parts.seen]).equal(whole.seen[0][0]["input_ids"])
        torch.testing.assert_close(parts.keeper.seen, whole.keeper.seen, rtol=1e-4, atol=1e-6)

    check(Keep)
    with pytest.raises(AssertionError):
        check(CountsInMicroBatch)


def test_every_step_says_something_else_and_the_share_of_steps_is_as_asked(tmp_path: Path) -> None:
    trainer = trainer_of(Keep, tmp_path, steps=12)
    trainer.distillation = objective(share=0.5)
    trainer.train()
    own = [bool(batch.get("own")) for batch, _ in trainer.seen]
    assert own == [is_on_policy(0, step, 0.5) for step in range(12)] and 0 < sum(own) < 12
    texts = {tuple(batch["input_ids"].flatten().tolist()) for batch, _ in trainer.seen if batch.get("own")}
    data = {tuple(batch["input_ids"].flatten().tolist()) for batch, _ in trainer.seen if not batch.get("own")}
    assert len(texts) == sum(own) and len(data) == 1  # the test's data are the same rows in every step


def test_what_is_said_follows_the_students_distribution() -> None:
    """Chi-square of 4,000 first words against the softmax, error rate 1e-3; fixed seeds."""
    from scipy.stats import chisquare

    student, prompts = tiny(0), torch.tensor([[3, 1]]).expand(4000, 2)
    said = continue_rows(student, prompts, 3, [row_seed(5, 7, row) for row in range(4000)], 2.0, TOKENS)[:, 2]
    expected = (
        functional.softmax(student(prompts[:1]).logits[0, -1, :TOKENS].double() / 2, -1).detach().numpy()
    )
    counts = np.bincount(said.numpy(), minlength=TOKENS)
    assert len(counts) == TOKENS
    assert chisquare(counts, 4000 * expected / expected.sum()).pvalue > 1e-3


def test_a_killed_arm_says_the_same_again_and_the_control_never_speaks(
    markov: Values, tmp_path: Path
) -> None:
    own = {"share": 0.5, "prompt_tokens": 8}
    plain = run(soft_arm(markov, on_policy=own, control=True))
    expected = [nll for _, _, nll in plain.arms["soft"][0].curve]
    assert resumed(soft_arm(markov, on_policy=own, checkpoint_every=2, output=str(tmp_path))) == expected
    without = run(soft_arm(markov, control=True))
    assert plain.arms["hard"][0].val_nll == without.arms["hard"][0].val_nll
    assert plain.arms["soft"][0].val_nll != without.arms["soft"][0].val_nll
    assert plain.arms["soft"][0].tokens == plain.arms["hard"][0].tokens


def test_rows_that_are_not_packed_text_are_refused() -> None:
    batch = {name: torch.zeros(2, 6, dtype=torch.long) for name in ("input_ids", "labels", "attention_mask")}
    with pytest.raises(InputError, match="rows have attention_mask"):
        own_batch(tiny(0), batch, OnPolicy(share=1.0, prompt_tokens=2), TOKENS, [0, 1])


def test_a_cache_cannot_judge_what_is_only_now_said(markov: Values) -> None:
    with pytest.raises(InputError, match=r"on_policy and targets \(cache\) do not go together"):
        Recipe.from_dict(markov(on_policy={"share": 0.5, "prompt_tokens": 8}, targets="cache"))
