// What the recurrences share: where each step's lines stand, and lines shared out among threads.
//
// Rows are the lines of all steps, step after step: of step t the first `counts[t]` lines, never
// more than of the step before (as in packed sequences; counts are all `B` where lines are as long
// as each other). Work before and after the loop is done in chunks of steps, a product over all of
// a chunk's rows.
#pragma once

#include <algorithm>
#include <limits>
#include <optional>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "large_products.h"
#include "packed_products.h"
#include "vector_math.h"

namespace handwriting {

// Rows of a chunk: enough for large products, few enough to stay in a processor's caches.
constexpr int64_t kRowsAtOnce = 2048;
// Lines that a thread takes at least.
constexpr int64_t kFewestLines = 4;

struct Chunk {
  int64_t first_step, last_step;  // last excluded
  int64_t first_row, rows;
};

// Where the steps' rows start.
class Steps {
 public:
  Steps(at::IntArrayRef counts, int64_t lines) : counts_(counts), lines_(lines) {
    TORCH_CHECK(!counts.empty() && counts[0] == lines, "counts: begin with the number of lines");
    starts_.push_back(0);
    for (size_t t = 0; t < counts.size(); t++) {
      TORCH_CHECK(counts[t] > 0 && (t == 0 || counts[t] <= counts[t - 1]), "counts: never grow");
      starts_.push_back(starts_.back() + counts[t]);
    }
  }

  int64_t number() const { return static_cast<int64_t>(counts_.size()); }
  int64_t lines() const { return lines_; }
  int64_t rows() const { return starts_.back(); }
  int64_t count(int64_t step) const { return counts_[step]; }
  int64_t start(int64_t step) const { return starts_[step]; }
  // Where the lines of the step before stand, in a tensor that begins with `lines` first rows.
  int64_t before(int64_t step) const { return step == 0 ? 0 : lines_ + starts_[step - 1]; }
  int64_t after(int64_t step) const { return lines_ + starts_[step]; }

  std::vector<Chunk> chunks() const {
    std::vector<Chunk> chunks;
    for (int64_t step = 0; step < number();) {
      const int64_t first = step;
      while (step < number() && (step == first || starts_[step + 1] - starts_[first] <= kRowsAtOnce))
        step++;
      chunks.push_back({first, step, starts_[first], starts_[step] - starts_[first]});
    }
    return chunks;
  }

  int64_t most_rows() const {
    int64_t most = 0;
    for (const auto& chunk : chunks()) most = std::max(most, chunk.rows);
    return most;
  }

 private:
  at::IntArrayRef counts_;
  int64_t lines_;
  std::vector<int64_t> starts_;
};

// Calls `work(first line, last line)` for shares of the lines, in as many threads as there are.
// Lines do not depend on each other, so that threads meet only after a chunk.
template <typename Work>
inline void over_lines(int64_t lines, const Work& work) {
  const int64_t most = std::max<int64_t>(1, lines / kFewestLines);
  const int64_t shares = std::min<int64_t>(at::get_num_threads(), most);
  at::parallel_for(0, shares, 1, [&](int64_t begin, int64_t end) {
    for (int64_t share = begin; share < end; share++)
      work(lines * share / shares, lines * (share + 1) / shares);
  });
}

// The rows of all that enters the gates, as operands: [rows, J], the last columns 1 and 0.
inline void copy_columns(const at::Tensor& joined, int64_t& column, const at::Tensor& part) {
  joined.narrow(1, column, part.size(1)).copy_(part);
  column += part.size(1);
}

// What stood before each of a chunk's steps: rows of `values`, which begins with `lines` first rows.
inline void copy_before(
    const at::Tensor& joined, int64_t& column, const at::Tensor& values, const Steps& steps,
    const Chunk& chunk) {
  const int64_t width = values.size(1), begin = steps.before(chunk.first_step);
  auto target = joined.narrow(1, column, width);
  column += width;
  if (steps.count(chunk.last_step - 1) == steps.lines()) {
    target.copy_(values.narrow(0, begin, chunk.rows));
    return;
  }
  for (int64_t step = chunk.first_step; step < chunk.last_step; step++)
    target.narrow(0, steps.start(step) - chunk.first_row, steps.count(step))
        .copy_(values.narrow(0, steps.before(step), steps.count(step)));
}

// sum += gates^T joined: the weights' gradient, [4H, J].
template <typename op_t>
inline void add_weight_gradient(
    const at::Tensor& sum, const at::Tensor& gates, const at::Tensor& joined) {
  if constexpr (std::is_same_v<op_t, bfloat16>)
    sum.add_(at::mm(gates.t(), joined));
  else
    add_transposed_product<op_t>(sum, gates, joined);
}

// A weight [I, O] for products over a chunk's rows that are kept as operands.
template <typename op_t>
class ChunkWeight {
 public:
  explicit ChunkWeight(const at::Tensor& weight) {
    if constexpr (std::is_same_v<op_t, bfloat16>)
      lowered_ = weight.to(at::kBFloat16);
    else
      packed_.emplace(weight);
  }

  // out[rows, O] = rows times the weight.
  void multiply(const at::Tensor& rows, at::Tensor out) const {
    if constexpr (std::is_same_v<op_t, bfloat16>)
      at::mm_out(out, rows, lowered_);
    else
      multiply_rows<op_t>(rows, *packed_, out);
  }

 private:
  at::Tensor lowered_;
  std::optional<PackedMatrix<op_t>> packed_;
};

inline int64_t total_width(at::TensorList parts) {
  int64_t width = 0;
  for (const auto& part : parts) width += part.size(1);
  return width;
}

// Columns of operands in products over a chunk are fastest in multiples of so many.
constexpr int64_t kColumnMultiple = 32;

}  // namespace handwriting
