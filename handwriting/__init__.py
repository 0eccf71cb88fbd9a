"""Write and read handwriting: trained models with NumPy alone.

>>> from handwriting import Reader, Writer
>>> Writer().write("Dear Anna,", seed=3).save("letter.svg")  # doctest: +SKIP
>>> print(Reader().read("letter.svg").text)  # doctest: +SKIP

Nothing is imported before it is used, so that ``import handwriting`` takes no time.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from handwriting.errors import UserError as Error
    from handwriting.pages.options import PageOptions
    from handwriting.runtime.reader import Reader
    from handwriting.runtime.writer import Writer

__all__ = ["Error", "PageOptions", "Reader", "Writer"]

_PLACES = {
    "Error": "handwriting.errors:UserError",
    "PageOptions": "handwriting.pages.options:PageOptions",
    "Reader": "handwriting.runtime.reader:Reader",
    "Writer": "handwriting.runtime.writer:Writer",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from handwriting.version import version

        return version()
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _PLACES[name].partition(":")
    return getattr(importlib.import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted([*globals(), *_PLACES, "__version__"])
