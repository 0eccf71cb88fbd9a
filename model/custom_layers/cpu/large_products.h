// Products over the rows of many steps.
//
// In float PyTorch's own leave half of some processors unused (AMD's, for one); in bfloat16 they are
// as fast as these, but round what they give.
#pragma once

#include <ATen/Parallel.h>

#include "packed_products.h"

namespace handwriting {

// Rows that a thread takes at a time, so that they stay in its cache.
constexpr int64_t kRowsInCache = 96;
// Rows that a product over rows sums up before it goes to the next columns.
constexpr int64_t kSummedInCache = 256;

// out[R, N] = A[R, K] W, for contiguous rows of both.
template <typename op_t>
void multiply_rows(
    const at::Tensor& a, const PackedMatrix<op_t>& weight, const at::Tensor& out) {
  using acc_t = acc_of<op_t>;
  TORCH_CHECK(a.is_contiguous() && out.is_contiguous(), "rows: contiguous");
  const int64_t rows = a.size(0), inner = weight.inner(), columns = weight.columns();
  const int64_t blocks = (rows + kRowsInCache - 1) / kRowsInCache, width = out.size(1);
  TORCH_CHECK(a.size(1) == inner, "rows: as many columns as are packed");
  at::parallel_for(0, blocks, 1, [&](int64_t begin, int64_t end) {
    std::vector<acc_t> scratch(columns == width ? 0 : kRowsInCache * columns);
    for (int64_t block = begin; block < end; block++) {
      const int64_t first = block * kRowsInCache, count = std::min(kRowsInCache, rows - first);
      const op_t* from = data<op_t>(a) + first * inner;
      acc_t* to = data<acc_t>(out) + first * width;
      if (scratch.empty()) {
        weight.multiply(from, inner, count, to, width);
        continue;
      }
      weight.multiply(from, inner, count, scratch.data(), columns);
      for (int64_t r = 0; r < count; r++)
        std::copy_n(scratch.data() + r * columns, width, to + r * width);
    }
    weight.release();
  });
}

// sum[M, N] += A[R, M]^T B[R, N], for contiguous rows; N a multiple of `block_columns`.
template <typename T>
void add_transposed_product(const at::Tensor& sum, const at::Tensor& a, const at::Tensor& b) {
  constexpr int64_t width = block_columns<T>();
  const int64_t rows = a.size(0), outputs = a.size(1), columns = b.size(1);
  TORCH_CHECK(columns % width == 0 && sum.is_contiguous() && a.is_contiguous(), "whole blocks");
  const auto packed = b.view({rows, columns / width, width}).permute({1, 0, 2}).contiguous();
  const T* left = data<T>(a);
  at::parallel_for(0, columns / width, 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = 0; row < rows; row += kSummedInCache) {
      const int64_t count = std::min(kSummedInCache, rows - row);
      for (int64_t n = begin; n < end; n++) {
        const T* block = data<T>(packed) + (n * rows + row) * width;
        over_rows(outputs, [&](auto most, int64_t first) {
          vector_block<decltype(most)::value, true>(
              left + row * outputs + first, 1, outputs, block, count,
              data<T>(sum) + first * columns + n * width, columns);
        });
      }
    }
  });
}

}  // namespace handwriting
