"""Single pen steps by onnxruntime, in place of those of ``writing.pen_steps.packed_steps``.

One call of the runtime is one pen step of all lines, the drawing of the next one included. The
state goes to and fro between two sets of buffers, which the runtime reads from and writes to
without a copy.

Shapes: ``B`` lines, ``U`` characters, ``C`` vocabulary, ``K`` window components, ``M`` mixture
components.
"""

import json
import math
from functools import cached_property
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from handwriting.errors import UserError
from utils.optional_package import require
from writing.pen_steps.onnx_export import DESCRIPTION_FILE, FORMAT, fingerprint
from writing.pen_steps.onnx_module import NEXT

FEW_LINES = 8
"""So few are not worth a second thread: the products are bound by memory, and the many small
operations between them would wait for each other."""

_PROVIDERS = ["CPUExecutionProvider"]


class OnnxStep:
    """An exported pen step, ready to run on the CPU.

    Args:
        path: of the ``.onnx`` file, as ``onnx_export.write_step`` wrote it, its JSON beside it.

    Attributes:
        weights: which model it is of, see ``matches``.
        has_text: whether that writes a text.

    Raises:
        UserError: the files cannot be read, or onnxruntime is not installed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._runtime = require("onnxruntime")
        description = _description(path)
        self.weights: str = description["weights"]
        self.has_text = description["symbols"] is not None
        self.few_lines  # noqa: B018  (says now what is wrong with the file)

    def matches(self, model: torch.nn.Module) -> bool:
        """Whether it was exported from this model, with these weights."""
        return self.weights == fingerprint(model)

    def pen_steps(self, batch_size: int) -> "OnnxPenSteps":
        """Return the counterpart of ``PenSteps``, for a model without a text."""
        return OnnxPenSteps(self._session(batch_size), batch_size)

    def text_pen_steps(self, text: Tensor) -> "OnnxTextPenSteps":
        """Return the counterpart of ``TextPenSteps``, for a text ``[B, U, C]`` from the model's
        ``encode``."""
        return OnnxTextPenSteps(self._session(len(text)), text)

    @cached_property
    def few_lines(self) -> Any:
        """The session for few lines, on one thread."""
        return self._open(1)

    @cached_property
    def many_lines(self) -> Any:
        """The session for many lines, on as many threads as torch has."""
        return self._open(torch.get_num_threads())

    def _session(self, batch_size: int) -> Any:
        return self.few_lines if batch_size <= FEW_LINES else self.many_lines

    def _open(self, num_threads: int) -> Any:
        options = self._runtime.SessionOptions()
        options.intra_op_num_threads = num_threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors
        try:
            return self._runtime.InferenceSession(str(self._path), options, _PROVIDERS)
        except Exception as error:  # the runtime's own errors share no other base
            reason = str(error).splitlines()[0]
            raise UserError(f"{self._path}: not a pen step in ONNX ({reason})") from None


class OnnxPenSteps:
    """The pen steps of a batch of lines, one after another; see ``PenSteps``.

    Args:
        session: of onnxruntime.
        batch_size: ``B``.
        constants: inputs that stay the same over a line.
    """

    def __init__(self, session: Any, batch_size: int, **constants: Tensor) -> None:
        self._session = session
        self._outputs = {output.name: output.shape for output in session.get_outputs()}
        sizes = {part.name: part.shape[1:] for part in session.get_inputs()}
        self._latest: dict[str, Tensor] = {}
        self._inputs = {
            name: constants[name] if name in constants else torch.zeros(batch_size, *size)
            for name, size in sizes.items()
        }
        self._states = [name for name in sizes if f"{NEXT}{name}" in self._outputs]
        self._bind()

    def step(self, strokes: Tensor) -> Tensor:
        """The raw outputs ``[B, 6M+1]`` after the latest pen step ``[B, 3]`` of each line."""
        self._run(strokes)
        return self._latest["raw"].clone()

    def step_and_draw(self, strokes: Tensor, bias: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """``step``, and a next pen step ``[B, 3]``; see ``PenSteps.step_and_draw``."""
        self._inputs["bias"].copy_(bias)
        self._inputs["noise"].copy_(noise)
        self._run(strokes)
        return self._latest["raw"].clone(), self._latest[f"{NEXT}pen"].clone()

    def keep(self, rows: Tensor) -> None:
        """Go on with some of the lines only, whose places are ``rows``, int64 ``[B']``."""
        latest = {name: value[rows] for name, value in self._latest.items()}
        states = {name: latest[f"{NEXT}{name}"].clone() for name in self._states}
        self._inputs = {name: value[rows] for name, value in self._inputs.items()} | states
        self._bind()
        self._latest = latest

    def _run(self, strokes: Tensor) -> None:
        binding, pen, self._latest = next(self._turns)
        pen.copy_(strokes)
        self._session.run_with_iobinding(binding)

    def _bind(self) -> None:
        """Two sets of buffers, each of which the runtime reads while it writes the other."""
        batch_size = len(self._inputs["pen"])
        axes = {"lines": batch_size}
        if "text" in self._inputs:
            axes["characters"] = self._inputs["text"].shape[1]
        shapes = {
            name: [axes.get(axis, axis) for axis in shape] for name, shape in self._outputs.items()
        }
        even, odd = ({name: torch.zeros(shape) for name, shape in shapes.items()} for _ in range(2))
        for name in self._states:
            odd[f"{NEXT}{name}"] = self._inputs[name]
        self._latest = odd
        self._turns = cycle([self._turn(odd, even), self._turn(even, odd)])

    def _turn(
        self, before: dict[str, Tensor], after: dict[str, Tensor]
    ) -> tuple[Any, Tensor, dict[str, Tensor]]:
        """A binding that goes from the states of one step to those of the next; the pen step that
        it reads; and what it writes."""
        inputs = self._inputs | {name: before[f"{NEXT}{name}"] for name in self._states}
        binding = self._session.io_binding()
        for name, value in inputs.items():
            binding.bind_input(name, *_place(value))
        for name, value in after.items():
            binding.bind_output(name, *_place(value))
        return binding, inputs["pen"], after


class OnnxTextPenSteps(OnnxPenSteps):
    """The pen steps of a batch of lines whose text is given; see ``TextPenSteps``.

    Args:
        session: of onnxruntime.
        text: ``[B, U, C]``, one-hot, zero on padding.

    Attributes:
        phi: ``[B, U]``, the window's weights at the latest step.
        kappa: ``[B, K]``, the positions of its components.
    """

    def __init__(self, session: Any, text: Tensor) -> None:
        text = text.float().contiguous()
        numbers = torch.arange(text.shape[1], dtype=torch.float32)
        positions = numbers.where(text.any(dim=2), math.inf).contiguous()  # [B, U]
        super().__init__(session, len(text), text=text, positions=positions)

    @property
    def phi(self) -> Tensor:
        """See the class."""
        return self._latest["phi"].clone()

    @property
    def kappa(self) -> Tensor:
        """See the class."""
        return self._latest[f"{NEXT}kappa"]


def _description(path: Path) -> dict[str, Any]:
    """Read the JSON beside a file."""
    path = path.with_name(DESCRIPTION_FILE)
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error}); it belongs to the ONNX file") from None
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        raise UserError(f"{path}: not the description of a pen step, format {FORMAT}")
    return description


def _place(value: Tensor) -> tuple[str, int, Any, list[int], int]:
    """Return the address at which the runtime finds a tensor."""
    return "cpu", 0, np.float32, list(value.shape), value.data_ptr()
