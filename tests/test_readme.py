"""The README's commands, in its order, in a clone of the project with a small database in data/.

Each command runs as it stands there, with settings appended that make it short. Writing, training
and evaluating are at their real size only in the README's reader's hands.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from iam_files import database_files, write_folders, write_lists

ROOT = Path(__file__).parents[1]
# The name "data" alone is the folder of a user's data.
NOT_COPIED = shutil.ignore_patterns(".git", ".venv", "saved", "data", "__pycache__", ".*_cache")
SMALL_MODEL = (
    "--set arch.args.hidden_size=8 --set arch.args.num_layers=1 --set arch.args.num_mixtures=2"
    " --set trainer.sample_period=0 --set data_loader.args.batch_size=2"
)
SMALL_RECOGNISER = (
    "--set arch.args.encoder_size=8 --set arch.args.encoder_layers=1 --set data_loader.args.limit=2"
    " --set trainer.sample_period=0 --set trainer.epochs=1"
)
# What is appended to a command, by what it begins with; the first that fits counts.
SHORT = {
    "python train.py --schema": "",
    "python train.py -c config_recognition.json": SMALL_RECOGNISER,
    "python train.py -c config_language_model.json": "--set arch.args.hidden_size=8"
    " --set trainer.epochs=1",
    "python experiments.py -r saved/models/recognition": "--limit 2",
    "python experiments.py -r saved/models/pretrained/recognition": "--limit 2",
    "python experiments.py -r saved/models/pretrained/conditional.pth --export-onnx": "--limit 2",
    "python experiments.py -r saved/models/pretrained/conditional": "--limit 2 --samples 1",
    "python train.py -c": f"{SMALL_MODEL} --set trainer.epochs=1",
    "torchrun": f"{SMALL_MODEL} --set trainer.epochs=1",
    "python train.py -r": "--set trainer.epochs=2",
    "python experiments.py": "--steps 12 --samples 1",
    "python -m data_loader.prepare": "",
    "python -m benchmarks.training_step": "--hidden-size 8 --batch-size 2 --steps 5 --repeats 1",
    "python -m benchmarks.recognition": "--encoder-size 8 --encoder-layers 1 --decoder-size 8"
    " --batch-size 2 --reading-batch-size 2 --points 40 --characters 5 --repeats 1",
    "python -m benchmarks.sampling": "--hidden-size 8 --repeats 1 --naive-steps 5",
    "python -m benchmarks.prepare_corpus": "",
    "python -m benchmarks.synthetic_corpus": "--lines 5",
}

# A page for the recogniser to read.
PAGE = '<svg xmlns="http://www.w3.org/2000/svg"><path d="M 0 0 L 9 20 L 18 0 M 4 9 L 14 9"/></svg>'


def commands() -> list[str]:
    """The lines of the README's shell blocks."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", readme, flags=re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


def shortened(command: str) -> str:
    extra = next((SHORT[start] for start in SHORT if command.startswith(start)), None)
    assert extra is not None, f"no short form for the README's command: {command}"
    if "--samples-only" in command:
        extra = ""
    if "--text" in command:
        extra = "--best-of 1"
    return f"{command} {extra}"


def arguments(command: str, clone: Path) -> list[str]:
    """The command with this interpreter and the latest run's name."""
    named = re.search(r"saved/models/(\w+)/RUN", command)
    name = named[1] if named else "unconditional"
    runs = sorted((clone / "saved/models" / name).glob("*"), key=lambda run: run.stat().st_mtime)
    words = shlex.split(command.replace("RUN", runs[-1].name if runs else "RUN"))
    launchers = {
        "python": [sys.executable],
        "torchrun": [sys.executable, "-m", "torch.distributed.run"],
    }
    return [*launchers[words[0]], *words[1:]]


def run(command: str, clone: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        arguments(command, clone), cwd=clone, env=environment, capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clone") / "handwriting"
    shutil.copytree(ROOT, folder, ignore=NOT_COPIED)
    for kept in ("saved/models/pretrained", "saved/models/graves"):
        shutil.copytree(ROOT / kept, folder / kept)
    # A model can write the characters that it was trained on.
    files = {
        path: text.replace("A first line", "The quick brown fox")
        for path, text in database_files().items()
    }
    write_folders(folder / "data", files)
    write_lists(folder / "data")
    (folder / "page.svg").write_text(PAGE, encoding="utf-8")
    return folder


def test_every_command_of_the_readme_runs(clone: Path) -> None:
    for command in commands():
        if command.startswith("make"):
            continue
        done = run(shortened(command), clone)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


def test_make_train_trains_with_settings_that_fit(clone: Path) -> None:
    """The command behind ``make train``, on a corpus of a few lines."""
    printed = subprocess.run(
        ["make", "--no-print-directory", "-n", "-o", "setup", "train"],
        cwd=clone, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    (command,) = [line for line in printed.splitlines() if "train.py" in line]
    command = "python " + command.split(maxsplit=1)[1]
    few = "data_loader.args.source.args={'num_lines': 60, 'max_characters': 20}".replace("'", '"')
    done = run(f"{shortened(command)} --set '{few}' --set data_loader.args.limit=6", clone)
    assert done.returncode == 0, done.stderr
    assert list(clone.glob("saved/models/*/*/samples.png"))


def test_make_test_runs_the_suite_and_the_lint() -> None:
    printed = subprocess.run(
        ["make", "--no-print-directory", "-n", "-o", "setup", "test"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "pytest" in printed and "ruff check" in printed and "ruff format --check" in printed


@pytest.mark.parametrize("page", ["README.md", "data/README.md"])
def test_links_and_pictures_are_files_of_the_project(page: str) -> None:
    path = ROOT / page
    assert not path.is_symlink()
    links = re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8"))
    assert links
    for link in links:
        if not link.startswith(("https://", "#")):
            assert (path.parent / link).resolve().is_relative_to(ROOT), link
            assert (path.parent / link).is_file(), link
