// One line's step of the LSTM cell, forwards and backwards, in one pass over the units.
//
// Shapes: `H` units; gates [4H] in the order input, forget, candidate, output.
#pragma once

#include "vector_math.h"

namespace handwriting {

template <bool known, typename op_t, typename acc_t>
inline acc_t gate_sum(
    int64_t gate, int64_t unit, int64_t size, const acc_t* summed, const acc_t* bias,
    const op_t* gates) {
  const int64_t at = gate * size + unit;
  if constexpr (known) return summed[at] + bias[at] + widened(gates[at]);
  return summed[at] + bias[at];
}

// What one line's step reads and writes.
//   summed    [4H] the recurrent share of the gates' sums
//   bias      [4H]
//   gates     [4H] with `known` the other share of the sums; becomes the gates
//   state     [H]  the cell, before the step and after
//   cell      [H]  the cell after the step, to be kept; none where nothing is kept
//   hidden    [H]  the hidden output
//   operand   [H]  the hidden output as the next product reads it
template <bool known, typename op_t, typename acc_t = acc_of<op_t>>
inline void cell_forward(
    int64_t size, const acc_t* __restrict summed, const acc_t* __restrict bias,
    op_t* __restrict gates, acc_t* __restrict state, op_t* __restrict cell,
    acc_t* __restrict hidden, op_t* __restrict operand) {
#pragma omp simd
  for (int64_t j = 0; j < size; j++) {
    const acc_t input = sigmoid(gate_sum<known>(0, j, size, summed, bias, gates));
    const acc_t forget = sigmoid(gate_sum<known>(1, j, size, summed, bias, gates));
    const acc_t candidate = hyperbolic_tangent(gate_sum<known>(2, j, size, summed, bias, gates));
    const acc_t output = sigmoid(gate_sum<known>(3, j, size, summed, bias, gates));
    const acc_t after = forget * state[j] + input * candidate;
    const acc_t out = output * hyperbolic_tangent(after);
    state[j] = after;
    hidden[j] = out;
    keep_gate(input, gates[j]);
    keep_gate(forget, gates[size + j]);
    keep_gate(candidate, gates[2 * size + j]);
    keep_gate(output, gates[3 * size + j]);
    narrow(after, cell[j]);
    narrow(out, operand[j]);
  }
}

// Back through it.
//   grad_hidden [H]  of the hidden output, from above, and `from_next` from the next step
//   before, after [H]  the cell
//   grad_cell   [H]  of the cell after the step; becomes that of the cell before
//   grad_gates  [4H] filled: of the gates' sums, held to [-bound, bound]
template <typename op_t, typename acc_t = acc_of<op_t>>
inline void cell_backward(
    int64_t size, const acc_t* __restrict grad_hidden, const acc_t* __restrict from_next,
    const op_t* __restrict gates, const op_t* __restrict before, const op_t* __restrict after,
    acc_t* __restrict grad_cell, op_t* __restrict grad_gates, acc_t bound) {
#pragma omp simd
  for (int64_t j = 0; j < size; j++) {
    const acc_t input = kept_gate(gates[j]), forget = kept_gate(gates[size + j]);
    const acc_t candidate = kept_gate(gates[2 * size + j]);
    const acc_t output = kept_gate(gates[3 * size + j]);
    const acc_t tangent = hyperbolic_tangent(widened(after[j]));
    const acc_t of_hidden = grad_hidden[j] + from_next[j];
    const acc_t of_output = of_hidden * tangent * output * (1 - output);
    const acc_t of_cell = grad_cell[j] + of_hidden * output * (1 - tangent * tangent);
    const acc_t of_input = of_cell * candidate * input * (1 - input);
    const acc_t of_forget = of_cell * widened(before[j]) * forget * (1 - forget);
    const acc_t of_candidate = of_cell * input * (1 - candidate * candidate);
    grad_cell[j] = of_cell * forget;
    narrow(clipped(of_input, bound), grad_gates[j]);
    narrow(clipped(of_forget, bound), grad_gates[size + j]);
    narrow(clipped(of_candidate, bound), grad_gates[2 * size + j]);
    narrow(clipped(of_output, bound), grad_gates[3 * size + j]);
  }
}

}  // namespace handwriting
