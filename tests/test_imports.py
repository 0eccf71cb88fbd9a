"""Imports run one way over the floors of the house, and the installed package stands alone."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Each part imports itself and the parts on floors below its own, nothing else of the project.
FLOORS = (
    ("handwriting", "logger"),
    ("utils", "base"),
    ("data_loader", "model"),
    ("trainer",),
    ("parse_config", "reading"),
    ("writing",),
    ("evaluation", "benchmarks"),
    ("train", "experiments"),
)
FLOOR_OF = {part: floor for floor, parts in enumerate(FLOORS) for part in parts}


def modules() -> list[Path]:
    found = [ROOT / f"{part}.py" for part in FLOOR_OF if (ROOT / f"{part}.py").is_file()]
    return found + sorted(file for part in FLOOR_OF for file in (ROOT / part).rglob("*.py"))


def part_of(file: Path) -> str:
    return file.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(file: Path) -> Iterator[str]:
    """The full names of all modules that a file imports, also inside functions."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def arrows_up() -> list[str]:
    return [
        f"{file.relative_to(ROOT)} imports {name}"
        for file in modules()
        for name in imported(file)
        if (other := name.partition(".")[0]) in FLOOR_OF
        and other != part_of(file)
        and FLOOR_OF[other] >= FLOOR_OF[part_of(file)]
    ]


def test_every_folder_with_code_has_a_floor() -> None:
    with_code = {
        file.relative_to(ROOT).parts[0].removesuffix(".py")
        for file in [*ROOT.glob("*.py"), *ROOT.glob("[a-z]*/**/*.py")]
    }
    assert with_code - {"tests", "data", "saved"} == set(FLOOR_OF)


def test_imports_run_down_the_floors() -> None:
    assert arrows_up() == []


@pytest.mark.parametrize("file", sorted((ROOT / "handwriting").rglob("*.py")), ids=part_of)
def test_the_package_needs_no_torch_and_no_other_part(file: Path) -> None:
    ours = set(FLOOR_OF) - {"handwriting"}
    refused = [name for name in imported(file) if name.partition(".")[0] in {"torch", *ours}]
    assert refused == []


def test_a_file_that_imports_upwards_is_found(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text("def late():\n    from evaluation.command import run\n    import torch.nn\n")
    assert list(imported(file)) == ["evaluation.command.run", "torch.nn"]
    assert "torch" not in sys.stdlib_module_names


def asking() -> dict[str, list[str]]:
    """The registries that a module asks for components and registers none in, by module.

    ``parse_config`` imports what it needs when it is asked.
    """
    found = {}
    for file in modules():
        names = [
            name.removeprefix("base.registry.")
            for name in imported(file)
            if name.startswith("base.registry.") and name.rpartition(".")[2].isupper()
        ]
        registers = re.search(
            r"^@[A-Z_]+\.register|^    +[A-Z_]+\.add", file.read_text(), re.MULTILINE
        )
        if names and not registers and part_of(file) not in {"base", "parse_config"}:
            found[".".join(file.relative_to(ROOT).with_suffix("").parts)] = names
    return found


@pytest.mark.parametrize(("module", "registries"), asking().items())
def test_what_a_module_asks_for_is_there_without_another_module(
    module: str, registries: list[str]
) -> None:
    program = f"import {module}, base.registry as r\n"
    program += f"print([name for name in {registries} if not len(getattr(r, name))])"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
