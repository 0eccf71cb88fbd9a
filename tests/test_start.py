"""Help, version and mistakes come without waiting: nothing is imported that they do not need.

By the modules that Python says it imports, not by time, which is the machine's as well.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from handwriting.version import version

ROOT = Path(__file__).parents[1]
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
COMMANDS = {
    "train": ["train.py"],
    "experiments": ["experiments.py"],
    "prepare": ["-m", "data_loader.prepare"],
    "slim": ["-m", "trainer.slim"],
}
# Packages that take long, each needed by some commands once they are at work. Pillow is not among
# them: pages are drawn with it, and it takes 0.03 s.
SLOW = {"torch", "matplotlib", "tensorboard", "onnx", "onnxruntime", "scipy", "wordfreq"}
_IMPORTED = re.compile(r"import time: +\d+ \| +\d+ \| +([\w.]+)\n")


def run(*words: str) -> tuple[subprocess.CompletedProcess[str], set[str]]:
    """A command that has ended, with its own words on stderr, and the packages it imported."""
    command = [sys.executable, "-X", "importtime", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    imported = {name.partition(".")[0] for name in _IMPORTED.findall(done.stderr)}
    assert {"handwriting", "argparse"} <= imported, "the list of imports is not read right"
    done.stderr = re.sub(r"import time:.*\n", "", done.stderr)
    return done, imported


@pytest.mark.parametrize("name", COMMANDS)
def test_the_version_is_the_projects(name: str) -> None:
    done, imported = run(*COMMANDS[name], "--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"handwriting {version()}\n"
    assert not imported & SLOW


def test_the_version_stands_in_one_place() -> None:
    assert re.findall(r'^version = "(.*)"$', PYPROJECT, re.MULTILINE) == [version()]
    assert re.fullmatch(r"\d+\.\d+\.\d+", version())


@pytest.mark.parametrize("name", COMMANDS)
def test_help_imports_nothing_slow(name: str) -> None:
    done, imported = run(*COMMANDS[name], "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "--version" in done.stdout
    assert not imported & SLOW


@pytest.mark.parametrize(
    "words",
    [
        *([*command, "--nonsense"] for command in COMMANDS.values()),
        ["train.py"],
        ["train.py", "-c", "absent.json"],
        ["train.py", "-c", "README.md"],
        ["train.py", "-c", "config_unconditional.json", "--set", "trainer.epochs"],
        ["experiments.py", "-r", "absent.pth", "--bias", "-1"],
        ["experiments.py", "-r", "absent.pth", "--text", "a", "--ink", "a.svg"],
        ["-m", "data_loader.prepare", "--source", "nonsense"],
        ["-m", "data_loader.prepare", "--export", "inkml"],
    ],
    ids=" ".join,
)
def test_a_wrong_option_imports_nothing_slow(words: list[str]) -> None:
    done, imported = run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert not imported & SLOW


def test_a_file_that_is_no_config_is_refused_before_components_are_imported(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text('{"compilerOptions": {}}')
    done, imported = run("train.py", "-c", str(tmp_path / "other.json"))
    assert done.returncode == 2 and "holds none of name, seed, arch" in done.stderr
    assert not imported & SLOW


def test_a_wrong_setting_imports_torch_alone(tmp_path: Path) -> None:
    """Torch's signatures say what may stand in a config; pictures and logs have to wait."""
    config = json.loads((ROOT / "config_unconditional.json").read_text())
    config["optimizer"]["args"]["lr"] = "fast"
    (tmp_path / "wrong.json").write_text(json.dumps(config))
    done, imported = run("train.py", "-c", str(tmp_path / "wrong.json"))
    assert done.returncode == 2 and "optimizer.args.lr: " in done.stderr
    assert imported & SLOW == {"torch"}


def test_a_copy_without_its_project_file_has_no_known_version(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("handwriting.version._PROJECT", tmp_path / "pyproject.toml")
    assert version() in ("unknown", re.search(r'version = "(.*)"', PYPROJECT)[1])


def test_reading_a_file_imports_no_more_than_it_needs(recogniser: Path, tmp_path: Path) -> None:
    """Neither figures, which are drawn with --out alone, nor torch's compiler."""
    ink = tmp_path / "word.json"
    ink.write_text(json.dumps([[0, 0, 0], [0, 1, 2], [0, 1, -2], [1, 1, 2]]))
    command = [sys.executable, "-X", "importtime", "experiments.py", "-r", str(recogniser)]
    done = subprocess.run(
        [*command, "--ink", str(ink), "--device", "cpu"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    imported = set(_IMPORTED.findall(done.stderr))
    assert "torch" in imported
    assert not imported & {"matplotlib", "torch._dynamo", "sympy", "torch.utils.cpp_extension"}
