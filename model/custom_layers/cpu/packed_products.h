// Products of few rows with one matrix that is packed once and used at every step.
//
// C[M, N] = A[M, K] W[K, N] with M lines, K inputs, N outputs. W stands in blocks of columns, each
// block row after row, so that a product reads it once from start to end. A row of the result is
// the same whatever the other rows are: how lines are shared out among threads changes nothing.
//
// Three ways, by operand type and processor:
//   matrix unit  bfloat16 where libtorch can pack (AMX): its `brgemm`
//   pairs        bfloat16 where the processor multiplies pairs of them (AVX512-BF16)
//   vectors      float and double, and bfloat16 widened to float, on any processor
#pragma once

#include <vector>

#include <ATen/ATen.h>
#include <ATen/native/CPUBlas.h>
#ifdef __AVX512BF16__
#include <immintrin.h>
#endif

#include "vector_math.h"

namespace handwriting {

#if defined(__AVX512F__)
constexpr int64_t kVectorBytes = 64;
constexpr int kMostRows = 12;  // with two vectors a row, 24 of 32 registers hold sums
#elif defined(__AVX__)
constexpr int64_t kVectorBytes = 32;
constexpr int kMostRows = 6;  // 12 of 16
#else
constexpr int64_t kVectorBytes = 16;
constexpr int kMostRows = 12;
#endif

// Vectors that may lie anywhere in memory.
template <typename T>
struct VectorOf {
  typedef T type __attribute__((vector_size(kVectorBytes), aligned(alignof(T)), may_alias));
};

template <typename T>
constexpr int64_t block_columns() {
  return 2 * kVectorBytes / static_cast<int64_t>(sizeof(T));
}

// One block of columns for `R` rows, into C or added to it; `block` is [K, block_columns], A has
// its rows `row_stride` apart and what they are multiplied with `inner_stride`.
template <int R, bool add, typename T>
inline void vector_block(
    const T* a, int64_t row_stride, int64_t inner_stride, const T* block, int64_t inner, T* c,
    int64_t c_stride) {
  using vector = typename VectorOf<T>::type;
  constexpr int64_t lanes = block_columns<T>() / 2;
  vector sums[R][2] = {};
#pragma GCC unroll 16
  for (int r = 0; add && r < R; r++) {
    sums[r][0] = *reinterpret_cast<const vector*>(c + r * c_stride);
    sums[r][1] = *reinterpret_cast<const vector*>(c + r * c_stride + lanes);
  }
  for (int64_t k = 0; k < inner; k++) {
    const vector first = *reinterpret_cast<const vector*>(block + k * 2 * lanes);
    const vector second = *reinterpret_cast<const vector*>(block + (k * 2 + 1) * lanes);
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
      const T value = a[r * row_stride + k * inner_stride];
      sums[r][0] += value * first;
      sums[r][1] += value * second;
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; r++) {
    *reinterpret_cast<vector*>(c + r * c_stride) = sums[r][0];
    *reinterpret_cast<vector*>(c + r * c_stride + lanes) = sums[r][1];
  }
}

#ifdef __AVX512BF16__
// The same for pairs of bfloat16; `block` is [K / 2, block_columns, 2].
template <int R>
inline void pair_block(
    const bfloat16* a, int64_t stride, const bfloat16* block, int64_t pairs, float* c,
    int64_t c_stride) {
  __m512 sums[R][2];
#pragma GCC unroll 16
  for (int r = 0; r < R; r++) sums[r][0] = sums[r][1] = _mm512_setzero_ps();
  for (int64_t k = 0; k < pairs; k++) {
    const __m512bh first = (__m512bh)_mm512_loadu_si512(block + k * 64);
    const __m512bh second = (__m512bh)_mm512_loadu_si512(block + k * 64 + 32);
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
      int32_t pair;
      std::memcpy(&pair, a + r * stride + 2 * k, sizeof pair);
      const __m512bh value = (__m512bh)_mm512_set1_epi32(pair);
      sums[r][0] = _mm512_dpbf16_ps(sums[r][0], value, first);
      sums[r][1] = _mm512_dpbf16_ps(sums[r][1], value, second);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; r++) {
    _mm512_storeu_ps(c + r * c_stride, sums[r][0]);
    _mm512_storeu_ps(c + r * c_stride + 16, sums[r][1]);
  }
}
#endif

// Calls `block` with the number of rows as a constant, at most `kMostRows` at a time and about as
// many each time: `block(rows, first row)`.
template <int R, typename Block>
inline void with_constant(int rows, int64_t first, const Block& block) {
  if constexpr (R > 0) {
    if (rows == R) return block(std::integral_constant<int, R>(), first);
    with_constant<R - 1>(rows, first, block);
  }
}

template <typename Block>
inline void over_rows(int64_t rows, const Block& block) {
  const int64_t parts = (rows + kMostRows - 1) / kMostRows;
  for (int64_t part = 0; part < parts; part++) {
    const int64_t start = rows * part / parts, stop = rows * (part + 1) / parts;
    with_constant<kMostRows>(static_cast<int>(stop - start), start, block);
  }
}

inline int64_t rounded_up(int64_t size, int64_t multiple) {
  return (size + multiple - 1) / multiple * multiple;
}

// W[K, N], packed. Rows of A have `inner()` entries, zeros after the K-th, rows of C `columns()`.
template <typename op_t>
class PackedMatrix {
 public:
  using acc_t = acc_of<op_t>;

  explicit PackedMatrix(const at::Tensor& weight) : outputs_(weight.size(1)) {
    const bool lowered = std::is_same_v<op_t, bfloat16>;
    matrix_unit_ = lowered && at::native::cpublas::could_pack(at::kBFloat16);
    inner_ = lowered ? rounded_up(weight.size(0), 2) : weight.size(0);
    width_ = matrix_unit_ ? (outputs_ % 64 == 0 ? 64 : 32) : block_columns<acc_t>();
    columns_ = rounded_up(outputs_, width_);
    const auto padded = at::constant_pad_nd(
        weight.to(scalar_type<op_t>()), {0, columns_ - outputs_, 0, inner_ - weight.size(0)});
    pack(padded.contiguous());
  }

  int64_t inner() const { return inner_; }
  int64_t columns() const { return columns_; }

  void multiply(const op_t* a, int64_t stride, int64_t rows, acc_t* c, int64_t c_stride) const {
    if (rows == 0) return;
    if constexpr (std::is_same_v<op_t, bfloat16>) {
      if (matrix_unit_) return multiply_in_unit(a, stride, rows, c, c_stride);
      multiply_bfloat16(a, stride, rows, c, c_stride);
    } else {
      multiply_vectors(a, stride, rows, c, c_stride);
    }
  }

  // To be called in a thread that has multiplied, when it does other things.
  void release() const {
    if (matrix_unit_) at::native::cpublas::brgemm_release(true);
  }

 private:
  void pack(const at::Tensor& padded) {
    const int64_t blocks = columns_ / width_;
    if (matrix_unit_) {
      packed_ = at::empty({blocks, inner_ * width_}, padded.options());
      for (int64_t n = 0; n < blocks; n++) {
        const auto block = padded.narrow(1, n * width_, width_).contiguous();
        at::native::cpublas::pack(
            inner_, width_, width_, width_, at::kBFloat16, at::kBFloat16, block.data_ptr(),
            packed_[n].data_ptr());
      }
      return;
    }
#ifdef __AVX512BF16__
    if constexpr (std::is_same_v<op_t, bfloat16>) return pack_pairs(padded);
#endif
    packed_ = padded.to(scalar_type<acc_t>())
                  .view({inner_, blocks, width_})
                  .permute({1, 0, 2})
                  .contiguous();
  }

  // Blocks [K / 2, width, 2]: two rows side by side, entry by entry.
  void pack_pairs(const at::Tensor& padded) {
    packed_ = at::empty({columns_ * inner_}, padded.options());
    auto* to = data<bfloat16>(packed_);
    for (int64_t n = 0; n < columns_; n += width_) {
      const auto* from = data<bfloat16>(padded) + n;
      for (int64_t k = 0; k < inner_; k += 2, from += 2 * columns_, to += 2 * width_)
        for (int64_t c = 0; c < width_; c++) {
          to[2 * c] = from[c];
          to[2 * c + 1] = from[columns_ + c];
        }
    }
  }

  void multiply_in_unit(
      const bfloat16* a, int64_t stride, int64_t rows, float* c, int64_t c_stride) const {
    const auto* left = reinterpret_cast<const at::BFloat16*>(a);
    const auto* blocks = packed_.const_data_ptr<at::BFloat16>();
    for (int64_t n = 0; n < columns_; n += width_) {
      at::native::cpublas::brgemm(
          rows, width_, inner_, stride, width_, c_stride, false, left, blocks + n * inner_, c + n,
          true);
    }
  }

  void multiply_bfloat16(
      const bfloat16* a, int64_t stride, int64_t rows, float* c, int64_t c_stride) const {
#ifdef __AVX512BF16__
    const auto* blocks = data<bfloat16>(packed_);
    for (int64_t n = 0; n < columns_; n += width_) {
      over_rows(rows, [&](auto count, int64_t first) {
        pair_block<decltype(count)::value>(
            a + first * stride, stride, blocks + n * inner_, inner_ / 2, c + first * c_stride + n,
            c_stride);
      });
    }
#else
    thread_local std::vector<float> wide;  // grows at the first steps alone
    wide.resize(rows * inner_);
    for (int64_t r = 0; r < rows; r++)
      for (int64_t k = 0; k < inner_; k++) wide[r * inner_ + k] = widened(a[r * stride + k]);
    multiply_vectors(wide.data(), inner_, rows, c, c_stride);
#endif
  }

  void multiply_vectors(
      const acc_t* a, int64_t stride, int64_t rows, acc_t* c, int64_t c_stride) const {
    const auto* blocks = data<acc_t>(packed_);
    for (int64_t n = 0; n < columns_; n += width_) {
      over_rows(rows, [&](auto count, int64_t first) {
        vector_block<decltype(count)::value, false>(
            a + first * stride, stride, 1, blocks + n * inner_, inner_, c + first * c_stride + n,
            c_stride);
      });
    }
  }

  at::Tensor packed_;
  int64_t outputs_, inner_, width_, columns_;
  bool matrix_unit_;
};

}  // namespace handwriting
