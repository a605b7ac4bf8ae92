"""What a recipe may ask of the loss beyond one τ and one teacher: a moving τ, weighted teachers; resumed the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import retort.distill.step as trainer_module
from distill.test_trainer import VOCAB_SIZE, KeepGradients, tiny, trainer_of, uneven_rows
from retort.distill import Recipe, run
from retort.distill.cache import capture
from retort.distill.losses import align_labels, distillation_loss
from retort.distill.models import Teacher
from retort.distill.objective import Objective
from retort.distill.recipe import TemperatureSchedule
from retort.distill.step import DistillTrainer
from retort.errors import InputError

Values = Callable[..., dict[str, Any]]
MOVING = {"first": 4.0, "last": 1.0, "schedule": "linear"}


class Killed(Exception):
    pass


def kill(done: float, total: float, detail: str) -> None:
    if "step 5 " in detail:
        raise Killed


def soft_arm(markov: Values, **changes: Any) -> Recipe:
    return Recipe.from_dict(markov(**{"steps": 8, "seeds": 1, "control": False, "eval_every": 2, **changes}))


def resumed(recipe: Recipe) -> list[float]:
    """The held-out losses of an arm killed at its fifth step and taken up again."""
    with pytest.raises(Killed):
        run(recipe, kill)
    return [nll for _, _, nll in run(recipe).arms["soft"][0].curve]


def test_each_step_has_the_temperature_of_its_number(tmp_path: Path) -> None:
    """Gradients of three steps with accumulation, against the loss written out at the τ of each."""
    trainer = trainer_of(DistillTrainer, tmp_path, micro_batch_size=2, steps=3)
    trainer.distillation = Objective(
        Teacher([tiny(1)], VOCAB_SIZE, torch.float32), TemperatureSchedule(first=4.0, last=1.0), 0.7
    )
    keeper, rows = KeepGradients(), uneven_rows()
    expected = []

    class Expect(KeepGradients):
        def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, model: Any, **_: Any) -> None:
            twin = tiny(0)
            twin.load_state_dict(model.state_dict())
            ids, labels = torch.from_numpy(rows.ids), align_labels(torch.from_numpy(rows.labels))
            inverse = (1 / 4, (1 / 4 + 1) / 2, 1.0)[state.global_step]
            total, count = distillation_loss(twin(ids).logits, tiny(1)(ids).logits, labels, 1 / inverse, 0.7)
            (total / count).backward()
            expected.append(torch.cat([p.grad.flatten() for p in twin.parameters() if p.grad is not None]))

    trainer.add_callback(keeper)
    trainer.add_callback(Expect())
    trainer.train()
    torch.testing.assert_close(torch.stack(keeper.seen), torch.stack(expected), rtol=1e-4, atol=1e-6)


def test_trap_a_resumed_arm_goes_on_at_the_temperature_it_was_at(
    markov: Values, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = run(soft_arm(markov, temperature=MOVING)).arms["soft"][0]
    expected = [nll for _, _, nll in plain.curve]
    right = soft_arm(markov, temperature=MOVING, checkpoint_every=2, output=str(tmp_path / "right"))
    assert resumed(right) == expected
    # The wrong version counts the steps of this process: after the kill it starts again at the first τ.
    right_one, calls = trainer_module.temperature_at, iter(range(10_000))

    def since_the_start(temperature: Any, step: int, steps: int) -> float:
        return right_one(temperature, min(next(calls), steps - 1), steps)

    wrong = soft_arm(markov, temperature=MOVING, checkpoint_every=2, output=str(tmp_path / "wrong"))
    with pytest.raises(Killed):
        run(wrong, kill)
    calls = iter(range(10_000))
    monkeypatch.setattr(trainer_module, "temperature_at", since_the_start)
    assert [nll for _, _, nll in run(wrong).arms["soft"][0].curve] != expected


def test_a_moving_temperature_is_another_arm_than_either_end(markov: Values, tmp_path: Path) -> None:
    calls: list[str] = []
    for temperature in (4.0, MOVING, {**MOVING, "schedule": "cosine"}, {**MOVING, "last": 2.0}):
        calls.clear()
        recipe = soft_arm(markov, steps=2, temperature=temperature, output=str(tmp_path))
        run(recipe, lambda done, total, detail: calls.append(detail))
        assert calls, temperature


def test_a_moving_temperature_needs_a_cache_that_holds_at_all(markov: Values, tmp_path: Path) -> None:
    values = markov(temperature=MOVING, steps=4, seeds=1, control=False)
    for codec in ("dense", "sampled:20"):
        folder = str(tmp_path / codec.replace(":", ""))
        capture(values["teacher"], values["data"]["train"], folder, temperature=2.0, codec=codec)
        recipe = Recipe.from_dict(values | {"targets": folder})
        if codec == "dense":
            assert run(recipe).arms["soft"]
        else:
            with pytest.raises(
                InputError, match=r"temperature moves from 4 to 1, and .* sampled:20 targets of τ = 2"
            ):
                run(recipe)


def test_weighted_teachers_are_their_weighted_mean_of_probabilities(markov: Values, tmp_path: Path) -> None:
    members, ids = [tiny(1), tiny(2)], torch.arange(5)[None]
    apart = [member(ids).logits[..., :10].softmax(-1) for member in members]
    mixed = Teacher(members, 10, torch.float32, (0.75, 0.25))(input_ids=ids).exp()
    torch.testing.assert_close(mixed, 0.75 * apart[0] + 0.25 * apart[1])
    with pytest.raises(AssertionError):  # the wrong version, which forgets the weights
        torch.testing.assert_close(mixed, (apart[0] + apart[1]) / 2)
    true, useless = (markov(name)["teacher"] for name in ("true", "useless"))
    losses = {}
    for weight in (1.0, 9.0, 1e6):
        pair = [{"model": true, "weight": weight}, {"model": useless, "weight": 1.0}]
        found = run(Recipe.from_dict(
            markov(steps=4, seeds=1, control=False, output=str(tmp_path)) | {"teacher": pair}
        ))  # fmt: skip
        losses[weight] = found.teacher["val_nll"], found.arms["soft"][0].val_nll
    alone = run(soft_arm(markov, steps=4, eval_every=None))
    assert losses[1e6] == (
        pytest.approx(alone.teacher["val_nll"], abs=1e-3),
        pytest.approx(alone.arms["soft"][0].val_nll, abs=1e-3),
    )
    assert losses[1.0][0] > losses[9.0][0] > losses[1e6][0], (
        "a good teacher that counts more is a better teacher"
    )
    assert len({soft for _, soft in losses.values()}) == 3
