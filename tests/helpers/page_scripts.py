"""The page's modules in V8, without a browser (``mini-racer``)."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from py_mini_racer import MiniRacer

from handwriting.web.site import PAGE

_IMPORT = re.compile(r"^import \{([^}]*)\} from \"([^\"]+)\";\n", re.MULTILINE)
_EXPORT = re.compile(
    r"^export (?=(?:async )?(?:function\*?|class|const) (\w+)|(?:function\*?|class|const) (\w+))",
    re.MULTILINE,
)
_MOST_SECONDS = 300


class PageScripts:
    """Some of the page's modules and all that they import, and JavaScript that uses them.

    Args:
        *modules: paths under the page, such as ``engine/noise.js``; what they export is global.
    """

    def __init__(self, *modules: str) -> None:
        self._racer = MiniRacer()
        self._loaded: set[str] = set()
        self._racer.eval("var modules = {}, buffers = {};")
        for module in modules:
            self._load(module)
            self._racer.eval(f"Object.assign(globalThis, modules[{json.dumps(module)}]);")

    def run(self, script: str, **values: Any) -> Any:
        """Return what ``script`` returns, as plain values; ``values`` are its variables."""
        given = ", ".join(f"{name} = {json.dumps(value)}" for name, value in values.items())
        declared = f"const {given};" if given else ""
        text = self._racer.eval(
            f"JSON.stringify((() => {{ {declared} {script} }})())", timeout_sec=_MOST_SECONDS
        )
        return None if text is None else json.loads(str(text))

    def add_bytes(self, name: str, content: bytes) -> None:
        """Put bytes where scripts find them, the ``ArrayBuffer`` ``buffers[name]``."""
        place = f"buffers[{json.dumps(name)}]"
        view = self._racer.eval(f"{place} = new ArrayBuffer({len(content)})")
        np.frombuffer(view, np.uint8)[:] = np.frombuffer(content, np.uint8)

    def add_file(self, name: str, path: Path) -> None:
        """Put a file's bytes where scripts find them."""
        self.add_bytes(name, path.read_bytes())

    def _load(self, module: str) -> None:
        if module in self._loaded:
            return
        self._loaded.add(module)
        source = (PAGE / module).read_text(encoding="utf-8")
        wanted = ""
        for names, place in _IMPORT.findall(source):
            other = (PAGE / module).parent.joinpath(place).resolve().relative_to(PAGE.resolve())
            self._load(other.as_posix())
            names = names.replace(" as ", ": ")
            wanted += f"const {{{names}}} = modules[{json.dumps(other.as_posix())}];\n"
        body = _IMPORT.sub("", source)
        exported = ", ".join(a or b for a, b in _EXPORT.findall(body))
        body = _EXPORT.sub("", body)
        if re.search(r"^(import|export)\b", body, re.MULTILINE):
            raise ValueError(f"{module}: has an import or export of another form")
        whole = f"(() => {{\n{wanted}{body}\nreturn {{{exported}}};}})()"
        self._racer.eval(f"modules[{json.dumps(module)}] = {whole};")
