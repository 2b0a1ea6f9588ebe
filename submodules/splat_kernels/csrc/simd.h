// One vector type of sixteen float lanes at every instruction level; chosen by the flags of the including file.
// Everything here lives in the anonymous namespace of level.cpp: nothing compiled for a newer processor may be
// merged by the linker into code that an older one runs. For the same reason no std:: template is used below.
#pragma once

// 2^f on [-1/2, 1/2], degree 4, highest first; the last coefficient is 1.
constexpr float kExp2[4] = {9.670367e-3f, 5.550327e-2f, 2.402265e-1f, 6.931472e-1f};
constexpr float kLog2e = 1.4426950408889634f;
constexpr float kLog2Of255 = 7.994353436858858f;

#if defined(__AVX512F__)
#include "simd_avx512.h"
#elif defined(__AVX2__)
#include "simd_avx2.h"
#else
#include "simd_portable.h"
#endif

inline int imin(int a, int b) { return a < b ? a : b; }
inline int imax(int a, int b) { return a > b ? a : b; }
inline int64_t lmin(int64_t a, int64_t b) { return a < b ? a : b; }

alignas(64) constexpr float kLaneNumber[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
// 1 in the first n lanes, 0 in the others.
inline f32x16 from_lanes_below(int n) { return keep(load(kLaneNumber) < set1(static_cast<float>(n)), set1(1.f)); }

inline f32x16 clamp(f32x16 x, f32x16 lo, f32x16 hi) { return min(max(x, lo), hi); }
// e^x for the activations, to a rounding error; the clamp keeps a run-away parameter finite.
inline f32x16 exp(f32x16 x) {
  x = clamp(x, set1(-55.f), set1(55.f));
  const f32x16 n = floor(fma(x, set1(kLog2e), set1(0.5f)));
  const f32x16 f = fnma(n, set1(1.42860677e-6f), fnma(n, set1(0.693145752f), x));  // x - n ln 2, ln 2 in two parts
  f32x16 r = set1(1.f / 720.f);
  constexpr float kTaylor[6] = {1.f / 120.f, 1.f / 24.f, 1.f / 6.f, 0.5f, 1.f, 1.f};
  for (const float c : kTaylor) r = fma(r, f, set1(c));
  return r * exp2(n);  // exact: n is whole
}

// Sixteen rows of D floats, lane-major. Rows past `count` (1..16) are zero; nothing past them is read.
template <int D>
inline void load_rows(const float* p, int count, f32x16 out[D]) {
  if (count == 16) {
    for (int d = 0; d < D; ++d) out[d] = load_strided<D>(p + d);
    return;
  }
  float t[D][16] = {};
  for (int lane = 0; lane < count; ++lane)
    for (int d = 0; d < D; ++d) t[d][lane] = p[lane * D + d];
  for (int d = 0; d < D; ++d) out[d] = load(t[d]);
}
template <int D>
inline void store_rows(float* p, int count, const f32x16 in[D]) {
  float t[D][16];
  for (int d = 0; d < D; ++d) store(t[d], in[d]);
  for (int lane = 0; lane < count; ++lane)
    for (int d = 0; d < D; ++d) p[lane * D + d] = t[d][lane];
}
// The same for 1..16 columns of wider rows, `stride` floats apart, through the register transpose.
inline void load_columns(const float* p, int64_t stride, int columns, int count, f32x16 out[16]) {
  for (int lane = 0; lane < 16; ++lane) out[lane] = lane < count ? load_first(p + lane * stride, columns) : zero();
  transpose16(out);
}
inline void store_columns(float* p, int64_t stride, int columns, int count, f32x16 in[16]) {
  transpose16(in);
  for (int lane = 0; lane < count; ++lane) store_first(p + lane * stride, in[lane], columns);
}

// F floats of each of sixteen rows of F; and sixteen such rows side by side.
template <int F>
inline void gather_rows(const float* p, u32x16 row, f32x16 out[F]) {
  if constexpr (F == 2) {
    gather_pairs(p, row, out[0], out[1]);
  } else {
    uint32_t rows[16];
    float t[F][16];
    store(rows, row);
    for (int lane = 0; lane < 16; ++lane)
      for (int f = 0; f < F; ++f) t[f][lane] = p[int64_t{F} * rows[lane] + f];
    for (int f = 0; f < F; ++f) out[f] = load(t[f]);
  }
}
template <int F>
inline void store_interleaved(float* p, const f32x16 in[F]) {
  if constexpr (F == 2) store_pairs(p, in[0], in[1]);
  else store_rows<F>(p, 16, in);
}

// Calls body(task, worker) for every task, on up to `threads` threads.
template <class Body>
inline void parallel(int threads, int64_t tasks, const Body& body) {
  splat::run_tasks(threads, tasks, [](void* context, int64_t task, int worker) { (*static_cast<const Body*>(context))(task, worker); },
                   const_cast<Body*>(&body));
}
