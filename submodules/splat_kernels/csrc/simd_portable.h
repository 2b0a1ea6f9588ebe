// Sixteen lanes by the compiler's vector extension: SSE2, NEON, or whatever the target has.
// This is also the place that says what each function means; the other levels only spell it differently.
#pragma once

struct f32x16 { float v __attribute__((vector_size(64))); };
struct mask16 { int32_t v __attribute__((vector_size(64))); };  // lanes are 0 or -1

inline f32x16 set1(float x) { f32x16 r; for (int i = 0; i < 16; ++i) r.v[i] = x; return r; }
inline f32x16 zero() { return set1(0.f); }
inline f32x16 load(const float* p) { f32x16 r; __builtin_memcpy(&r, p, 64); return r; }
// The first n floats, zero in the other lanes; nothing past them is touched.
inline f32x16 load_first(const float* p, int n) { f32x16 r = zero(); __builtin_memcpy(&r, p, sizeof(float) * n); return r; }
// Sixteen bytes as floats 0..255.
inline f32x16 load_u8(const uint8_t* p) { f32x16 r; for (int i = 0; i < 16; ++i) r.v[i] = p[i]; return r; }
// p[0], p[D], p[2 D] ..
template <int D>
inline f32x16 load_strided(const float* p) { f32x16 r; for (int i = 0; i < 16; ++i) r.v[i] = p[D * i]; return r; }
inline void store(float* p, f32x16 a) { __builtin_memcpy(p, &a, 64); }
inline void store_first(float* p, f32x16 a, int n) { __builtin_memcpy(p, &a, sizeof(float) * n); }
// Truncated to integers.
inline void store_i32(int32_t* p, f32x16 a) { for (int i = 0; i < 16; ++i) p[i] = static_cast<int32_t>(a.v[i]); }

// Four rows of four pixels, `stride` floats apart.
inline f32x16 load_4x4(const float* p, int64_t stride) {
  f32x16 r;
  for (int y = 0; y < 4; ++y) __builtin_memcpy(reinterpret_cast<char*>(&r) + 16 * y, p + stride * y, 16);
  return r;
}
inline void store_4x4(float* p, int64_t stride, f32x16 a) {
  for (int y = 0; y < 4; ++y) __builtin_memcpy(p + stride * y, reinterpret_cast<const char*>(&a) + 16 * y, 16);
}

inline f32x16 operator+(f32x16 a, f32x16 b) { return {a.v + b.v}; }
inline f32x16 operator-(f32x16 a, f32x16 b) { return {a.v - b.v}; }
inline f32x16 operator*(f32x16 a, f32x16 b) { return {a.v * b.v}; }
inline f32x16 operator/(f32x16 a, f32x16 b) { return {a.v / b.v}; }
inline f32x16 fma(f32x16 a, f32x16 b, f32x16 c) { return {a.v * b.v + c.v}; }   //  a b + c
inline f32x16 fnma(f32x16 a, f32x16 b, f32x16 c) { return {c.v - a.v * b.v}; }  // -a b + c
inline f32x16 fms(f32x16 a, f32x16 b, f32x16 c) { return {a.v * b.v - c.v}; }   //  a b - c
inline mask16 operator<(f32x16 a, f32x16 b) { return {a.v < b.v}; }
inline mask16 operator<=(f32x16 a, f32x16 b) { return {a.v <= b.v}; }
inline mask16 operator>(f32x16 a, f32x16 b) { return {a.v > b.v}; }
inline mask16 operator>=(f32x16 a, f32x16 b) { return {a.v >= b.v}; }
inline mask16 operator&(mask16 a, mask16 b) { return {a.v & b.v}; }
inline mask16 operator|(mask16 a, mask16 b) { return {a.v | b.v}; }
inline mask16 and_not(mask16 a, mask16 b) { return {a.v & ~b.v}; }  // a and not b
inline uint32_t bits(mask16 a) { uint32_t r = 0; for (int i = 0; i < 16; ++i) r |= (a.v[i] & 1u) << i; return r; }
inline bool any(mask16 a) { return bits(a) != 0; }
inline mask16 from_bits(uint32_t b) { mask16 r; for (int i = 0; i < 16; ++i) r.v[i] = -static_cast<int32_t>(b >> i & 1u); return r; }
inline f32x16 select(mask16 m, f32x16 a, f32x16 b) { return {m.v ? a.v : b.v}; }
inline f32x16 keep(mask16 m, f32x16 a) { return select(m, a, zero()); }  // zero outside of m
inline f32x16 min(f32x16 a, f32x16 b) { return select(a < b, a, b); }
inline f32x16 max(f32x16 a, f32x16 b) { return select(a > b, a, b); }
inline f32x16 sqrt(f32x16 a) { for (int i = 0; i < 16; ++i) a.v[i] = __builtin_sqrtf(a.v[i]); return a; }
inline f32x16 abs(f32x16 a) { return max(a, zero() - a); }
inline f32x16 floor(f32x16 a) { for (int i = 0; i < 16; ++i) a.v[i] = __builtin_floorf(a.v[i]); return a; }
inline f32x16 reciprocal(f32x16 a) { return set1(1.f) / a; }

// 2^p with relative error 4e-6, for -126 <= p <= 126 (clamped).
inline f32x16 exp2(f32x16 p) {
  p = min(max(p, set1(-126.f)), set1(126.f));
  const f32x16 magic = set1(12582912.f);  // 1.5 * 2^23: adding it rounds to the nearest integer
  const f32x16 shifted = p + magic, n = shifted - magic, f = p - n;
  f32x16 r = fma(f, set1(kExp2[0]), set1(kExp2[1]));
  r = fma(r, f, set1(kExp2[2]));
  r = fma(r, f, set1(kExp2[3]));
  r = fma(r, f, set1(1.f));
  mask16 whole, result;
  __builtin_memcpy(&whole, &shifted, 64);
  __builtin_memcpy(&result, &r, 64);
  result.v += whole.v << 23;  // into the exponent; the magic's upper bits fall off
  __builtin_memcpy(&r, &result, 64);
  return r;
}

inline float reduce_add(f32x16 a) {
  float s = 0;
  for (int i = 0; i < 16; ++i) s += a.v[i];
  return s;
}
// out[0..7] = sums over the lanes of v[0..7].
inline void reduce8(const f32x16 v[8], float* out) {
  for (int i = 0; i < 8; ++i) out[i] = reduce_add(v[i]);
}
// Rows become columns.
inline void transpose16(f32x16 r[16]) {
  float t[16][16];
  for (int i = 0; i < 16; ++i)
    for (int k = 0; k < 16; ++k) t[k][i] = r[i].v[k];
  for (int i = 0; i < 16; ++i) r[i] = load(t[i]);
}
// Appends first + lane to `out` for every lane of m; returns how many.
inline int append_lanes(uint16_t* out, mask16 m, int first) {
  int count = 0;
  for (uint32_t b = bits(m); b; b &= b - 1) out[count++] = static_cast<uint16_t>(first + __builtin_ctz(b));
  return count;
}

// Sixteen floats at the aligned address p and those around them: shifted<K> starts at p + K, |K| < 16.
struct Neighbours { const float* p; };
inline Neighbours neighbours(const float* p) { return {p}; }
template <int K>
inline f32x16 shifted(const Neighbours& n) { return load(n.p + K); }

// One 16-bit set a lane.
struct bitset16 { int32_t v __attribute__((vector_size(64))); };
inline bitset16 no_bits() { return {mask16{}.v}; }
inline bitset16 add_bit(bitset16 s, mask16 m, uint32_t bit) { return {s.v | (m.v & static_cast<int32_t>(bit))}; }
inline void store_u16(uint16_t* p, bitset16 s, int n) { for (int i = 0; i < n; ++i) p[i] = static_cast<uint16_t>(s.v[i]); }

// Sixteen unsigned integers; products and sums wrap around.
struct u32x16 { uint32_t v __attribute__((vector_size(64))); };
inline u32x16 set1_u32(uint32_t x) { u32x16 r; for (int i = 0; i < 16; ++i) r.v[i] = x; return r; }
// Truncated; lanes from 0 to 2^31.
inline u32x16 to_u32(f32x16 a) { u32x16 r; for (int i = 0; i < 16; ++i) r.v[i] = static_cast<uint32_t>(static_cast<int32_t>(a.v[i])); return r; }
inline void store(uint32_t* p, u32x16 a) { __builtin_memcpy(p, &a, 64); }
inline u32x16 operator+(u32x16 a, u32x16 b) { return {a.v + b.v}; }
inline u32x16 operator*(u32x16 a, u32x16 b) { return {a.v * b.v}; }
inline u32x16 operator^(u32x16 a, u32x16 b) { return {a.v ^ b.v}; }
inline u32x16 operator&(u32x16 a, u32x16 b) { return {a.v & b.v}; }
// Both floats of sixteen rows of two; and two vectors as such rows.
inline void gather_pairs(const float* p, u32x16 row, f32x16& first, f32x16& second) {
  for (int i = 0; i < 16; ++i) first.v[i] = p[2 * static_cast<int64_t>(row.v[i])], second.v[i] = p[2 * static_cast<int64_t>(row.v[i]) + 1];
}
inline void store_pairs(float* p, f32x16 first, f32x16 second) {
  for (int i = 0; i < 16; ++i) p[2 * i] = first.v[i], p[2 * i + 1] = second.v[i];
}
