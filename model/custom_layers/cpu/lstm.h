// An LSTM layer over all steps and back.
//
// Shapes: `B` lines, `R` rows of all steps (see recurrence.h), `I` inputs, `H` hidden units, `J`
// columns of all that enters the gates: hidden output, inputs, a one for the bias, padding.
#pragma once

#include "cell.h"
#include "recurrence.h"

namespace handwriting {

// Returns
//   hiddens [B + R, H]  hidden outputs, those before the first step first
//   last    [B, H]      each line's cell after its last step
//   gates   [R, 4H], cells [B + R, H]  for the way back, as operands; of no meaning unless `keep`
template <typename op_t>
std::vector<at::Tensor> lstm_forward(
    at::TensorList inputs, const at::Tensor& weight_inputs, const at::Tensor& weight_hidden,
    const at::Tensor& bias, const at::Tensor& hidden, const at::Tensor& cell,
    at::IntArrayRef counts, bool keep) {
  using acc_t = acc_of<op_t>;
  const int64_t lines = hidden.size(0), size = hidden.size(1);
  const Steps steps(counts, lines);
  const auto acc = hidden.options(), op = acc.dtype(scalar_type<op_t>());
  const PackedMatrix<op_t> recurrent(weight_hidden.t());
  const ChunkWeight<op_t> to_gates(weight_inputs.t());
  auto hiddens = at::empty({lines + steps.rows(), size}, acc);
  auto state = cell.clone(at::MemoryFormat::Contiguous);
  auto gates = at::empty({keep ? steps.rows() : steps.most_rows(), 4 * size}, op);
  auto cells = at::empty({lines + (keep ? steps.rows() : 0), size}, op);
  hiddens.narrow(0, 0, lines).copy_(hidden);
  cells.narrow(0, 0, lines).copy_(cell);
  auto operand = at::zeros({lines, recurrent.inner()}, op);
  operand.narrow(1, 0, size).copy_(hidden);
  auto sums = at::empty({lines, recurrent.columns()}, acc);
  auto joined = at::empty({steps.most_rows(), total_width(inputs)}, op);
  const auto biases = bias.contiguous();

  for (const Chunk& chunk : steps.chunks()) {
    const int64_t first_gate = keep ? chunk.first_row : 0;
    auto known = gates.narrow(0, first_gate, chunk.rows);
    auto entering = joined.narrow(0, 0, chunk.rows);
    int64_t column = 0;
    for (const auto& part : inputs)
      copy_columns(entering, column, part.narrow(0, chunk.first_row, chunk.rows));
    to_gates.multiply(entering, known);
    over_lines(lines, [&](int64_t begin, int64_t end) {
      for (int64_t step = chunk.first_step; step < chunk.last_step; step++) {
        const int64_t stop = std::min(end, steps.count(step));
        if (stop <= begin) break;
        recurrent.multiply(
            data<op_t>(operand) + begin * recurrent.inner(), recurrent.inner(), stop - begin,
            data<acc_t>(sums) + begin * recurrent.columns(), recurrent.columns());
        for (int64_t line = begin; line < stop; line++) {
          const int64_t row = steps.start(step) + line;
          cell_forward<true, op_t>(
              size, data<acc_t>(sums) + line * recurrent.columns(), data<acc_t>(biases),
              data<op_t>(gates) + (row - chunk.first_row + first_gate) * 4 * size,
              data<acc_t>(state) + line * size,
              data<op_t>(cells) + (keep ? lines + row : line) * size,
              data<acc_t>(hiddens) + (lines + row) * size,
              data<op_t>(operand) + line * recurrent.inner());
        }
      }
      recurrent.release();
    });
  }
  return {hiddens, state, gates, cells};
}

// Takes what `lstm_forward` gave and took, `grad_hiddens` [R, H] and `grad_cell` [B, H]; `needed`
// says for each of the inputs, and last for the weights, whether its gradient is wanted.
//
// Returns the gradients of hidden and cell before the first step, of the weights [4H, J] in the
// order of J, and of each of the inputs [R, I_i]; empty where not wanted.
template <typename op_t>
std::vector<at::Tensor> lstm_backward(
    const at::Tensor& grad_hiddens, const at::Tensor& grad_cell, at::TensorList inputs,
    const at::Tensor& weight_inputs, const at::Tensor& weight_hidden, const at::Tensor& hiddens,
    const at::Tensor& gates, const at::Tensor& cells, at::IntArrayRef counts,
    std::optional<double> clip, const c10::List<bool>& needed) {
  using acc_t = acc_of<op_t>;
  const int64_t lines = grad_cell.size(0), size = grad_cell.size(1);
  const Steps steps(counts, lines);
  const auto acc = hiddens.options(), op = acc.dtype(scalar_type<op_t>());
  const PackedMatrix<op_t> recurrent(weight_hidden);
  const acc_t bound =
      clip ? static_cast<acc_t>(*clip) : std::numeric_limits<acc_t>::infinity();
  const bool of_weights = needed.get(needed.size() - 1);
  const int64_t width = rounded_up(size + total_width(inputs) + 1, kColumnMultiple);
  const int64_t most_rows = steps.most_rows();
  const auto from_above = grad_hiddens.contiguous();
  auto of_cell = grad_cell.clone(at::MemoryFormat::Contiguous);
  auto from_next = at::zeros({lines, recurrent.columns()}, acc);
  auto grad_gates = at::empty({most_rows, 4 * size}, op);
  auto joined = of_weights ? at::zeros({most_rows, width}, op) : at::empty({0}, op);
  if (of_weights) joined.select(1, size + total_width(inputs)).fill_(1);
  auto grad_weights = of_weights ? at::zeros({4 * size, width}, acc) : at::empty({0}, acc);
  std::vector<at::Tensor> grad_inputs;
  std::vector<std::optional<PackedMatrix<op_t>>> to_inputs(inputs.size());
  for (int64_t i = 0, column = 0; i < static_cast<int64_t>(inputs.size()); i++) {
    const int64_t part = inputs[i].size(1);
    grad_inputs.push_back(at::empty({needed[i] ? steps.rows() : 0, part}, acc));
    if (needed[i]) to_inputs[i].emplace(weight_inputs.narrow(1, column, part));
    column += part;
  }

  auto chunks = steps.chunks();
  for (auto chunk = chunks.rbegin(); chunk != chunks.rend(); ++chunk) {
    over_lines(lines, [&](int64_t begin, int64_t end) {
      for (int64_t step = chunk->last_step - 1; step >= chunk->first_step; step--) {
        const int64_t stop = std::min(end, steps.count(step));
        if (stop <= begin) continue;
        const int64_t first = steps.start(step);
        auto* of_gates = data<op_t>(grad_gates) + (first - chunk->first_row) * 4 * size;
        for (int64_t line = begin; line < stop; line++)
          cell_backward<op_t>(
              size, data<acc_t>(from_above) + (first + line) * size,
              data<acc_t>(from_next) + line * recurrent.columns(),
              data<op_t>(gates) + (first + line) * 4 * size,
              data<op_t>(cells) + (steps.before(step) + line) * size,
              data<op_t>(cells) + (steps.after(step) + line) * size,
              data<acc_t>(of_cell) + line * size, of_gates + line * 4 * size, bound);
        recurrent.multiply(
            of_gates + begin * 4 * size, 4 * size, stop - begin,
            data<acc_t>(from_next) + begin * recurrent.columns(), recurrent.columns());
      }
      recurrent.release();
    });
    const auto of_gates = grad_gates.narrow(0, 0, chunk->rows);
    for (size_t i = 0; i < inputs.size(); i++)
      if (to_inputs[i])
        multiply_rows<op_t>(
            of_gates, *to_inputs[i], grad_inputs[i].narrow(0, chunk->first_row, chunk->rows));
    if (!of_weights) continue;
    const auto entering = joined.narrow(0, 0, chunk->rows);
    int64_t column = 0;
    copy_before(entering, column, hiddens, steps, *chunk);
    for (const auto& part : inputs)
      copy_columns(entering, column, part.narrow(0, chunk->first_row, chunk->rows));
    add_weight_gradient<op_t>(grad_weights, of_gates, entering);
  }
  std::vector<at::Tensor> gradients = {from_next.narrow(1, 0, size), of_cell, grad_weights};
  gradients.insert(gradients.end(), grad_inputs.begin(), grad_inputs.end());
  return gradients;
}

}  // namespace handwriting
