"""A recogniser in files that run without this project: two ONNX graphs, and a JSON that says how to
use them.

The graphs are put together from the exported weights (``model.exported_weights``), node by node:
lines of any number and length go in, and ONNX's own LSTM, which knows the lengths of its lines,
takes the place of blocks of frames.

Shapes: ``B`` lines, ``N`` feature points, ``F`` features, ``N'`` encoder frames, ``E`` width of the
memory, ``A`` width of the keys, ``C`` vocabulary, ``D`` decoder cells, ``S`` cells of a direction.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from utils.optional_package import require

ENCODER, DECODER = "encoder", "decoder"
DESCRIPTION_FILE = "recogniser.json"
FORMAT = 1
OPSET = 18
NEXT = "next_"

_USE = (
    "encoder: features of lines, padded with any numbers, and how many points each line has, to its"
    " frames and all that decoding needs; ctc_log_probs has the blank at the index of <pad>."
    " decoder: one character of all rows; before the first one previous is <sos>, hidden is start,"
    " the other states (inputs NAME for which there is an output next_NAME) are zeros, and memory,"
    " keys and frame_lengths are those of each row's line. docs/export.md has the features."
)


def file_name(graph: str, precision: str) -> str:
    """Return the file of a graph, in float32 or int8."""
    return f"{graph}.onnx" if precision == "float32" else f"{graph}.{precision}.onnx"


def write_recogniser(
    about: Mapping[str, Any], tensors: Mapping[str, np.ndarray], folder: Path
) -> None:
    """Write both graphs in float32 and with weights of 8 bits (dynamic quantisation: what they are
    multiplied with is rounded at each step), and ``recogniser.json``.

    Args:
        about: the exported recogniser's, see ``docs/export.md``.
        tensors: its weights, float32.
        folder: that exists; files in it are replaced.

    Raises:
        UserError: a package is not installed.
    """
    onnx, quantization = require("onnx"), require("onnxruntime.quantization")
    graphs = {ENCODER: _encoder(about, tensors), DECODER: _decoder(about, tensors)}
    for name, graph in graphs.items():
        model = graph.model(name)
        onnx.checker.check_model(model, full_check=True)
        path = folder / file_name(name, "float32")
        onnx.save(model, path)
        quantization.quantize_dynamic(
            path,
            folder / file_name(name, "int8"),
            op_types_to_quantize=["MatMul", "LSTM"],
            per_channel=True,
            reduce_range=True,
            weight_type=quantization.QuantType.QInt8,
        )
    description = {
        "format": FORMAT,
        "use": _USE,
        "files": {
            name: {each: file_name(name, each) for each in ("float32", "int8")} for name in graphs
        },
        **{
            name: {"inputs": graph.inputs, "outputs": graph.outputs}
            for name, graph in graphs.items()
        },
        **{name: about[name] for name in ("symbols", "features", "feature_names", "weights")},
    }
    text = json.dumps(description, indent=2, ensure_ascii=False, allow_nan=False)
    (folder / DESCRIPTION_FILE).write_text(text + "\n", encoding="utf-8")


class _Graph:
    """A graph that is being put together. Values are named; a node returns the name of its result.

    Args:
        inputs: names with their types (of NumPy) and shapes, in which a word is any size.
        outputs: the same.
    """

    def __init__(
        self,
        inputs: Mapping[str, tuple[str, Sequence[str | int]]],
        outputs: Mapping[str, tuple[str, Sequence[str | int]]],
    ) -> None:
        self._helper = require("onnx.helper")
        self._numpy = require("onnx.numpy_helper")
        self._onnx = require("onnx")
        self._inputs, self._outputs = inputs, outputs
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    @property
    def inputs(self) -> dict[str, list[str | int]]:
        """The shape of each."""
        return {name: list(shape) for name, (_, shape) in self._inputs.items()}

    @property
    def outputs(self) -> dict[str, list[str | int]]:
        """The shape of each."""
        return {name: list(shape) for name, (_, shape) in self._outputs.items()}

    def constant(self, value: Any, dtype: type = np.float32) -> str:
        """A number or an array of numbers."""
        name = f"constant_{len(self._constants)}"
        self._constants.append(self._numpy.from_array(np.asarray(value, dtype), name))
        return name

    def node(self, kind: str, *inputs: str, name: str | None = None, **attributes: Any) -> str:
        """A node with one result, named ``name`` where that is an output."""
        return self.nodes(kind, *inputs, names=[name or f"value_{len(self._nodes)}"], **attributes)[
            0
        ]

    def nodes(
        self, kind: str, *inputs: str, names: Sequence[str], **attributes: Any
    ) -> Sequence[str]:
        """A node with several results."""
        self._nodes.append(self._helper.make_node(kind, list(inputs), list(names), **attributes))
        return names

    def linear(self, values: str, weight: np.ndarray, bias: np.ndarray | None = None) -> str:
        """``values @ weight.T + bias``, for a weight ``[out, in]``."""
        product = self.node("MatMul", values, self.constant(np.ascontiguousarray(weight.T)))
        return product if bias is None else self.node("Add", product, self.constant(bias))

    def model(self, name: str) -> Any:
        """The finished model."""
        inputs, outputs = (
            [
                self._helper.make_tensor_value_info(
                    each, self._helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), list(shape)
                )
                for each, (dtype, shape) in part.items()
            ]
            for part in (self._inputs, self._outputs)
        )
        graph = self._helper.make_graph(self._nodes, name, inputs, outputs, self._constants)
        imports = [self._helper.make_opsetid("", OPSET)]
        return self._helper.make_model(graph, opset_imports=imports, ir_version=9)


def _encoder(about: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> _Graph:
    lines, frames = "lines", "frames"
    width, keys = tensors["decoder.keys.weight"].shape[::-1]
    size = about["encoder_size"]
    outputs: dict[str, tuple[str, Sequence[str | int]]] = {
        "memory": ("float32", (lines, frames, width)),
        "keys": ("float32", (lines, frames, keys)),
        "frame_lengths": ("int64", (lines,)),
        "start": ("float32", (lines, about["decoder_size"])),
    }
    if about["ctc"]:
        outputs["ctc_log_probs"] = ("float32", (lines, frames, len(about["symbols"])))
    features = len(about["feature_names"])
    graph = _Graph(
        {"features": ("float32", (lines, "points", features)), "lengths": ("int64", (lines,))},
        outputs,
    )
    values = graph.node("Transpose", "features", perm=[0, 2, 1])  # [B, F, N]
    values, lengths = _masked(graph, values, "lengths"), "lengths"
    for at, stride in enumerate(about["strides"]):
        values, lengths = _convolved(graph, tensors, at, stride, values, lengths)
    graph.node("Identity", lengths, name="frame_lengths")
    values = graph.node("Transpose", values, perm=[2, 0, 1])  # [N', B, channels]
    short = graph.node("Cast", lengths, to=6)  # int32, as the LSTM takes them
    ends = ""
    for at in range(about["encoder_layers"]):
        values, ends = _bidirectional(graph, tensors, f"encoder.{at}", size, values, short)
        if about["layer_norm"]:
            values, ends = _normalised(graph, tensors, f"encoder.{at}", values, lengths, size)
    memory = graph.node("Transpose", values, perm=[1, 0, 2], name="memory")
    keys_of = tensors["decoder.keys.weight"], tensors["decoder.keys.bias"]
    graph.node("Identity", graph.linear(memory, *keys_of), name="keys")
    start = graph.linear(ends, tensors["decoder.start.weight"], tensors["decoder.start.bias"])
    graph.node("Tanh", start, name="start")
    if about["ctc"]:
        logits = graph.linear(memory, tensors["ctc.weight"], tensors["ctc.bias"])
        graph.node("LogSoftmax", logits, axis=2, name="ctc_log_probs")
    return graph


def _convolved(
    graph: _Graph,
    tensors: Mapping[str, np.ndarray],
    at: int,
    stride: int,
    values: str,
    lengths: str,
) -> tuple[str, str]:
    """A convolution of ``[B, C, N]``, zero past the lines' ends, and the lengths after it."""
    weight = tensors[f"convolutions.{at}.weight"]
    values = graph.node(
        "Conv",
        values,
        graph.constant(weight),
        graph.constant(tensors[f"convolutions.{at}.bias"]),
        strides=[stride],
        pads=[weight.shape[2] // 2] * 2,
    )
    if stride > 1:
        lengths = graph.node("Add", lengths, graph.constant(stride - 1, np.int64))
        lengths = graph.node("Div", lengths, graph.constant(stride, np.int64))
    return _masked(graph, graph.node("Relu", values), lengths), lengths


def _masked(graph: _Graph, values: str, lengths: str) -> str:
    """``[B, C, N]`` with zeros past the lines' ends."""
    shape = graph.node("Shape", values, start=2, end=3)
    count = graph.node("Squeeze", shape)
    zero, one = graph.constant(0, np.int64), graph.constant(1, np.int64)
    places = graph.node("Range", zero, count, one)
    inside = graph.node("Less", places, _unsqueezed(graph, lengths, 1))  # [B, N]
    return graph.node("Where", _unsqueezed(graph, inside, 1), values, graph.constant(0.0))


def _unsqueezed(graph: _Graph, values: str, axis: int) -> str:
    return graph.node("Unsqueeze", values, graph.constant([axis], np.int64))


def _bidirectional(
    graph: _Graph,
    tensors: Mapping[str, np.ndarray],
    name: str,
    size: int,
    values: str,
    lengths: str,
) -> tuple[str, str]:
    """A layer over ``[N', B, in]``: ``[N', B, 2S]``, and the last of each direction ``[B, 2S]``."""
    parts = [f"{name}.{direction}" for direction in ("ahead", "back")]
    inputs, hidden, bias = (
        np.stack([_in_onnx_order(tensors[f"{part}.{kind}"]) for part in parts])
        for kind in ("input", "hidden", "bias")
    )
    both = np.concatenate([bias, np.zeros_like(bias)], axis=1)
    weights = [graph.constant(weight) for weight in (inputs, hidden, both)]
    outputs, last = graph.nodes(
        "LSTM", values, *weights, lengths, names=[f"{name}.outputs", f"{name}.last"],
        direction="bidirectional", hidden_size=size,
    )  # fmt: skip
    shape = graph.constant([0, 0, -1], np.int64)
    outputs = graph.node("Reshape", graph.node("Transpose", outputs, perm=[0, 2, 1, 3]), shape)
    last = graph.node("Transpose", last, perm=[1, 0, 2])  # [B, 2, S]
    return outputs, graph.node("Reshape", last, graph.constant([0, -1], np.int64))


def _in_onnx_order(gates: np.ndarray) -> np.ndarray:
    """From the order input, forget, candidate, output to ONNX's: input, output, forget,
    candidate."""
    entry, forget, candidate, output = np.split(gates, 4)
    return np.concatenate([entry, output, forget, candidate])


def _normalised(
    graph: _Graph,
    tensors: Mapping[str, np.ndarray],
    name: str,
    values: str,
    lengths: str,
    size: int,
) -> tuple[str, str]:
    """Frames ``[N', B, 2S]`` normalised, zero past the lines' ends, and the last of each
    direction among them ``[B, 2S]``."""
    gain, bias = (graph.constant(tensors[f"{name}.{part}"]) for part in ("gain", "bias"))
    values = graph.node("LayerNormalization", values, gain, bias, axis=-1, epsilon=1e-5)
    by_line = graph.node("Transpose", values, perm=[1, 2, 0])  # [B, 2S, N']
    by_line = _masked(graph, by_line, lengths)
    values = graph.node("Transpose", by_line, perm=[2, 0, 1])
    last = graph.node("Sub", lengths, graph.constant(1, np.int64))
    places = _unsqueezed(graph, _unsqueezed(graph, last, 1), 2)  # [B, 1, 1]
    shape = graph.node("Shape", by_line, start=0, end=2)
    shape = graph.node("Concat", shape, graph.constant([1], np.int64), axis=0)
    of_last = graph.node("GatherElements", by_line, graph.node("Expand", places, shape), axis=2)
    ahead = _sliced(
        graph, graph.node("Squeeze", of_last, graph.constant([2], np.int64)), 0, size, 1
    )
    first = graph.node("Gather", values, graph.constant(0, np.int64), axis=0)
    back = _sliced(graph, first, size, 2 * size, 1)
    return values, graph.node("Concat", ahead, back, axis=1)


def _sliced(graph: _Graph, values: str, start: int, stop: int, axis: int) -> str:
    edges = [graph.constant([each], np.int64) for each in (start, stop, axis)]
    return graph.node("Slice", values, *edges)


def _decoder(about: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> _Graph:
    rows, frames = "rows", "frames"
    size, width = about["decoder_size"], tensors["decoder.context"].shape[1]
    states: dict[str, tuple[str, Sequence[str | int]]] = {
        "hidden": ("float32", (rows, size)),
        "cell": ("float32", (rows, size)),
        "context": ("float32", (rows, width)),
        "attention": ("float32", (rows, frames)),
        "coverage": ("float32", (rows, frames)),
    }
    graph = _Graph(
        {
            "previous": ("int64", (rows,)),
            **states,
            "memory": ("float32", (rows, frames, width)),
            "keys": ("float32", (rows, frames, len(tensors["decoder.query"]))),
            "frame_lengths": ("int64", (rows,)),
        },
        {
            "log_probs": ("float32", (rows, len(about["symbols"]))),
            **{f"{NEXT}{name}": state for name, state in states.items()},
        },
    )
    hidden = _decoder_cell(graph, tensors, size)
    attention = _attention(graph, tensors, hidden)
    graph.node("Add", "coverage", attention, name=f"{NEXT}coverage")
    row = _unsqueezed(graph, attention, 1)  # [R, 1, N']
    context = graph.node("MatMul", row, "memory")
    axis = graph.constant([1], np.int64)
    context = graph.node("Squeeze", context, axis, name=f"{NEXT}context")
    joined = graph.node("Concat", hidden, context, axis=1)
    inner = graph.linear(
        joined, tensors["decoder.features.weight"], tensors["decoder.features.bias"]
    )
    output = tensors["decoder.output.weight"], tensors["decoder.output.bias"]
    logits = graph.linear(graph.node("Tanh", inner), *output)
    graph.node("LogSoftmax", logits, axis=1, name="log_probs")
    return graph


def _decoder_cell(graph: _Graph, tensors: Mapping[str, np.ndarray], size: int) -> str:
    """The hidden output ``[R, D]`` after the step."""
    table = tensors["decoder.embedding"] @ tensors["decoder.input"].T + tensors["decoder.bias"]
    gates = graph.node("Gather", graph.constant(table), "previous", axis=0)
    joined = graph.node("Concat", "context", "hidden", axis=1)
    weight = np.concatenate([tensors["decoder.context"], tensors["decoder.hidden"]], axis=1)
    gates = graph.node("Add", gates, graph.linear(joined, weight))
    parts = [f"decoder.{name}" for name in ("entry", "forget", "candidate", "output")]
    entry, forget, candidate, output = graph.nodes(
        "Split", gates, graph.constant([size] * 4, np.int64), names=parts, axis=1
    )
    entry, forget, output = (graph.node("Sigmoid", gate) for gate in (entry, forget, output))
    kept = graph.node("Mul", forget, "cell")
    new = graph.node("Mul", entry, graph.node("Tanh", candidate))
    cell = graph.node("Add", kept, new, name=f"{NEXT}cell")
    return graph.node("Mul", output, graph.node("Tanh", cell), name=f"{NEXT}hidden")


def _attention(graph: _Graph, tensors: Mapping[str, np.ndarray], hidden: str) -> str:
    """The weights ``[R, N']`` of the step."""
    query = _unsqueezed(graph, graph.linear(hidden, tensors["decoder.query"]), 1)
    inner = graph.node("Add", "keys", query)
    if "decoder.location" in tensors:
        kernel = tensors["decoder.location"]
        pair = graph.node(
            "Concat",
            _unsqueezed(graph, "attention", 1),
            _unsqueezed(graph, "coverage", 1),
            axis=1,
        )
        seen = graph.node("Conv", pair, graph.constant(kernel), pads=[kernel.shape[2] // 2] * 2)
        inner = graph.node("Add", inner, graph.node("Transpose", seen, perm=[0, 2, 1]))
    energy = graph.linear(graph.node("Tanh", inner), tensors["decoder.energy"][None])
    by_row = graph.node("Transpose", energy, perm=[0, 2, 1])  # [R, 1, N']
    inside = graph.node("Squeeze", _barred(graph, by_row), graph.constant([1], np.int64))
    return graph.node("Softmax", inside, axis=1, name=f"{NEXT}attention")


def _barred(graph: _Graph, energy: str) -> str:
    """Energies ``[R, 1, N']``, too low to count past the lines' ends."""
    shape = graph.node("Shape", energy, start=2, end=3)
    zero, one = graph.constant(0, np.int64), graph.constant(1, np.int64)
    places = graph.node("Range", zero, graph.node("Squeeze", shape), one)
    inside = graph.node("Less", places, _unsqueezed(graph, "frame_lengths", 1))
    return graph.node("Where", _unsqueezed(graph, inside, 1), energy, graph.constant(-1e30))
