"""Docstrings begin with a verb or a noun, in all code but the tests'."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOT_CODE = {"tests", "data", "saved", ".venv"}
# Words that begin a clause about something that has not been named yet.
CLAUSE = re.compile(r"(What|Where|How|Who|Whatever|Whoever|That|Those|These|It|They)\b")


def docstrings(file: Path) -> Iterator[tuple[int, str]]:
    """The line and the text of each docstring of a file."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, documented) and (text := ast.get_docstring(node)):
            yield getattr(node, "lineno", 1), text


@pytest.mark.parametrize(
    "folder",
    sorted({path.relative_to(ROOT).parts[0] for path in ROOT.glob("[a-z]*/**/*.py")} - NOT_CODE),
)
def test_docstrings_begin_with_a_verb_or_a_noun(folder: str) -> None:
    found = [
        f"{file.relative_to(ROOT)}:{line}: {text.splitlines()[0]}"
        for file in sorted((ROOT / folder).rglob("*.py"))
        for line, text in docstrings(file)
        if CLAUSE.match(text)
    ]
    assert found == []
