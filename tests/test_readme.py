"""The commands of the README and of docs/, page by page, each page in a fresh clone of the project
with a small database in data/; the README's Python; and the links of all pages.

Each command runs as it stands there, with settings appended that make it short. Writing, training
and evaluating are at their real size only for people who follow a page.
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
PAGES = ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
LINKING_PAGES = [
    *PAGES,
    *("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "data/README.md", "benchmarks/README.md"),
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "saved/models").rglob("*.md")),
]
MOST_LINES_OF_README = 149
# The name "data" alone is the folder of a user's data.
NOT_COPIED = shutil.ignore_patterns(".git", ".venv", "saved", "data", "__pycache__", ".*_cache")
SMALL_MODEL = (
    "--set arch.args.hidden_size=8 --set arch.args.num_layers=1 --set arch.args.num_mixtures=2"
    " --set trainer.sample_period=0 --set data_loader.args.batch_size=2"
)
# The recipes' own sources, the built-in corpus among them, take minutes to prepare, and an epoch of
# theirs has thousands of lines.
SMALL_SOURCE = (
    " --set data_loader.args.epoch_lines=8"
    ' --set \'data_loader.args.source={"type": "auto", "args": {"data_dir": "data"}}\''
)
SMALL_RECOGNISER = (
    "--set arch.args.encoder_size=8 --set arch.args.encoder_layers=1 --set data_loader.args.limit=2"
    " --set trainer.sample_period=0 --set trainer.epochs=1 --set data_loader.args.epoch_lines=4"
    ' --set \'data_loader.args.source={"type": "synthetic", "args": {"num_lines": 60}}\''
)
# What is appended to a command, by what it begins with; the first that fits counts.
SHORT = {
    "python train.py --schema": "",
    "python train.py -c config_recognition.json": SMALL_RECOGNISER,
    "python train.py -c config_language_model.json": "--set arch.args.hidden_size=8"
    " --set data_loader.args.composed_texts=20",
    "python experiments.py -r conditional ex": "--limit 2 --data data",
    "python experiments.py -r recognition ex": "--limit 2 --data data",
    "python experiments.py -r conditional --export": "--limit 2 --data data",
    "python experiments.py -r recognition --export": "--limit 2 --data data",
    "python experiments.py -r saved/models/pretrained/language_model": "--limit 2",
    "python experiments.py -r saved/models/recognition": "--limit 2",
    "python experiments.py -r recognition": "--limit 2",
    "python experiments.py -r research/recognition": "--limit 2",
    "python experiments.py -r conditional --export-onnx": "--limit 2 --data data",
    "python experiments.py -r conditional": "--limit 2 --samples 1",
    "python experiments.py -r research/conditional": "--limit 2 --samples 1",
    "python train.py -c": f"{SMALL_MODEL}{SMALL_SOURCE} --set trainer.epochs=1",
    "torchrun --nproc_per_node=2 experiments.py": "--limit 2 --samples 1",
    "torchrun": f"{SMALL_MODEL}{SMALL_SOURCE} --set trainer.epochs=1",
    "python train.py -r": "--set trainer.epochs=2",
    "python experiments.py": "--steps 12 --samples 1",
    "python -m data_loader.prepare": "",
    "python -m trainer.slim": "",
    "python -m evaluation.adapt": "--epochs 1",
    "python -m evaluation.label_noise": "",
    "python -m evaluation.written_kinds": "--texts 1 --characters 0",
    "python -m evaluation.written_pages": "--pages 1 --draws 1",
    "python -m evaluation.calibrate": "--drawings 1 --lines 4",
    "python -m benchmarks.training_step": "--hidden-size 8 --batch-size 2 --steps 5 --repeats 1",
    "python -m benchmarks.recognition": "--encoder-size 8 --encoder-layers 1 --decoder-size 8"
    " --batch-size 2 --reading-batch-size 2 --points 40 --characters 5 --repeats 1",
    "python -m benchmarks.sampling": "--hidden-size 8 --repeats 1 --naive-steps 5",
    "python -m benchmarks.processes": "--hidden-size 8 --num-layers 1 --batch-size 16 --steps 5"
    " --steps-timed 1 --repeats 1",
    "python -m benchmarks.prepare_corpus": "",
    "python -m benchmarks.synthetic_corpus": "--lines 5",
}

# A page for the recogniser to read.
PAGE = '<svg xmlns="http://www.w3.org/2000/svg"><path d="M 0 0 L 9 20 L 18 0 M 4 9 L 14 9"/></svg>'


def blocks(page: str, language: str) -> list[str]:
    """The contents of the page's code blocks in a language."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def commands(page: str) -> list[str]:
    """The lines of the page's shell blocks."""
    return [line for block in blocks(page, "sh") for line in block.splitlines() if line]


def commands_to_run(page: str) -> list[str]:
    """Those that need no installation, each on the first page that has it; but training runs on
    every page that uses its run."""
    earlier = {command for before in PAGES[: PAGES.index(page)] for command in commands(before)}
    uses_runs = any("RUN" in command for command in commands(page))
    return [
        command
        for command in commands(page)
        if not command.startswith("make")
        and (command not in earlier or (uses_runs and " train.py " in command))
    ]


def shortened(command: str) -> str:
    extra = next((SHORT[start] for start in SHORT if command.startswith(start)), None)
    assert extra is not None, f"no short form for the command: {command}"
    if "--samples-only" in command:
        extra = ""
    if re.search(r"--text(-file)? ", command):
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
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        # mlflow-skinny has no data base.
        "MLFLOW_TRACKING_URI": (clone / "mlruns").as_uri(),
        "MLFLOW_ALLOW_FILE_STORE": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    return subprocess.run(
        arguments(command, clone), cwd=clone, env=environment, capture_output=True, text=True
    )


def write_own_ink(folder: Path) -> None:
    """Write lines of ink with their texts."""
    folder.mkdir()
    for number in range(5):
        (folder / f"{number}.svg").write_text(PAGE, encoding="utf-8")
        (folder / f"{number}.txt").write_text("A", encoding="utf-8")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    folder = tmp_path / "handwriting"
    shutil.copytree(ROOT, folder, ignore=NOT_COPIED)
    for kept in ("saved/models/pretrained", "saved/models/research", "saved/models/graves"):
        shutil.copytree(ROOT / kept, folder / kept)
    # A model can write the characters that it was trained on.
    files = {
        path: text.replace("A first line", "The quick brown fox")
        for path, text in database_files().items()
    }
    write_folders(folder / "data", files)
    write_lists(folder / "data")
    (folder / "page.svg").write_text(PAGE, encoding="utf-8")
    for config in folder.glob("config_*.json"):  # lines that are made, in minutes
        text = re.sub(r'"num_lines": \d+', '"num_lines": 60', config.read_text(encoding="utf-8"))
        config.write_text(text, encoding="utf-8")
    write_own_ink(folder / "my_ink")
    (folder / "saved_figures/page.txt").write_text("The quick brown fox", encoding="utf-8")
    return folder


@pytest.mark.parametrize("page", [page for page in PAGES if commands_to_run(page)])
def test_every_command_of_a_page_runs(page: str, clone: Path) -> None:
    for command in commands_to_run(page):
        done = run(shortened(command), clone)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


def test_the_python_of_the_readme_writes_a_page_and_reads_it(clone: Path) -> None:
    (script,) = blocks("README.md", "python")
    done = subprocess.run([sys.executable, "-c", script], cwd=clone, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert (clone / "written/page-1.svg").is_file()


def test_make_train_trains_with_settings_that_fit(clone: Path) -> None:
    """The command behind ``make train``, on a corpus of a few lines."""
    printed = subprocess.run(
        ["make", "--no-print-directory", "-n", "-o", "setup", "train"],
        cwd=clone, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    (command,) = [line for line in printed.splitlines() if "train.py" in line]
    command = "python " + command.split(maxsplit=1)[1]
    assert '{"type": "synthetic"}' in command
    few = '{"type": "synthetic", "args": {"num_lines": 60, "max_characters": 20}}'
    few = f"--set 'data_loader.args.source={few}' --set data_loader.args.limit=6"
    done = run(f"{shortened(command)} {few}", clone)
    assert done.returncode == 0, done.stderr
    assert list(clone.glob("saved/models/*/*/samples.png"))


def test_make_test_runs_the_suite_and_the_lint() -> None:
    printed = subprocess.run(
        ["make", "--no-print-directory", "-n", "-o", "setup", "test"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "pytest" in printed and "ruff check" in printed and "ruff format --check" in printed


def test_the_readme_is_short_and_leads_to_every_page() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(readme.splitlines()) <= MOST_LINES_OF_README
    assert set(PAGES[1:]) <= set(links(readme))


def links(text: str) -> list[str]:
    """Targets of a page's links and pictures."""
    return re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'<img src="([^"]+)"', text)


def anchors(path: Path) -> set[str]:
    """Names by which the headings of a page can be linked to."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", LINKING_PAGES)
def test_links_and_pictures_are_files_of_the_project(page: str) -> None:
    path = ROOT / page
    assert not path.is_symlink()
    for link in links(path.read_text(encoding="utf-8")):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.is_relative_to(ROOT) and target.exists(), link
        assert not anchor or anchor in anchors(target), link
