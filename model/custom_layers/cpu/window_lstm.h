// The LSTM layer that carries a window of Gaussians over its text (Graves 2013, eq. 46-51), over
// all steps and back.
//
// Shapes: `B` lines, `T` steps, `R` = T B rows, `I` inputs, `H` hidden units, `C` vocabulary, `U`
// characters of the padded text, `K` window components, `J` columns of all that enters the gates:
// hidden output, window, inputs, a one for the bias, padding.
#pragma once

#include "cell.h"
#include "recurrence.h"

namespace handwriting {

// The window's parameters of one line and step are held within these, see window_ranges.py.
struct WindowRanges {
  double lowest[3], highest[3];
  double log_phi_floor;
};

template <typename acc_t>
struct Component {
  acc_t log_alpha, beta, step;
};

// The k-th component of raw parameters [3K] (eq. 48-51).
template <typename acc_t>
inline Component<acc_t> component(
    const acc_t* raw, int64_t components, int64_t k, const WindowRanges& ranges) {
  acc_t held[3];
  for (int part = 0; part < 3; part++) {
    const acc_t value = raw[part * components + k];
    const acc_t lowest = static_cast<acc_t>(ranges.lowest[part]);
    const acc_t highest = static_cast<acc_t>(ranges.highest[part]);
    held[part] = value < lowest ? lowest : value > highest ? highest : value;
  }
  return {held[0], exponential(held[1]), exponential(held[2])};
}

// A component's weight at a distance (eq. 46); exactly 0 under the floor.
template <typename acc_t>
inline acc_t component_weight(const Component<acc_t>& part, acc_t distance, acc_t floor) {
  const acc_t log_phi = part.log_alpha - part.beta * distance * distance;
  const acc_t weight = exponential(log_phi > floor ? log_phi : floor);
  return log_phi > floor || log_phi != log_phi ? weight : acc_t(0);
}

// One line's step: moves kappa [K] to `next_kappa` and fills phi [U] and the window [C].
//   characters, mask  [U] of the line's text
template <typename acc_t>
inline void window_forward(
    const acc_t* raw, const acc_t* kappa, int64_t components, const int64_t* characters,
    const acc_t* mask, int64_t length, int64_t vocabulary, const WindowRanges& ranges,
    acc_t* next_kappa, acc_t* __restrict phi, acc_t* window) {
  const acc_t floor = static_cast<acc_t>(ranges.log_phi_floor);
  std::fill(phi, phi + length, acc_t(0));
  for (int64_t k = 0; k < components; k++) {
    const auto part = component(raw, components, k, ranges);
    const acc_t centre = next_kappa[k] = kappa[k] + part.step;
#pragma omp simd
    for (int32_t u = 0; u < static_cast<int32_t>(length); u++)
      phi[u] += component_weight(part, centre - static_cast<acc_t>(u), floor);
  }
  std::fill(window, window + vocabulary, acc_t(0));
  for (int64_t u = 0; u < length; u++) {
    phi[u] *= mask[u];
    window[characters[u]] += phi[u];
  }
}

// Back through it.
//   grad_window [C]
//   kappa       [K]  after the step
//   grad_kappa  [K]  of it, from the steps that follow; becomes that of kappa before
//   grad_raw    [3K] filled
//   grad_phi    [U]  scratch
template <typename acc_t>
inline void window_backward(
    const acc_t* grad_window, const acc_t* raw, const acc_t* kappa, int64_t components,
    const int64_t* characters, const acc_t* mask, int64_t length, const WindowRanges& ranges,
    acc_t* grad_kappa, acc_t* grad_raw, acc_t* __restrict grad_phi) {
  const acc_t floor = static_cast<acc_t>(ranges.log_phi_floor);
  for (int64_t u = 0; u < length; u++) grad_phi[u] = grad_window[characters[u]] * mask[u];
  for (int64_t k = 0; k < components; k++) {
    const auto part = component(raw, components, k, ranges);
    const acc_t centre = kappa[k];
    acc_t of_alpha = 0, of_distance = 0, of_square = 0;
#pragma omp simd reduction(+ : of_alpha, of_distance, of_square)
    for (int32_t u = 0; u < static_cast<int32_t>(length); u++) {
      const acc_t distance = centre - static_cast<acc_t>(u);
      const acc_t moment = component_weight(part, distance, floor) * grad_phi[u];
      of_alpha += moment;
      of_distance += moment * distance;
      of_square += moment * distance * distance;
    }
    grad_kappa[k] -= 2 * part.beta * of_distance;
    const acc_t gradients[3] = {of_alpha, -part.beta * of_square, grad_kappa[k] * part.step};
    for (int at = 0; at < 3; at++) {
      const acc_t value = raw[at * components + k];
      const bool inside = value >= static_cast<acc_t>(ranges.lowest[at]) &&
                          value <= static_cast<acc_t>(ranges.highest[at]);
      grad_raw[at * components + k] = inside ? gradients[at] : acc_t(0);
    }
  }
}

// A batch of texts: `characters` int64 [B, U], `mask` [B, U], 1 on characters and 0 on padding.
struct Texts {
  at::Tensor characters, mask;
  int64_t vocabulary;

  int64_t length() const { return characters.size(1); }
};

// Returns
//   hiddens [B + R, H], windows [B + R, C], kappas [B + R, K]  those before the first step first
//   last    [B, H]   the cell after the last step
//   phis    [R, U]
//   gates [R, 4H], cells [B + R, H], raw [R, 3K]  for the way back; only if `keep`
template <typename op_t>
std::vector<at::Tensor> window_lstm_forward(
    const at::Tensor& inputs, const at::Tensor& weight, const at::Tensor& bias,
    const at::Tensor& weight_window, const at::Tensor& bias_window, const Texts& texts,
    const at::Tensor& hidden, const at::Tensor& cell, const at::Tensor& kappa,
    const at::Tensor& window, const WindowRanges& ranges, bool keep) {
  using acc_t = acc_of<op_t>;
  const int64_t lines = hidden.size(0), size = hidden.size(1), components = kappa.size(1);
  const int64_t rows = inputs.size(0), num_steps = rows / lines, pen = inputs.size(1);
  const int64_t vocabulary = texts.vocabulary, length = texts.length();
  const auto acc = hidden.options(), op = acc.dtype(scalar_type<op_t>());
  const PackedMatrix<op_t> to_gates(weight.t());
  const PackedMatrix<acc_t> to_window(weight_window.t());
  auto hiddens = at::empty({lines + rows, size}, acc);
  auto windows = at::empty({lines + rows, vocabulary}, acc);
  auto kappas = at::empty({lines + rows, components}, acc);
  auto phis = at::empty({rows, length}, acc);
  auto gates = at::empty({keep ? rows : lines, 4 * size}, op);
  auto cells = at::empty({lines + (keep ? rows : 0), size}, op);
  auto raws = at::empty({keep ? rows : lines, 3 * components}, acc);
  auto state = cell.clone(at::MemoryFormat::Contiguous);
  hiddens.narrow(0, 0, lines).copy_(hidden);
  windows.narrow(0, 0, lines).copy_(window);
  kappas.narrow(0, 0, lines).copy_(kappa);
  cells.narrow(0, 0, lines).copy_(cell);
  auto operand = at::zeros({lines, to_gates.inner()}, op);
  operand.narrow(1, 0, size).copy_(hidden);
  operand.narrow(1, size, vocabulary).copy_(window);
  const auto pens = inputs.to(op.dtype()).contiguous();
  auto sums = at::empty({lines, to_gates.columns()}, acc);
  auto of_window = at::empty({lines, to_window.columns()}, acc);
  const auto biases = bias.contiguous(), window_biases = bias_window.contiguous();

  over_lines(lines, [&](int64_t begin, int64_t end) {
    for (int64_t step = 0; step < num_steps; step++) {
      const int64_t first = step * lines;
      for (int64_t line = begin; line < end; line++)
        std::copy_n(
            data<op_t>(pens) + (first + line) * pen, pen,
            data<op_t>(operand) + line * to_gates.inner() + size + vocabulary);
      to_gates.multiply(
          data<op_t>(operand) + begin * to_gates.inner(), to_gates.inner(), end - begin,
          data<acc_t>(sums) + begin * to_gates.columns(), to_gates.columns());
      for (int64_t line = begin; line < end; line++) {
        const int64_t row = first + line, kept = keep ? row : line;
        cell_forward<false, op_t>(
            size, data<acc_t>(sums) + line * to_gates.columns(), data<acc_t>(biases),
            data<op_t>(gates) + kept * 4 * size, data<acc_t>(state) + line * size,
            data<op_t>(cells) + (keep ? lines + row : line) * size,
            data<acc_t>(hiddens) + (lines + row) * size,
            data<op_t>(operand) + line * to_gates.inner());
      }
      to_window.multiply(
          data<acc_t>(hiddens) + (lines + first + begin) * size, size, end - begin,
          data<acc_t>(of_window) + begin * to_window.columns(), to_window.columns());
      for (int64_t line = begin; line < end; line++) {
        const int64_t row = first + line;
        auto* raw = data<acc_t>(raws) + (keep ? row : line) * 3 * components;
        const auto* sum = data<acc_t>(of_window) + line * to_window.columns();
        for (int64_t k = 0; k < 3 * components; k++)
          raw[k] = sum[k] + data<acc_t>(window_biases)[k];
        auto* seen = data<acc_t>(windows) + (lines + row) * vocabulary;
        window_forward(
            raw, data<acc_t>(kappas) + row * components, components,
            data<int64_t>(texts.characters) + line * length,
            data<acc_t>(texts.mask) + line * length, length, vocabulary, ranges,
            data<acc_t>(kappas) + (lines + row) * components, data<acc_t>(phis) + row * length,
            seen);
        auto* entering = data<op_t>(operand) + line * to_gates.inner() + size;
        for (int64_t c = 0; c < vocabulary; c++) narrow(seen[c], entering[c]);
      }
    }
    to_gates.release();
  });
  return {hiddens, windows, kappas, state, phis, gates, cells, raws};
}

// Takes what `window_lstm_forward` gave and took, and the gradients of its hidden outputs [R, H],
// windows [R, C], last cell and last kappa; `needed`: whether those of inputs and weights are
// wanted.
//
// Returns the gradients of hidden, cell, kappa and window before the first step, of the inputs
// [R, I], of the weights [4H, J], of the raw parameters [R, 3K].
template <typename op_t>
std::vector<at::Tensor> window_lstm_backward(
    const at::Tensor& grad_hiddens, const at::Tensor& grad_windows, const at::Tensor& grad_cell,
    const at::Tensor& grad_kappa, const at::Tensor& inputs, const at::Tensor& weight,
    const at::Tensor& weight_window, const Texts& texts, const at::Tensor& hiddens,
    const at::Tensor& windows, const at::Tensor& kappas, const at::Tensor& gates,
    const at::Tensor& cells, const at::Tensor& raws, const WindowRanges& ranges,
    std::optional<double> clip, bool of_inputs, bool of_weights) {
  using acc_t = acc_of<op_t>;
  const int64_t lines = grad_cell.size(0), size = grad_cell.size(1);
  const int64_t components = grad_kappa.size(1), rows = inputs.size(0), pen = inputs.size(1);
  const int64_t vocabulary = texts.vocabulary, length = texts.length();
  const std::vector<int64_t> counts(rows / lines, lines);
  const Steps steps(counts, lines);
  const auto acc = hiddens.options(), op = acc.dtype(scalar_type<op_t>());
  const int64_t back_width = size + vocabulary + (of_inputs ? pen : 0);
  const PackedMatrix<op_t> from_gates(weight.narrow(1, 0, back_width));
  const PackedMatrix<acc_t> from_window(weight_window);
  const acc_t bound =
      clip ? static_cast<acc_t>(*clip) : std::numeric_limits<acc_t>::infinity();
  const auto hiddens_above = grad_hiddens.contiguous(), windows_above = grad_windows.contiguous();
  auto of_cell = grad_cell.clone(at::MemoryFormat::Contiguous);
  auto of_kappa = grad_kappa.clone(at::MemoryFormat::Contiguous);
  // Of what entered the gates of the step after: hidden output, window, inputs.
  auto from_next = at::zeros({lines, from_gates.columns()}, acc);
  auto of_hidden = at::empty({lines, from_window.columns()}, acc);
  auto of_window = at::empty({lines, vocabulary}, acc);
  auto of_phi = at::empty({lines, length}, acc);
  auto grad_raws = at::empty({rows, 3 * components}, acc);
  auto grad_inputs = at::empty({of_inputs ? rows : 0, pen}, acc);
  const int64_t used = size + vocabulary + pen;
  const int64_t width = rounded_up(used + 1, kColumnMultiple), most_rows = steps.most_rows();
  auto grad_gates = at::empty({most_rows, 4 * size}, op);
  auto joined = of_weights ? at::zeros({most_rows, width}, op) : at::empty({0}, op);
  if (of_weights) joined.select(1, used).fill_(1);
  auto grad_weights = of_weights ? at::zeros({4 * size, width}, acc) : at::empty({0}, acc);

  auto chunks = steps.chunks();
  for (auto chunk = chunks.rbegin(); chunk != chunks.rend(); ++chunk) {
    over_lines(lines, [&](int64_t begin, int64_t end) {
      for (int64_t step = chunk->last_step - 1; step >= chunk->first_step; step--) {
        const int64_t first = step * lines;
        auto* of_gates = data<op_t>(grad_gates) + (first - chunk->first_row) * 4 * size;
        for (int64_t line = begin; line < end; line++) {
          const int64_t row = first + line;
          const auto* next = data<acc_t>(from_next) + line * from_gates.columns();
          auto* seen = data<acc_t>(of_window) + line * vocabulary;
          const auto* above = data<acc_t>(windows_above) + row * vocabulary;
          for (int64_t c = 0; c < vocabulary; c++) seen[c] = above[c] + next[size + c];
          window_backward(
              seen, data<acc_t>(raws) + row * 3 * components,
              data<acc_t>(kappas) + (lines + row) * components, components,
              data<int64_t>(texts.characters) + line * length,
              data<acc_t>(texts.mask) + line * length, length, ranges,
              data<acc_t>(of_kappa) + line * components,
              data<acc_t>(grad_raws) + row * 3 * components,
              data<acc_t>(of_phi) + line * length);
        }
        from_window.multiply(
            data<acc_t>(grad_raws) + (first + begin) * 3 * components, 3 * components,
            end - begin, data<acc_t>(of_hidden) + begin * from_window.columns(),
            from_window.columns());
        for (int64_t line = begin; line < end; line++) {
          const int64_t row = first + line;
          auto* of_line = data<acc_t>(of_hidden) + line * from_window.columns();
          const auto* above = data<acc_t>(hiddens_above) + row * size;
          for (int64_t j = 0; j < size; j++) of_line[j] += above[j];
          cell_backward<op_t>(
              size, of_line, data<acc_t>(from_next) + line * from_gates.columns(),
              data<op_t>(gates) + row * 4 * size, data<op_t>(cells) + row * size,
              data<op_t>(cells) + (lines + row) * size, data<acc_t>(of_cell) + line * size,
              of_gates + line * 4 * size, bound);
        }
        from_gates.multiply(
            of_gates + begin * 4 * size, 4 * size, end - begin,
            data<acc_t>(from_next) + begin * from_gates.columns(), from_gates.columns());
        if (!of_inputs) continue;
        for (int64_t line = begin; line < end; line++)
          std::copy_n(
              data<acc_t>(from_next) + line * from_gates.columns() + size + vocabulary, pen,
              data<acc_t>(grad_inputs) + (first + line) * pen);
      }
      from_gates.release();
    });
    if (!of_weights) continue;
    const auto entering = joined.narrow(0, 0, chunk->rows);
    int64_t column = 0;
    copy_before(entering, column, hiddens, steps, *chunk);
    copy_before(entering, column, windows, steps, *chunk);
    copy_columns(entering, column, inputs.narrow(0, chunk->first_row, chunk->rows));
    add_weight_gradient<op_t>(grad_weights, grad_gates.narrow(0, 0, chunk->rows), entering);
  }
  return {
      from_next.narrow(1, 0, size), of_cell,      of_kappa,
      from_next.narrow(1, size, vocabulary), grad_inputs, grad_weights, grad_raws};
}

}  // namespace handwriting
