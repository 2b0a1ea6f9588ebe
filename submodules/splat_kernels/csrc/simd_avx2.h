// Sixteen lanes in two AVX2 registers (with FMA). See simd_portable.h for what each function means.
#pragma once
#include <immintrin.h>

struct f32x16 { __m256 a, b; };
struct mask16 { __m256 a, b; };  // lanes are all zeros or all ones

inline f32x16 set1(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
inline f32x16 zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
inline f32x16 load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
inline __m256i first_lanes(int n) { return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0)); }
inline f32x16 load_first(const float* p, int n) { return {_mm256_maskload_ps(p, first_lanes(n)), _mm256_maskload_ps(p + 8, first_lanes(n - 8))}; }
inline f32x16 load_u8(const uint8_t* p) {
  const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return {_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(x)), _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_srli_si128(x, 8)))};
}
template <int D>
inline f32x16 load_strided(const float* p) {
  const __m256i lanes = _mm256_mullo_epi32(_mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0), _mm256_set1_epi32(D));
  return {_mm256_i32gather_ps(p, lanes, 4), _mm256_i32gather_ps(p + 8 * D, lanes, 4)};
}
inline void store(float* p, f32x16 x) { _mm256_storeu_ps(p, x.a); _mm256_storeu_ps(p + 8, x.b); }
inline void store_first(float* p, f32x16 x, int n) { _mm256_maskstore_ps(p, first_lanes(n), x.a); _mm256_maskstore_ps(p + 8, first_lanes(n - 8), x.b); }
inline void store_i32(int32_t* p, f32x16 x) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_cvttps_epi32(x.a));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p + 8), _mm256_cvttps_epi32(x.b));
}

inline f32x16 load_4x4(const float* p, int64_t stride) {
  return {_mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(p)), _mm_loadu_ps(p + stride), 1),
          _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(p + 2 * stride)), _mm_loadu_ps(p + 3 * stride), 1)};
}
inline void store_4x4(float* p, int64_t stride, f32x16 x) {
  _mm_storeu_ps(p, _mm256_castps256_ps128(x.a));
  _mm_storeu_ps(p + stride, _mm256_extractf128_ps(x.a, 1));
  _mm_storeu_ps(p + 2 * stride, _mm256_castps256_ps128(x.b));
  _mm_storeu_ps(p + 3 * stride, _mm256_extractf128_ps(x.b, 1));
}

inline f32x16 operator+(f32x16 x, f32x16 y) { return {_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)}; }
inline f32x16 operator-(f32x16 x, f32x16 y) { return {_mm256_sub_ps(x.a, y.a), _mm256_sub_ps(x.b, y.b)}; }
inline f32x16 operator*(f32x16 x, f32x16 y) { return {_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)}; }
inline f32x16 operator/(f32x16 x, f32x16 y) { return {_mm256_div_ps(x.a, y.a), _mm256_div_ps(x.b, y.b)}; }
inline f32x16 fma(f32x16 x, f32x16 y, f32x16 z) { return {_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)}; }
inline f32x16 fnma(f32x16 x, f32x16 y, f32x16 z) { return {_mm256_fnmadd_ps(x.a, y.a, z.a), _mm256_fnmadd_ps(x.b, y.b, z.b)}; }
inline f32x16 fms(f32x16 x, f32x16 y, f32x16 z) { return {_mm256_fmsub_ps(x.a, y.a, z.a), _mm256_fmsub_ps(x.b, y.b, z.b)}; }
inline f32x16 min(f32x16 x, f32x16 y) { return {_mm256_min_ps(x.a, y.a), _mm256_min_ps(x.b, y.b)}; }
inline f32x16 max(f32x16 x, f32x16 y) { return {_mm256_max_ps(x.a, y.a), _mm256_max_ps(x.b, y.b)}; }
inline f32x16 sqrt(f32x16 x) { return {_mm256_sqrt_ps(x.a), _mm256_sqrt_ps(x.b)}; }
inline f32x16 abs(f32x16 x) { const __m256 s = _mm256_set1_ps(-0.f); return {_mm256_andnot_ps(s, x.a), _mm256_andnot_ps(s, x.b)}; }
inline f32x16 floor(f32x16 x) { return {_mm256_floor_ps(x.a), _mm256_floor_ps(x.b)}; }
inline f32x16 reciprocal(f32x16 x) {  // 12 bits, then two Newton steps
  f32x16 r = {_mm256_rcp_ps(x.a), _mm256_rcp_ps(x.b)};
  r = r * fnma(x, r, set1(2.f));
  return r * fnma(x, r, set1(2.f));
}

#define SPLAT_COMPARE(op, code) \
  inline mask16 operator op(f32x16 x, f32x16 y) { return {_mm256_cmp_ps(x.a, y.a, code), _mm256_cmp_ps(x.b, y.b, code)}; }
SPLAT_COMPARE(<, _CMP_LT_OQ)
SPLAT_COMPARE(<=, _CMP_LE_OQ)
SPLAT_COMPARE(>, _CMP_GT_OQ)
SPLAT_COMPARE(>=, _CMP_GE_OQ)
#undef SPLAT_COMPARE
inline mask16 operator&(mask16 x, mask16 y) { return {_mm256_and_ps(x.a, y.a), _mm256_and_ps(x.b, y.b)}; }
inline mask16 operator|(mask16 x, mask16 y) { return {_mm256_or_ps(x.a, y.a), _mm256_or_ps(x.b, y.b)}; }
inline mask16 and_not(mask16 x, mask16 y) { return {_mm256_andnot_ps(y.a, x.a), _mm256_andnot_ps(y.b, x.b)}; }
inline uint32_t bits(mask16 m) { return static_cast<uint32_t>(_mm256_movemask_ps(m.a) | _mm256_movemask_ps(m.b) << 8); }
inline bool any(mask16 m) { return bits(m) != 0; }
inline mask16 from_bits(uint32_t b) {
  const __m256i lanes = _mm256_set_epi32(128, 64, 32, 16, 8, 4, 2, 1);
  auto expand = [&](int byte) {
    return _mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32(byte), lanes), lanes));
  };
  return {expand(static_cast<int>(b & 255u)), expand(static_cast<int>(b >> 8))};
}
inline f32x16 select(mask16 m, f32x16 x, f32x16 y) { return {_mm256_blendv_ps(y.a, x.a, m.a), _mm256_blendv_ps(y.b, x.b, m.b)}; }
inline f32x16 keep(mask16 m, f32x16 x) { return {_mm256_and_ps(m.a, x.a), _mm256_and_ps(m.b, x.b)}; }

inline __m256 exp2_half(__m256 p) {
  p = _mm256_min_ps(_mm256_max_ps(p, _mm256_set1_ps(-126.f)), _mm256_set1_ps(126.f));
  const __m256 n = _mm256_round_ps(p, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC), f = _mm256_sub_ps(p, n);
  __m256 r = _mm256_fmadd_ps(f, _mm256_set1_ps(kExp2[0]), _mm256_set1_ps(kExp2[1]));
  r = _mm256_fmadd_ps(r, f, _mm256_set1_ps(kExp2[2]));
  r = _mm256_fmadd_ps(r, f, _mm256_set1_ps(kExp2[3]));
  r = _mm256_fmadd_ps(r, f, _mm256_set1_ps(1.f));
  return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(r), _mm256_slli_epi32(_mm256_cvtps_epi32(n), 23)));
}
inline f32x16 exp2(f32x16 p) { return {exp2_half(p.a), exp2_half(p.b)}; }

inline float reduce_add(f32x16 x) {
  const __m256 s = _mm256_add_ps(x.a, x.b);
  __m128 r = _mm_add_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1));
  r = _mm_add_ps(r, _mm_movehl_ps(r, r));
  return _mm_cvtss_f32(_mm_add_ss(r, _mm_movehdup_ps(r)));
}
inline void reduce8(const f32x16 v[8], float* out) {
  __m256 s[8];
  for (int i = 0; i < 8; ++i) s[i] = _mm256_add_ps(v[i].a, v[i].b);
  const __m256 lo = _mm256_hadd_ps(_mm256_hadd_ps(s[0], s[1]), _mm256_hadd_ps(s[2], s[3]));
  const __m256 hi = _mm256_hadd_ps(_mm256_hadd_ps(s[4], s[5]), _mm256_hadd_ps(s[6], s[7]));
  _mm256_storeu_ps(out, _mm256_add_ps(_mm256_permute2f128_ps(lo, hi, 0x20), _mm256_permute2f128_ps(lo, hi, 0x31)));
}
inline void transpose16(f32x16 r[16]) {
  alignas(32) float t[16][16];
  for (int i = 0; i < 16; ++i) store(t[i], r[i]);
  for (int k = 0; k < 16; ++k) {
    float column[16];
    for (int i = 0; i < 16; ++i) column[i] = t[i][k];
    r[k] = load(column);
  }
}
inline int append_lanes(uint16_t* out, mask16 m, int first) {
  int count = 0;
  for (uint32_t b = bits(m); b; b &= b - 1) out[count++] = static_cast<uint16_t>(first + __builtin_ctz(b));
  return count;
}

struct Neighbours { const float* p; };
inline Neighbours neighbours(const float* p) { return {p}; }
template <int K>
inline f32x16 shifted(const Neighbours& n) { return load(n.p + K); }

// One 16-bit set a lane.
struct bitset16 { __m256i a, b; };
inline bitset16 no_bits() { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
inline bitset16 add_bit(bitset16 s, mask16 m, uint32_t bit) {
  const __m256i value = _mm256_set1_epi32(static_cast<int>(bit));
  return {_mm256_or_si256(s.a, _mm256_and_si256(_mm256_castps_si256(m.a), value)), _mm256_or_si256(s.b, _mm256_and_si256(_mm256_castps_si256(m.b), value))};
}
inline void store_u16(uint16_t* p, bitset16 s, int n) {
  alignas(32) int32_t lanes[16];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), s.a);
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes + 8), s.b);
  for (int i = 0; i < n; ++i) p[i] = static_cast<uint16_t>(lanes[i]);
}

struct u32x16 { __m256i a, b; };
inline u32x16 set1_u32(uint32_t x) { const __m256i r = _mm256_set1_epi32(static_cast<int>(x)); return {r, r}; }
inline u32x16 to_u32(f32x16 x) { return {_mm256_cvttps_epi32(x.a), _mm256_cvttps_epi32(x.b)}; }
inline void store(uint32_t* p, u32x16 x) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), x.a);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p + 8), x.b);
}
inline u32x16 operator+(u32x16 x, u32x16 y) { return {_mm256_add_epi32(x.a, y.a), _mm256_add_epi32(x.b, y.b)}; }
inline u32x16 operator*(u32x16 x, u32x16 y) { return {_mm256_mullo_epi32(x.a, y.a), _mm256_mullo_epi32(x.b, y.b)}; }
inline u32x16 operator^(u32x16 x, u32x16 y) { return {_mm256_xor_si256(x.a, y.a), _mm256_xor_si256(x.b, y.b)}; }
inline u32x16 operator&(u32x16 x, u32x16 y) { return {_mm256_and_si256(x.a, y.a), _mm256_and_si256(x.b, y.b)}; }
inline void gather_pairs(const float* p, u32x16 row, f32x16& first, f32x16& second) {
  alignas(32) uint32_t rows[16];
  store(rows, row);
  auto eight = [&](const uint32_t* r, __m256& even, __m256& odd) {  // plain loads: they beat AVX2's gather
    auto two = [&](int i) {
      const __m128d low = _mm_load_sd(reinterpret_cast<const double*>(p + 2 * static_cast<int64_t>(r[i])));
      return _mm_castpd_ps(_mm_loadh_pd(low, reinterpret_cast<const double*>(p + 2 * static_cast<int64_t>(r[i + 1]))));
    };
    const __m256 x = _mm256_set_m128(two(4), two(0)), y = _mm256_set_m128(two(6), two(2));
    even = _mm256_shuffle_ps(x, y, 0x88), odd = _mm256_shuffle_ps(x, y, 0xdd);
  };
  eight(rows, first.a, second.a);
  eight(rows + 8, first.b, second.b);
}
inline void store_pairs(float* p, f32x16 x, f32x16 y) {
  auto eight = [](float* out, __m256 even, __m256 odd) {
    const __m256 lo = _mm256_unpacklo_ps(even, odd), hi = _mm256_unpackhi_ps(even, odd);
    _mm256_storeu_ps(out, _mm256_permute2f128_ps(lo, hi, 0x20));
    _mm256_storeu_ps(out + 8, _mm256_permute2f128_ps(lo, hi, 0x31));
  };
  eight(p, x.a, y.a);
  eight(p + 16, x.b, y.b);
}
