// The arithmetic of the models in WebAssembly: what costs time, and nothing else.
//
// Matrices are int8 in rows, each row with a scale of its own; a row's length is rounded up to
// LANES, with zeros. A vector that is multiplied is written as whole numbers of 16 bits, once more
// for what they leave ("fine": then sums are as exact as those of floats, or more so), since
// processors multiply and add eight pairs of these at a time. Sums of whole numbers are the same
// in any order.
//
// Build: see build.sh. The same functions in JavaScript: ../page/engine/plain_kernel.js.

#include <wasm_simd128.h>

#define EXPORT(name) __attribute__((export_name(#name))) name
#define LANES 16
#define MOST_COLUMNS 8192
#define MOST_SHORT 32767.0f
#define FINER 32768.0f

typedef signed char int8;
typedef short int16;

static int16 coarse[MOST_COLUMNS], fine[MOST_COLUMNS];
static int16 row_a[MOST_COLUMNS], row_b[MOST_COLUMNS];

static int padded(int columns) { return (columns + LANES - 1) / LANES * LANES; }

// exp within 2e-7 of its value, for x between -87 and 88, to which others are brought.
static v128_t exp4(v128_t x) {
  x = wasm_f32x4_pmin(wasm_f32x4_splat(88.0f), wasm_f32x4_pmax(wasm_f32x4_splat(-87.0f), x));
  v128_t power = wasm_f32x4_nearest(wasm_f32x4_mul(x, wasm_f32x4_splat(1.44269504f)));
  v128_t rest = wasm_f32x4_sub(x, wasm_f32x4_mul(power, wasm_f32x4_splat(0.693359375f)));
  rest = wasm_f32x4_sub(rest, wasm_f32x4_mul(power, wasm_f32x4_splat(-2.12194440e-4f)));
  // Taylor's series to the sixth power; |rest| is at most log(2) / 2.
  static const float series[] = {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f};
  v128_t sum = wasm_f32x4_splat(series[0]);
  for (int at = 1; at < 7; at++)
    sum = wasm_f32x4_add(wasm_f32x4_mul(sum, rest), wasm_f32x4_splat(series[at]));
  v128_t exponent = wasm_i32x4_add(wasm_i32x4_trunc_sat_f32x4(power), wasm_i32x4_splat(127));
  return wasm_f32x4_mul(sum, wasm_i32x4_shl(exponent, 23));
}

static v128_t sigmoid4(v128_t x) {
  v128_t one = wasm_f32x4_splat(1.0f);
  return wasm_f32x4_div(one, wasm_f32x4_add(one, exp4(wasm_f32x4_neg(x))));
}

static v128_t tanh4(v128_t x) {
  v128_t two = wasm_f32x4_splat(2.0f), one = wasm_f32x4_splat(1.0f);
  return wasm_f32x4_sub(wasm_f32x4_mul(two, sigmoid4(wasm_f32x4_mul(two, x))), one);
}

static float exp1(float x) { return wasm_f32x4_extract_lane(exp4(wasm_f32x4_splat(x)), 0); }

static void store_first(float *out, v128_t values, int count) {
  if (count >= 4) {
    wasm_v128_store(out, values);
    return;
  }
  float lanes[4];
  wasm_v128_store(lanes, values);
  for (int at = 0; at < count; at++) out[at] = lanes[at];
}

static float most_of(const float *x, int columns) {
  v128_t most4 = wasm_f32x4_splat(0.0f);
  int at = 0;
  for (; at + 4 <= columns; at += 4)
    most4 = wasm_f32x4_pmax(most4, wasm_f32x4_abs(wasm_v128_load(x + at)));
  float most = 0.0f, lanes[4];
  wasm_v128_store(lanes, most4);
  for (int lane = 0; lane < 4; lane++) most = lanes[lane] > most ? lanes[lane] : most;
  for (; at < columns; at++) {
    float size = __builtin_fabsf(x[at]);
    most = size > most ? size : most;
  }
  return most;
}

// Eight values as whole numbers; what they leave, FINER times, in low.
static void whole8(v128_t a, v128_t b, int16 *high, int16 *low) {
  v128_t whole_a = wasm_f32x4_nearest(a), whole_b = wasm_f32x4_nearest(b);
  v128_t int_a = wasm_i32x4_trunc_sat_f32x4(whole_a), int_b = wasm_i32x4_trunc_sat_f32x4(whole_b);
  wasm_v128_store(high, wasm_i16x8_narrow_i32x4(int_a, int_b));
  if (!low) return;
  v128_t finer = wasm_f32x4_splat(FINER);
  v128_t rest_a = wasm_f32x4_nearest(wasm_f32x4_mul(wasm_f32x4_sub(a, whole_a), finer));
  v128_t rest_b = wasm_f32x4_nearest(wasm_f32x4_mul(wasm_f32x4_sub(b, whole_b), finer));
  int_a = wasm_i32x4_trunc_sat_f32x4(rest_a), int_b = wasm_i32x4_trunc_sat_f32x4(rest_b);
  wasm_v128_store(low, wasm_i16x8_narrow_i32x4(int_a, int_b));
}

// Writes x as whole numbers, padded with zeros; returns what one is worth.
static float to_whole(const float *x, int columns, int16 *high, int16 *low) {
  float most = most_of(x, columns);
  float scale = most > 1e-30f ? MOST_SHORT / most : 0.0f;
  v128_t scales = wasm_f32x4_splat(scale);
  int size = padded(columns);
  for (int at = 0; at < size; at += 8) {
    float lanes[8];
    const float *from = x + at;
    if (at + 8 > columns) {
      for (int lane = 0; lane < 8; lane++) lanes[lane] = at + lane < columns ? x[at + lane] : 0.0f;
      from = lanes;
    }
    v128_t a = wasm_f32x4_mul(wasm_v128_load(from), scales);
    v128_t b = wasm_f32x4_mul(wasm_v128_load(from + 4), scales);
    whole8(a, b, high + at, low ? low + at : 0);
  }
  return scale > 0.0f ? 1.0f / scale : 0.0f;
}

static float sum4(v128_t sums) {
  int total = wasm_i32x4_extract_lane(sums, 0) + wasm_i32x4_extract_lane(sums, 1) +
              wasm_i32x4_extract_lane(sums, 2) + wasm_i32x4_extract_lane(sums, 3);
  return (float)total;
}

static v128_t multiply_add(v128_t sums, v128_t a, v128_t b) {
  return wasm_i32x4_add(sums, wasm_i32x4_dot_i16x8(a, b));
}

typedef struct {
  v128_t high, low;
} Sums;

static inline Sums add_row(Sums sums, const int8 *weight, int at, int is_fine) {
  v128_t bytes = wasm_v128_load(weight + at);
  v128_t first = wasm_i16x8_extend_low_i8x16(bytes), second = wasm_i16x8_extend_high_i8x16(bytes);
  sums.high = multiply_add(sums.high, first, wasm_v128_load(coarse + at));
  sums.high = multiply_add(sums.high, second, wasm_v128_load(coarse + at + 8));
  if (is_fine) {
    sums.low = multiply_add(sums.low, first, wasm_v128_load(fine + at));
    sums.low = multiply_add(sums.low, second, wasm_v128_load(fine + at + 8));
  }
  return sums;
}

static inline float value_of(Sums sums, float unit, int is_fine) {
  float value = sum4(sums.high);
  return unit * (is_fine ? value + sum4(sums.low) * (1.0f / FINER) : value);
}

static inline void product(float *out, const float *base, const int8 *weight, const float *scale,
                           float unit, int rows, int size, int is_fine) {
  Sums zero = {wasm_i32x4_splat(0), wasm_i32x4_splat(0)};
  int row = 0;
  for (; row + 1 < rows; row += 2, weight += 2 * size) {
    Sums a = zero, b = zero;
    for (int at = 0; at < size; at += LANES) {
      a = add_row(a, weight, at, is_fine);
      b = add_row(b, weight + size, at, is_fine);
    }
    out[row] = base[row] + scale[row] * value_of(a, unit, is_fine);
    out[row + 1] = base[row + 1] + scale[row + 1] * value_of(b, unit, is_fine);
  }
  if (row < rows) {
    Sums a = zero;
    for (int at = 0; at < size; at += LANES) a = add_row(a, weight, at, is_fine);
    out[row] = base[row] + scale[row] * value_of(a, unit, is_fine);
  }
}

// out = base + scale * (weight @ x), all [rows]; x is [columns].
void EXPORT(linear)(float *out, const float *base, const int8 *weight, const float *scale,
                    const float *x, int rows, int columns, int is_fine) {
  float unit = to_whole(x, columns, coarse, is_fine ? fine : 0);
  if (is_fine)
    product(out, base, weight, scale, unit, rows, padded(columns), 1);
  else
    product(out, base, weight, scale, unit, rows, padded(columns), 0);
}

// out = base + weight @ x for a matrix of floats [rows, columns], whose rows have no padding.
void EXPORT(linear_exact)(float *out, const float *base, const float *weight, const float *x,
                          int rows, int columns) {
  for (int row = 0; row < rows; row++, weight += columns) {
    v128_t sums = wasm_f32x4_splat(0.0f);
    int at = 0;
    for (; at + 4 <= columns; at += 4) {
      v128_t part = wasm_f32x4_mul(wasm_v128_load(weight + at), wasm_v128_load(x + at));
      sums = wasm_f32x4_add(sums, part);
    }
    float lanes[4], rest = 0.0f;
    wasm_v128_store(lanes, sums);
    for (; at < columns; at++) rest += weight[at] * x[at];
    out[row] = base[row] + (lanes[0] + lanes[1] + lanes[2] + lanes[3] + rest);
  }
}

static void widen(const int8 *weight, int16 *row, int size) {
  for (int at = 0; at < size; at += LANES) {
    v128_t bytes = wasm_v128_load(weight + at);
    wasm_v128_store(row + at, wasm_i16x8_extend_low_i8x16(bytes));
    wasm_v128_store(row + at + 8, wasm_i16x8_extend_high_i8x16(bytes));
  }
}

// linear of many frames: x [frames] of columns each, one every x_step floats; out [frames, rows].
// whole is room for padded(columns) * frames int16 and, before them, frames floats.
void EXPORT(linear_frames)(float *out, const float *bias, const int8 *weight, const float *scale,
                           const float *x, int x_step, int rows, int columns, int frames,
                           int is_relu, float *units) {
  int size = padded(columns);
  int16 *whole = (int16 *)(units + (frames + 3) / 4 * 4);
  for (int frame = 0; frame < frames; frame++)
    units[frame] = to_whole(x + frame * x_step, columns, whole + frame * size, 0);
  for (int row = 0; row < rows; row += 2) {
    int other = row + 1 < rows ? row + 1 : row;
    widen(weight + row * size, row_a, size);
    widen(weight + other * size, row_b, size);
    for (int frame = 0; frame < frames; frame++) {
      const int16 *values = whole + frame * size;
      v128_t a = wasm_i32x4_splat(0), b = wasm_i32x4_splat(0);
      for (int at = 0; at < size; at += 8) {
        v128_t part = wasm_v128_load(values + at);
        a = multiply_add(a, wasm_v128_load(row_a + at), part);
        b = multiply_add(b, wasm_v128_load(row_b + at), part);
      }
      float first = bias[row] + scale[row] * units[frame] * sum4(a);
      float second = bias[other] + scale[other] * units[frame] * sum4(b);
      out[frame * rows + row] = is_relu && first < 0.0f ? 0.0f : first;
      out[frame * rows + other] = is_relu && second < 0.0f ? 0.0f : second;
    }
  }
}

// One step of LSTM cells: gates [4, size] (input, forget, candidate, output) before their
// functions; cell [size] is changed.
void EXPORT(lstm)(const float *gates, float *cell, float *hidden, int size) {
  for (int at = 0; at < size; at += 4) {
    v128_t entry = sigmoid4(wasm_v128_load(gates + at));
    v128_t forget = sigmoid4(wasm_v128_load(gates + size + at));
    v128_t candidate = tanh4(wasm_v128_load(gates + 2 * size + at));
    v128_t output = sigmoid4(wasm_v128_load(gates + 3 * size + at));
    v128_t kept = wasm_f32x4_mul(forget, wasm_v128_load(cell + at));
    v128_t next = wasm_f32x4_add(kept, wasm_f32x4_mul(entry, candidate));
    store_first(cell + at, next, size - at);
    store_first(hidden + at, wasm_f32x4_mul(output, tanh4(next)), size - at);
  }
}

static float within(float value, float least, float most) {
  return value < least ? least : value > most ? most : value;
}

// The window over a text (Graves 2013, eq. 46-51): parameters [3, components] (logs of alpha, beta
// and the step of kappa), whose bounds are limits [6]; kappa [components] is changed; phi [length]
// and window [characters] are filled; codes [length] are the text's characters.
void EXPORT(look)(const float *parameters, const float *limits, float *kappa, float *phi,
                  float *window, const int *codes, int components, int length, int characters,
                  float floor) {
  for (int at = 0; at < length; at++) phi[at] = 0.0f;
  for (int at = 0; at < characters; at++) window[at] = 0.0f;
  for (int k = 0; k < components; k++) {
    float alpha = within(parameters[k], limits[0], limits[1]);
    float beta = exp1(within(parameters[components + k], limits[2], limits[3]));
    kappa[k] += exp1(within(parameters[2 * components + k], limits[4], limits[5]));
    for (int at = 0; at < length; at++) {
      float away = kappa[k] - (float)at;
      float value = alpha - beta * away * away;
      if (value > floor) phi[at] += exp1(value);
    }
  }
  for (int at = 0; at < length; at++) window[codes[at]] += phi[at];
}

// Energies [frames] of an attention (Chorowski et al. 2015, eq. 8): keys [frames, size], query and
// energy [size]; location [2, width, size] over attention and coverage, each with width / 2 zeros
// before and after its [frames].
void EXPORT(energies)(float *out, const float *keys, const float *query, const float *energy,
                      const float *location, const float *attention, const float *coverage,
                      int frames, int size, int width) {
  for (int frame = 0; frame < frames; frame++) {
    float total = 0.0f;
    for (int at = 0; at < size; at += 4) {
      v128_t sum = wasm_v128_load(keys + frame * size + at);
      sum = wasm_f32x4_add(sum, wasm_v128_load(query + at));
      for (int near = 0; near < width; near++) {
        v128_t now = wasm_f32x4_splat(attention[frame + near]);
        v128_t so_far = wasm_f32x4_splat(coverage[frame + near]);
        const float *first = location + near * size + at, *second = first + width * size;
        sum = wasm_f32x4_add(sum, wasm_f32x4_mul(now, wasm_v128_load(first)));
        sum = wasm_f32x4_add(sum, wasm_f32x4_mul(so_far, wasm_v128_load(second)));
      }
      float lanes[4];
      wasm_v128_store(lanes, tanh4(sum));
      for (int lane = 0; lane < 4 && at + lane < size; lane++)
        total += lanes[lane] * energy[at + lane];
    }
    out[frame] = total;
  }
}

// out [size] = the sum of rows [frames, size], each with its weight.
void EXPORT(weighted_sum)(float *out, const float *rows, const float *weights, int frames,
                          int size) {
  for (int at = 0; at < size; at++) out[at] = 0.0f;
  for (int frame = 0; frame < frames; frame++)
    for (int at = 0; at < size; at++) out[at] += weights[frame] * rows[frame * size + at];
}
