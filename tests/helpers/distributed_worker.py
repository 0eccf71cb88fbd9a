"""What each of two processes does in ``test_distributed.py``; started by torchrun."""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from toy_training import make_trainer

from base.batch import Batch
from handwriting.errors import Interrupted
from trainer.checkpointing import load_checkpoint
from trainer.distributed import Distributed, distributed
from trainer.run_folder import RunFolder
from trainer.trainer import NonFiniteLoss, Trainer

# Sums over processes are rounded differently. Plain gradient descent passes that on as it is, where
# Adam divides by it: a gradient of rounding alone moves a weight as far as any other.
SETTINGS: dict[str, Any] = {
    "dropout": 0.0,
    "epochs": 3,
    "averaging": 0.7,
    "clip_grad_norm": 1.0,
    "optimizer": torch.optim.SGD,
}


def watch(trainer: Trainer) -> list[float]:
    """The loss of each step, as the trainer will see it."""
    losses: list[float] = []
    agree = trainer._agree

    def watched(terms: dict[str, Tensor], batch: Batch) -> Any:
        step = agree(terms, batch)
        losses.append(step.terms["loss"])
        return step

    trainer._agree = watched
    return losses


def equal_training(folder: Path, here: Distributed) -> dict[str, Any]:
    trainer = make_trainer(folder / "equal", distributed=here, **SETTINGS)
    losses = watch(trainer)
    trainer.train()
    weights = torch.cat([p.detach().flatten() for p in trainer.model.parameters()])
    return {"losses": losses, "weights": weights.tolist()}


def interrupted_training(folder: Path, here: Distributed) -> dict[str, Any]:
    """Only process 1 gets the signal; both stop at the same step, and go on together."""
    settings = {**SETTINGS, "dropout": 0.4}
    whole = make_trainer(folder / "whole", distributed=here, **settings)
    whole.train()
    first = make_trainer(folder / "parts", distributed=here, **settings)
    losses = watch(first)
    first.schedule.after_step = lambda: (
        os.kill(os.getpid(), signal.SIGTERM) if here.rank == 1 and len(losses) == 7 else None
    )
    try:
        first.train()
    except Interrupted as error:
        message = str(error)
    run = RunFolder(folder / "parts", "toy", "run")
    state = load_checkpoint(run.checkpoint, resumable=True)
    second = make_trainer(folder / "parts", distributed=here, resume=state, **settings)
    second.train()
    pairs = zip(whole.model.parameters(), second.model.parameters(), strict=True)
    return {
        "message": message,
        "steps": len(losses),
        "saved_step": state["step"],
        "random_states": len(state["random"]),
        "same": all(torch.equal(a, b) for a, b in pairs),
    }


def broken_training(folder: Path, here: Distributed) -> str:
    trainer = make_trainer(folder / "broken", distributed=here, broken_line=5, **SETTINGS)
    try:
        trainer.train()
    except NonFiniteLoss as error:
        return str(error)
    return "nothing"


def main() -> None:
    """Write what was found to ``FOLDER/RANK.json``."""
    folder, mode = Path(sys.argv[1]), sys.argv[2]
    torch.set_num_threads(1)
    with distributed("cpu") as here:
        if mode == "fail":
            trainer = make_trainer(folder, distributed=here, **SETTINGS)
            if here.rank == 1:
                trainer.criterion = None
            trainer.train()
        found = {
            "sum": here.sum_list([1.0 + here.rank, 0.5]),
            "gathered": [value["rank"] for value in here.gather({"rank": "ab" * here.rank})],
            "equal": equal_training(folder, here),
            "interrupted": interrupted_training(folder, here),
            "broken": broken_training(folder, here),
        }
    (folder / f"{here.rank}.json").write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
