"""The loop: what it computes, that it resumes exactly, and how it stops."""

import json
import math
import os
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_checkpoint import contents
from torch import Tensor, nn
from torch.optim import lr_scheduler
from toy_training import MeanError, SquaredError, ToyBatches, ToyLoader, ToyModel, make_trainer

from base.batch import Batch
from handwriting.errors import ConfigError, Interrupted
from model.weight_noise import AdaptiveWeightNoise
from trainer.checkpointing import load_checkpoint
from trainer.optimizers import GravesRMSprop
from trainer.run_folder import RunFolder
from trainer.schedules import WarmupDecay
from trainer.trainer import NonFiniteLoss, Trainer, TrainerSettings
from utils.figures.drawing import save_curves
from utils.seeding import seed_everything

TIMES = ("seconds", "lines_per_second")


def differences(left: Any, right: Any, where: str = "") -> list[str]:
    """The places in which two checkpoints differ, bit for bit."""
    if isinstance(left, Tensor) and isinstance(right, Tensor):
        return [] if torch.equal(left, right) else [where]
    if isinstance(left, dict) and isinstance(right, dict) and left.keys() == right.keys():
        return [d for key in left for d in differences(left[key], right[key], f"{where}/{key}")]
    if isinstance(left, list | tuple) and len(left) == len(right):
        pairs = enumerate(zip(left, right, strict=True))
        return [d for i, (a, b) in pairs for d in differences(a, b, f"{where}/{i}")]
    return [] if type(left) is type(right) and left == right else [where]


def rows(trainer: Trainer) -> list[dict[str, Any]]:
    """The history as it stands in the file, but for the times."""
    lines = (trainer.run.log / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k not in TIMES} for line in lines]


def same_end(left: Trainer, right: Trainer) -> None:
    for name in ("checkpoint", "best"):
        a, b = (load_checkpoint(getattr(t.run, name), resumable=True) for t in (left, right))
        assert not [d for d in differences(a, b) if "seconds" not in d]
    assert rows(left) == rows(right)


def stop_after(trainer: Trainer, steps: int) -> None:
    """Have this process get a SIGTERM as soon as so many steps are taken."""
    criterion, count = trainer.criterion, 0

    def counting(output: Any, batch: Batch) -> dict[str, Tensor]:
        nonlocal count
        count += torch.is_grad_enabled()
        if count == steps:
            os.kill(os.getpid(), signal.SIGTERM)
            count += 1
        return criterion(output, batch)

    trainer.criterion = counting


VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "averaging": {"averaging": 0.8, "clip_grad_norm": 0.5},
    "schedule per step": {
        "scheduler": lambda o: WarmupDecay(o, warmup_steps=7, decay="cosine", decay_steps=20),
        "averaging": 0.5,
    },
    "schedule per epoch": {"scheduler": lambda o: lr_scheduler.ExponentialLR(o, 0.7)},
    "plateau": {
        "scheduler": lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=0, threshold=0.5)
    },
    "one cycle": {"scheduler": lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=20)},
    "graves": {"optimizer": GravesRMSprop, "precision": "bfloat16"},
    "rare checkpoints": {"save_period": 3, "early_stop": 3},
}


@pytest.mark.parametrize("name", VARIANTS)
def test_two_and_two_epochs_equal_four(tmp_path: Path, name: str) -> None:
    whole = make_trainer(tmp_path / "whole", **VARIANTS[name])
    whole.train()
    first = make_trainer(tmp_path / "parts", **VARIANTS[name], epochs=2)
    first.train()
    torch.rand(17)  # what another process has drawn does not matter
    state = load_checkpoint(first.run.checkpoint, resumable=True)
    second = make_trainer(tmp_path / "parts", **VARIANTS[name], resume=state)
    second.train()
    same_end(whole, second)


@pytest.mark.parametrize("steps", [1, 8, 10, 19])
def test_stopped_in_the_middle_of_an_epoch_equals_never_stopped(tmp_path: Path, steps: int) -> None:
    variant = VARIANTS["schedule per step"]
    whole = make_trainer(tmp_path / "whole", **variant)
    whole.train()
    first = make_trainer(tmp_path / "parts", **variant)
    stop_after(first, steps)
    with pytest.raises(Interrupted, match="SIGTERM.*\n.*-r .*checkpoint.pth"):
        first.train()
    state = load_checkpoint(first.run.checkpoint, resumable=True)
    assert state["step"] == steps
    assert state["sampler"] == {"epoch": 1 + (steps - 1) // 5, "position": (steps - 1) % 5 + 1}
    second = make_trainer(tmp_path / "parts", **variant, resume=state)
    second.train()
    same_end(whole, second)


@pytest.mark.parametrize("steps", [1, 8])
def test_killed_after_a_checkpoint_by_the_clock_equals_never_stopped(
    tmp_path: Path, steps: int
) -> None:
    """With no time between checkpoints, there is one after each step."""
    variant = VARIANTS["schedule per step"]
    whole = make_trainer(tmp_path / "whole", **variant)
    whole.train()
    first = make_trainer(tmp_path / "parts", **variant, save_minutes=1e-9)
    criterion = first.criterion

    def killed(output: Any, batch: Batch) -> dict[str, Tensor]:
        if first.step == steps and torch.is_grad_enabled():
            raise RuntimeError("killed")
        return criterion(output, batch)

    first.criterion = killed
    with pytest.raises(RuntimeError, match="killed"):
        first.train()
    state = load_checkpoint(first.run.checkpoint, resumable=True)
    assert state["step"] == steps
    second = make_trainer(tmp_path / "parts", **variant, resume=state)
    second.train()
    same_end(whole, second)


def test_no_checkpoint_within_an_epoch_before_its_time(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, epochs=1, save_minutes=1e6)
    positions = []
    save = trainer._save

    def noted(best: bool = False) -> None:
        positions.append(trainer._position)
        save(best)

    trainer._save = noted
    trainer.train()
    assert positions == [0]


def test_stopped_in_validation_equals_never_stopped(tmp_path: Path) -> None:
    whole = make_trainer(tmp_path / "whole", epochs=2)
    whole.train()
    first = make_trainer(tmp_path / "parts", epochs=2)
    update = first.metrics["error"].update

    def interrupt(output: Tensor, batch: Batch) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        update(output, batch)

    first.metrics["error"].update = interrupt
    with pytest.raises(Interrupted, match="Ctrl-C"):
        first.train()
    state = load_checkpoint(first.run.checkpoint, resumable=True)
    assert state["sampler"] == {"epoch": 1, "position": 5}
    second = make_trainer(tmp_path / "parts", epochs=2, resume=state)
    second.train()
    same_end(whole, second)


def test_what_was_done_after_the_checkpoint_is_forgotten(tmp_path: Path) -> None:
    """A run killed in epoch 4 goes on from a copy of its checkpoint of epoch 2."""
    whole = make_trainer(tmp_path / "whole")
    whole.train()
    make_trainer(tmp_path / "parts", epochs=2).train()
    run = RunFolder(tmp_path / "parts", "toy", "run")
    early = tmp_path / "early.pth"
    early.write_bytes(run.checkpoint.read_bytes())
    state = load_checkpoint(early, resumable=True)
    make_trainer(tmp_path / "parts", epochs=3, resume=state).train()
    with open(run.log / "metrics.jsonl", "a", encoding="utf-8") as file:
        file.write('{"epoch": 4, "st')
    second = make_trainer(tmp_path / "parts", resume=load_checkpoint(early))
    second.train()
    same_end(whole, second)


def test_best_checkpoint_missed_by_a_kill_is_made_on_resume(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, epochs=1)
    trainer.train()
    trainer.run.best.unlink()
    state = load_checkpoint(trainer.run.checkpoint, resumable=True)
    make_trainer(tmp_path, epochs=1, resume=state).train()
    assert load_checkpoint(trainer.run.best)["epoch"] == 1


def test_resumed_loop_with_weight_noise_equals_never_stopped(tmp_path: Path) -> None:
    def make(folder: str, epochs: int) -> Trainer:
        seed_everything(1)
        model = ToyModel()
        noise = AdaptiveWeightNoise(model.parameters(), num_units=90, initial_std=0.1)
        return Trainer(
            model=model,
            criterion=SquaredError(),
            metrics={},
            optimizer=torch.optim.Adam([*model.parameters(), *noise.parameters()], lr=0.01),
            data_loader=ToyLoader(),
            settings=TrainerSettings(epochs=epochs, monitor="min loss", tensorboard=False),
            run=RunFolder(tmp_path / folder, "toy", "run"),
            header={key: contents()[key] for key in ("arch", "config")},
            weight_noise=noise,
            seed=5,
            draw_history=lambda rows, path: None,
        )

    whole = make("whole", 2)
    whole.train()
    first = make("parts", 2)
    stop_after(first, 3)
    with pytest.raises(Interrupted):
        first.train()
    second = make("parts", 2)
    second.resume(load_checkpoint(first.run.checkpoint, resumable=True))
    second.train()
    same_end(whole, second)
    stds = torch.cat([p.flatten() for p in whole.weight_noise.parameters()])
    assert (stds != math.log(0.1)).all()


def test_the_loop_is_plain_gradient_descent(tmp_path: Path) -> None:
    """Written out by hand: the same weights after two epochs."""
    trainer = make_trainer(
        tmp_path, epochs=2, dropout=0.0, optimizer=torch.optim.SGD, clip_grad_norm=0.1
    )
    trainer.train()
    seed_everything(3)
    model, batches = ToyModel(0.0), ToyBatches(20, 4, True)
    total = 0.0
    for epoch in (1, 2):
        batches.set_epoch(epoch)
        total = weights = 0.0
        for batch in batches:
            losses = SquaredError()(model(batch), batch)
            gradients = torch.autograd.grad(losses["loss"], list(model.parameters()))
            norm = torch.sqrt(sum(g.square().sum() for g in gradients))
            with torch.no_grad():
                for parameter, gradient in zip(model.parameters(), gradients, strict=True):
                    parameter -= 0.02 * gradient * min(1.0, 0.1 / norm)
            total += losses["loss"].item() * losses["weight"].item()
            weights += losses["weight"].item()
    for trained, expected in zip(trainer.model.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(trained, expected)
    assert rows(trainer)[-1]["train.loss"] == pytest.approx(total / weights, rel=1e-5)


def test_validation_numbers_are_those_of_all_lines_at_once(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, epochs=1)
    trainer.train()
    (batch,) = ToyBatches(7, 7, False)
    model = trainer.model.eval()
    metric = MeanError()
    metric.update(model(batch), batch)
    row = rows(trainer)[0]
    # float32, in another order.
    assert row["val.error"] == pytest.approx(metric.compute(), rel=1e-5)
    loss = SquaredError()(model(batch), batch)["loss"].item()
    assert row["val.loss"] == pytest.approx(loss, rel=1e-5)
    assert row["averaged"] is False
    assert row["epoch"] == 1
    assert row["step"] == 5
    assert row["lr"] == 0.02


def test_averaged_weights_are_the_moving_average_and_are_validated(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, epochs=2, averaging=0.9)
    seen: list[list[Tensor]] = []
    trainer.optimizer.register_step_post_hook(
        lambda *_: seen.append([p.detach().clone() for p in trainer.model.parameters()])
    )
    trainer.train()
    expected = seen[0]
    for weights in seen[1:]:
        expected = [0.9 * a + 0.1 * b for a, b in zip(expected, weights, strict=True)]
    state = load_checkpoint(trainer.run.checkpoint)
    for name, value in zip(state["averaged"], expected, strict=True):
        torch.testing.assert_close(state["averaged"][name], value)
    model = ToyModel()
    model.load_state_dict(state["averaged"])
    (batch,) = ToyBatches(7, 7, False)
    loss = SquaredError()(model.eval()(batch), batch)["loss"].item()
    assert rows(trainer)[-1]["val.loss"] == pytest.approx(loss, rel=1e-5)
    assert rows(trainer)[-1]["averaged"] is True


@pytest.mark.parametrize("broken", ["loss", "gradient"])
def test_non_finite_stops_and_leaves_the_last_good_checkpoint(tmp_path: Path, broken: str) -> None:
    make_trainer(tmp_path, epochs=2).train()
    run = RunFolder(tmp_path, "toy", "run")
    before = run.checkpoint.read_bytes()
    state = load_checkpoint(run.checkpoint, resumable=True)
    trainer = make_trainer(tmp_path, resume=state, broken_line=11 if broken == "loss" else None)
    if broken == "gradient":
        trainer.model.layers[0].weight.register_hook(lambda gradient: gradient * math.inf)
    with pytest.raises(NonFiniteLoss) as caught:
        trainer.train()
    text = str(caught.value)
    assert f"non-finite {broken}" in text
    assert "epoch 3, step 1" in text
    assert "loss=" in text
    assert "horizontal=" in text
    assert "line-" in text
    if broken == "loss":
        assert "line-11" in text
    assert str(run.checkpoint) in text
    assert run.checkpoint.read_bytes() == before


def test_early_stop_and_best(tmp_path: Path) -> None:
    values = iter([3.0, 2.0, 2.5, math.nan, 2.0, 1.0])
    trainer = make_trainer(tmp_path, epochs=6, early_stop=3)
    trainer.metrics["error"].compute = lambda: next(values)
    trainer.train()
    assert trainer.epoch == 5
    assert load_checkpoint(trainer.run.best)["epoch"] == 2
    state = load_checkpoint(trainer.run.checkpoint)
    assert state["epoch"] == 5
    assert state["best"] == {"value": 2.0, "epoch": 2}
    assert rows(trainer)[3]["val.error"] is None


def test_maximum_is_monitored(tmp_path: Path) -> None:
    values = iter([3.0, 5.0, 4.0])
    trainer = make_trainer(tmp_path, epochs=3, monitor="max error")
    trainer.metrics["error"].compute = lambda: next(values)
    trainer.train()
    assert load_checkpoint(trainer.run.best)["best"] == {"value": 5.0, "epoch": 2}


@pytest.mark.parametrize(
    ("monitor", "message"),
    [
        ("min eror", "got 'min eror', did you mean 'error'"),
        ("least error", "must be 'min' or 'max' and one of error, loss"),
        ("error", "got 'error'"),
    ],
)
def test_monitor_that_does_not_exist(tmp_path: Path, monitor: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_trainer(tmp_path, monitor=monitor)
    assert not list(tmp_path.iterdir())


def test_sampling_leaves_the_random_state_and_its_pictures(tmp_path: Path) -> None:
    from matplotlib.figure import Figure

    def sampler(model: nn.Module) -> dict[str, Figure]:
        assert not model.training
        torch.rand(100)
        return {"samples": Figure(figsize=(1, 1))}

    plain = make_trainer(tmp_path / "plain", epochs=3)
    plain.train()
    sampled = make_trainer(
        tmp_path / "sampled", epochs=3, sample_period=1, draw_history=save_curves
    )
    sampled.sampler = sampler
    sampled.train()
    same_end(plain, sampled)
    assert (sampled.run.models / "samples.png").stat().st_size > 0
    assert (sampled.run.models / "loss_curve.png").stat().st_size > 0


@pytest.mark.parametrize(("period", "pictures"), [(None, 0), (0, 1), (2, 2), (1, 3)])
def test_pictures_are_drawn_as_often_as_asked_for(tmp_path: Path, period, pictures: int) -> None:
    drawn: list[nn.Module] = []
    trainer = make_trainer(tmp_path, epochs=3, sample_period=period)
    trainer.sampler = lambda model: drawn.append(model) or {}
    trainer.train()
    assert len(drawn) == pictures


def test_mixed_precision_trains_and_validates_in_float32(tmp_path: Path) -> None:
    types: set[tuple[bool, torch.dtype]] = set()
    trainer = make_trainer(tmp_path, epochs=1, precision="bfloat16")
    trainer.model.register_forward_hook(
        lambda module, _, output: types.add((module.training, output.dtype))
    )
    trainer.train()
    assert types == {(True, torch.bfloat16), (False, torch.float32)}


@pytest.mark.parametrize("precision", ["float32", "tf32"])
def test_tf32_is_for_training_steps_alone(tmp_path, monkeypatch, precision: str) -> None:
    asked: list[bool] = []

    def record(device: torch.device, tf32: bool) -> AbstractContextManager[None]:
        asked.append(tf32)
        return nullcontext()

    monkeypatch.setattr("trainer.trainer.float32_products", record)
    make_trainer(tmp_path, epochs=1, precision=precision).train()
    *training, validation = asked
    assert len(training) > 1
    assert set(training) == {precision == "tf32"}
    assert not validation


def test_progress_lines_and_bar(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("INFO")
    make_trainer(tmp_path / "lines", epochs=1, log_seconds=1e-9).train()
    assert "epoch 1/1, step 5/5: loss" in caplog.text
    assert "steps/s" in caplog.text
    assert "epoch 1/1" not in capfd.readouterr().err
    make_trainer(tmp_path / "bar", epochs=1, progress=True).train()
    bar = capfd.readouterr().err
    assert "epoch 1/1: 100%" in bar
    assert "loss " in bar
    assert "steps/s" in bar


def test_tensorboard_of_a_resumed_run_hides_what_came_after(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def events(epochs: int, resume: dict[str, Any] | None = None) -> EventAccumulator:
        trainer = make_trainer(tmp_path, epochs=epochs, tensorboard=True, resume=resume)
        trainer.train()
        accumulator = EventAccumulator(str(trainer.run.log))
        accumulator.Reload()
        return accumulator

    events(2)
    early = load_checkpoint(RunFolder(tmp_path, "toy", "run").checkpoint, resumable=True)
    events(4, early)
    accumulator = events(3, early)
    assert [event.step for event in accumulator.Scalars("val/error")] == [5, 10, 15]
    assert [event.step for event in accumulator.Scalars("lr")] == [5, 10, 15]
    assert [event.step for event in accumulator.Scalars("steps/loss")] == [10]


def test_schedule_shorter_than_training_is_the_users_fault(tmp_path: Path) -> None:
    from handwriting.errors import UserError

    scheduler: Callable[..., Any] = VARIANTS["one cycle"]["scheduler"]
    with pytest.raises(UserError, match="lr_scheduler: "):
        make_trainer(tmp_path, epochs=5, scheduler=scheduler).train()


def test_each_group_of_lines_has_its_own_numbers(tmp_path: Path) -> None:
    """Groups are the validation batches here: their rates are those of these lines alone."""
    trainer = make_trainer(tmp_path, epochs=1, groups=("first", "others"))
    trainer.train()
    row = trainer.history.rows[-1]
    model = trainer.evaluated_model.eval()
    for group, batches in (("first", [0]), ("others", [1, 2])):
        metric = MeanError()
        for number, batch in enumerate(ToyLoader().validation):
            if number in batches:
                metric.update(model(batch), batch)
        assert row[f"val.{group}.error"] == pytest.approx(metric.compute())
    assert row["val.first.error"] != row["val.others.error"] != row["val.error"]
