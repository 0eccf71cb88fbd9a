"""JSON as written by people: strict, and its errors say where they are."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from handwriting.errors import ConfigError, DataError
from handwriting.files import read_regular_file

# A string, an opening or closing bracket, or a number that JSON does not know.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]|-?Infinity|NaN')
_COLON = re.compile(r"\s*:")


def read_json(path: str | Path) -> Any:
    """The value in the file ``path``.

    Raises:
        ConfigError: it cannot be read, is not JSON, gives a key twice, or has NaN or Infinity; the
            line names the file, and the line and column in it.
    """
    try:
        text = read_regular_file(Path(path)).decode("utf-8-sig")
    except DataError as error:
        raise ConfigError([str(error)]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: is not UTF-8 text: {error.reason}"]) from error
    return parse_json(text, str(path))


def parse_json(text: str, name: str) -> Any:
    """The value that ``text`` stands for; ``name`` is where it comes from, for the error."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        position = f"line {error.lineno}, column {error.colno}"
        raise ConfigError([f"{name}, {position}: is not JSON: {error.msg}"]) from None
    except (RecursionError, ValueError) as error:
        raise ConfigError([f"{name}: is beyond what can be read: {error}"]) from None
    problems = [f"{name}, {_position(text, at)}: {rule}" for at, rule in _faults(text)]
    if problems:
        raise ConfigError(problems)
    return value


def _position(text: str, at: int) -> str:
    return f"line {text.count(chr(10), 0, at) + 1}, column {at - text.rfind(chr(10), 0, at)}"


def _faults(text: str) -> Iterator[tuple[int, str]]:
    """Find the place where ``text`` breaks a rule of JSON that Python lets pass."""
    open_keys: list[set[str]] = []  # of each bracket that is open; a list's stays empty
    for token in _TOKEN.finditer(text):
        match token[0][0]:
            case "{" | "[":
                open_keys.append(set())
            case "}" | "]":
                open_keys.pop()
            case '"':
                key = json.loads(token[0], strict=False)
                if _COLON.match(text, token.end()):
                    if key in open_keys[-1]:
                        yield token.start(), f"the key {token[0]} stands there twice"
                    open_keys[-1].add(key)
            case _:
                yield token.start(), f"{token[0]} is not a number of JSON"
