// Fused (1 - lambda) L1 + lambda (1 - SSIM) and its gradient by the image (Wang et al. 2004; 11 x 11 window, sigma 1.5,
// zero padding). A band of rows of one channel streams through two rings of filtered rows: everything but the image,
// the target and its cached moments stays in the cache.
#pragma once

constexpr int kRadius = 5, kWindow = 2 * kRadius + 1;
constexpr float kC1 = 0.01f * 0.01f, kC2 = 0.03f * 0.03f;
// exp(-x^2 / 4.5) at x = 0..5, divided by the sum over -5..5.
constexpr float kGauss[kRadius + 1] = {0.26601172f, 0.21300553f, 0.10936069f, 0.03600077f, 0.00759876f, 0.00102838f};
constexpr int kMargin = 16;

inline int padded(int width) { return (width + 15) / 16 * 16 + 2 * kMargin; }

// Filters `in` (aligned, zero margins) along the row.
inline void filter_row(const float* in, float* out, int width) {
  for (int x = 0; x < width; x += 16) {
    const Neighbours n = neighbours(in + x);
    f32x16 sum = set1(kGauss[0]) * shifted<0>(n);
    sum = fma(set1(kGauss[1]), shifted<-1>(n) + shifted<1>(n), sum);
    sum = fma(set1(kGauss[2]), shifted<-2>(n) + shifted<2>(n), sum);
    sum = fma(set1(kGauss[3]), shifted<-3>(n) + shifted<3>(n), sum);
    sum = fma(set1(kGauss[4]), shifted<-4>(n) + shifted<4>(n), sum);
    sum = fma(set1(kGauss[5]), shifted<-5>(n) + shifted<5>(n), sum);
    store(out + x, sum);
  }
}
// Filters twelve rows down to the two in their middle, at columns x..x+15: most rows serve both.
inline void filter_columns(const float* const* rows, int x, f32x16 out[2]) {
  f32x16 r[kWindow + 1];
  for (int k = 0; k <= kWindow; ++k) r[k] = load(rows[k] + x);
  for (int i = 0; i < 2; ++i) {
    out[i] = set1(kGauss[0]) * r[kRadius + i];
    for (int k = 1; k <= kRadius; ++k) out[i] = fma(set1(kGauss[k]), r[kRadius + i - k] + r[kRadius + i + k], out[i]);
  }
}

// The last twelve filtered rows of three maps, by row number modulo twelve.
struct Ring {
  static constexpr int kRows = kWindow + 1;
  float* memory;
  const float* zeros;
  int pitch, height;
  float* row(int map, int y) const { return memory + int64_t{pitch} * (kRows * map + y % kRows) + kMargin; }
  // Rows y - 5 .. y + 6: what the filter needs at y and y + 1.
  void around(int map, int y, const float* rows[kRows]) const {
    for (int k = 0; k < kRows; ++k) {
      const int here = y - kRadius + k;
      rows[k] = here >= 0 && here < height ? row(map, here) : zeros + kMargin;
    }
  }
};

inline f32x16 load_tail(const float* p, int n) { return n >= 16 ? load(p) : load_first(p, n); }
inline f32x16 load_target(const uint8_t* p, int n) {
  if (n >= 16) return load_u8(p) * set1(1.f / 255.f);
  uint8_t bytes[16] = {};
  __builtin_memcpy(bytes, p, n);
  return load_u8(bytes) * set1(1.f / 255.f);
}

// Rows filtered twice at a band's two edges cost a tenth; fewer bands would leave processors without work.
inline int band_count(int height) { return imax(1, (height + 96) / 192); }
inline int64_t band_floats(int width) { return int64_t{padded(width)} * (2 * 3 * Ring::kRows + 3 + 2 * 3 + 1); }

// Rows begin..end-1 of one channel.
struct Band {
  int width, height, begin, end;
  Ring moments, derivatives;  // maps: x, x^2, x y | dS/dmu, dS/dx^2, dS/dxy
  float *values[3], *maps[2][3];  // unfiltered rows: one of moments, two of derivatives

  Band(float* memory, int w, int h, int first, int last) : width(w), height(h), begin(first), end(last) {
    const int pitch = padded(w);
    __builtin_memset(memory, 0, sizeof(float) * band_floats(w));
    float* next = memory + pitch;  // after a row of zeros
    auto take = [&](int rows) { return next += int64_t{pitch} * rows, next - int64_t{pitch} * rows; };
    moments = {take(3 * Ring::kRows), memory, pitch, h};
    derivatives = {take(3 * Ring::kRows), memory, pitch, h};
    for (float*& row : values) row = take(1) + kMargin;
    for (auto& both : maps)
      for (float*& row : both) row = take(1) + kMargin;
  }
  // Is the row read at all, at a distance of `reach` from the band?
  bool covers(int y, int reach) const { return y >= imax(0, begin - reach) && y < imin(height, end + reach); }
};

struct LossSums { double l1, ssim; };

// What the two sums over pixels and the gradient need, at the row `y` of the band's channel.
struct RowInputs {
  const float *image, *mean, *variance, *weights;
  const uint8_t* target;
  float* gradient;

  RowInputs(const PhotometricArgs& args, int channel, int y) {
    const int64_t plane = int64_t{args.width} * args.height, pixel = int64_t{args.width} * y, offset = plane * channel + pixel;
    image = args.image + offset, target = args.target + offset;
    mean = args.moments + offset, variance = args.moments + 3 * plane + offset;
    weights = args.weights ? args.weights + pixel : nullptr;
    gradient = args.gradient ? args.gradient + offset : nullptr;
  }
  f32x16 weight(int x, int n) const { return weights ? load_first(weights + x, n) : from_lanes_below(n); }
};

// SSIM at sixteen pixels from the windowed moments; its three derivatives go to `maps`.
inline f32x16 ssim16(const RowInputs& in, const f32x16 moments[3], int x, int n, float* const maps[3]) {
  const f32x16 one = set1(1.f), two = set1(2.f), c1 = set1(kC1), c2 = set1(kC2), mu = moments[0];
  const f32x16 nu = load_first(in.mean + x, n), variance = load_first(in.variance + x, n), weight = in.weight(x, n);
  const f32x16 a = fma(two * mu, nu, c1), b = fma(two, fnma(mu, nu, moments[2]), c2);
  const f32x16 d = fma(mu, mu, fma(nu, nu, c1)), e = fnma(mu, mu, moments[1]) + variance + c2;
  const f32x16 inverse = one / (d * e), s = a * b * inverse, inverse_e = d * inverse, inverse_d = e * inverse;
  store(maps[0] + x, weight * two * fms(nu, (b - a) * inverse, mu * s * (inverse_d - inverse_e)));
  store(maps[1] + x, zero() - weight * s * inverse_e);
  store(maps[2] + x, weight * two * a * inverse);
  return weight * s;
}

// |x - y| at sixteen pixels and, where wanted, the gradient of the whole loss from the filtered derivatives of SSIM.
inline f32x16 loss16(const PhotometricArgs& args, const RowInputs& in, const f32x16 derivatives[3], int x, int n) {
  const float scale = 1.f / (3.f * static_cast<float>(args.width) * static_cast<float>(args.height));
  const f32x16 a = load_tail(in.image + x, n), b = load_target(in.target + x, n), difference = a - b, weight = in.weight(x, n);
  if (in.gradient) {
    const f32x16 l1_scale = set1((1.f - args.lambda_dssim) * scale);
    const f32x16 from_ssim = fma(set1(2.f) * a, derivatives[1], fma(b, derivatives[2], derivatives[0]));
    const f32x16 sign = select(difference > zero(), l1_scale, select(difference < zero(), zero() - l1_scale, zero()));
    store_first(in.gradient + x, fma(set1(-args.lambda_dssim * scale), from_ssim, weight * sign), n);
  }
  return weight * abs(difference);
}

// SSIM along rows y and y + 1, as far as the band needs them; their derivatives go, filtered along the row, into the ring.
inline void ssim_rows(const PhotometricArgs& args, int channel, int y, Band& band, LossSums& sums) {
  const bool needed[2] = {band.covers(y, kRadius), band.covers(y + 1, kRadius)};
  if (!needed[0] && !needed[1]) return;
  const RowInputs in[2] = {{args, channel, needed[0] ? y : y + 1}, {args, channel, needed[1] ? y + 1 : y}};
  const float* rows[3][Ring::kRows];
  for (int k = 0; k < 3; ++k) band.moments.around(k, y, rows[k]);
  f32x16 total[2] = {zero(), zero()};
  for (int x = 0; x < band.width; x += 16) {
    f32x16 moments[2][3], both[2];
    for (int k = 0; k < 3; ++k) filter_columns(rows[k], x, both), moments[0][k] = both[0], moments[1][k] = both[1];
    for (int i = 0; i < 2; ++i)
      if (needed[i]) total[i] = total[i] + ssim16(in[i], moments[i], x, imin(16, band.width - x), band.maps[i]);
  }
  for (int i = 0; i < 2; ++i) {
    if (!needed[i]) continue;
    if (band.covers(y + i, 0)) sums.ssim += reduce_add(total[i]);
    for (int k = 0; k < 3; ++k) filter_row(band.maps[i][k], band.derivatives.row(k, y + i), band.width);
  }
}

// L1 and the gradient along rows y and y + 1 of the band.
inline void loss_rows(const PhotometricArgs& args, int channel, int y, const Band& band, LossSums& sums) {
  const bool inside[2] = {band.covers(y, 0), band.covers(y + 1, 0)};
  if (!inside[0] && !inside[1]) return;
  const RowInputs in[2] = {{args, channel, inside[0] ? y : y + 1}, {args, channel, inside[1] ? y + 1 : y}};
  const float* rows[3][Ring::kRows];
  for (int k = 0; k < 3; ++k) band.derivatives.around(k, y, rows[k]);
  f32x16 total[2] = {zero(), zero()};
  for (int x = 0; x < band.width; x += 16) {
    f32x16 derivatives[2][3], both[2];
    for (int k = 0; k < 3; ++k) filter_columns(rows[k], x, both), derivatives[0][k] = both[0], derivatives[1][k] = both[1];
    for (int i = 0; i < 2; ++i)
      if (inside[i]) total[i] = total[i] + loss16(args, in[i], derivatives[i], x, imin(16, band.width - x));
  }
  sums.l1 += reduce_add(total[0]) + reduce_add(total[1]);
}

// The band's two windows trail the rows that come in by five and by ten.
inline LossSums photometric_band(const PhotometricArgs& args, int channel, int begin, int end, float* memory) {
  Band band(memory, args.width, args.height, begin, end);
  LossSums sums{};
  for (int y = imax(0, begin - 2 * kRadius); y < end + 2 * kRadius + 1; y += 2) {
    for (int row = y; row < y + 2; ++row) {
      if (!band.covers(row, 2 * kRadius)) continue;
      const RowInputs in(args, channel, row);
      for (int x = 0; x < band.width; x += 16) {
        const f32x16 a = load_tail(in.image + x, band.width - x), b = load_target(in.target + x, band.width - x);
        store(band.values[0] + x, a);
        store(band.values[1] + x, a * a);
        store(band.values[2] + x, a * b);
      }
      for (int k = 0; k < 3; ++k) filter_row(band.values[k], band.moments.row(k, row), band.width);
    }
    ssim_rows(args, channel, y - kRadius, band, sums);
    loss_rows(args, channel, y - 2 * kRadius, band, sums);
  }
  return sums;
}

enum PhotometricSlot { kBandSlot = 12, kSumSlot };

bool photometric(PhotometricArgs& args) {
  splat::Workspace* workspace = splat::acquire_workspace();
  const int bands = band_count(args.height);
  const int64_t floats = (band_floats(args.width) + 15) / 16 * 16;
  auto* memory = static_cast<float*>(splat::workspace_buffer(workspace, kBandSlot, sizeof(float) * floats * imax(1, args.threads)));
  auto* sums = static_cast<LossSums*>(splat::workspace_buffer(workspace, kSumSlot, sizeof(LossSums) * 3 * bands));
  if (memory && sums) {
    parallel(args.threads, int64_t{3} * bands, [&](int64_t task, int worker) {
      const int band = static_cast<int>(task / 3);
      const int begin = static_cast<int>(int64_t{args.height} * band / bands), end = static_cast<int>(int64_t{args.height} * (band + 1) / bands);
      sums[task] = photometric_band(args, static_cast<int>(task % 3), begin, end, memory + floats * worker);
    });
    double l1 = 0, ssim = 0, weight = 0;
    const int64_t plane = int64_t{args.width} * args.height;
    for (int task = 0; task < 3 * bands; ++task) l1 += sums[task].l1, ssim += sums[task].ssim;
    if (args.weights)
      for (int64_t i = 0; i < plane; ++i) weight += args.weights[i];
    const double count = 3.0 * static_cast<double>(plane), kept = args.weights ? weight / static_cast<double>(plane) : 1.0;
    args.loss = (1.0 - args.lambda_dssim) * l1 / count + args.lambda_dssim * (kept - ssim / count);
  }
  splat::release_workspace(workspace);
  return memory && sums;
}

// The windowed mean and variance of a target: constant over a training run.
bool ssim_moments(const MomentsArgs& args) {
  splat::Workspace* workspace = splat::acquire_workspace();
  const int bands = band_count(args.height);
  const int64_t floats = (band_floats(args.width) + 15) / 16 * 16, plane = int64_t{args.width} * args.height;
  auto* memory = static_cast<float*>(splat::workspace_buffer(workspace, kBandSlot, sizeof(float) * floats * imax(1, args.threads)));
  if (memory)
    parallel(args.threads, int64_t{3} * bands, [&](int64_t task, int worker) {
      const int index = static_cast<int>(task / 3);
      const int begin = static_cast<int>(int64_t{args.height} * index / bands), end = static_cast<int>(int64_t{args.height} * (index + 1) / bands);
      Band band(memory + floats * worker, args.width, args.height, begin, end);
      const int64_t offset = plane * (task % 3);
      for (int y = imax(0, begin - kRadius); y < end + kRadius + 1; y += 2) {
        for (int row = y; row < y + 2; ++row) {
          if (!band.covers(row, kRadius)) continue;
          const uint8_t* target = args.target + offset + int64_t{args.width} * row;
          for (int x = 0; x < args.width; x += 16) {
            const f32x16 b = load_target(target + x, args.width - x);
            store(band.values[0] + x, b);
            store(band.values[1] + x, b * b);
          }
          for (int k = 0; k < 2; ++k) filter_row(band.values[k], band.moments.row(k, row), args.width);
        }
        const int middle = y - kRadius;
        const float* rows[2][Ring::kRows];
        for (int k = 0; k < 2; ++k) band.moments.around(k, middle, rows[k]);
        for (int x = 0; x < args.width; x += 16) {
          const int n = imin(16, args.width - x);
          f32x16 mean[2], square[2];
          filter_columns(rows[0], x, mean);
          filter_columns(rows[1], x, square);
          for (int i = 0; i < 2; ++i) {
            if (!band.covers(middle + i, 0)) continue;
            float* out = args.moments + offset + int64_t{args.width} * (middle + i) + x;
            store_first(out, mean[i], n);
            store_first(out + 3 * plane, fnma(mean[i], mean[i], square[i]), n);
          }
        }
      }
    });
  splat::release_workspace(workspace);
  return memory != nullptr;
}
