"""Descriptions of settings from docstrings."""

from typing import Any

import pytest

from base.docstrings import argument_descriptions
from parse_config import json_schema


class Pen:
    """A pen.

    Args:
        width: of the line, in mm; a ``float`` that
            goes on here.
        red, green: parts of the colour.

    Attributes:
        length: of the pen.

    Raises:
        ValueError: not an argument.
    """


def torch_like(lr: float) -> None:
    """Optimize.

    Args:
        lr (float, optional): see :meth:`torch.step` and `the paper <x>`_ (default: 1)

        eps (float): added
    """


def test_entries_are_read_with_their_further_lines() -> None:
    assert argument_descriptions(Pen) == {
        "width": "of the line, in mm; a float that goes on here.",
        "red": "parts of the colour.",
        "green": "parts of the colour.",
        "length": "of the pen.",
    }
    assert argument_descriptions(torch_like) == {
        "lr": "see torch.step and the paper (default: 1)",
        "eps": "added",
    }


def settings(schema: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (title, name, value)
        for title, part in schema["$defs"].items()
        for name, value in part.get("properties", {}).items()
        if name not in ("type", "args")
    ]


def test_every_setting_of_the_project_has_a_description() -> None:
    """Those of torch have what torch says of them."""
    found = settings(json_schema())
    assert len(found) > 300
    ours = [
        (title, name)
        for title, name, value in found
        if "description" not in value and not title.startswith(("optimizer", "learning-rate"))
    ]
    assert ours == []


@pytest.mark.parametrize("name", ["epochs", "batch_size", "hidden_size", "cleaning"])
def test_a_description_is_that_of_the_docstring(name: str) -> None:
    described = {name for _, name, value in settings(json_schema()) if "description" in value}
    assert name in described
