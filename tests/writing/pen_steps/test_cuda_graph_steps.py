"""Pen steps as graphs, which ``RecordedGraphs`` stands in for: the numbers of ``PenSteps``."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from recorded_graph import RecordedGraphs
from torch import Tensor

from handwriting.ink.normalisation import Normalisation
from handwriting.text.vocabulary import Vocabulary
from model.custom_layers.cuda import graphs as cuda_graphs
from model.models import ConditionalHandwriting, UnconditionalHandwriting
from writing.pen_steps import cuda_graph_steps
from writing.pen_steps.cuda_graph_steps import GraphedPenSteps, GraphedTextPenSteps
from writing.pen_steps.draw import sample_pen_steps
from writing.pen_steps.packed_steps import PenSteps, TextPenSteps
from writing.pen_steps.packed_weights import pack
from writing.sampling import generate
from writing.synthesis import write

VOCABULARY = Vocabulary("abcde ")
LINES = ("a", "abcde abc", "ed", "bb", "cab")


@pytest.fixture(autouse=True)
def graphs(monkeypatch: pytest.MonkeyPatch) -> RecordedGraphs:
    recorded = RecordedGraphs()
    monkeypatch.setattr(cuda_graphs, "capture", recorded)
    monkeypatch.setattr(cuda_graph_steps, "STEPS_BEFORE_CAPTURE", 3)
    monkeypatch.setattr(cuda_graph_steps, "_verified", {})
    return recorded


def model_of(kind: type, **options) -> torch.nn.Module:
    torch.manual_seed(0)
    sizes = {"hidden_size": 10, "num_layers": 3, "num_mixtures": 2, **options}
    known = (VOCABULARY,) if kind is ConditionalHandwriting else ()
    model = kind(*known, **sizes).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return model


def both(**options) -> tuple[TextPenSteps, GraphedTextPenSteps]:
    """Steps of the same lines of text, plain and graphed."""
    model = model_of(ConditionalHandwriting, **options)
    lengths = torch.tensor([len(line) for line in LINES])
    texts = [torch.tensor(VOCABULARY.encode(line)) for line in LINES]
    text = model.encode(torch.nn.utils.rnn.pad_sequence(texts, batch_first=True), lengths)
    weights = pack(model)
    return TextPenSteps(weights, text), GraphedTextPenSteps(weights, text)


def noise_of(step: int, lines: int) -> tuple[Tensor, Tensor, Tensor]:
    """A pen step, a bias and noise for each line."""
    generator = torch.Generator().manual_seed(step)
    strokes = torch.randn(lines, 3, dtype=torch.float64, generator=generator)
    bias, noise = (
        torch.rand(shape, dtype=torch.float64, generator=generator)
        for shape in ((lines,), (lines, 4))
    )
    return strokes, bias, noise


def assert_same_step(plain: PenSteps, graphed: GraphedPenSteps, step: int, lines: int) -> None:
    strokes, bias, noise = noise_of(step, lines)
    expected = plain.step(strokes)
    raw, drawn = graphed.step_and_draw(strokes, bias, noise)
    torch.testing.assert_close(raw, expected)
    torch.testing.assert_close(drawn, sample_pen_steps(expected, bias, noise))
    for name in ("phi", "kappa"):
        if hasattr(plain, name):
            torch.testing.assert_close(getattr(graphed, name), getattr(plain, name))


@pytest.mark.parametrize("options", [{}, {"layer_norm": True}, {"num_layers": 2}])
@torch.inference_mode()
def test_steps_with_text_are_those_of_the_plain_form(graphs: RecordedGraphs, options) -> None:
    plain, graphed = both(**options)
    for step in range(12):
        assert_same_step(plain, graphed, step, len(LINES))
    assert graphs.captures == 1
    assert graphs.replays == 12 - 3
    assert plain.phi.any()


@torch.inference_mode()
def test_steps_without_text_are_those_of_the_plain_form(graphs: RecordedGraphs) -> None:
    weights = pack(model_of(UnconditionalHandwriting))
    plain, graphed = PenSteps(weights, 2), GraphedPenSteps(weights, 2)
    for step in range(12):
        assert_same_step(plain, graphed, step, 2)
    assert graphs.replays == 12 - 3


@torch.inference_mode()
def test_steps_that_only_read_and_steps_that_draw_take_turns(graphs: RecordedGraphs) -> None:
    plain, graphed = both()
    for step in range(12):
        strokes = noise_of(step, len(LINES))[0]
        torch.testing.assert_close(graphed.step(strokes), plain.step(strokes))
        assert_same_step(plain, graphed, 100 + step, len(LINES))
    assert graphs.captures == 2


@torch.inference_mode()
def test_lines_that_leave_change_nothing_for_those_that_stay(graphs: RecordedGraphs) -> None:
    plain, graphed = both()
    lines = len(LINES)
    for step in range(30):
        assert_same_step(plain, graphed, step, lines)
        if step in (1, 6, 12, 20):  # before a capture; within the graph; below half; one is left
            rows = torch.tensor([row for row in range(lines) if row != 1])
            for steps in (plain, graphed):
                steps.keep(rows)
            lines -= 1
            torch.testing.assert_close(graphed.phi, plain.phi)
            torch.testing.assert_close(graphed.kappa, plain.kappa)
    assert graphs.captures == 2, "a new graph for the last two lines, and none else"


@torch.inference_mode()
def test_results_of_a_step_stay_when_the_next_is_made() -> None:
    _, graphed = both()
    for step in range(6):
        raw, drawn = graphed.step_and_draw(*noise_of(step, len(LINES)))
        results = (raw, drawn, graphed.phi, graphed.kappa)
        kept = [part.clone() for part in results]
        graphed.step_and_draw(*noise_of(step + 50, len(LINES)))
        for result, copy in zip(results, kept, strict=True):
            assert torch.equal(result, copy)


@torch.inference_mode()
def test_where_a_capture_fails_steps_go_on(monkeypatch, caplog: pytest.LogCaptureFixture) -> None:
    def refuse(body, device) -> None:
        body()
        raise RuntimeError("capture is not possible")

    monkeypatch.setattr(cuda_graphs, "capture", refuse)
    plain, graphed = both()
    for step in range(10):
        assert_same_step(plain, graphed, step, len(LINES))
    assert len(caplog.records) == 1


def test_writing_and_sampling_take_them(graphs: RecordedGraphs, monkeypatch) -> None:
    normalisation = Normalisation((0.5, -0.25), (2.0, 3.0))
    with_text, without = model_of(ConditionalHandwriting), model_of(UnconditionalHandwriting)
    found = []
    for is_possible in (False, True):
        monkeypatch.setattr(cuda_graphs, "graphs_are_possible", lambda device, now=is_possible: now)
        lines = write(with_text, normalisation, VOCABULARY, LINES, seeds=range(5), batch_size=3)
        samples = generate(without, normalisation, 2, 20, seeds=[1, 2])
        found.append([line.strokes for line in lines] + samples)
    assert graphs.replays > 50
    for plain, graphed in zip(*found, strict=True):
        np.testing.assert_allclose(graphed, plain, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("fault", ["none", "wrong", "raises"])
def test_they_are_compared_with_the_plain_ones_once(
    fault: str, graphs: RecordedGraphs, monkeypatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(cuda_graphs, "graphs_are_possible", lambda device: True)

    def capture(body, device) -> Callable[[], None]:
        if fault == "raises":
            raise ValueError("no such graph")
        replay = graphs(body, device)
        return (lambda: None) if fault == "wrong" else replay  # results stay the last ones

    monkeypatch.setattr(cuda_graphs, "capture", capture)
    model = model_of(ConditionalHandwriting)
    text = model.encode(torch.tensor([VOCABULARY.encode("abc")]), torch.tensor([3]))
    with_text, without = pack(model), pack(model_of(UnconditionalHandwriting))
    for make in (
        lambda: cuda_graph_steps.text_pen_steps(with_text, text),
        lambda: cuda_graph_steps.pen_steps(without, 7),
    ):
        caplog.clear()
        kinds = {isinstance(make(), GraphedPenSteps) for _ in range(2)}
        assert kinds == {fault == "none"}
        said = [record.message for record in caplog.records]
        assert len(said) == (fault != "none")
        assert all("as graphs on cpu: the plain way is used, since" in line for line in said)


def test_without_a_gpu_steps_are_the_plain_ones() -> None:
    weights = pack(model_of(UnconditionalHandwriting))
    assert type(cuda_graph_steps.pen_steps(weights, 2)) is PenSteps


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@torch.inference_mode()
def test_on_cuda_steps_are_those_of_the_plain_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda_graphs, "capture", cuda_graphs.capture_on_cuda)
    weights = pack(model_of(UnconditionalHandwriting).cuda())
    plain, graphed = PenSteps(weights, 2), GraphedPenSteps(weights, 2)
    for step in range(12):
        strokes, bias, noise = (part.cuda() for part in noise_of(step, 2))
        raw, drawn = graphed.step_and_draw(strokes, bias, noise)
        torch.testing.assert_close(raw, plain.step(strokes))
        torch.testing.assert_close(drawn, sample_pen_steps(raw, bias, noise))
