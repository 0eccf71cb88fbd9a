// The operators as PyTorch calls them: `torch.ops.handwriting.*`, by the type of the operands.
#include <torch/library.h>

#include "lstm.h"
#include "window_lstm.h"

namespace handwriting {
namespace {

// Calls `run` with a value of the operands' type.
template <typename Run>
std::vector<at::Tensor> by_type(at::ScalarType type, const Run& run) {
  if (type == at::kBFloat16) return run(bfloat16());
  if (type == at::kFloat) return run(float());
  TORCH_CHECK(type == at::kDouble, "operands: bfloat16, float or double, got ", type);
  return run(double());
}

void check_contiguous(const at::Tensor& tensor, at::ScalarType type) {
  TORCH_CHECK(tensor.is_contiguous() && tensor.scalar_type() == type, "contiguous, of one type");
}

Texts texts_of(const at::Tensor& characters, const at::Tensor& mask, int64_t vocabulary) {
  return {characters.contiguous(), mask.contiguous(), vocabulary};
}

WindowRanges ranges_of(at::ArrayRef<double> values) {
  TORCH_CHECK(values.size() == 7, "ranges: three pairs and the floor");
  WindowRanges ranges;
  for (int part = 0; part < 3; part++) {
    ranges.lowest[part] = values[2 * part];
    ranges.highest[part] = values[2 * part + 1];
  }
  ranges.log_phi_floor = values[6];
  return ranges;
}

std::vector<at::Tensor> run_lstm_forward(
    at::TensorList inputs, const at::Tensor& weight_inputs, const at::Tensor& weight_hidden,
    const at::Tensor& bias, const at::Tensor& hidden, const at::Tensor& cell,
    at::IntArrayRef counts, at::ScalarType type, bool keep) {
  return by_type(type, [&](auto zero) {
    return lstm_forward<decltype(zero)>(
        inputs, weight_inputs, weight_hidden, bias, hidden, cell, counts, keep);
  });
}

std::vector<at::Tensor> run_lstm_backward(
    const at::Tensor& grad_hiddens, const at::Tensor& grad_cell, at::TensorList inputs,
    const at::Tensor& weight_inputs, const at::Tensor& weight_hidden, const at::Tensor& hiddens,
    const at::Tensor& gates, const at::Tensor& cells, at::IntArrayRef counts,
    std::optional<double> clip, c10::List<bool> needed) {
  return by_type(gates.scalar_type(), [&](auto zero) {
    return lstm_backward<decltype(zero)>(
        grad_hiddens, grad_cell, inputs, weight_inputs, weight_hidden, hiddens, gates, cells,
        counts, clip, needed);
  });
}

std::vector<at::Tensor> run_window_forward(
    const at::Tensor& inputs, const at::Tensor& weight, const at::Tensor& bias,
    const at::Tensor& weight_window, const at::Tensor& bias_window, const at::Tensor& characters,
    const at::Tensor& mask, const at::Tensor& hidden, const at::Tensor& cell,
    const at::Tensor& kappa, const at::Tensor& window, at::ArrayRef<double> ranges,
    at::ScalarType type, bool keep) {
  return by_type(type, [&](auto zero) {
    return window_lstm_forward<decltype(zero)>(
        inputs, weight, bias, weight_window, bias_window,
        texts_of(characters, mask, window.size(1)), hidden, cell, kappa, window, ranges_of(ranges),
        keep);
  });
}

std::vector<at::Tensor> run_window_backward(
    const at::Tensor& grad_hiddens, const at::Tensor& grad_windows, const at::Tensor& grad_cell,
    const at::Tensor& grad_kappa, const at::Tensor& inputs, const at::Tensor& weight,
    const at::Tensor& weight_window, const at::Tensor& characters, const at::Tensor& mask,
    at::TensorList kept, at::ArrayRef<double> ranges, std::optional<double> clip, bool of_inputs,
    bool of_weights) {
  TORCH_CHECK(kept.size() == 6, "kept: hiddens, windows, kappas, gates, cells, raw");
  for (const auto& each : kept) check_contiguous(each, each.scalar_type());
  return by_type(kept[3].scalar_type(), [&](auto zero) {
    return window_lstm_backward<decltype(zero)>(
        grad_hiddens, grad_windows, grad_cell, grad_kappa, inputs, weight, weight_window,
        texts_of(characters, mask, grad_windows.size(1)), kept[0], kept[1], kept[2], kept[3],
        kept[4], kept[5], ranges_of(ranges), clip, of_inputs, of_weights);
  });
}

// Rows [R, K] of float times weight [N, K] transposed, plus the bias [N] where there is one.
at::Tensor run_linear(
    const at::Tensor& rows, const at::Tensor& weight, const std::optional<at::Tensor>& bias) {
  check_contiguous(rows, at::kFloat);
  auto out = at::empty({rows.size(0), weight.size(0)}, rows.options());
  multiply_rows<float>(rows, PackedMatrix<float>(weight.t()), out);
  return bias ? out.add_(*bias) : out;
}

// first [R, M] transposed times second [R, N]: [M, N].
at::Tensor run_transposed_product(const at::Tensor& first, const at::Tensor& second) {
  check_contiguous(first, at::kFloat);
  const int64_t columns = second.size(1);
  const int64_t padded = rounded_up(columns, block_columns<float>());
  auto sum = at::zeros({first.size(1), padded}, first.options());
  for (int64_t row = 0; row < first.size(0); row += kRowsAtOnce) {
    const int64_t count = std::min(kRowsAtOnce, first.size(0) - row);
    const auto rows = at::constant_pad_nd(second.narrow(0, row, count), {0, padded - columns});
    add_transposed_product<float>(sum, first.narrow(0, row, count), rows.contiguous());
  }
  return sum.narrow(1, 0, columns);
}

TORCH_LIBRARY(handwriting, library) {
  library.def(
      "lstm_forward(Tensor[] inputs, Tensor weight_inputs, Tensor weight_hidden, Tensor bias,"
      " Tensor hidden, Tensor cell, int[] counts, ScalarType type, bool keep) -> Tensor[]",
      run_lstm_forward);
  library.def(
      "lstm_backward(Tensor grad_hiddens, Tensor grad_cell, Tensor[] inputs, Tensor weight_inputs,"
      " Tensor weight_hidden, Tensor hiddens, Tensor gates, Tensor cells, int[] counts,"
      " float? clip, bool[] needed) -> Tensor[]",
      run_lstm_backward);
  library.def(
      "window_lstm_forward(Tensor inputs, Tensor weight, Tensor bias, Tensor weight_window,"
      " Tensor bias_window, Tensor characters, Tensor mask, Tensor hidden, Tensor cell,"
      " Tensor kappa, Tensor window, float[] ranges, ScalarType type, bool keep) -> Tensor[]",
      run_window_forward);
  library.def(
      "window_lstm_backward(Tensor grad_hiddens, Tensor grad_windows, Tensor grad_cell,"
      " Tensor grad_kappa, Tensor inputs, Tensor weight, Tensor weight_window, Tensor characters,"
      " Tensor mask, Tensor[] kept, float[] ranges, float? clip, bool of_inputs,"
      " bool of_weights) -> Tensor[]",
      run_window_backward);
  library.def("linear(Tensor rows, Tensor weight, Tensor? bias) -> Tensor", run_linear);
  library.def(
      "transposed_product(Tensor first, Tensor second) -> Tensor", run_transposed_product);
}

}  // namespace
}  // namespace handwriting
