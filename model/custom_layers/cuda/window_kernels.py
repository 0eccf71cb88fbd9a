"""The pointwise work of ``row_steps`` as Triton kernels: one for each step and direction.

A program takes one line through all of it: LSTM cell, the window's parameters (a product with
``3K`` rows), the window. Its sums are in a fixed order and in float32. Importing this needs Triton.

Shapes as in ``row_buffers``.
"""

import triton
import triton.language as tl

from model.custom_layers.cuda.buffers import BackwardBuffers, ForwardBuffers
from model.custom_layers.window_ranges import (
    LOG_ALPHA_RANGE,
    LOG_BETA_RANGE,
    LOG_KAPPA_STEP_RANGE,
    LOG_PHI_FLOOR,
)

# Numbers that a program holds of one table at a time: [BLOCK_K, BLOCK_H] and [BLOCK_U, BLOCK_C].
TABLE = 8192
NUM_WARPS = 8

_ALPHA_LOW, _ALPHA_HIGH = map(tl.constexpr, LOG_ALPHA_RANGE)
_BETA_LOW, _BETA_HIGH = map(tl.constexpr, LOG_BETA_RANGE)
_STEP_LOW, _STEP_HIGH = map(tl.constexpr, LOG_KAPPA_STEP_RANGE)
_FLOOR = tl.constexpr(LOG_PHI_FLOOR)


class TritonPointwise:
    """``row_steps.Pointwise`` in float32, one kernel a step."""

    def forward(self, buffers: ForwardBuffers, step: int) -> None:
        """See ``row_steps.Pointwise``."""
        kept, given, sizes = buffers.activations, buffers.given, buffers.sizes
        lowered = buffers.product if buffers.lowered is None else buffers.lowered
        _forward[(sizes.batch,)](
            kept.gates, buffers.product, kept.cells, kept.joined, lowered, kept.raw, kept.kappas,
            buffers.phis, given.window, given.window_bias, given.characters, step, sizes.batch,
            LOWERS=buffers.lowered is not None, **_constants(buffers),
        )  # fmt: skip

    def backward(self, buffers: BackwardBuffers, step: int, bound: float | None) -> None:
        """See ``row_steps.Pointwise``."""
        kept, given, sizes = buffers.activations, buffers.given, buffers.sizes
        lowered = buffers.grad_gates if buffers.lowered is None else buffers.lowered
        _backward[(sizes.batch,)](
            kept.gates, kept.cells, kept.raw, kept.kappas, given.window, given.characters,
            buffers.valid, buffers.grad_hiddens, buffers.grad_windows, buffers.grad_gates,
            buffers.grad_raw, buffers.grad_joined, buffers.grad_cell, buffers.grad_kappa, lowered,
            step, sizes.batch, 0.0 if bound is None else float(bound), CLIPS=bound is not None,
            LOWERS=buffers.lowered is not None, **_constants(buffers),
        )  # fmt: skip


def _constants(buffers: ForwardBuffers | BackwardBuffers) -> dict[str, int]:
    sizes = buffers.sizes
    block_k = triton.next_power_of_2(sizes.components)
    block_c = triton.next_power_of_2(sizes.characters)
    block_h = min(triton.next_power_of_2(sizes.hidden), max(16, TABLE // block_k))
    block_u = min(
        triton.next_power_of_2(sizes.text), 64, max(1, TABLE // block_c), max(1, TABLE // block_k)
    )
    return {
        "H": sizes.hidden, "C": sizes.characters, "J": sizes.joined, "K": sizes.components,
        "U": sizes.text, "BLOCK_H": block_h, "BLOCK_C": block_c, "BLOCK_K": block_k,
        "BLOCK_U": block_u, "num_warps": NUM_WARPS,
    }  # fmt: skip


# ``step`` is one of many values that all are to run the same machine code.
@triton.jit(do_not_specialize=["step", "batch"])
def _forward(
    gates_ptr, product_ptr, cells_ptr, joined_ptr, lowered_ptr, raw_ptr, kappas_ptr, phis_ptr,
    weight_ptr, bias_ptr, characters_ptr, step, batch,
    LOWERS: tl.constexpr, H: tl.constexpr, C: tl.constexpr, J: tl.constexpr, K: tl.constexpr,
    U: tl.constexpr, BLOCK_H: tl.constexpr, BLOCK_C: tl.constexpr, BLOCK_K: tl.constexpr,
    BLOCK_U: tl.constexpr,
):  # fmt: skip
    """Forwards through one step of line ``program_id(0)``."""
    line = tl.program_id(0).to(tl.int64)
    before = step.to(tl.int64) * batch + line
    after = before + batch

    k = tl.arange(0, BLOCK_K)
    alpha = tl.zeros([BLOCK_K], dtype=tl.float32)
    beta = tl.zeros([BLOCK_K], dtype=tl.float32)
    move = tl.zeros([BLOCK_K], dtype=tl.float32)
    for start in range(0, H, BLOCK_H):
        h = start + tl.arange(0, BLOCK_H)
        inside = h < H
        gate = gates_ptr + before * 4 * H + h
        product = product_ptr + line * 4 * H + h
        i = _sigmoid(_sum(gate, product, inside))
        f = _sigmoid(_sum(gate + H, product + H, inside))
        g = _tanh(_sum(gate + 2 * H, product + 2 * H, inside))
        o = _sigmoid(_sum(gate + 3 * H, product + 3 * H, inside))
        tl.store(gate, i, mask=inside)
        tl.store(gate + H, f, mask=inside)
        tl.store(gate + 2 * H, g, mask=inside)
        tl.store(gate + 3 * H, o, mask=inside)
        cell = f * tl.load(cells_ptr + before * H + h, mask=inside, other=0.0) + i * g
        tl.store(cells_ptr + after * H + h, cell, mask=inside)
        hidden = tl.where(inside, o * _tanh(cell), 0.0)
        tl.store(joined_ptr + after * J + h, hidden, mask=inside)
        if LOWERS:
            lowered = hidden.to(lowered_ptr.dtype.element_ty)
            tl.store(lowered_ptr + line * J + h, lowered, mask=inside)
        table = k[:, None] * H + h[None, :]
        mask = (k < K)[:, None] & inside[None, :]
        alpha += _read(weight_ptr + table, mask, hidden)
        beta += _read(weight_ptr + K * H + table, mask, hidden)
        move += _read(weight_ptr + 2 * K * H + table, mask, hidden)

    there = k < K
    alpha += tl.load(bias_ptr + k, mask=there, other=0.0)
    beta += tl.load(bias_ptr + K + k, mask=there, other=0.0)
    move += tl.load(bias_ptr + 2 * K + k, mask=there, other=0.0)
    raw = raw_ptr + before * 3 * K + k
    tl.store(raw, alpha, mask=there)
    tl.store(raw + K, beta, mask=there)
    tl.store(raw + 2 * K, move, mask=there)
    alpha = _clamp(alpha, _ALPHA_LOW, _ALPHA_HIGH)
    beta = tl.exp(_clamp(beta, _BETA_LOW, _BETA_HIGH))
    kappa = tl.load(kappas_ptr + before * K + k, mask=there, other=0.0)
    kappa += tl.exp(_clamp(move, _STEP_LOW, _STEP_HIGH))
    tl.store(kappas_ptr + after * K + k, kappa, mask=there)

    c = tl.arange(0, BLOCK_C)
    window = tl.zeros([BLOCK_C], dtype=tl.float32)
    for start in range(0, U, BLOCK_U):
        u = start + tl.arange(0, BLOCK_U)
        character = tl.load(characters_ptr + line * U + u, mask=u < U, other=-1)
        distance = kappa[:, None] - u[None, :].to(tl.float32)
        alive = there[:, None] & (character >= 0)[None, :]
        phi = tl.sum(_components(alpha, beta, distance, alive), axis=0)
        tl.store(phis_ptr + before * U + u, phi, mask=u < U)
        window += tl.sum(tl.where(character[:, None] == c[None, :], phi[:, None], 0.0), axis=0)
    tl.store(joined_ptr + after * J + H + c, window, mask=c < C)
    if LOWERS:
        lowered = window.to(lowered_ptr.dtype.element_ty)
        tl.store(lowered_ptr + line * J + H + c, lowered, mask=c < C)


@triton.jit(do_not_specialize=["step", "batch", "bound"])
def _backward(
    gates_ptr, cells_ptr, raw_ptr, kappas_ptr, weight_ptr, characters_ptr, valid_ptr,
    grad_hiddens_ptr, grad_windows_ptr, grad_gates_ptr, grad_raw_ptr, grad_joined_ptr,
    grad_cell_ptr, grad_kappa_ptr, lowered_ptr, step, batch, bound,
    CLIPS: tl.constexpr, LOWERS: tl.constexpr, H: tl.constexpr, C: tl.constexpr, J: tl.constexpr,
    K: tl.constexpr, U: tl.constexpr, BLOCK_H: tl.constexpr, BLOCK_C: tl.constexpr,
    BLOCK_K: tl.constexpr, BLOCK_U: tl.constexpr,
):  # fmt: skip
    """Backwards through one step of line ``program_id(0)``."""
    line = tl.program_id(0).to(tl.int64)
    before = step.to(tl.int64) * batch + line
    after = before + batch
    is_real = step < tl.load(valid_ptr)

    k = tl.arange(0, BLOCK_K)
    there = k < K
    raw = raw_ptr + before * 3 * K + k
    raw_alpha = tl.load(raw, mask=there, other=0.0)
    raw_beta = tl.load(raw + K, mask=there, other=0.0)
    raw_move = tl.load(raw + 2 * K, mask=there, other=0.0)
    alpha = _clamp(raw_alpha, _ALPHA_LOW, _ALPHA_HIGH)
    beta = tl.exp(_clamp(raw_beta, _BETA_LOW, _BETA_HIGH))
    move = tl.exp(_clamp(raw_move, _STEP_LOW, _STEP_HIGH))
    kappa = tl.load(kappas_ptr + after * K + k, mask=there, other=0.0)

    of_alpha = tl.zeros([BLOCK_K], dtype=tl.float32)
    of_distance = tl.zeros([BLOCK_K], dtype=tl.float32)
    of_square = tl.zeros([BLOCK_K], dtype=tl.float32)
    for start in range(0, U, BLOCK_U):
        u = start + tl.arange(0, BLOCK_U)
        character = tl.load(characters_ptr + line * U + u, mask=u < U, other=-1)
        has_one = character >= 0
        of_output = grad_windows_ptr + before * C + character
        of_gates = grad_joined_ptr + line * J + H + character
        grad_phi = tl.load(of_output, mask=has_one, other=0.0)
        grad_phi += tl.load(of_gates, mask=has_one, other=0.0).to(tl.float32)
        distance = kappa[:, None] - u[None, :].to(tl.float32)
        alive = there[:, None] & has_one[None, :]
        moment = _components(alpha, beta, distance, alive) * grad_phi[None, :]
        of_alpha += tl.sum(moment, axis=1)
        moment *= distance
        of_distance += tl.sum(moment, axis=1)
        of_square += tl.sum(moment * distance, axis=1)

    grad_kappa_here = grad_kappa_ptr + line * K + k
    grad_kappa = tl.load(grad_kappa_here, mask=there, other=0.0)
    kappa_passed_on = grad_kappa
    grad_kappa -= 2 * beta * of_distance
    grad_alpha = _inside(of_alpha, raw_alpha, _ALPHA_LOW, _ALPHA_HIGH, is_real)
    grad_beta = _inside(-beta * of_square, raw_beta, _BETA_LOW, _BETA_HIGH, is_real)
    grad_move = _inside(grad_kappa * move, raw_move, _STEP_LOW, _STEP_HIGH, is_real)
    tl.store(grad_kappa_here, tl.where(is_real, grad_kappa, kappa_passed_on), mask=there)
    grad_raw = grad_raw_ptr + before * 3 * K + k
    tl.store(grad_raw, grad_alpha, mask=there)
    tl.store(grad_raw + K, grad_beta, mask=there)
    tl.store(grad_raw + 2 * K, grad_move, mask=there)

    for start in range(0, H, BLOCK_H):
        h = start + tl.arange(0, BLOCK_H)
        inside = h < H
        table = k[:, None] * H + h[None, :]
        mask = there[:, None] & inside[None, :]
        grad_hidden = tl.load(grad_hiddens_ptr + before * H + h, mask=inside, other=0.0)
        from_next = tl.load(grad_joined_ptr + line * J + h, mask=inside, other=0.0)
        grad_hidden += from_next.to(tl.float32)
        grad_hidden += _read_back(weight_ptr + table, mask, grad_alpha)
        grad_hidden += _read_back(weight_ptr + K * H + table, mask, grad_beta)
        grad_hidden += _read_back(weight_ptr + 2 * K * H + table, mask, grad_move)

        gate = gates_ptr + before * 4 * H + h
        i = tl.load(gate, mask=inside, other=0.0)
        f = tl.load(gate + H, mask=inside, other=0.0)
        g = tl.load(gate + 2 * H, mask=inside, other=0.0)
        o = tl.load(gate + 3 * H, mask=inside, other=0.0)
        tanh_cell = _tanh(tl.load(cells_ptr + after * H + h, mask=inside, other=0.0))
        last_cell = tl.load(cells_ptr + before * H + h, mask=inside, other=0.0)
        grad_cell_here = grad_cell_ptr + line * H + h
        cell_passed_on = tl.load(grad_cell_here, mask=inside, other=0.0)
        grad_cell = cell_passed_on + grad_hidden * o * (1 - tanh_cell * tanh_cell)
        of_i = _clipped(grad_cell * g * i * (1 - i), bound, CLIPS, is_real)
        of_f = _clipped(grad_cell * last_cell * f * (1 - f), bound, CLIPS, is_real)
        of_g = _clipped(grad_cell * i * (1 - g * g), bound, CLIPS, is_real)
        of_o = _clipped(grad_hidden * tanh_cell * o * (1 - o), bound, CLIPS, is_real)
        tl.store(grad_cell_here, tl.where(is_real, grad_cell * f, cell_passed_on), mask=inside)
        grad_gate = grad_gates_ptr + before * 4 * H + h
        tl.store(grad_gate, of_i, mask=inside)
        tl.store(grad_gate + H, of_f, mask=inside)
        tl.store(grad_gate + 2 * H, of_g, mask=inside)
        tl.store(grad_gate + 3 * H, of_o, mask=inside)
        if LOWERS:
            lowered = lowered_ptr + line * 4 * H + h
            tl.store(lowered, of_i.to(lowered_ptr.dtype.element_ty), mask=inside)
            tl.store(lowered + H, of_f.to(lowered_ptr.dtype.element_ty), mask=inside)
            tl.store(lowered + 2 * H, of_g.to(lowered_ptr.dtype.element_ty), mask=inside)
            tl.store(lowered + 3 * H, of_o.to(lowered_ptr.dtype.element_ty), mask=inside)


@triton.jit
def _sum(gate, product, inside):
    value = tl.load(product, mask=inside, other=0.0).to(tl.float32)
    return tl.load(gate, mask=inside, other=0.0) + value


@triton.jit
def _sigmoid(x):
    return 1.0 / (1.0 + tl.exp(-x))


@triton.jit
def _tanh(x):
    return 2.0 / (1.0 + tl.exp(-2.0 * x)) - 1.0


@triton.jit
def _clamp(x, low, high):
    # Like torch's, this leaves a NaN a NaN.
    return tl.where(x < low, low, tl.where(x > high, high, x))


@triton.jit
def _read(table, mask, hidden):
    """``[BLOCK_K]``, rows of the weights times what the cells give."""
    return tl.sum(tl.load(table, mask=mask, other=0.0) * hidden[None, :], axis=1)


@triton.jit
def _read_back(table, mask, gradient):
    """``[BLOCK_H]``, columns of the weights times a gradient."""
    return tl.sum(tl.load(table, mask=mask, other=0.0) * gradient[:, None], axis=0)


@triton.jit
def _components(alpha, beta, distance, alive):
    """phi of each component, ``[BLOCK_K, BLOCK_U]`` (Graves 2013, eq. 46)."""
    exponent = alpha[:, None] - beta[:, None] * distance * distance
    # Written so that a NaN stays one.
    return tl.where(alive & ~(exponent <= _FLOOR), tl.exp(exponent), 0.0)


@triton.jit
def _inside(gradient, raw, low, high, is_real):
    """Of a parameter that is held within a range; nothing where it is held."""
    return tl.where(is_real & (raw >= low) & (raw <= high), gradient, 0.0)


@triton.jit
def _clipped(gradient, bound, CLIPS: tl.constexpr, is_real):
    if CLIPS:
        gradient = _clamp(gradient, -bound, bound)
    return tl.where(is_real, gradient, 0.0)
