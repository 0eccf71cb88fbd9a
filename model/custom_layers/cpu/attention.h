// The recurrence of an attention decoder over whole texts and back (see attention_recurrence.py for
// the equations).
//
// Shapes: `B` lines, `U` characters, `N` frames, `E` width of the memory, `D` of the hidden output,
// `A` of the keys, `W` of the location's kernel (odd), `L` = N + W - 1 frames with margins. Of step
// u the first `counts[u]` lines are computed; the others stay zero.
#pragma once

#include "cell.h"
#include "recurrence.h"

namespace handwriting {

// What the location's kernel [2W, A] sees at each frame, [N, 2W], of attention and coverage [2, L].
template <typename acc_t>
inline void location_windows(const acc_t* pair, int64_t frames, int64_t width, acc_t* windows) {
  const int64_t padded = frames + width - 1;
  for (int64_t n = 0; n < frames; n++)
    for (int64_t channel = 0; channel < 2; channel++)
      std::copy_n(pair + channel * padded + n, width, windows + (2 * n + channel) * width);
}

// Its transpose, added to the gradients of attention and coverage [2, N]; `stride` of a row.
template <typename acc_t>
inline void add_window_gradients(
    const acc_t* windows, int64_t stride, int64_t frames, int64_t width, acc_t* grad_pair) {
  for (int64_t n = 0; n < frames; n++)
    for (int64_t channel = 0; channel < 2; channel++)
      for (int64_t w = 0; w < width; w++) {
        const int64_t frame = n + w - width / 2;
        if (frame >= 0 && frame < frames)
          grad_pair[channel * frames + frame] += windows[n * stride + channel * width + w];
      }
}

// tangents [N, A] and, returned in `energies` [N], their products with v [A].
template <typename op_t, typename acc_t = acc_of<op_t>>
inline void attention_energies(
    int64_t frames, int64_t size, const acc_t* keys, const acc_t* query, const acc_t* location,
    int64_t stride, const acc_t* weight, op_t* tangents, acc_t* energies) {
  for (int64_t n = 0; n < frames; n++) {
    const acc_t* key = keys + n * size;
    const acc_t* seen = location + n * stride;
    op_t* kept = tangents + n * size;
    acc_t energy = 0;
#pragma omp simd reduction(+ : energy)
    for (int64_t a = 0; a < size; a++) {
      const acc_t tangent = hyperbolic_tangent(key[a] + query[a] + seen[a]);
      keep_gate(tangent, kept[a]);
      energy += tangent * weight[a];
    }
    energies[n] = energy;
  }
}

// Energies [N] become the attention; frames whose mask is false get none.
template <typename acc_t>
inline void softmax(int64_t frames, const bool* mask, acc_t* energies) {
  acc_t most = -std::numeric_limits<acc_t>::infinity(), sum = 0;
  for (int64_t n = 0; n < frames; n++)
    if (mask[n]) most = std::max(most, energies[n]);
  for (int64_t n = 0; n < frames; n++) {
    energies[n] = mask[n] ? exponential(energies[n] - most) : acc_t(0);
    sum += energies[n];
  }
  for (int64_t n = 0; n < frames; n++) energies[n] /= sum;
}

// Returns
//   joined [U + 1, B, D + E]  hidden output and context, those before the first step first
//   pairs  [U + 1, B, 2, L]   attention and coverage with margins, likewise
//   gates [U, B, 4D], cells [U + 1, B, D], tangents [U, B, N, A]  for the way back
template <typename op_t>
std::vector<at::Tensor> attention_forward(
    const at::Tensor& inputs, const at::Tensor& memory, const at::Tensor& keys,
    const at::Tensor& mask, const at::Tensor& hidden, const at::Tensor& cell,
    const at::Tensor& weight, const at::Tensor& weight_query, const at::Tensor& weight_energy,
    const at::Tensor& kernel, at::IntArrayRef counts) {
  using acc_t = acc_of<op_t>;
  const int64_t steps = inputs.size(0), lines = inputs.size(1), size = hidden.size(1);
  const int64_t frames = memory.size(1), depth = memory.size(2), compared = keys.size(2);
  const int64_t width = kernel.size(0) / 2, padded = frames + width - 1, margin = width / 2;
  const auto acc = hidden.options(), op = acc.dtype(scalar_type<op_t>());
  const PackedMatrix<op_t> to_gates(weight.t());
  const PackedMatrix<acc_t> to_query(weight_query.t()), to_keys(kernel);
  const int64_t entering = size + depth;
  auto joined = at::zeros({steps + 1, lines, entering}, acc);
  joined[0].narrow(1, 0, size).copy_(hidden);
  auto pairs = at::zeros({steps + 1, lines, 2, padded}, acc);
  auto gates = inputs.to(op.dtype(), false, true).contiguous();
  auto cells = at::zeros({steps + 1, lines, size}, op);
  cells[0].copy_(cell);
  auto tangents = at::empty({steps, lines, frames, compared}, op);
  auto state = cell.clone(at::MemoryFormat::Contiguous);
  auto operand = at::zeros({lines, to_gates.inner()}, op);
  operand.narrow(1, 0, size).copy_(hidden);
  auto sums = at::empty({lines, to_gates.columns()}, acc);
  auto queries = at::empty({lines, to_query.columns()}, acc);
  auto windows = at::empty({lines, frames, 2 * width}, acc);
  auto seen = at::zeros({lines, frames, to_keys.columns()}, acc);
  const auto no_bias = at::zeros({4 * size}, acc);

  over_lines(lines, [&](int64_t begin, int64_t end) {
    for (int64_t step = 0; step < steps; step++) {
      const int64_t stop = std::min(end, counts[step]), first = step * lines;
      if (stop <= begin) break;
      to_gates.multiply(
          data<op_t>(operand) + begin * to_gates.inner(), to_gates.inner(), stop - begin,
          data<acc_t>(sums) + begin * to_gates.columns(), to_gates.columns());
      auto* after = data<acc_t>(joined) + (first + lines) * entering;
      for (int64_t line = begin; line < stop; line++)
        cell_forward<true, op_t>(
            size, data<acc_t>(sums) + line * to_gates.columns(), data<acc_t>(no_bias),
            data<op_t>(gates) + (first + line) * 4 * size, data<acc_t>(state) + line * size,
            data<op_t>(cells) + (first + lines + line) * size, after + line * entering,
            data<op_t>(operand) + line * to_gates.inner());
      to_query.multiply(
          after + begin * entering, entering, stop - begin,
          data<acc_t>(queries) + begin * to_query.columns(), to_query.columns());
      for (int64_t line = begin; line < stop; line++) {
        const auto* pair = data<acc_t>(pairs) + (first + line) * 2 * padded;
        auto* next = data<acc_t>(pairs) + (first + lines + line) * 2 * padded;
        auto* window = data<acc_t>(windows) + line * frames * 2 * width;
        auto* location = data<acc_t>(seen) + line * frames * to_keys.columns();
        location_windows(pair, frames, width, window);
        to_keys.multiply(window, 2 * width, frames, location, to_keys.columns());
        auto* attention = next + margin;
        attention_energies<op_t>(
            frames, compared, data<acc_t>(keys) + line * frames * compared,
            data<acc_t>(queries) + line * to_query.columns(), location, to_keys.columns(),
            data<acc_t>(weight_energy),
            data<op_t>(tangents) + (first + line) * frames * compared, attention);
        softmax(frames, data<bool>(mask) + line * frames, attention);
        auto* context = after + line * entering + size;
        for (int64_t n = 0; n < frames; n++) {
          next[padded + margin + n] = pair[padded + margin + n] + attention[n];
          const auto* frame = data<acc_t>(memory) + (line * frames + n) * depth;
          const acc_t share = attention[n];
          if (share != 0)
#pragma omp simd
            for (int64_t e = 0; e < depth; e++) context[e] += share * frame[e];
        }
        auto* lowered = data<op_t>(operand) + line * to_gates.inner() + size;
        for (int64_t e = 0; e < depth; e++) narrow(context[e], lowered[e]);
      }
    }
    to_gates.release();
  });
  return {joined, pairs, gates, cells, tangents};
}

// Takes what `attention_forward` gave and took, and the gradients of hidden outputs [U, B, D] and
// contexts [U, B, E].
//
// Returns the gradients of the gates' sums [U, B, 4D], of the contexts in all [U, B, E], of the
// queries [U, B, A], of keys [B, N, A], hidden and cell before the first step, and of v [B, A] and
// of the kernel [B, 2W, A] line by line.
template <typename op_t>
std::vector<at::Tensor> attention_backward(
    const at::Tensor& grad_hiddens, const at::Tensor& grad_contexts, const at::Tensor& memory,
    const at::Tensor& weight, const at::Tensor& weight_query, const at::Tensor& weight_energy,
    const at::Tensor& kernel, const at::Tensor& pairs, const at::Tensor& gates,
    const at::Tensor& cells, const at::Tensor& tangents, at::IntArrayRef counts) {
  using acc_t = acc_of<op_t>;
  const int64_t steps = gates.size(0), lines = gates.size(1), size = cells.size(2);
  const int64_t frames = memory.size(1), depth = memory.size(2), compared = tangents.size(3);
  const int64_t width = kernel.size(0) / 2, padded = frames + width - 1, margin = width / 2;
  const auto acc = memory.options(), op = acc.dtype(scalar_type<op_t>());
  const PackedMatrix<op_t> from_gates(weight);
  const PackedMatrix<acc_t> from_query(weight_query), from_keys(kernel.t());
  const auto hiddens_above = grad_hiddens.contiguous(), above = grad_contexts.contiguous();
  auto grad_gates = at::zeros({steps, lines, 4 * size}, op);
  auto of_contexts = at::zeros({steps, lines, depth}, acc);
  auto of_queries = at::zeros({steps, lines, compared}, acc);
  auto of_keys = at::zeros({lines, frames, compared}, acc);
  auto of_energy = at::zeros({lines, compared}, acc);
  auto of_kernel = at::zeros({lines, 2 * width, compared}, acc);
  auto of_cell = at::zeros({lines, size}, acc);
  auto from_next = at::zeros({lines, from_gates.columns()}, acc);
  auto of_hidden = at::empty({lines, from_query.columns()}, acc);
  auto of_pairs = at::zeros({lines, 2, frames}, acc);
  auto of_energies = at::empty({lines, frames}, acc);
  auto inner = at::empty({lines, frames, compared}, acc);
  auto windows = at::empty({lines, frames, 2 * width}, acc);
  auto of_windows = at::empty({lines, frames, from_keys.columns()}, acc);
  const acc_t no_bound = std::numeric_limits<acc_t>::infinity();
  const auto* v = data<acc_t>(weight_energy);

  over_lines(lines, [&](int64_t begin, int64_t end) {
    for (int64_t step = steps - 1; step >= 0; step--) {
      const int64_t stop = std::min(end, counts[step]), first = step * lines;
      if (stop <= begin) continue;
      for (int64_t line = begin; line < stop; line++) {
        const int64_t row = first + line;
        auto* of_context = data<acc_t>(of_contexts) + row * depth;
        const auto* next = data<acc_t>(from_next) + line * from_gates.columns() + size;
        for (int64_t e = 0; e < depth; e++)
          of_context[e] = data<acc_t>(above)[row * depth + e] + next[e];
        const auto* attention = data<acc_t>(pairs) + (row + lines) * 2 * padded + margin;
        auto* of_pair = data<acc_t>(of_pairs) + line * 2 * frames;
        auto* of_frame = data<acc_t>(of_energies) + line * frames;
        acc_t mean = 0;
        for (int64_t n = 0; n < frames; n++) {
          const auto* frame = data<acc_t>(memory) + (line * frames + n) * depth;
          acc_t sum = 0;
#pragma omp simd reduction(+ : sum)
          for (int64_t e = 0; e < depth; e++) sum += frame[e] * of_context[e];
          of_frame[n] = sum + of_pair[n] + of_pair[frames + n];
          mean += attention[n] * of_frame[n];
        }
        auto* of_query = data<acc_t>(of_queries) + row * compared;
        auto* of_v = data<acc_t>(of_energy) + line * compared;
        for (int64_t n = 0; n < frames; n++) {
          const acc_t of_one = attention[n] * (of_frame[n] - mean);
          const auto* kept = data<op_t>(tangents) + (row * frames + n) * compared;
          auto* changed = data<acc_t>(inner) + (line * frames + n) * compared;
          auto* of_key = data<acc_t>(of_keys) + (line * frames + n) * compared;
#pragma omp simd
          for (int64_t a = 0; a < compared; a++) {
            const acc_t tangent = kept_gate(kept[a]);
            const acc_t value = of_one * v[a] * (1 - tangent * tangent);
            of_v[a] += of_one * tangent;
            changed[a] = value;
            of_key[a] += value;
            of_query[a] += value;
          }
        }
        auto* window = data<acc_t>(windows) + line * frames * 2 * width;
        auto* changed = data<acc_t>(inner) + line * frames * compared;
        auto* of_places = data<acc_t>(of_kernel) + line * 2 * width * compared;
        location_windows(
            data<acc_t>(pairs) + row * 2 * padded, frames, width, window);
        for (int64_t n = 0; n < frames; n++)
          for (int64_t w = 0; w < 2 * width; w++) {
            const acc_t seen = window[n * 2 * width + w];
            if (seen == 0) continue;
#pragma omp simd
            for (int64_t a = 0; a < compared; a++)
              of_places[w * compared + a] += seen * changed[n * compared + a];
          }
        auto* of_window = data<acc_t>(of_windows) + line * frames * from_keys.columns();
        from_keys.multiply(changed, compared, frames, of_window, from_keys.columns());
        std::fill_n(of_pair, frames, acc_t(0));  // The coverage goes on, the attention does not.
        add_window_gradients(of_window, from_keys.columns(), frames, width, of_pair);
      }
      from_query.multiply(
          data<acc_t>(of_queries) + (first + begin) * compared, compared, stop - begin,
          data<acc_t>(of_hidden) + begin * from_query.columns(), from_query.columns());
      for (int64_t line = begin; line < stop; line++) {
        const int64_t row = first + line;
        auto* of_line = data<acc_t>(of_hidden) + line * from_query.columns();
        for (int64_t j = 0; j < size; j++) of_line[j] += data<acc_t>(hiddens_above)[row * size + j];
        cell_backward<op_t>(
            size, of_line, data<acc_t>(from_next) + line * from_gates.columns(),
            data<op_t>(gates) + row * 4 * size, data<op_t>(cells) + row * size,
            data<op_t>(cells) + (row + lines) * size, data<acc_t>(of_cell) + line * size,
            data<op_t>(grad_gates) + row * 4 * size, no_bound);
      }
      from_gates.multiply(
          data<op_t>(grad_gates) + (first + begin) * 4 * size, 4 * size, stop - begin,
          data<acc_t>(from_next) + begin * from_gates.columns(), from_gates.columns());
    }
    from_gates.release();
  });
  return {grad_gates, of_contexts, of_queries, of_keys, from_next.narrow(1, 0, size),
          of_cell,    of_energy,   of_kernel};
}

}  // namespace handwriting
