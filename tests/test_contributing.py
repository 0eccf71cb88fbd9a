"""A part added as CONTRIBUTING says works, without a list that names it."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from patience import A_HANG

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n# (\S+?)(, in FORMATS)?\n(.*?)```", TEXT, re.DOTALL)
FOLDERS = ("base", "data_loader", "evaluation", "handwriting", "logger", "model", "reading")
MORE = (
    "trainer",
    "utils",
    "writing",
    "train.py",
    "experiments.py",
    "parse_config.py",
    "pyproject.toml",
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with every example of CONTRIBUTING in its place."""
    folder = tmp_path_factory.mktemp("project")
    for name in (*FOLDERS, *MORE):
        copy = shutil.copy if (ROOT / name).is_file() else shutil.copytree
        copy(ROOT / name, folder / name)
    for file, is_entry, code in BLOCKS:
        if is_entry:
            table = (folder / file).read_text(encoding="utf-8")
            code = table.replace("FORMATS = (\n", f"FORMATS = (\n{code}", 1)
            assert code != table
        (folder / file).write_text(code, encoding="utf-8")
    return folder


def run(project: Path, *words: str, code: int = 0, path: Path | None = None) -> str:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(path or "")}
    ended = subprocess.run(
        [sys.executable, *words],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=A_HANG,
        check=False,
    )
    assert ended.returncode == code, ended.stderr
    return ended.stdout + ended.stderr


def config(name: str, **parts: Any) -> dict[str, Any]:
    return {
        "name": name,
        "seed": 1,
        "arch": {"type": "LastStepModel", "args": {"num_mixtures": 2}},
        "data_loader": {
            "type": "HandwritingDataLoader",
            "args": {"source": {"type": "zigzag"}, "batch_size": 3},
        },
        "optimizer": {"type": "SignDescent", "args": {"lr": 0.01}},
        "loss": {"type": "offset_error"},
        "metrics": ["offset_rate"],
        "trainer": {
            "epochs": 1, "monitor": "min offset_rate", "tensorboard": False, "sample_period": None
        },
        **parts,
    }  # fmt: skip


def test_the_examples_are_found() -> None:
    assert len(BLOCKS) == 6


def test_each_part_works_by_being_there(project: Path) -> None:
    (project / "config.json").write_text(json.dumps(config("registered")))
    run(project, "train.py", "-c", "config.json", "--device", "cpu")
    (checkpoint,) = project.glob("saved/models/registered/*/model_best.pth")
    assert "SignDescent" in run(project, "train.py", "--schema")
    assert checkpoint.stat().st_size > 0


@pytest.mark.slow
def test_the_examples_have_right_types(project: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", project)
    assert "Success" in run(project, "-m", "mypy")


def test_a_format_is_read_and_named_in_the_help(project: Path) -> None:
    assert ".xy" in " ".join(run(project, "experiments.py", "--help").split())
    (project / "ink.xy").write_text("0 0\n1 2\n2 0\n")
    code = "from pathlib import Path; from handwriting.formats.ink_file import ink_in_file as read;"
    code += "print(read(Path('ink.xy'))[0].strokes.tolist())"
    assert (
        run(project, "-c", code).strip() == "[[0.0, 0.0, 0.0], [0.0, 1.0, 2.0], [1.0, 1.0, -2.0]]"
    )


def test_parts_of_someone_else_work_by_their_dotted_paths(project: Path, tmp_path: Path) -> None:
    """The same parts in a package that this project does not know, without registering them."""
    package = tmp_path / "their_package"
    package.mkdir()
    (package / "__init__.py").touch()
    for file, _, code in BLOCKS:
        if Path(file).parts[0] in ("model", "trainer", "data_loader"):
            plain = re.sub(r"^@.*\n", "", code, flags=re.MULTILINE)
            (package / Path(file).name).write_text(plain)
    theirs = config(
        "dotted",
        arch={"type": "their_package.last_step.LastStepModel"},
        optimizer={"type": "their_package.sign_descent.SignDescent", "args": {"lr": 0.01}},
        loss={"type": "their_package.offset_error.OffsetError"},
        metrics=["their_package.offset_error.OffsetRate"],
    )
    theirs["data_loader"]["args"]["source"] = {"type": "their_package.zigzag.ZigzagReader"}
    theirs["trainer"]["monitor"] = "min loss"
    (project / "dotted.json").write_text(json.dumps(theirs))
    run(project, "train.py", "-c", "dotted.json", "--device", "cpu", path=tmp_path)
    (checkpoint,) = project.glob("saved/models/dotted/*/model_best.pth")
    out = ("--device", "cpu", "--out", str(tmp_path / "out"))
    run(project, "train.py", "-r", str(checkpoint.with_name("checkpoint.pth")), path=tmp_path)
    printed = run(
        project, "experiments.py", "-r", str(checkpoint), "--samples-only", "--steps", "9", *out,
        code=2,
    )  # fmt: skip
    assert "arch.type" in printed and "their_package" in printed  # it is not on the path


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("os.system", "should name a class derived from one of BaseModel, "),
        ("their.nothing", "names nothing that can be imported"),
        ("model.models.Nothing", "names nothing that can be imported"),
        ("pathlib.Path", "should name a class derived from one of BaseModel, "),
    ],
)
def test_a_dotted_path_calls_nothing_but_components(name: str, message: str, project: Path) -> None:
    wrong = config("wrong", arch={"type": name, "args": {"command": "touch called"}})
    (project / "wrong.json").write_text(json.dumps(wrong))
    printed = run(project, "train.py", "-c", "wrong.json", code=2)
    assert f"arch.type: {message}" in printed and len(printed.strip().splitlines()) == 1
    assert not (project / "called").exists()
