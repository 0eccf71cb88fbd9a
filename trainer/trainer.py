"""The training loop. It knows no task: the model, the criterion and the metrics do."""

import logging
import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from base.base_data_loader import BaseDataLoader
from base.base_metric import BaseMetric
from base.base_trainer import BaseTrainer, Monitor
from base.batch import Batch
from handwriting.errors import CheckpointError, Interrupted, UserError
from logger.logger import open_log_file
from logger.run_logger import LoggedRun, LoggerRefused, RunLoggers
from trainer.checkpointing import link_checkpoint, load_weights, save_checkpoint
from trainer.distributed import Distributed
from trainer.progress import Progress, RunningMeans, duration
from trainer.resumed_state import fits, load_optimizer, load_schedule
from trainer.run_folder import History, RunFolder
from trainer.run_lock import RunLock
from trainer.schedules import Schedule
from trainer.settings import TrainerSettings
from trainer.signals import StopRequest
from utils.figures.drawing import save_curves, save_figure
from utils.matmul_precision import float32_products
from utils.seeding import (
    preserved_random_state,
    random_state,
    restore_random_state,
)

__all__ = ["NonFiniteLoss", "Trainer", "TrainerSettings"]

_log = logging.getLogger(__name__)
TENSORBOARD_STEPS = 10  # steps between the points of the curves over steps
# Drawing the loss curve takes about a second, and an epoch may take less.
CURVE_SECONDS = 10.0


class NonFiniteLoss(UserError):
    """The loss or the gradient is not a finite number; no checkpoint was touched."""


class WeightNoise(Protocol):
    """Noise on the weights during a training step."""

    def perturb(self, generator: torch.Generator) -> None:
        """Add noise, before the forward pass."""

    def restore(self) -> None:
        """Take it away, after the backward pass, and add its own gradients."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...


@dataclass(frozen=True)
class Step:
    """Agreement of all processes on a training step.

    Attributes:
        terms: the loss and its terms, means over the whole batch.
        weight: the units these are over.
        lines: lines in the whole batch.
        stop: whether any process was asked to stop.
        save: whether a checkpoint is due by ``save_minutes``.
    """

    terms: dict[str, float]
    weight: float
    lines: int
    stop: bool
    save: bool


class Trainer(BaseTrainer):
    """Trains a model, keeps checkpoints and a history, resumes exactly.

    The criterion returns a dict of scalars: ``loss``, optionally ``weight`` (how many units the
    loss is the mean over; default: the lines of the batch) and any other terms, means over the
    same units.

    Args:
        model: on ``distributed.device``.
        criterion: called with the model's output and the batch.
        metrics: by name, for the validation batches.
        optimizer: of the model's parameters.
        data_loader: the training and validation batches of this process.
        settings: how to train.
        run: where this run keeps its files.
        header: what each checkpoint carries of the run: ``arch``, ``config``, ``vocabulary``,
            ``normalisation``.
        scheduler: a torch scheduler of ``optimizer``, or None.
        distributed: this process among the others.
        weight_noise: noise on the weights, the same in all processes, or None.
        seed: of that noise.
        sampler: given a model in evaluation mode, returns pictures of what it writes, by name.
        line_id: name of a line, from its number in ``Batch.line_indices``.
        group_of: name of a line's group, among ``data_loader.groups``, from the same number.
        draw_history: draws the rows of the history into a picture file.
        lock: of a run that is resumed, released when training ends. A new run takes its own.

    Raises:
        ConfigError: no metric has the name to be monitored.
    """

    def __init__(
        self,
        *,
        model: nn.Module,
        criterion: Callable[[Any, Batch], dict[str, Tensor]],
        metrics: Mapping[str, BaseMetric],
        optimizer: torch.optim.Optimizer,
        data_loader: BaseDataLoader,
        settings: TrainerSettings,
        run: RunFolder,
        header: Mapping[str, Any] | None = None,
        scheduler: LRScheduler | None = None,
        distributed: Distributed | None = None,
        weight_noise: WeightNoise | None = None,
        seed: int = 0,
        sampler: Callable[[nn.Module], Mapping[str, Figure | Image.Image]] | None = None,
        line_id: Callable[[int], str] = str,
        group_of: Callable[[int], str] = str,
        draw_history: Callable[[list[dict[str, Any]], Path], None] = save_curves,
        lock: RunLock | None = None,
    ) -> None:
        super().__init__(settings.epochs, make_monitor(settings, metrics))
        self.model = model
        self.criterion = criterion
        self.metrics = dict(metrics)
        self._group_metrics = {group: deepcopy(self.metrics) for group in data_loader.groups}
        self.optimizer = optimizer
        self.schedule = Schedule(scheduler)
        self.training_batches = data_loader.train
        self.validation_batches = data_loader.validation
        self.settings = settings
        self.run = run
        self.distributed = distributed or Distributed()
        self.weight_noise = weight_noise
        self._noise_generator = torch.Generator(self.distributed.device).manual_seed(seed)
        self.sampler = sampler
        self.line_id = line_id
        self.group_of = group_of
        self.draw_history = draw_history
        self._lock = lock
        self.history = History(run.log / "metrics.jsonl")
        self.averaged = _averaged_model(model, settings.averaging)
        self.step = 0
        self._header = dict(header or {})
        self._position = 0  # batches done of the epoch that is under way
        self._running = RunningMeans()
        self._parallel = self.distributed.wrap(model)
        self._stop = StopRequest()
        self._writer = RunLoggers()
        self._resumed = False
        self._sampled_epoch: int | None = None
        self._drawn_epoch: int | None = None
        self._drawn_time = self._saved_time = time.perf_counter()

    # The run from start to end

    def train(self) -> None:
        """Train to the end.

        Raises:
            Interrupted: Ctrl-C or SIGTERM came, and the state is saved.
            NonFiniteLoss: the loss or its gradient was not finite.
        """
        with self._stop:
            try:
                super().train()
            finally:
                self._writer.close()
                if self._lock is not None:
                    self._lock.release()

    def _start(self) -> None:
        if self.distributed.is_main:
            self._open_run()
        _log.info("%s", self._resume_message() if self._resumed else f"run: {self.run.models}")
        if self.settings.averaging is not None:
            _log.info("validation is of the averaged weights")

    def _open_run(self) -> None:
        self.run.make()
        if self._lock is None:
            self._lock = RunLock(self.run.models)
        self._lock.acquire()
        open_log_file(self.run.log / "train.log")
        self.run.write_config(self._header.get("config", {}))
        self.history.load(self.epoch)
        self._open_loggers()
        of_best_epoch = self._position == 0 and self.monitor.best_epoch == self.epoch
        if self._resumed and of_best_epoch and self.run.checkpoint.exists():
            # Killed after the checkpoint of its best epoch, it may not have got to this.
            self._save_best()

    def _open_loggers(self) -> None:
        resumed_step = self.step if self._resumed else None
        run = LoggedRun(self.run.log, self.run.name, self.run.run_id, resumed_step)
        try:
            self._writer = RunLoggers.opened(self.settings.run_loggers(), run)
        except LoggerRefused as error:
            raise UserError(f"trainer.loggers: {error}") from error

    def _run_epoch(self) -> dict[str, float]:
        self._train_epoch()
        values = {f"train.{name}": value for name, value in self._running.means().items()}
        return {**values, **self._validate()}

    def _monitored_value(self, values: dict[str, float]) -> float:
        return values[f"val.{self.monitor.name}"]

    def _finish_epoch(self, values: dict[str, float], improved: bool) -> None:
        running, lr = self._running, self._learning_rate
        self.schedule.after_epoch(self._monitored_value(values))
        self._position, self._running = 0, RunningMeans()
        if self.distributed.is_main:
            self._record(values, running, lr, improved)
        last = self.epoch == self.epochs or self.monitor.is_exhausted
        if improved or last or self.epoch % self.settings.save_period == 0:
            self._save(best=improved)
        period = self.settings.sample_period
        if period and self.epoch % period == 0:
            self._draw_samples()

    def _finish(self) -> None:
        if self.monitor.is_exhausted:
            count, name = self.monitor.epochs_without_improvement, self.monitor.name
            _log.info("stopped early: %d epochs without a better %s", count, name)
        self._draw_curve()
        if self.settings.sample_period is not None and self._sampled_epoch != self.epoch:
            self._draw_samples()
        best, where = self.monitor, self.run
        if best.best_epoch is not None:
            _log.info("best %s: %.6g, epoch %d", best.name, best.best_value, best.best_epoch)
        _log.info("checkpoints: %s (last), %s (best)", where.checkpoint, where.best)
        _log.info("loss curve: %s", where.curve)
        _log.info("log: %s", where.log)

    # Training

    def _train_epoch(self) -> None:
        self.model.train()
        started, before = time.perf_counter(), self._running.seconds
        if self._agreed_stop():
            self._interrupt()
        total, batches = self._training_batches()
        with self._progress(f"epoch {self.epoch + 1}/{self.epochs}", total) as progress:
            for batch in batches:
                step = self._train_step(batch.to(self.distributed.device, non_blocking=True))
                self._running.seconds = before + time.perf_counter() - started
                progress.step(self._running.means()["loss"])
                if step.stop:
                    self._interrupt()
                if step.save:
                    self._save()

    def _training_batches(self) -> tuple[int, Iterable[Batch]]:
        """Number of batches of the epoch, and those that are still to do."""
        train = self.training_batches
        train.set_epoch(self.epoch + 1)
        total = len(train)
        if self._position >= total:
            return total, ()
        train.start_at(self._position)
        # Making an iterator draws a number, which a run resumed in this epoch draws once more.
        with preserved_random_state():
            return total, iter(train)

    def _train_step(self, batch: Batch) -> Step:
        self.optimizer.zero_grad(set_to_none=True)
        with self._noisy_weights(), self._products(tf32=self.settings.precision == "tf32"):
            with self._autocast():
                output = self._parallel(batch)
            losses = self.criterion(output, batch)
            step = self._agree(losses, batch)
            # The mean of the processes' gradients becomes that of the whole batch's loss.
            share = _weight(losses, batch) * self.distributed.world_size / step.weight
            loss = losses["loss"]
            (loss if self.distributed.world_size == 1 else loss * share).backward()
        norm = self._clip_gradients(step, batch)
        self.optimizer.step()
        if self.averaged is not None:
            self.averaged.update_parameters(self.model)
        self.step += 1
        self._position += 1
        self._running.add(step.terms, step.weight, step.lines)
        if self.step % TENSORBOARD_STEPS == 0:
            points = {"steps.loss": step.terms["loss"], "steps.gradient_norm": norm}
            self._writer.scalars({**points, "steps.lr": self._learning_rate}, self.step)
        self.schedule.after_step()
        return step

    def _agree(self, losses: dict[str, Tensor], batch: Batch) -> Step:
        """Join the loss terms of all processes; ``NonFiniteLoss`` in all if it is so in one."""
        names = [name for name in losses if name != "weight"]
        values = [losses[name].detach().double() for name in names]
        weight = torch.as_tensor(_weight(losses, batch), dtype=torch.float64)
        # One transfer from a GPU, since each waits for it.
        *terms, weight = torch.stack([*values, weight.to(values[0].device)]).tolist()
        local = dict(zip(names, terms, strict=True))
        finite = math.isfinite(local["loss"])
        stop, save = float(self._stop.requested), float(self._is_save_due())
        flags = [float(not finite), stop, save, len(batch), weight]
        summed = self.distributed.sum_list(flags + [term * weight for term in terms])
        bad, stop, save, lines, total = summed[:5]
        if bad:
            raise NonFiniteLoss(self._describe("loss", local, batch, mine=not finite))
        if self.distributed.world_size > 1:
            local = {name: value / total for name, value in zip(names, summed[5:], strict=True)}
        return Step(local, total, int(lines), stop > 0, save > 0)

    def _clip_gradients(self, step: Step, batch: Batch) -> float:
        limit = self.settings.clip_grad_norm
        parameters = [
            parameter for group in self.optimizer.param_groups for parameter in group["params"]
        ]
        norm = nn.utils.clip_grad_norm_(parameters, math.inf if limit is None else limit).item()
        if not math.isfinite(norm):
            # The processes share their gradients, so that all of them come here or none.
            raise NonFiniteLoss(self._describe(f"gradient (norm {norm})", step.terms, batch))
        return norm

    def _describe(self, what: str, terms: dict[str, float], batch: Batch, mine: bool = True) -> str:
        where = f"non-finite {what} at epoch {self.epoch + 1}, step {self.step + 1}"
        if not mine:
            return f"{where}, in another process"
        values = ", ".join(f"{name}={value:.6g}" for name, value in terms.items())
        lines = ", ".join(self.line_id(index) for index in batch.line_indices.tolist())
        kept = f"the last good checkpoint is {self.run.checkpoint}"
        if not self.run.checkpoint.exists():
            kept = "no checkpoint was written yet"
        return f"{where}: {values}; lines of the batch: {lines}; {kept}"

    @contextmanager
    def _noisy_weights(self) -> Iterator[None]:
        if self.weight_noise is None:
            yield
            return
        self.weight_noise.perturb(self._noise_generator)
        try:
            yield
        finally:
            self.weight_noise.restore()

    def _autocast(self) -> torch.autocast:
        enabled = self.settings.precision == "bfloat16"
        return torch.autocast(self.distributed.device.type, torch.bfloat16, enabled=enabled)

    def _products(self, tf32: bool) -> AbstractContextManager[None]:
        return float32_products(self.distributed.device, tf32)

    @property
    def _learning_rate(self) -> float:
        return float(self.optimizer.param_groups[0]["lr"])

    # Validation

    @property
    def evaluated_model(self) -> nn.Module:
        """The model that is validated and sampled from: averaged where averaging is on."""
        return self.model if self.averaged is None else self.averaged.module

    def _validate(self) -> dict[str, float]:
        """Loss terms and metrics of the validation lines, as ``val.*``."""
        running = RunningMeans()
        for metric in self._all_metrics():
            metric.reset()
        with preserved_random_state(self.distributed.device), self._products(tf32=False):
            whole = self._run_validation(running)
        if self._agreed_stop() and not whole:
            self._interrupt()
        means = RunningMeans.from_states(self.distributed.gather(running.state_dict())).means()
        for metric in self._all_metrics():
            metric.load_sums(self.distributed.sum(metric.sums()))
        values = means | {name: metric.compute() for name, metric in self.metrics.items()}
        for group, metrics in self._group_metrics.items():
            values |= {f"{group}.{name}": metric.compute() for name, metric in metrics.items()}
        return {f"val.{name}": value for name, value in values.items()}

    @torch.no_grad()
    def _run_validation(self, running: RunningMeans) -> bool:
        """Validate over this process's batches; false when it was asked to stop before the end."""
        model = self.evaluated_model
        model.eval()
        for batch in self.validation_batches:
            # Alone, it can stop here; other processes would wait for its sums.
            if self._stop.requested and self.distributed.world_size == 1:
                return False
            batch = batch.to(self.distributed.device, non_blocking=True)
            output = model(batch)
            losses = self.criterion(output, batch)
            terms = {name: value.item() for name, value in losses.items() if name != "weight"}
            running.add(terms, float(_weight(losses, batch)), len(batch))
            for metrics in (self.metrics, self._metrics_of(batch)):
                for metric in metrics.values():
                    metric.update(output, batch)
        return True

    def _all_metrics(self) -> Iterator[BaseMetric]:
        """Yield the metrics of all lines, then those of each group."""
        for metrics in (self.metrics, *self._group_metrics.values()):
            yield from metrics.values()

    def _metrics_of(self, batch: Batch) -> Mapping[str, BaseMetric]:
        """The metrics of a batch's group alone; empty where there are no groups."""
        if not self._group_metrics:
            return {}
        return self._group_metrics[self.group_of(int(batch.line_indices[0]))]

    # What is shown and kept

    def _progress(self, label: str, total: int) -> Progress:
        main, wanted = self.distributed.is_main, self.settings.progress
        bar = main and (sys.stderr.isatty() if wanted is None else wanted)
        return Progress(
            label, total, self._position, bar, self.settings.log_seconds if main else None
        )

    def _record(
        self, values: dict[str, float], running: RunningMeans, lr: float, improved: bool
    ) -> None:
        speed = running.lines / running.seconds if running.seconds else 0.0
        where = {"epoch": self.epoch, "step": self.step}
        how = {"averaged": self.averaged is not None, "lr": lr}
        pace = {"seconds": running.seconds, "lines_per_second": speed}
        self.history.append({**where, **values, **how, **pace})
        self._writer.scalars({**values, "lr": lr, "lines_per_second": speed}, self.step)
        if time.perf_counter() - self._drawn_time > CURVE_SECONDS:
            self._draw_curve()
        main = ["train.loss", "val.loss", *(f"val.{name}" for name in self.metrics)]
        shown = ", ".join(f"{name} {values[name]:.5g}" for name in main if name in values)
        for group, metrics in self._group_metrics.items():
            numbers = (f"{name} {values[f'val.{group}.{name}']:.5g}" for name in metrics)
            _log.info("%s: %s", group, ", ".join(numbers))
        left = duration((self.epochs - self.epoch) * running.seconds)
        best = " (best)" if improved else ""
        _log.info(
            f"epoch {self.epoch}/{self.epochs}{best}: {shown}, lr {lr:.3g}, "
            f"{running.seconds:.1f} s, {speed:.0f} lines/s, about {left} left"
        )

    def _draw_curve(self) -> None:
        """Bring the loss curve up to date."""
        if self.distributed.is_main and self.history.rows and self._drawn_epoch != self.epoch:
            self.draw_history(self.history.rows, self.run.curve)
            self._drawn_epoch, self._drawn_time = self.epoch, time.perf_counter()

    def _draw_samples(self) -> None:
        if self.sampler is None or not self.distributed.is_main:
            return
        model = self.evaluated_model
        model.eval()
        with preserved_random_state(self.distributed.device), torch.no_grad():
            figures = self.sampler(model)
        for name, figure in figures.items():
            path = self.run.models / f"{name}.png"
            save_figure(figure, path)
            _log.info("%s: %s", name, path)
        self._writer.figures(figures, self.step)
        self._sampled_epoch = self.epoch

    # State

    def _save(self, best: bool = False) -> None:
        """Write the checkpoint; every process takes part, since each has a random state."""
        random = self.distributed.gather(random_state(self.distributed.device))
        if self.distributed.is_main:
            save_checkpoint(self.run.checkpoint, {**self.state_dict(), "random": random})
            if best:
                self._save_best()
            self._writer.flush()
        self._saved_time = time.perf_counter()

    def _is_save_due(self) -> bool:
        """Whether ``save_minutes`` are over, by the clock of the main process."""
        minutes = self.settings.save_minutes
        if minutes is None or not self.distributed.is_main:
            return False
        return time.perf_counter() - self._saved_time >= 60 * minutes

    def _save_best(self) -> None:
        link_checkpoint(self.run.checkpoint, self.run.best)

    def state_dict(self) -> dict[str, Any]:
        """A checkpoint, but for the random states (see ``trainer.checkpointing``)."""
        averaged, noise = self.averaged, self.weight_noise
        return {
            **{key: None for key in ("arch", "config", "vocabulary", "normalisation")},
            **self._header,
            **self.monitor.state_dict(),
            "model": self.model.state_dict(),
            "averaged": None if averaged is None else averaged.module.state_dict(),
            "epoch": self.epoch,
            "step": self.step,
            "run": {"name": self.run.name, "id": self.run.run_id},
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.schedule.state_dict(),
            "scaler": None,
            "weight_noise": None
            if noise is None
            else {"noise": noise.state_dict(), "generator": self._noise_generator.get_state()},
            "sampler": {"epoch": self.epoch + 1, "position": self._position},
            "running": self._running.state_dict(),
            "monitored": self.monitored,
        }

    def resume(self, checkpoint: dict[str, Any], path: Path | None = None) -> None:
        """Go on from ``checkpoint``, to be called before ``train`` and after all else is built.

        Args:
            checkpoint: as ``load_checkpoint`` returns it.
            path: of it, for messages.

        Raises:
            CheckpointError: a part of it does not fit.
        """
        path = path or self.run.checkpoint
        load_weights(self.model, checkpoint["model"], path)
        self.step, self.epoch = checkpoint["step"], checkpoint["epoch"]
        if self.averaged is not None:
            load_weights(self.averaged.module, checkpoint["averaged"] or checkpoint["model"], path)
            # Weights that were not averaged so far are a first average.
            self.averaged.n_averaged.fill_(self.step)
        self._resume_optimizer(checkpoint, path)
        self.monitor.load_state_dict(checkpoint)
        self.monitored = checkpoint["monitored"]
        self._position = checkpoint["sampler"]["position"]
        self._running = RunningMeans.from_states([checkpoint["running"]])
        self._resumed = True
        with fits(path, "random"):
            self._restore_random_state(checkpoint["random"])

    def _resume_optimizer(self, checkpoint: dict[str, Any], path: Path) -> None:
        noise = checkpoint["weight_noise"]
        if (noise is None) != (self.weight_noise is None):
            raise CheckpointError(
                "trainer.weight_noise: must stay on or off when a run is resumed, since its "
                "standard deviations are among what is optimized"
            )
        load_optimizer(self.optimizer, checkpoint["optimizer"], path, self.step > 0)
        with fits(path, "scheduler"):
            load_schedule(self.schedule, checkpoint["scheduler"])
        if self.weight_noise is not None:
            with fits(path, "weight_noise"):
                self.weight_noise.load_state_dict(noise["noise"])
                self._noise_generator.set_state(noise["generator"])

    def _restore_random_state(self, states: list[dict[str, Any]]) -> None:
        rank = self.distributed.rank
        if rank < len(states):
            restore_random_state(states[rank], self.distributed.device)
        if self.distributed.world_size != len(states):
            _log.warning(
                "the checkpoint is of %d processes, this run has %d: it goes on, but not exactly",
                len(states),
                self.distributed.world_size,
            )

    def _resume_message(self) -> str:
        where = f"{self.run.models}: resumed after epoch {self.epoch}, step {self.step}"
        if self.epoch < self.epochs:
            return where
        return f"{where}; all {self.epochs} epochs are done (see trainer.epochs)"

    # Being stopped

    def _agreed_stop(self) -> bool:
        return self.distributed.any(self._stop.requested)

    def _interrupt(self) -> None:
        """Save the state and raise ``Interrupted``, in all processes together."""
        self._save()
        self._draw_curve()
        self.distributed.barrier()
        path = self.run.checkpoint
        cause = self._stop.signal_name or "another process's signal"
        if not self.distributed.is_main:
            raise Interrupted(f"process {self.distributed.rank} stopped by {cause}")
        raise Interrupted(
            f"stopped by {cause} in epoch {self.epoch + 1} after {self._position} of its batches; "
            f"saved {path}\ngo on with: python train.py -r {path}"
        )


def make_monitor(settings: TrainerSettings, metrics: Iterable[str]) -> Monitor:
    """The monitor that the settings ask for; ``ConfigError`` when no metric has its name."""
    return Monitor(settings.monitor, settings.early_stop, {"loss", *metrics})


def _averaged_model(model: nn.Module, decay: float | None) -> AveragedModel | None:
    if decay is None:
        return None
    averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay))
    for module in averaged.modules():
        if isinstance(module, nn.RNNBase):
            # A copy's weights lie apart in memory, which cuDNN is slow with and warns about.
            module.flatten_parameters()
    return averaged


def _weight(losses: dict[str, Tensor], batch: Batch) -> Tensor | int:
    return losses.get("weight", len(batch))
