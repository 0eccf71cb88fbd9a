"""A generating model's pen step in files that run without this project: ONNX, and a JSON that says
how to use them.

Writing them needs the packages of ``requirements-onnx.txt``; they are imported here and in
``writing.pen_steps.onnx_steps`` alone, when they are used.
"""

import hashlib
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from handwriting.ink.normalisation import Normalisation
from handwriting.text.vocabulary import SPECIALS, Vocabulary
from model.models import StackedHandwriting
from utils.optional_package import require
from writing.pen_steps.onnx_module import NEXT, PenStepGraph

FLOAT_FILE, INT8_FILE, DESCRIPTION_FILE = "step.onnx", "step.int8.onnx", "step.json"
FORMAT = 1
OPSET = 18
"""The oldest that PyTorch's exporter writes without converting."""

# Of hidden outputs, which lie in (-1, 1) and so share one scale well. The pen step and the window
# have other ranges: rounded too, they cost conditional.pth 8 nats a line, these half a nat. The
# products with them, and the output's, are small.
_ROUNDED_WEIGHT = ".hidden.weight"

_USE = (
    "One run is one pen step of all lines. Before a line's first step its states are zero: the"
    f" inputs NAME for which there is an output {NEXT}NAME, which is the input of the next step."
    " pen and next_pen are (end_of_stroke, dx, dy), offsets normalised by (offset - mean) / std,"
    " y upwards; a line begins with pen (0, 0, 0). noise: two numbers uniform in [0, 1), then two"
    " from the standard normal distribution, new at each step. bias: 0 is as varied as real hands,"
    " more is neater. raw: end of stroke logit, then M each of mixture weight logits, means x, y,"
    " log standard deviations x, y, correlations before tanh; without the bias."
)
_USE_OF_TEXT = (
    " text: a row for each character, 1 at its index among the symbols, then a row for <eos>;"
    " positions: 0, 1, 2, ... for these rows. Shorter lines of a batch are padded with rows of"
    " zeros, whose positions are infinite. phi: the window's weight on each row; a line is written"
    " when it is greatest on <eos>, or all of kappa is past that, and the pen is up."
)


def write_step(
    model: StackedHandwriting,
    normalisation: Normalisation,
    vocabulary: Vocabulary | None,
    folder: Path,
) -> None:
    """Write ``step.onnx`` (float32), ``step.int8.onnx`` and ``step.json``.

    In the int8 file the weights of the layers' products with hidden outputs, nine tenths of all,
    are bytes, each output's with its own scale, and hidden outputs are rounded to bytes at each
    step (dynamic quantisation). All else is in float32. Of the weights' bytes 7 bits are used:
    with 8, sums of products overflow on processors without instructions for them.

    Args:
        model: with a window over a text or without.
        normalisation: of the strokes that it was trained on.
        vocabulary: of its texts, where it has a window.
        folder: that exists; files in it are replaced.

    Raises:
        UserError: a package is not installed.
    """
    for package in ("onnx", "onnxscript", "onnxruntime"):
        require(package)
    graph = PenStepGraph(model).eval()
    with _quietly():
        _export(graph, folder / FLOAT_FILE)
        _quantize(folder / FLOAT_FILE, folder / INT8_FILE)
    description = _describe(model, graph, normalisation, vocabulary)
    text = json.dumps(description, indent=2, ensure_ascii=False, allow_nan=False)
    (folder / DESCRIPTION_FILE).write_text(text + "\n", encoding="utf-8")


def fingerprint(model: torch.nn.Module) -> str:
    """A hash of the model's weights, by which a file says which model it is of."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _export(graph: PenStepGraph, path: Path) -> None:
    inputs = graph.example()
    lines, characters = torch.export.Dim("lines"), torch.export.Dim("characters")
    axes = {name: {0: lines} for name in inputs}
    axes |= {name: {0: lines, 1: characters} for name in ("text", "positions") if name in inputs}
    program = torch.onnx.export(
        graph,
        (),
        kwargs={"inputs": inputs},
        dynamic_shapes={"inputs": axes},
        input_names=list(inputs),
        output_names=list(graph(inputs)),
        opset_version=OPSET,
        dynamo=True,
        verbose=False,
    )
    if program is None:
        raise RuntimeError("torch exported nothing")
    proto = program.model_proto
    # Where in the source each node comes from, with the paths of this machine.
    for part in (proto.graph, *proto.graph.node, *proto.graph.value_info):
        del part.metadata_props[:]
    require("onnx").save(proto, path)


def _quantize(source: Path, path: Path) -> None:
    onnx, quantization = require("onnx"), require("onnxruntime.quantization")
    nodes = [
        node.name
        for node in onnx.load(source).graph.node
        if node.op_type == "MatMul" and node.input[1].endswith(_ROUNDED_WEIGHT)
    ]
    quantization.quantize_dynamic(
        source,
        path,
        nodes_to_quantize=nodes,
        per_channel=True,
        reduce_range=True,
        weight_type=quantization.QuantType.QInt8,
    )


@contextmanager
def _quietly() -> Iterator[None]:
    """Without the exporters' remarks, which say nothing about what a user could do."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _describe(
    model: StackedHandwriting,
    graph: PenStepGraph,
    normalisation: Normalisation,
    vocabulary: Vocabulary | None,
) -> dict[str, Any]:
    has_text = graph.window is not None
    inputs = graph.example()
    return {
        "format": FORMAT,
        "task": model.task,
        "use": _USE + (_USE_OF_TEXT if has_text else ""),
        "files": {"float32": FLOAT_FILE, "int8": INT8_FILE},
        "inputs": _shapes(inputs),
        "outputs": _shapes(graph(inputs)),
        "num_mixtures": model.num_mixtures,
        "normalisation": normalisation.to_dict(),
        "symbols": [*SPECIALS, *vocabulary.characters] if has_text and vocabulary else None,
        "weights": fingerprint(model),
    }


def _shapes(tensors: dict[str, torch.Tensor]) -> dict[str, list[str | int]]:
    """The shape of each, the axes that are of any length by their names."""
    shapes = {name: ["lines", *value.shape[1:]] for name, value in tensors.items()}
    for name in {"text", "positions", "phi"} & shapes.keys():
        shapes[name][1] = "characters"
    return shapes
