"""Pen steps a second of writing with the conditional model, beside a naive loop.

    python -m benchmarks.sampling [--hidden-size 400] [--num-layers 3] [--threads 2] ...

The naive loop writes one line. It is a straightforward reading of Graves 2013, section 5, with the
model's own weights: every layer is a ``torch.nn.LSTM`` called with a sequence of one step, and the
window is computed anew at each step through products with the one-hot text. ``write`` is timed
whole, from the text to the strokes in the corpus's units, for one line and for many, in torch and,
where the packages of ``requirements-onnx.txt`` are, through ONNX exports of the model. The products
alone are those of a step's packed weights in float32 with a vector each, and nothing else: how fast
these weights come from memory. All take turns, so that what else the machine does falls on all
alike; the ratios are of the medians.

Shapes: ``U`` characters, ``C`` vocabulary, ``H`` hidden units, ``K`` window components, ``M``
mixture components.
"""

import argparse
import statistics
import string
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.report import Report, about_run, result_file
from handwriting.command_line import OneLineParser
from handwriting.errors import UserError, run_command
from handwriting.ink.normalisation import Normalisation
from handwriting.text.vocabulary import Vocabulary
from model.models import ConditionalHandwriting
from writing.pen_steps.onnx_export import FLOAT_FILE, INT8_FILE, write_step
from writing.pen_steps.onnx_steps import OnnxStep
from writing.pen_steps.packed_weights import pack
from writing.synthesis import write

VOCABULARY = Vocabulary(sorted(string.ascii_letters + string.digits + " !\"#'(),-.:;?"))
TEXT = "The quick brown fox jumps over"


class NaiveWriter:
    """One line at a time, one step at a time.

    Args:
        model: what it writes with; its weights are copied.
    """

    def __init__(self, model: ConditionalHandwriting) -> None:
        size, below = model.hidden_size, 3 + model.num_characters
        attention = model.attention
        self.num_characters = model.num_characters
        self.num_mixtures = model.num_mixtures
        self.first = nn.LSTM(below, size)
        hidden, window = attention.weight_recurrent.split([size, model.num_characters], dim=1)
        first = dict(self.first.named_parameters())
        with torch.no_grad():
            first["weight_ih_l0"].copy_(torch.cat([attention.weight_input, window], dim=1))
            first["weight_hh_l0"].copy_(hidden)
            first["bias_ih_l0"].copy_(attention.bias)
            first["bias_hh_l0"].zero_()
        self.window = nn.Linear(size, attention.weight_window.shape[0])
        self.window.weight, self.window.bias = attention.weight_window, attention.bias_window
        self.layers, self.output = model.layers, model.output

    @torch.no_grad()
    def write(self, text: Tensor, num_steps: int) -> tuple[list[Tensor], Tensor]:
        """Pen steps ``[1, 1, 3]`` for the characters ``[U]``, and the last raw output."""
        stroke = torch.zeros(1, 1, 3)
        window = torch.zeros(1, 1, self.num_characters)
        kappa = torch.zeros(1, self.window.out_features // 3, 1)
        states = [None] * (1 + len(self.layers))
        strokes = []
        for _ in range(num_steps):
            hidden, states[0] = self.first(torch.cat([stroke, window], dim=2), states[0])
            kappa, window = self._window(hidden, kappa, text)
            outputs = [hidden]
            for index, layer in enumerate(self.layers, 1):
                inputs = torch.cat([stroke, window, outputs[-1]], dim=2)
                hidden, states[index] = layer(inputs, states[index])
                outputs.append(hidden)
            raw = self.output(torch.cat(outputs, dim=2))
            stroke = self._sample(raw)
            strokes.append(stroke)
        return strokes, raw

    def _window(self, hidden: Tensor, kappa: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
        """Eq. 46-51."""
        parameters = torch.exp(self.window(hidden)).view(1, -1, 1)  # [1, 3K, 1]
        alpha, beta, step = parameters.chunk(3, dim=1)  # [1, K, 1]
        kappa = kappa + step
        positions = torch.arange(len(text)).view(1, 1, -1)
        phi = torch.sum(alpha * torch.exp(-beta * (kappa - positions) ** 2), dim=1, keepdim=True)
        one_hot = F.one_hot(text, self.num_characters).float().unsqueeze(0)
        return kappa, phi @ one_hot

    def _sample(self, raw: Tensor) -> Tensor:
        """Eq. 17-22 and one draw from the mixture."""
        m = self.num_mixtures
        end, weights, mean_x, mean_y, sigma_x, sigma_y, correlation = raw.view(-1).split(
            [1, m, m, m, m, m, m]
        )
        component = torch.multinomial(torch.softmax(weights, dim=0), 1)
        correlation = torch.tanh(correlation)[component]
        x, y = torch.randn(1), torch.randn(1)
        y = correlation * x + torch.sqrt(1 - correlation**2) * y
        x = mean_x[component] + torch.exp(sigma_x)[component] * x
        y = mean_y[component] + torch.exp(sigma_y)[component] * y
        return torch.cat([torch.bernoulli(torch.sigmoid(end)), x, y]).view(1, 1, 3)


def main() -> None:
    """Print the medians and their ratios."""
    options = _options()
    torch.manual_seed(0)
    if options.threads:
        torch.set_num_threads(options.threads)
    model = ConditionalHandwriting(
        VOCABULARY, options.hidden_size, options.num_layers, options.num_mixtures
    )
    naive = NaiveWriter(model)
    _check_same(naive, model)
    text = torch.tensor([*VOCABULARY.encode(TEXT), VOCABULARY.eos])
    with tempfile.TemporaryDirectory() as folder:
        writers = {
            "naive, 1 line": lambda: len(naive.write(text, options.naive_steps)[0]),
            "products alone, 1 line": _products(model, options.naive_steps),
            **_writers(model, options.batch_size, _exports(model, Path(folder))),
        }
        rates = _interleaved(writers, options.repeats)
    print(f"{torch.get_num_threads()} threads; pen steps a second")
    base = statistics.median(rates["naive, 1 line"])
    rows = []
    for name, values in rates.items():
        runs = " ".join(f"{value:.0f}" for value in values)
        median = statistics.median(values)
        rows.append([name, f"{median:,.0f}", f"{median / base:.2f}"])
        print(f"{name:30} median {median:7.0f}  {median / base:6.2f} x naive  ({runs})")
    if options.json:
        sizes = f"{options.num_layers} x {options.hidden_size}, {options.num_mixtures} mixture"
        title = f"Writing, {sizes} components, {torch.get_num_threads()} threads"
        columns = ["", "pen steps/s", "/ naive"]
        Report(title, columns, rows, rates, about_run()).save(options.json)


def _writers(
    model: ConditionalHandwriting, batch_size: int, exports: dict[str, OnnxStep]
) -> dict[str, Callable[[], int]]:
    """Return the writers of one line and of many, in torch and by the exports."""
    ways: dict[str, dict[str, Any]] = {"": {}, ", bfloat16": {"precision": "bfloat16"}}
    ways |= {name: {"pen_steps": step.text_pen_steps} for name, step in exports.items()}
    return {
        f"write, {_counted(number)}{name}": partial(_write, model, number, **way)
        for name, way in ways.items()
        for number in (1, batch_size)
    }


def _counted(lines: int) -> str:
    return "1 line" if lines == 1 else f"{lines} lines"


def _exports(model: ConditionalHandwriting, folder: Path) -> dict[str, OnnxStep]:
    """The model in ONNX; nothing, and a line that says why, without the packages."""
    try:
        write_step(model, Normalisation(), VOCABULARY, folder)
        files = {", ONNX float32": FLOAT_FILE, ", ONNX int8": INT8_FILE}
        return {name: OnnxStep(folder / file) for name, file in files.items()}
    except UserError as error:
        print(f"without ONNX: {error}")
        return {}


def _products(model: ConditionalHandwriting, num_steps: int) -> Callable[[], int]:
    """A call that makes the products of so many steps."""
    weights = pack(model)
    factors = [*(layer.weight for layer in weights.layers), weights.output]
    vectors = [torch.randn(weight.shape[1]) for weight in factors]
    results = [torch.empty(len(weight)) for weight in factors]

    def multiply() -> int:
        for _ in range(num_steps):
            for weight, vector, result in zip(factors, vectors, results, strict=True):
                torch.mv(weight, vector, out=result)
        return num_steps

    return multiply


def _write(model: ConditionalHandwriting, num_lines: int, **options: Any) -> int:
    """Return the number of pen steps it wrote."""
    texts, seeds = [TEXT] * num_lines, range(num_lines)
    lines = write(model, Normalisation(), VOCABULARY, texts, seeds=seeds, **options)
    return sum(len(line.strokes) - 1 for line in lines)


def _check_same(naive: NaiveWriter, model: ConditionalHandwriting) -> None:
    """The naive loop must compute what the model does, or the ratio would say nothing."""
    characters = torch.tensor(VOCABULARY.encode(TEXT))
    steps, raw = naive.write(torch.tensor([*characters.tolist(), VOCABULARY.eos]), 20)
    seen: list[Tensor] = []
    model.eval()  # the output of a single step is then computed by its module
    handle = model.output.register_forward_hook(lambda *call: seen.append(call[2]))
    with torch.no_grad():
        text = model.encode(characters.unsqueeze(0), torch.tensor([len(TEXT)]))
        state = model.initial_state(text)
        for row in [torch.zeros(1, 3), *(step.view(1, 3) for step in steps[:-1])]:
            _, _, state = model.step(row, text, state)
    handle.remove()
    torch.testing.assert_close(seen[-1].view(-1), raw.view(-1), rtol=1e-4, atol=1e-4)


def _interleaved(writers: dict[str, Callable[[], int]], repeats: int) -> dict[str, list[float]]:
    """Pen steps a second of each call, in turns, after one call of each that is not counted."""
    for writer in writers.values():
        writer()
    rates: dict[str, list[float]] = {name: [] for name in writers}
    for _ in range(repeats):
        for name, writer in writers.items():
            start = time.perf_counter()
            steps = writer()
            rates[name].append(steps / (time.perf_counter() - start))
    return rates


def _options() -> argparse.Namespace:
    parser = OneLineParser(
        description=__doc__.split("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--hidden-size", type=int, default=400)
    parser.add_argument("--num-layers", type=int, default=3)
    parser.add_argument("--num-mixtures", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--naive-steps", type=int, default=300, help="that the naive loop takes")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0: torch's choice")
    parser.add_argument(
        "--json", type=result_file, metavar="FILE", help="also write what was measured"
    )
    return parser.parse_args()


if __name__ == "__main__":
    run_command(main)
