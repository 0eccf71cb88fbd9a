"""Train a model from a config, or resume from a checkpoint.

python train.py -c config_unconditional.json
python train.py -r saved/models/.../checkpoint.pth
python train.py -c config_conditional.json -w saved/models/.../model_best.pth
torchrun --nproc_per_node=2 train.py -c config_unconditional.json
"""

import os

from handwriting.errors import run_command
from parse_config import ConfigParser


def main() -> None:
    """Train as the options say; torch is imported only once they are known to be right."""
    config = ConfigParser.from_args(description="Train a model of handwriting.")
    from evaluation.training_pictures import sampler_of
    from logger.logger import setup_logging
    from trainer.assembly import build_trainer
    from trainer.distributed import distributed
    from trainer.trainer import make_monitor
    from utils.device import resolve_device
    from utils.memory import keep_freed_memory

    keep_freed_memory()
    # Before data are prepared, which can take a while.
    make_monitor(config.trainer, config.config.metrics)
    setup_logging(is_main=os.environ.get("RANK", "0") == "0")
    with distributed(resolve_device(config.device)) as processes:
        build_trainer(config, processes, sampler_of).train()


if __name__ == "__main__":
    run_command(main)
