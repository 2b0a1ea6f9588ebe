// Visible Gaussians by depth: a stable radix sort of 32-bit keys, so ties keep the caller's order for any thread count.
#pragma once

constexpr int kRadixBits = 11, kRadix = 1 << kRadixBits;
constexpr int kSortRanges = 16;  // at most; one histogram each

struct DepthKey {
  uint32_t key;   // bits of a positive float: ordered like the float
  int32_t index;
};

// Writes the rows of `records` with a positive opacity to `keys`; returns their number.
inline int64_t collect_visible(const float* records, int64_t n, int threads, DepthKey* keys) {
  const int ranges = threads > 1 && n > 4096 ? imin(kSortRanges, threads) : 1;
  int64_t counts[kSortRanges];
  auto bound = [&](int64_t r) { return n * r / ranges; };
  parallel(threads, ranges, [&](int64_t r, int) {
    DepthKey* out = keys + bound(r);
    for (int64_t i = bound(r); i < bound(r + 1); ++i) {
      const float* record = records + i * kRecordFloats;
      __builtin_memcpy(&out->key, record + kDepth, 4);
      out->index = static_cast<int32_t>(i);
      out += record[kOpacity] > 0.f;
    }
    counts[r] = out - (keys + bound(r));
  });
  int64_t visible = counts[0];
  for (int r = 1; r < ranges; ++r) {
    __builtin_memmove(keys + visible, keys + bound(r), sizeof(DepthKey) * counts[r]);
    visible += counts[r];
  }
  return visible;
}

// Sorts `keys`; `other` is scratch of the same size. Returns whichever of the two holds the result.
inline DepthKey* depth_sort(DepthKey* keys, DepthKey* other, int64_t count, int threads, int32_t* histograms) {
  const int ranges = threads > 1 && count > 8192 ? imin(kSortRanges, threads) : 1;
  auto bound = [&](int64_t r) { return count * r / ranges; };
  for (int shift = 0; shift < 32; shift += kRadixBits) {
    parallel(threads, ranges, [&](int64_t r, int) {
      int32_t* histogram = histograms + r * kRadix;
      __builtin_memset(histogram, 0, sizeof(int32_t) * kRadix);
      for (int64_t i = bound(r); i < bound(r + 1); ++i) ++histogram[(keys[i].key >> shift) & (kRadix - 1)];
    });
    int32_t sum = 0;
    bool sorted = false;  // one digit for all: nothing to do
    for (int digit = 0; digit < kRadix; ++digit) {
      const int32_t before = sum;
      for (int r = 0; r < ranges; ++r) {
        const int32_t here = histograms[r * kRadix + digit];
        histograms[r * kRadix + digit] = sum;
        sum += here;
      }
      sorted |= sum - before == count;
    }
    if (sorted) continue;
    parallel(threads, ranges, [&](int64_t r, int) {
      int32_t* cursor = histograms + r * kRadix;
      for (int64_t i = bound(r); i < bound(r + 1); ++i) other[cursor[(keys[i].key >> shift) & (kRadix - 1)]++] = keys[i];
    });
    DepthKey* swap = keys;
    keys = other;
    other = swap;
  }
  return keys;
}
