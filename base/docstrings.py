"""Descriptions of arguments, from the docstrings that have them."""

import inspect
import re
from collections.abc import Callable
from typing import Any

_SECTION = re.compile(r"^(Args|Arguments|Attributes|Parameters):\s*$")
# "name: text", "one, two: text", and torch's "name (float, optional): text"
_ENTRY = re.compile(r"^(?P<names>\*?\w+(?:, \w+)*)(?: ?\([^)]*\))?: ?(?P<text>.*)$")
# Of torch's markup: roles, links and code.
_MARKUP = re.compile(r":\w+:`~?([^`]*)`|``([^`]*)``|`([^`<]*?)(?: <[^>]*>)?`_?")


def argument_descriptions(target: Callable[..., Any]) -> dict[str, str]:
    """Return what the docstring of a class or function says of each argument.

    Read are the sections "Args" and "Attributes", of a class and of its ``__init__``, written as
    ``name: text`` with further lines indented. An entry for several names is that of each.
    """
    found: dict[str, str] = {}
    owners = [target, getattr(target, "__init__", None)] if isinstance(target, type) else [target]
    for owner in owners:
        doc = inspect.getdoc(owner) if owner is not None else None
        if doc and "of ``object``" not in doc:
            found |= _entries(doc.split("\n"))
    return found


def _entries(lines: list[str]) -> dict[str, str]:
    """The entries of all sections of a docstring."""
    entries: dict[str, str] = {}
    names: list[str] = []
    inside, depth = False, 0
    for line in lines:
        text = line.strip()
        indent = len(line) - len(line.lstrip())
        if text and indent == 0:
            inside, names, depth = bool(_SECTION.match(line)), [], 0
            continue
        if not inside or not text:
            continue
        depth = depth or indent
        entry = _ENTRY.match(text) if indent == depth else None
        if entry:
            names = [name.lstrip("*") for name in entry["names"].split(", ")]
            entries |= dict.fromkeys(names, entry["text"])
        elif indent > depth:
            entries |= {name: f"{entries[name]} {text}".strip() for name in names}
    return {name: _plain(text) for name, text in entries.items() if text}


def _plain(text: str) -> str:
    """Text without markup, spaces as one."""
    text = _MARKUP.sub(
        lambda found: next(part for part in found.groups() if part is not None), text
    )
    return " ".join(text.split())
