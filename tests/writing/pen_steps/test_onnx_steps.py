"""The exported pen step: what torch computes, by another runtime and with rounded weights."""

import copy
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from encoded_texts import encoded_texts
from torch import Tensor

from handwriting.errors import UserError
from handwriting.ink.normalisation import Normalisation
from handwriting.runtime.synthesis import Prime
from handwriting.text.vocabulary import SPECIALS, Vocabulary
from model.mixture import draw_noise
from model.models import ConditionalHandwriting, StackedHandwriting, UnconditionalHandwriting
from writing.pen_steps.onnx_export import DESCRIPTION_FILE, FLOAT_FILE, INT8_FILE, write_step
from writing.pen_steps.onnx_steps import FEW_LINES, OnnxStep
from writing.pen_steps.packed_steps import PenSteps, TextPenSteps
from writing.pen_steps.packed_weights import pack
from writing.sampling import generate
from writing.synthesis import write

VOCABULARY = Vocabulary("abcde ")
NORMALISATION = Normalisation(mean=(8.0, 0.5), std=(40.0, 30.0))
LINES = ("a", "abcde abc", "ed")
SIZES = {"hidden_size": 10, "num_mixtures": 3}


def shaken(model: StackedHandwriting) -> StackedHandwriting:
    """Every parameter away from a start such as 0 or 1, that would hide a wrong place of it."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return model.eval()


def conditional(**options) -> ConditionalHandwriting:
    torch.manual_seed(0)
    return shaken(ConditionalHandwriting(VOCABULARY, num_window_components=2, **SIZES, **options))


def unconditional(**options) -> UnconditionalHandwriting:
    torch.manual_seed(0)
    return shaken(UnconditionalHandwriting(**SIZES, **options))


MODELS = {
    "text": (conditional, {"num_layers": 3}),
    "text, one layer": (conditional, {"num_layers": 1}),
    "text, normalised layers": (conditional, {"num_layers": 2, "layer_norm": True}),
    "no text": (unconditional, {"num_layers": 2}),
}
Exported = tuple[StackedHandwriting, Path]


@pytest.fixture(scope="module", params=MODELS)
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return export(request.param, tmp_path_factory)


@pytest.fixture(scope="module")
def writer(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return export("text", tmp_path_factory)


def export(name: str, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    build, options = MODELS[name]
    model, folder = build(**options), tmp_path_factory.mktemp("exported")
    write_step(model, NORMALISATION, VOCABULARY, folder)
    return model, folder


def texts(model: ConditionalHandwriting, *lines: str) -> Tensor:
    return encoded_texts(model, VOCABULARY, *lines)


def both(exported: Exported, lines: tuple[str, ...], file: str = FLOAT_FILE) -> tuple:
    """The steps of torch and those of a file, for lines (whose texts may be of no account)."""
    model, folder = exported
    step, weights = OnnxStep(folder / file), pack(model)
    if isinstance(model, ConditionalHandwriting):
        text = texts(model, *lines)
        return TextPenSteps(weights, text), step.text_pen_steps(text)
    return PenSteps(weights, len(lines)), step.pen_steps(len(lines))


def pens(count: int, batch_size: int, seed: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    steps = torch.randn(count, batch_size, 3, generator=generator)
    steps[..., 0] = (steps[..., 0] > 0).float()
    return steps


def assert_close(mine: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(mine, expected, rtol=1e-4, atol=1e-5)


def assert_same_window(mine: TextPenSteps, expected: TextPenSteps) -> None:
    assert_close(mine.phi, expected.phi)
    assert_close(mine.kappa, expected.kappa)


@pytest.mark.parametrize("lines", [LINES[1:2], LINES, LINES * FEW_LINES])
@torch.inference_mode()
def test_float32_steps_equal_torch(exported: Exported, lines: tuple[str, ...]) -> None:
    expected, steps = both(exported, lines)
    noise = draw_noise((25, len(lines)), torch.Generator().manual_seed(5))
    bias = torch.linspace(0, 1, len(lines))
    for row, numbers in zip(pens(25, len(lines)), noise, strict=True):
        raw, drawn = expected.step_and_draw(row, bias, numbers)
        mine = steps.step_and_draw(row, bias, numbers)
        assert_close(mine[0], raw)
        assert_close(mine[1], drawn)
        if hasattr(expected, "phi"):
            assert_same_window(steps, expected)


@torch.inference_mode()
def test_steps_with_and_without_drawing_give_the_same(exported: Exported) -> None:
    _, steps = both(exported, LINES)
    _, drawing = both(exported, LINES)
    for row in pens(5, 3):
        raw, _ = drawing.step_and_draw(row, torch.ones(3), torch.rand(3, 4))
        assert torch.equal(steps.step(row), raw)


@torch.inference_mode()
def test_padding_changes_nothing(writer: Exported) -> None:
    model, folder = writer
    step, text = OnnxStep(folder / FLOAT_FILE), texts(writer[0], "abc e")
    padded = torch.nn.functional.pad(text, (0, 0, 0, 6))
    alone, longer = step.text_pen_steps(text), step.text_pen_steps(padded)
    for row in pens(20, 1):
        assert_close(longer.step(row), alone.step(row))
        assert not longer.phi[:, text.shape[1] :].any()
        assert_close(longer.phi[:, : text.shape[1]], alone.phi)
    assert alone.phi.any(), "a window that sees nothing would not tell"


@torch.inference_mode()
def test_going_on_with_some_lines_changes_nothing_for_them(exported: Exported) -> None:
    everyone, some = both(exported, LINES)
    rows, kept = pens(12, 3), torch.tensor([0, 2])
    for row in rows[:5]:
        assert_close(some.step(row), everyone.step(row))
    for keep, left in ((kept, kept), (torch.tensor([1]), kept[1:])):
        some.keep(keep)
        if hasattr(everyone, "phi"):
            assert_close(some.phi, everyone.phi[left])
        for row in rows[5:8]:
            assert_close(some.step(row[left]), everyone.step(row)[left])


@torch.inference_mode()
def test_results_of_a_step_stay_when_the_next_are_made(writer: Exported) -> None:
    _, steps = both(writer, LINES)
    first, *others = pens(4, 3)
    results = (*steps.step_and_draw(first, torch.zeros(3), torch.rand(3, 4)), steps.phi)
    kept = [result.clone() for result in results]
    for row in others:
        steps.step(row)
    assert all(map(torch.equal, results, kept))


@torch.inference_mode()
def test_int8_is_near_float32_and_has_bytes_for_weights(exported: Exported) -> None:
    """Each weight is off by at most half a 64th of its output's largest, and each hidden output by
    a 255th; ten of them, that add up by chance, are far from the size of the outputs."""
    model, folder = exported
    expected, steps = both(exported, LINES, INT8_FILE)
    raw, rounded = (
        torch.stack([each.step(row) for row in pens(10, 3)]) for each in (expected, steps)
    )
    error = (rounded - raw).square().mean().sqrt() / raw.square().mean().sqrt()
    assert 0 < error < 0.05
    graph = onnx.load(folder / INT8_FILE).graph
    types = {tensor.name: tensor.data_type for tensor in graph.initializer}
    for index in range(model.num_layers):
        name = f"layers.{index}.hidden.weight"
        assert types[f"{name}_quantized"] == onnx.TensorProto.INT8 and name not in types
        assert types[f"layers.{index}.side.weight"] == onnx.TensorProto.FLOAT
    assert types["output.weight"] == onnx.TensorProto.FLOAT


def test_texts_are_written_as_with_torch(writer: Exported) -> None:
    model, folder = writer
    step = OnnxStep(folder / FLOAT_FILE)
    strokes = np.random.default_rng(0).normal(0, 30, (7, 3)).astype(np.float32)
    strokes[:, 0] = strokes[:, 0] > 20
    primes = [Prime(strokes[:4], "ab"), Prime(strokes, "cde")]
    options = {"bias": [0.0, 0.5], "seeds": [1, 2], "primes": primes, "best_of": 2}
    arguments = (model, NORMALISATION, VOCABULARY, ["abc", "de a"])
    expected = write(*arguments, **options)
    written = write(*arguments, **options, pen_steps=step.text_pen_steps)
    for mine, line in zip(written, expected, strict=True):
        np.testing.assert_allclose(mine.strokes, line.strokes, rtol=1e-3, atol=1e-2)
        np.testing.assert_allclose(mine.phi, line.phi, rtol=1e-3, atol=1e-4)
        assert mine.reached_step_limit == line.reached_step_limit


def test_samples_are_drawn_as_with_torch(tmp_path: Path) -> None:
    model = unconditional(num_layers=1)
    write_step(model, NORMALISATION, None, tmp_path)
    arguments = {"num_samples": 2, "max_steps": 20, "seeds": [1, 2]}
    expected = generate(model, NORMALISATION, **arguments)
    step = OnnxStep(tmp_path / FLOAT_FILE)
    for mine, line in zip(
        generate(model, NORMALISATION, **arguments, pen_steps=step.pen_steps), expected, strict=True
    ):
        np.testing.assert_allclose(mine, line, rtol=1e-3, atol=1e-2)


def test_the_description_is_enough_to_use_the_file(writer: Exported) -> None:
    """By the JSON's words alone, with NumPy: a step from zeros, then one from its states."""
    model, folder = writer
    about = json.loads((folder / DESCRIPTION_FILE).read_text(encoding="utf-8"))
    symbols, axes = about["symbols"], {"lines": 1, "characters": 3}
    assert symbols == [*SPECIALS, *VOCABULARY.characters]
    assert about["normalisation"] == NORMALISATION.to_dict()
    inputs = {
        name: np.zeros([axes.get(axis, axis) for axis in shape], np.float32)
        for name, shape in about["inputs"].items()
    }
    for place, symbol in enumerate(["b", "e", "<eos>"]):
        inputs["text"][0, place, symbols.index(symbol)] = 1
    inputs["positions"][0] = range(3)
    session = onnxruntime.InferenceSession(
        folder / about["files"]["float32"], providers=["CPUExecutionProvider"]
    )
    expected = TextPenSteps(pack(model), texts(model, "be"))
    for _ in range(3):
        raw = expected.step(torch.from_numpy(inputs["pen"]))
        values = session.run(list(about["outputs"]), inputs)
        results = dict(zip(about["outputs"], values, strict=True))
        np.testing.assert_allclose(results["raw"], raw, rtol=1e-4, atol=1e-5)
        inputs |= {name: results.get(f"next_{name}", value) for name, value in inputs.items()}


def test_the_files_name_no_path_of_this_machine(writer: Exported) -> None:
    for file in (FLOAT_FILE, INT8_FILE):
        assert str(Path(__file__).parents[3]).encode() not in (writer[1] / file).read_bytes()


def test_a_step_knows_its_model(writer: Exported) -> None:
    model, folder = writer
    step, other = OnnxStep(folder / INT8_FILE), copy.deepcopy(model)
    assert step.matches(model)
    with torch.no_grad():
        other.output.bias[0] += 1
    assert not step.matches(other)


@pytest.mark.parametrize("package", ["onnx", "onnxscript", "onnxruntime"])
def test_a_missing_package_is_said(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    message = f"{package}: is not installed, ONNX needs it: pip install -r requirements-onnx.txt"
    with pytest.raises(UserError, match=message):
        write_step(unconditional(num_layers=1), NORMALISATION, None, tmp_path)
    assert not list(tmp_path.iterdir())


def test_files_that_are_no_step_are_refused(writer: Exported, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"step\.json: cannot be read"):
        OnnxStep(tmp_path / FLOAT_FILE)
    description = (writer[1] / DESCRIPTION_FILE).read_text(encoding="utf-8")
    (tmp_path / DESCRIPTION_FILE).write_text(description, encoding="utf-8")
    (tmp_path / FLOAT_FILE).write_bytes(b"not a model")
    with pytest.raises(UserError, match=r"step\.onnx: not a pen step in ONNX"):
        OnnxStep(tmp_path / FLOAT_FILE)
    (tmp_path / DESCRIPTION_FILE).write_text('{"format": 99}', encoding="utf-8")
    with pytest.raises(UserError, match="not the description of a pen step, format 1"):
        OnnxStep(tmp_path / FLOAT_FILE)
