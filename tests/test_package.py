"""The wheel, as a person gets it: built, installed where there is no torch, and used."""

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from handwriting.version import version

ROOT = Path(__file__).parents[1]
MOST_BYTES = 12_000_000
THREE_LINES = """
from handwriting import Reader, Writer
Writer().write("Dear Anna,\\nthank you!", hand="lena", seed=3).save("letter.svg")
page = Reader().read("letter.svg"); print(page.text); page.save("notes.pdf")
"""
COMMANDS = (
    ("write", "Hello", "-o", "hello.svg"),
    ("read", "hello.svg"),
    ("hands",),
    ("convert", "hello.svg", "-o", "hello.inkml"),
    ("info",),
    ("serve", "--help"),
    ("--version",),
)


def pip(*arguments: str, python: Path | str = sys.executable) -> subprocess.CompletedProcess[str]:
    command = [str(python), "-m", "pip", "--disable-pip-version-check", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the files that a clone has."""
    pytest.importorskip("setuptools", reason="needs setuptools to build a wheel")
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    # Folders as a clone has them: setuptools must leave them out.
    for name in ("model", "tests", "utils"):
        (source / name).mkdir()
        (source / name / "__init__.py").touch()
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "handwriting", source / "handwriting", ignore=ignored)
    out = source / "dist"
    options = ("--no-deps", "--no-build-isolation", "--wheel-dir", str(out))
    done = pip("wheel", *options, str(source))
    assert done.returncode == 0, done.stderr
    (built,) = out.glob("*.whl")
    return built


@pytest.mark.slow
def test_the_wheel_has_the_package_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    own = f"handwriting-{version()}.dist-info"
    assert {name.partition("/")[0] for name in names} == {"handwriting", own}
    assert {"handwriting/py.typed", "handwriting/weights/writer.safetensors"} <= set(names)
    assert not [name for name in names if "parity" in name]
    assert wheel.stat().st_size < MOST_BYTES


@pytest.mark.slow
def test_it_is_installed_and_used_without_torch(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=True)
    folder = tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin")
    done = pip("install", "--quiet", str(wheel), python=folder / "python")
    if done.returncode != 0 and "connection" in done.stderr.lower():
        pytest.skip("needs a package index")
    assert done.returncode == 0, done.stderr
    work = tmp_path / "work"
    work.mkdir()
    environment = {key: value for key, value in os.environ.items() if "PYTHON" not in key}
    environment.pop("HANDWRITING_WEIGHTS", None)

    def call(*command: str) -> str:
        done = subprocess.run(
            [str(folder / command[0]), *command[1:]],
            cwd=work, env=environment, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, (command, done.stderr)
        return done.stdout

    assert call("python", "-c", "import importlib.util as u; print(u.find_spec('torch'))") == (
        "None\n"
    )
    assert "Anna" in call("python", "-c", THREE_LINES) or (work / "notes.pdf").is_file()
    outputs = {command[0]: call("handwriting", *command) for command in COMMANDS}
    assert outputs["hands"].startswith("lena\n")
    assert outputs["--version"] == f"handwriting {version()}\n"
    assert (work / "hello.inkml").is_file()
    assert call("python", "-m", "handwriting", "--version") == outputs["--version"]
