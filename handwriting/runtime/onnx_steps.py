"""Pen steps by onnxruntime with weights and hidden outputs of 8 bits, which writes many lines in
about half the time; its strokes are slightly other ones than those of ``PenSteps``.

Shapes: ``B`` lines, ``U`` characters with the end of the text, ``K`` window components, ``M``
mixture components.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from handwriting.errors import UserError

FILE = "step.int8.onnx"
"""As ``experiments.py -r CHECKPOINT export-onnx`` writes it."""

_NEXT = "next_"


def open_session(path: Path) -> Any:
    """Return a session of onnxruntime on one thread.

    Raises:
        UserError: onnxruntime is not installed, or the file is no graph of a pen step.
    """
    try:
        import onnxruntime
    except ImportError:
        raise UserError(
            "fast: onnxruntime is not installed: pip install 'handwriting[fast]'"
        ) from None
    if not path.is_file():
        raise UserError(f"{path}: is not there; experiments.py -r CHECKPOINT export-onnx writes it")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3  # errors
    try:
        session = onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
    except Exception as error:  # the runtime's own errors share no other base
        reason = str(error).splitlines()[0]
        raise UserError(f"{path}: not a pen step in ONNX ({reason})") from None
    if not {"pen", "text", "kappa"} <= {part.name for part in session.get_inputs()}:
        raise UserError(f"{path}: not a pen step of a model that writes a text")
    return session


class OnnxSteps:
    """The pen steps of a batch of lines, one after another; see ``PenSteps``.

    Args:
        session: from ``open_session``.
        texts: of each line, the indices of its characters and of the end of the text.

    Attributes:
        phi: ``[B, U]``, the window's weights at the latest step.
        kappa: ``[B, K]``, the positions of its components.
    """

    def __init__(self, session: Any, texts: Sequence[Sequence[int]]) -> None:
        self._session = session
        self._names = [output.name for output in session.get_outputs()]
        sizes = {"lines": len(texts), "characters": max(map(len, texts))}
        self._inputs = {
            part.name: np.zeros([sizes.get(size, size) for size in part.shape], np.float32)
            for part in session.get_inputs()
        }
        self._states = [name for name in self._inputs if f"{_NEXT}{name}" in self._names]
        self._inputs["positions"][:] = np.inf  # padding is infinitely far away
        for line, text in enumerate(texts):
            places = np.arange(len(text))
            self._inputs["text"][line, places, text] = 1.0
            self._inputs["positions"][line, : len(text)] = places
        self.phi = np.zeros(self._inputs["positions"].shape, np.float32)
        self.kappa = self._inputs["kappa"]

    def step(self, pen: np.ndarray) -> np.ndarray:
        """Return the raw outputs ``[B, 6M+1]`` after the latest pen step ``[B, 3]``."""
        self._inputs["pen"] = np.ascontiguousarray(pen, np.float32)
        found = dict(zip(self._names, self._session.run(None, self._inputs), strict=True))
        for name in self._states:
            if name != "pen":
                self._inputs[name] = found[f"{_NEXT}{name}"]
        self.phi, self.kappa = found["phi"], found[f"{_NEXT}kappa"]
        raw: np.ndarray = found["raw"]
        return raw

    def keep(self, rows: np.ndarray) -> None:
        """Go on with some of the lines only, whose places are ``rows``, int64 ``[B']``."""
        self._inputs = {name: value[rows] for name, value in self._inputs.items()}
        self.phi, self.kappa = self.phi[rows], self.kappa[rows]
