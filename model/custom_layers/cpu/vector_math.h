// Numbers as they are stored and as they are computed with, and the functions of the LSTM's gates.
//
// All functions of float are plain arithmetic without branches, so that loops over them become
// vector instructions; those of double are the library's, for gradients checked by differences.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include <ATen/ATen.h>

namespace handwriting {

// A number with the exponent of a float and 8 bits of precision.
struct bfloat16 {
  uint16_t bits;
};

// The type that sums, states and gradients have where operands of products have type `op_t`.
template <typename op_t>
struct Accumulator {
  using type = op_t;
};
template <>
struct Accumulator<bfloat16> {
  using type = float;
};
template <typename op_t>
using acc_of = typename Accumulator<op_t>::type;

template <typename op_t>
constexpr at::ScalarType scalar_type();
template <>
constexpr at::ScalarType scalar_type<bfloat16>() {
  return at::kBFloat16;
}
template <>
constexpr at::ScalarType scalar_type<float>() {
  return at::kFloat;
}
template <>
constexpr at::ScalarType scalar_type<double>() {
  return at::kDouble;
}

template <typename op_t>
op_t* data(const at::Tensor& tensor) {
  return static_cast<op_t*>(tensor.data_ptr());
}

inline int32_t bits_of(float value) {
  int32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

inline float float_of(int32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

inline float widened(bfloat16 value) { return float_of(static_cast<int32_t>(value.bits) << 16); }
inline float widened(float value) { return value; }
inline double widened(double value) { return value; }

inline void narrow(float value, float& to) { to = value; }
inline void narrow(double value, double& to) { to = value; }
// To the nearest, halves to even; not a number stays one.
inline void narrow(float value, bfloat16& to) {
  uint32_t bits = static_cast<uint32_t>(bits_of(value));
  uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  to.bits = static_cast<uint16_t>(value == value ? rounded : 0x7fc0u);
}

// A gate's value, in [-1, 1], as it is kept: where operands are bfloat16, in as many bits as a whole
// number of 32767ths. A forget gate near 1 rounded to 8 bits, at each of hundreds of steps, would be
// another memory.
inline void keep_gate(float value, float& to) { to = value; }
inline void keep_gate(double value, double& to) { to = value; }
inline void keep_gate(float value, bfloat16& to) {
  const float half = value < 0.0f ? -0.5f : 0.5f;
  to.bits = static_cast<uint16_t>(static_cast<int32_t>(value * 32767.0f + half));
}
inline float kept_gate(float value) { return value; }
inline double kept_gate(double value) { return value; }
inline float kept_gate(bfloat16 value) {
  return static_cast<float>(static_cast<int16_t>(value.bits)) * (1.0f / 32767.0f);
}

// e^x within 2 units in the last place, for x held to [-87, 87], where it is a normal number.
// x = n log 2 + r, and e^r by a polynomial (the coefficients of Cephes's expf).
inline float exponential(float x) {
  x = x > 87.0f ? 87.0f : x;
  x = x < -87.0f ? -87.0f : x;
  const float shift = 12582912.0f;  // 1.5 * 2^23: adding it rounds to a whole number
  float shifted = x * 1.44269504088896341f + shift;
  float n = shifted - shift;
  float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  int32_t exponent = bits_of(shifted) - bits_of(shift);
  return p * float_of((exponent + 127) << 23);
}
inline double exponential(double x) { return std::exp(x); }

template <typename acc_t>
inline acc_t sigmoid(acc_t x) {
  return acc_t(1) / (acc_t(1) + exponential(-x));
}

// tanh within 3 units in the last place: by its series where e^2x would leave few digits (the
// coefficients of Cephes's tanhf), else by e^2x.
inline float hyperbolic_tangent(float x) {
  float size = x < 0.0f ? -x : x;
  float square = x * x;
  float p = -5.70498872745e-3f;
  p = p * square + 2.06390887954e-2f;
  p = p * square - 5.37397155531e-2f;
  p = p * square + 1.33314422036e-1f;
  p = p * square - 3.33332819422e-1f;
  float near = p * square * x + x;
  float far = 1.0f - 2.0f / (exponential(2.0f * size) + 1.0f);
  far = x < 0.0f ? -far : far;
  return size < 0.625f ? near : far;
}
inline double hyperbolic_tangent(double x) { return std::tanh(x); }

// Held to [-bound, bound]; not a number stays one.
template <typename acc_t>
inline acc_t clipped(acc_t value, acc_t bound) {
  value = value > bound ? bound : value;
  return value < -bound ? -bound : value;
}

}  // namespace handwriting
