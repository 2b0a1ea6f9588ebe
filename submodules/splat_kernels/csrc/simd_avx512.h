// Sixteen lanes in one AVX-512 register (F, BW, DQ, VL). See simd_portable.h for what each function means.
#pragma once
#include <immintrin.h>

struct f32x16 { __m512 v; };
struct mask16 { __mmask16 v; };

inline f32x16 set1(float x) { return {_mm512_set1_ps(x)}; }
inline f32x16 zero() { return {_mm512_setzero_ps()}; }
inline f32x16 load(const float* p) { return {_mm512_loadu_ps(p)}; }
inline f32x16 load_first(const float* p, int n) { return {_mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1), p)}; }
inline f32x16 load_u8(const uint8_t* p) { return {_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))))}; }
// p[0], p[D], p[2 D] ..
template <int D>
inline f32x16 load_strided(const float* p) {
  const __m512i lanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  return {_mm512_i32gather_ps(_mm512_mullo_epi32(lanes, _mm512_set1_epi32(D)), p, 4)};
}
inline void store(float* p, f32x16 a) { _mm512_storeu_ps(p, a.v); }
inline void store_first(float* p, f32x16 a, int n) { _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1), a.v); }
inline void store_i32(int32_t* p, f32x16 a) { _mm512_storeu_si512(p, _mm512_cvttps_epi32(a.v)); }

inline f32x16 load_4x4(const float* p, int64_t stride) {
  const __m256 lo = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(p)), _mm_loadu_ps(p + stride), 1);
  const __m256 hi = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(p + 2 * stride)), _mm_loadu_ps(p + 3 * stride), 1);
  return {_mm512_insertf32x8(_mm512_castps256_ps512(lo), hi, 1)};
}
inline void store_4x4(float* p, int64_t stride, f32x16 a) {
  _mm_storeu_ps(p, _mm512_castps512_ps128(a.v));
  _mm_storeu_ps(p + stride, _mm512_extractf32x4_ps(a.v, 1));
  _mm_storeu_ps(p + 2 * stride, _mm512_extractf32x4_ps(a.v, 2));
  _mm_storeu_ps(p + 3 * stride, _mm512_extractf32x4_ps(a.v, 3));
}

inline f32x16 operator+(f32x16 a, f32x16 b) { return {_mm512_add_ps(a.v, b.v)}; }
inline f32x16 operator-(f32x16 a, f32x16 b) { return {_mm512_sub_ps(a.v, b.v)}; }
inline f32x16 operator*(f32x16 a, f32x16 b) { return {_mm512_mul_ps(a.v, b.v)}; }
inline f32x16 operator/(f32x16 a, f32x16 b) { return {_mm512_div_ps(a.v, b.v)}; }
inline f32x16 fma(f32x16 a, f32x16 b, f32x16 c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
inline f32x16 fnma(f32x16 a, f32x16 b, f32x16 c) { return {_mm512_fnmadd_ps(a.v, b.v, c.v)}; }
inline f32x16 fms(f32x16 a, f32x16 b, f32x16 c) { return {_mm512_fmsub_ps(a.v, b.v, c.v)}; }
inline f32x16 min(f32x16 a, f32x16 b) { return {_mm512_min_ps(a.v, b.v)}; }
inline f32x16 max(f32x16 a, f32x16 b) { return {_mm512_max_ps(a.v, b.v)}; }
inline f32x16 sqrt(f32x16 a) { return {_mm512_sqrt_ps(a.v)}; }
inline f32x16 abs(f32x16 a) { return {_mm512_abs_ps(a.v)}; }
inline f32x16 floor(f32x16 a) { return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)}; }
inline f32x16 reciprocal(f32x16 a) {
  const __m512 r = _mm512_rcp14_ps(a.v);
  return {_mm512_mul_ps(r, _mm512_fnmadd_ps(a.v, r, _mm512_set1_ps(2.f)))};
}

inline mask16 operator<(f32x16 a, f32x16 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ)}; }
inline mask16 operator<=(f32x16 a, f32x16 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LE_OQ)}; }
inline mask16 operator>(f32x16 a, f32x16 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_GT_OQ)}; }
inline mask16 operator>=(f32x16 a, f32x16 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_GE_OQ)}; }
inline mask16 operator&(mask16 a, mask16 b) { return {static_cast<__mmask16>(a.v & b.v)}; }
inline mask16 operator|(mask16 a, mask16 b) { return {static_cast<__mmask16>(a.v | b.v)}; }
inline mask16 and_not(mask16 a, mask16 b) { return {static_cast<__mmask16>(a.v & ~b.v)}; }
inline bool any(mask16 a) { return a.v != 0; }
inline uint32_t bits(mask16 a) { return a.v; }
inline mask16 from_bits(uint32_t b) { return {static_cast<__mmask16>(b)}; }
inline f32x16 select(mask16 m, f32x16 a, f32x16 b) { return {_mm512_mask_blend_ps(m.v, b.v, a.v)}; }
inline f32x16 keep(mask16 m, f32x16 a) { return {_mm512_maskz_mov_ps(m.v, a.v)}; }

inline f32x16 exp2(f32x16 p) {
  const __m512 f = _mm512_reduce_ps(p.v, 0x08);  // p minus the nearest integer
  __m512 r = _mm512_fmadd_ps(f, _mm512_set1_ps(kExp2[0]), _mm512_set1_ps(kExp2[1]));
  r = _mm512_fmadd_ps(r, f, _mm512_set1_ps(kExp2[2]));
  r = _mm512_fmadd_ps(r, f, _mm512_set1_ps(kExp2[3]));
  r = _mm512_fmadd_ps(r, f, _mm512_set1_ps(1.f));
  return {_mm512_scalef_ps(r, _mm512_sub_ps(p.v, f))};
}

inline float reduce_add(f32x16 a) { return _mm512_reduce_add_ps(a.v); }

// out[0..7] = sums over the lanes of v[0..7], by a transpose tree.
inline void reduce8(const f32x16 v[8], float* out) {
  auto pairs = [](__m512 a, __m512 b) { return _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b)); };
  auto quads = [](__m512 a, __m512 b) {
    const __m512d x = _mm512_castps_pd(a), y = _mm512_castps_pd(b);
    return _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(x, y)), _mm512_castpd_ps(_mm512_unpackhi_pd(x, y)));
  };
  const __m512 a = quads(pairs(v[0].v, v[1].v), pairs(v[2].v, v[3].v));
  const __m512 b = quads(pairs(v[4].v, v[5].v), pairs(v[6].v, v[7].v));
  const __m512 c = _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xee));
  const __m256 lo = _mm512_castps512_ps256(c), hi = _mm512_extractf32x8_ps(c, 1);
  _mm256_storeu_ps(out, _mm256_set_m128(_mm_add_ps(_mm256_castps256_ps128(hi), _mm256_extractf128_ps(hi, 1)),
                                        _mm_add_ps(_mm256_castps256_ps128(lo), _mm256_extractf128_ps(lo, 1))));
}

inline void transpose16(f32x16 r[16]) {
  __m512 t[16];
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_ps(r[i].v, r[i + 1].v);
    t[i + 1] = _mm512_unpackhi_ps(r[i].v, r[i + 1].v);
  }
  __m512 u[16];
  for (int i = 0; i < 16; i += 4)
    for (int k = 0; k < 2; ++k) {
      const __m512d a = _mm512_castps_pd(t[i + k]), b = _mm512_castps_pd(t[i + 2 + k]);
      u[i + 2 * k] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, b));
      u[i + 2 * k + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, b));
    }
  for (int k = 0; k < 4; ++k) {
    const __m512 a = _mm512_shuffle_f32x4(u[k], u[4 + k], 0x88), b = _mm512_shuffle_f32x4(u[k], u[4 + k], 0xdd);
    const __m512 c = _mm512_shuffle_f32x4(u[8 + k], u[12 + k], 0x88), d = _mm512_shuffle_f32x4(u[8 + k], u[12 + k], 0xdd);
    r[k].v = _mm512_shuffle_f32x4(a, c, 0x88);
    r[8 + k].v = _mm512_shuffle_f32x4(a, c, 0xdd);
    r[4 + k].v = _mm512_shuffle_f32x4(b, d, 0x88);
    r[12 + k].v = _mm512_shuffle_f32x4(b, d, 0xdd);
  }
}

// Appends first + lane to `out` for every lane of m; writes up to 16 values past the count it returns.
inline int append_lanes(uint16_t* out, mask16 m, int first) {
  const __m512i lanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  const __m512i ids = _mm512_maskz_compress_epi32(m.v, _mm512_add_epi32(_mm512_set1_epi32(first), lanes));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm512_cvtepi32_epi16(ids));
  return __builtin_popcount(m.v);
}

struct Neighbours { __m512i before, here, after; };
inline Neighbours neighbours(const float* p) { return {_mm512_load_si512(p - 16), _mm512_load_si512(p), _mm512_load_si512(p + 16)}; }
template <int K>
inline f32x16 shifted(const Neighbours& n) {  // in registers: every load that crosses a cache line would cost two
  if constexpr (K < 0) return {_mm512_castsi512_ps(_mm512_alignr_epi32(n.here, n.before, 16 + K))};
  else if constexpr (K > 0) return {_mm512_castsi512_ps(_mm512_alignr_epi32(n.after, n.here, K))};
  else return {_mm512_castsi512_ps(n.here)};
}

// One 16-bit set a lane.
struct bitset16 { __m512i v; };
inline bitset16 no_bits() { return {_mm512_setzero_si512()}; }
inline bitset16 add_bit(bitset16 s, mask16 m, uint32_t bit) { return {_mm512_mask_or_epi32(s.v, m.v, s.v, _mm512_set1_epi32(static_cast<int>(bit)))}; }
inline void store_u16(uint16_t* p, bitset16 s, int n) {
  _mm256_mask_storeu_epi16(p, static_cast<__mmask16>((1u << n) - 1), _mm512_cvtepi32_epi16(s.v));
}

struct u32x16 { __m512i v; };
inline u32x16 set1_u32(uint32_t x) { return {_mm512_set1_epi32(static_cast<int>(x))}; }
inline u32x16 to_u32(f32x16 a) { return {_mm512_cvttps_epi32(a.v)}; }
inline void store(uint32_t* p, u32x16 a) { _mm512_storeu_si512(p, a.v); }
inline u32x16 operator+(u32x16 a, u32x16 b) { return {_mm512_add_epi32(a.v, b.v)}; }
inline u32x16 operator*(u32x16 a, u32x16 b) { return {_mm512_mullo_epi32(a.v, b.v)}; }
inline u32x16 operator^(u32x16 a, u32x16 b) { return {_mm512_xor_si512(a.v, b.v)}; }
inline u32x16 operator&(u32x16 a, u32x16 b) { return {_mm512_and_si512(a.v, b.v)}; }
inline void gather_pairs(const float* p, u32x16 row, f32x16& first, f32x16& second) {
  const double* rows = reinterpret_cast<const double*>(p);
  const __m512 lo = _mm512_castpd_ps(_mm512_i32gather_pd(_mm512_castsi512_si256(row.v), rows, 8));
  const __m512 hi = _mm512_castpd_ps(_mm512_i32gather_pd(_mm512_extracti32x8_epi32(row.v, 1), rows, 8));
  const __m512i even = _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
  first = {_mm512_permutex2var_ps(lo, even, hi)};
  second = {_mm512_permutex2var_ps(lo, _mm512_add_epi32(even, _mm512_set1_epi32(1)), hi)};
}
inline void store_pairs(float* p, f32x16 first, f32x16 second) {
  const __m512i lo = _mm512_set_epi32(23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  _mm512_storeu_ps(p, _mm512_permutex2var_ps(first.v, lo, second.v));
  _mm512_storeu_ps(p + 16, _mm512_permutex2var_ps(first.v, _mm512_add_epi32(lo, _mm512_set1_epi32(8)), second.v));
}
