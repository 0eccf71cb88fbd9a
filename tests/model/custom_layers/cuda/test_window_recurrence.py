"""The GPU's form of the window layer's recurrence, run here on the CPU: as a loop, and as graphs
that ``RecordedGraphs`` stands in for. At the end, for a GPU, the same on one."""

from collections.abc import Iterator

import pytest
import torch
from padded_texts import padded_texts
from recorded_graph import RecordedGraphs
from torch import Tensor

from base.batch import Batch
from handwriting.text.vocabulary import Vocabulary
from model.custom_layers import lstm_with_gaussian_attention as window_layer
from model.custom_layers.cuda import buffers, runners, window_recurrence
from model.custom_layers.cuda import graphs as cuda_graphs
from model.custom_layers.lstm_with_gaussian_attention import (
    GaussianAttentionState,
    LSTMWithGaussianAttention,
)
from model.models import ConditionalHandwriting

B, T, U, K, H, C, I = 2, 6, 5, 3, 4, 7, 3  # noqa: E741
AT_ONCE = 4  # so that T takes two replays, with steps to spare


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> RecordedGraphs:
    """The recurrence as graphs, from the second call of a kind on."""
    recorded = RecordedGraphs()
    use_rows(monkeypatch)
    monkeypatch.setattr(cuda_graphs, "capture", recorded)
    monkeypatch.setattr(cuda_graphs, "graphs_are_possible", lambda device: True)
    monkeypatch.setattr(runners, "GRAPHS", cuda_graphs.GraphCache())
    return recorded


def use_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window_recurrence, "is_for", lambda tensor: True)
    monkeypatch.setattr(window_layer, "agrees_on_gpu", lambda device, dtype: True)
    monkeypatch.setattr(runners, "STEPS_AT_ONCE", AT_ONCE)
    monkeypatch.setattr(buffers, "TEXT_MULTIPLE", 8)


@pytest.fixture(params=["loop", "graph"])
def rows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The recurrence on rows, each way; as graphs from the first call on."""
    if request.param == "loop":
        use_rows(monkeypatch)
    else:
        request.getfixturevalue("graphs")
        monkeypatch.setattr(runners.GRAPHS, "_seen_before", lambda key: True)
    return request.param


def make_layer(dtype: torch.dtype = torch.float64, **options) -> LSTMWithGaussianAttention:
    torch.manual_seed(0)
    layer = LSTMWithGaussianAttention(I, options.pop("hidden", H), C, K, **options)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return layer.to(dtype)


def make_text(lengths: tuple[int, ...] = (U, 3), dtype: torch.dtype = torch.float64) -> Tensor:
    return padded_texts(lengths, C, dtype)


def make_inputs(steps: int = T, requires_grad: bool = True, seed: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(B, steps, I, dtype=torch.float64, generator=generator)
    return inputs.requires_grad_(requires_grad)


def make_state(layer: LSTMWithGaussianAttention) -> GaussianAttentionState:
    torch.manual_seed(2)
    dtype, size = layer.bias.dtype, layer.hidden_size
    values = [torch.randn(B, width, dtype=dtype) for width in (size, size, K, C)]
    return GaussianAttentionState(*[value.requires_grad_() for value in values])


def weighted_sum(output: object) -> Tensor:
    """A scalar on which every output and the last state have a bearing, each in its own way."""
    hidden, window, _, _, state = output
    total = hidden.square().sum() + window.sin().sum()
    for weight, part in enumerate(state, start=1):
        total = total + weight * part.cos().sum()
    return total


def gradients_of(layer, form: str, inputs: Tensor, text: Tensor, state) -> tuple[Tensor, ...]:
    output = getattr(layer, form)(inputs, text, state)
    wanted = (inputs, *(state or ()), *layer.parameters())
    return output, torch.autograd.grad(weighted_sum(output), wanted)


def assert_same(ours: tuple, theirs: tuple, **tolerance: float) -> None:
    for mine, other in zip(flat(ours), flat(theirs), strict=True):
        torch.testing.assert_close(mine, other, **tolerance)


def flat(parts: tuple) -> list[Tensor]:
    leaves = []
    for part in parts:
        leaves.extend([part] if isinstance(part, Tensor) else flat(part))
    return leaves


@pytest.mark.parametrize("steps", [1, AT_ONCE - 1, AT_ONCE, T, 2 * AT_ONCE + 1])
@pytest.mark.parametrize("clip", [None, 0.05])
def test_values_and_gradients_are_those_of_the_plain_form(rows: str, steps: int, clip) -> None:
    layer, text, inputs = make_layer(gradient_clip=clip), make_text(), make_inputs(steps)
    state = make_state(layer)
    for _ in range(2):  # what the first call leaves behind must not matter
        ours = gradients_of(layer, "forward", inputs, text, state)
    theirs = gradients_of(layer, "forward_plain", inputs, text, state)
    assert_same(ours, theirs, rtol=1e-9, atol=1e-11)


def test_gradients_agree_with_finite_differences(rows: str) -> None:
    layer, text = make_layer(), make_text()

    def run(inputs: Tensor, *values: Tensor) -> tuple[Tensor, ...]:
        hidden, window, _, _, state = layer(inputs, text, GaussianAttentionState(*values[:4]))
        return hidden, window, *state

    values = (make_inputs(), *make_state(layer), *layer.parameters())
    assert torch.autograd.gradcheck(run, values)


def test_long_lines_in_float32_are_those_of_the_columns(monkeypatch, rows: str) -> None:
    monkeypatch.setattr(runners, "STEPS_AT_ONCE", 64)
    layer, text = make_layer(torch.float32, hidden=24), make_text(dtype=torch.float32)
    inputs = make_inputs(300).detach().float().requires_grad_()
    ours = gradients_of(layer, "forward", inputs, text, None)
    monkeypatch.setattr(window_recurrence, "is_for", lambda tensor: False)
    theirs = gradients_of(layer, "forward", inputs, text, None)
    assert_same(ours[0], theirs[0], rtol=1e-5, atol=1e-5)
    assert_same(ours[1], theirs[1], rtol=1e-4, atol=1e-4)


def test_two_forwards_before_one_backward(rows: str) -> None:
    layer, text = make_layer(), make_text()
    batches = [make_inputs(T, seed=seed) for seed in (4, 5, 6)]
    outputs = [layer(inputs, text) for inputs in batches]
    copies = [[part.detach().clone() for part in flat(output)] for output in outputs]
    together = torch.autograd.grad(sum(map(weighted_sum, outputs)), [*batches, *layer.parameters()])
    apart = [
        torch.autograd.grad(
            weighted_sum(layer.forward_plain(inputs, text)), [inputs, *layer.parameters()]
        )
        for inputs in batches
    ]
    for ours, theirs in zip(together[:3], (part[0] for part in apart), strict=True):
        torch.testing.assert_close(ours, theirs)
    summed = [sum(parts) for parts in zip(*(part[1:] for part in apart), strict=True)]
    assert_same(together[3:], summed)
    for output, copy in zip(outputs, copies, strict=True):
        assert_same(flat(output), copy, rtol=0, atol=0)


def test_gradients_are_no_ones_but_the_callers(rows: str) -> None:
    layer, text, inputs = make_layer(), make_text(), make_inputs()
    state = make_state(layer)
    _, first = gradients_of(layer, "forward", inputs, text, state)
    kept = [part.clone() for part in first]
    gradients_of(layer, "forward", make_inputs(seed=8), text, state)
    assert_same(first, kept, rtol=0, atol=0)


def test_a_graph_may_be_gone_through_backwards_twice(rows: str) -> None:
    layer, text, inputs = make_layer(), make_text(), make_inputs()
    loss = weighted_sum(layer(inputs, text))
    first = torch.autograd.grad(loss, list(layer.parameters()), retain_graph=True)
    kept = [part.clone() for part in first]
    layer(make_inputs(seed=9), text)
    second = torch.autograd.grad(loss, list(layer.parameters()))
    assert_same(first, kept, rtol=0, atol=0)
    assert_same(second, kept, rtol=0, atol=0)


def test_changed_weights_texts_and_shapes_are_seen(rows: str) -> None:
    layer = make_layer()
    for seed, steps, lengths in [(1, T, (U, 3)), (2, T, (2, U)), (3, 9, (3, 8)), (4, T, (12, 1))]:
        with torch.no_grad():
            for parameter in layer.parameters():
                parameter.add_(0.05)
        inputs, text = make_inputs(steps, seed=seed), make_text(lengths)
        ours = gradients_of(layer, "forward", inputs, text, None)
        theirs = gradients_of(layer, "forward_plain", inputs, text, None)
        assert_same(ours, theirs, rtol=1e-9, atol=1e-11)


def test_frozen_weights_get_no_gradient_and_the_rest_the_same(rows: str) -> None:
    layer, text = make_layer(), make_text()
    layer.weight_window.requires_grad_(False)
    layer.bias.requires_grad_(False)
    for form in ("forward_plain", "forward"):
        weighted_sum(getattr(layer, form)(make_inputs(requires_grad=False), text)).backward()
        gradients = {name: weight.grad for name, weight in layer.named_parameters()}
        layer.zero_grad()
        if form == "forward_plain":
            expected = gradients
    assert gradients["weight_window"] is gradients["bias"] is None
    for name in ("weight_input", "weight_recurrent", "bias_window"):
        torch.testing.assert_close(gradients[name], expected[name])


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_without_gradients_and_training_afterwards(rows: str, mode) -> None:
    layer, text, inputs = make_layer(), make_text(), make_inputs()
    with mode():
        ours = layer(inputs, text)
    assert_same(ours, layer.forward_plain(inputs, text))
    assert_same(
        gradients_of(layer, "forward", inputs, text, None),
        gradients_of(layer, "forward_plain", inputs, text, None),
    )


def test_a_second_derivative_is_refused_clearly(rows: str) -> None:
    layer, text, inputs = make_layer(), make_text(), make_inputs()
    loss = layer(inputs, text).hidden.square().sum()
    (gradient,) = torch.autograd.grad(loss, inputs, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiate twice"):
        gradient.sum().backward()


def test_bfloat16_keeps_the_window_in_float32_and_gradients_close(rows: str) -> None:
    layer, text = make_layer(torch.float32, hidden=32), make_text(dtype=torch.float32)
    inputs = make_inputs(40).detach().float().requires_grad_()
    exact = gradients_of(layer, "forward_plain", inputs, text, None)
    with torch.autocast("cpu", torch.bfloat16):
        rough = gradients_of(layer, "forward", inputs, text, None)
    assert {part.dtype for part in flat(rough)} == {torch.float32}
    torch.testing.assert_close(rough[0].kappa, exact[0].kappa, rtol=0.05, atol=0.05)
    # Rounded to bfloat16 anywhere, the window would be off by up to 0.4 %.
    torch.testing.assert_close(rough[0].window, torch.bmm(rough[0].phi, text), rtol=1e-5, atol=1e-7)
    for mine, other in zip(rough[1], exact[1], strict=True):
        assert (mine - other).norm() < 0.05 * other.norm()


@pytest.mark.parametrize("clip", [None, 0.01])
def test_a_model_that_recomputes_has_the_same_gradients(rows: str, clip) -> None:
    torch.manual_seed(0)
    model = ConditionalHandwriting(
        Vocabulary("abcde "), hidden_size=8, num_layers=2, num_mixtures=2, num_window_components=3,
        lstm_gradient_clip=clip,
    ).double()  # fmt: skip
    batch = Batch(
        strokes=torch.randn(3, 12, 3).double(),
        stroke_lengths=torch.tensor([12, 12, 9]),
        text=torch.randint(4, 9, (3, 6)),
        text_lengths=torch.tensor([6, 4, 5]),
        line_indices=torch.arange(3),
    )
    found = []
    for steps in (None, 3, 5):
        model.recompute_steps = steps
        model.zero_grad()
        model(batch).log_prob(batch.strokes[:, 1:]).sum().backward()
        found.append([parameter.grad for parameter in model.parameters()])
    assert_same(found[1], found[0])
    assert_same(found[2], found[0])


def test_a_graph_is_captured_when_its_like_comes_again(graphs: RecordedGraphs) -> None:
    layer, text = make_layer(), make_text()
    weighted_sum(layer(make_inputs(), text)).backward()
    assert graphs.captures == graphs.replays == 0
    weighted_sum(layer(make_inputs(), text)).backward()
    assert graphs.captures == 2  # each way
    assert graphs.replays == 4  # two each way
    layer(make_inputs(9), make_text((2, 3)))  # a longer line, a shorter text
    assert graphs.captures == 2
    assert graphs.replays == 7
    layer(make_inputs(), text.repeat(1, 2, 1))  # a text of another size
    assert graphs.captures == 2
    assert graphs.replays == 7


@pytest.mark.parametrize("between", ["loop first", "graph first"])
def test_a_forward_pass_without_graphs_fits_a_backward_pass_with_them(
    graphs: RecordedGraphs, between: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer, text, inputs = make_layer(), make_text(), make_inputs()
    expected = gradients_of(layer, "forward_plain", inputs, text, None)[1]
    if between == "loop first":
        losses = [weighted_sum(layer(inputs, text)) for _ in range(2)]
        found = torch.autograd.grad(losses[0], (inputs, *layer.parameters()))
    else:
        losses = [weighted_sum(layer(inputs, text)) for _ in range(2)]
        monkeypatch.setattr(cuda_graphs, "graphs_are_possible", lambda device: False)
        found = torch.autograd.grad(losses[1], (inputs, *layer.parameters()))
    assert_same(found, expected, rtol=1e-9, atol=1e-11)


def test_who_finds_the_graphs_in_use_takes_the_loop(graphs: RecordedGraphs) -> None:
    layer, text, inputs = make_layer(), make_text(), make_inputs()
    for _ in range(2):
        expected = layer(inputs, text)
    before = graphs.replays
    with runners.GRAPHS._lock:
        found = gradients_of(layer, "forward", inputs, text, None)
    assert graphs.replays == before
    assert_same(found[0], expected, rtol=0, atol=0)


def test_where_a_capture_fails_the_loop_runs_and_one_line_says_so(
    graphs: RecordedGraphs, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(body, device) -> None:
        raise RuntimeError("capture is not possible")

    monkeypatch.setattr(cuda_graphs, "capture", refuse)
    layer, text, inputs = make_layer(), make_text(), make_inputs()
    found = [layer(inputs, text) for _ in range(4)]
    assert_same(found[-1], layer.forward_plain(inputs, text))
    assert [record.message for record in caplog.records] == [
        "On the GPU something slower has to do: capture is not possible"
    ]


def test_other_products_get_other_graphs(graphs: RecordedGraphs) -> None:
    layer, text = make_layer(), make_text()
    for _ in range(2):
        layer(make_inputs(), text)
    precision = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium")
        layer(make_inputs(), text)
        assert graphs.captures == 2
        layer(make_inputs(), text)
    finally:
        torch.set_float32_matmul_precision(precision)
    assert graphs.captures == 4


AGREES_ON_GPU = window_layer.agrees_on_gpu


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch, rows: str) -> Iterator[str]:
    """The recurrence on rows, compared with the plain one as in a new process."""
    monkeypatch.setattr(window_layer, "agrees_on_gpu", AGREES_ON_GPU)
    window_layer._on_gpu.cache_clear()
    yield rows
    window_layer._on_gpu.cache_clear()


def calls_of_rows(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of lines that run on rows from now on."""
    calls, forward = [], window_recurrence.RowRecurrence.forward

    def counted(ctx, inputs: Tensor, *others: object) -> tuple[Tensor, ...]:
        calls.append(inputs.shape[1])
        return forward(ctx, inputs, *others)

    monkeypatch.setattr(window_recurrence.RowRecurrence, "forward", staticmethod(counted))
    return calls


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_is_compared_with_the_plain_one_once(
    compared: str, dtype: torch.dtype, monkeypatch, caplog: pytest.LogCaptureFixture
) -> None:
    calls = calls_of_rows(monkeypatch)
    layer, text = make_layer(torch.float32), make_text(dtype=torch.float32)
    for _ in range(2):
        with torch.no_grad(), torch.autocast("cpu", dtype, enabled=dtype == torch.bfloat16):
            layer(make_inputs().float(), text)
    assert calls == [3, 3, B, B]  # two calls to compare
    assert not caplog.records
    assert len(runners.GRAPHS) == (compared == "graph")


@pytest.mark.parametrize("pass_name", ["run_forward", "run_backward"])
@pytest.mark.parametrize("fault", ["wrong", "NaN", "raises"])
def test_one_that_differs_or_fails_is_not_used(
    compared: str, pass_name: str, fault: str, monkeypatch, caplog: pytest.LogCaptureFixture
) -> None:
    original = getattr(runners, pass_name)

    def broken(buffers: object, *others: object) -> None:
        if fault == "raises":
            raise ValueError("no such kernel")
        original(buffers, *others)
        spoilt = buffers.phis if pass_name == "run_forward" else buffers.grad_gates
        spoilt.mul_(float("nan") if fault == "NaN" else 1.1)

    monkeypatch.setattr(runners, pass_name, broken)
    layer, text = make_layer(torch.float32), make_text(dtype=torch.float32)
    inputs = make_inputs().detach().float().requires_grad_()
    ours = [gradients_of(layer, "forward", inputs, text, None) for _ in range(2)]
    monkeypatch.setattr(window_recurrence, "is_for", lambda tensor: False)
    theirs = gradients_of(layer, "forward", inputs, text, None)
    for each in ours:
        assert_same(each, theirs, rtol=0, atol=0)
    (record,) = caplog.records
    said = "failed (no such kernel)" if fault == "raises" else "differ by "
    assert record.message.startswith("window on cpu (graph, float32): the plain way is used, since")
    assert said in record.message


def test_only_float32_on_an_nvidia_gpu_runs_on_rows() -> None:
    assert not window_recurrence.is_for(make_text(dtype=torch.float32))


needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@pytest.fixture
def on_cuda(monkeypatch: pytest.MonkeyPatch) -> cuda_graphs.GraphCache:
    cache = cuda_graphs.GraphCache()
    monkeypatch.setattr(runners, "GRAPHS", cache)
    monkeypatch.setattr(cuda_graphs, "mode", "graph")
    return cache


def case_on_cuda(**options) -> tuple[LSTMWithGaussianAttention, Tensor, Tensor]:
    """A layer of a size in use, a text and lines that take more than one replay."""
    torch.manual_seed(0)
    layer = LSTMWithGaussianAttention(I, 400, C, 10, **options)
    text = make_text((30, 40, 7), torch.float32)
    return layer, text, torch.randn(3, 150, I, requires_grad=True)


def moved(layer, text: Tensor, inputs: Tensor) -> tuple:
    return layer.cuda(), text.cuda(), inputs.detach().cuda().requires_grad_()


@needs_cuda
@pytest.mark.parametrize("mode", cuda_graphs.MODES)
@pytest.mark.parametrize("clip", [None, 0.01])
def test_on_cuda_values_and_gradients_are_those_of_the_cpu(on_cuda, monkeypatch, mode, clip):
    layer, text, inputs = case_on_cuda(gradient_clip=clip)
    theirs = gradients_of(layer, "forward", inputs, text, None)
    layer, text, inputs = moved(layer, text, inputs)
    monkeypatch.setattr(cuda_graphs, "mode", mode)
    for _ in range(3):
        ours = gradients_of(layer, "forward", inputs, text, None)
    assert len(on_cuda) == (mode == "graph")
    assert_same([part.cpu() for part in flat(ours[0])], flat(theirs[0]), rtol=1e-4, atol=1e-4)
    for mine, other in zip(ours[1], theirs[1], strict=True):
        assert (mine.cpu() - other).norm() < 1e-3 * other.norm()


@needs_cuda
@pytest.mark.parametrize("bfloat16", [False, True])
def test_on_cuda_graphs_give_what_the_loop_gives(on_cuda, monkeypatch, bfloat16) -> None:
    layer, text, inputs = moved(*case_on_cuda())
    found = {}
    for mode in ("loop", "graph"):
        monkeypatch.setattr(cuda_graphs, "mode", mode)
        for _ in range(3):
            with torch.autocast("cuda", torch.bfloat16, enabled=bfloat16):
                found[mode] = gradients_of(layer, "forward", inputs, text, None)
    assert len(on_cuda) == 1
    for mine, other in zip(flat(found["graph"]), flat(found["loop"]), strict=True):
        assert (mine - other).norm() <= (0.02 if bfloat16 else 1e-4) * other.norm()


@needs_cuda
def test_on_cuda_triton_and_torch_agree(on_cuda, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("triton")
    layer, text, inputs = moved(*case_on_cuda())
    for _ in range(2):
        ours = gradients_of(layer, "forward", inputs, text, None)
    assert next(iter(on_cuda._entries)).pointwise.__name__ == "TritonPointwise"
    monkeypatch.setattr(runners, "_has_triton", lambda device: False)
    for _ in range(2):
        theirs = gradients_of(layer, "forward", inputs, text, None)
    assert len(on_cuda) == 2
    assert_same(ours[0], theirs[0], rtol=1e-4, atol=1e-4)
    for mine, other in zip(ours[1], theirs[1], strict=True):
        assert (mine - other).norm() < 1e-3 * other.norm()


@needs_cuda
def test_on_cuda_two_forwards_before_one_backward(on_cuda) -> None:
    layer, text, inputs = moved(*case_on_cuda())
    apart = [gradients_of(layer, "forward", inputs + shift, text, None) for shift in (0, 1)]
    outputs = [layer(inputs + shift, text) for shift in (0, 1)]
    together = torch.autograd.grad(sum(map(weighted_sum, outputs)), list(layer.parameters()))
    for found, *parts in zip(together, *(gradients[1][1:] for gradients in apart), strict=True):
        torch.testing.assert_close(found, sum(parts), rtol=1e-4, atol=1e-4)


@needs_cuda
def test_on_cuda_inside_a_capture_of_someone_elses(on_cuda) -> None:
    layer, text, inputs = moved(*case_on_cuda())
    with torch.no_grad():
        expected = [layer(inputs, text).hidden for _ in range(2)][-1]
        stream, graph = torch.cuda.Stream(), torch.cuda.CUDAGraph()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            layer(inputs, text)
            with torch.cuda.graph(graph, stream=stream):
                found = layer(inputs, text).hidden
        torch.cuda.synchronize()
        graph.replay()
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@needs_cuda
def test_on_cuda_the_same_twice_has_the_same_bits(on_cuda) -> None:
    layer, text, inputs = moved(*case_on_cuda())
    first, second = (gradients_of(layer, "forward", inputs, text, None) for _ in range(2))
    assert_same(first, second, rtol=0, atol=0)
