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
// Filters eleven rows down to one, at columns x..x+15.
inline f32x16 filter_column(const float* const* rows, int x) {
  f32x16 sum = set1(kGauss[0]) * load(rows[kRadius] + x);
  for (int k = 1; k <= kRadius; ++k) sum = fma(set1(kGauss[k]), load(rows[kRadius - k] + x) + load(rows[kRadius + k] + x), sum);
  return sum;
}

// Eleven filtered rows of three maps, by row number modulo eleven.
struct Ring {
  float* memory;
  const float* zeros;
  int pitch, height;
  float* row(int map, int y) const { return memory + int64_t{pitch} * (kWindow * map + y % kWindow) + kMargin; }
  void around(int map, int y, const float* rows[kWindow]) const {
    for (int k = -kRadius; k <= kRadius; ++k) rows[k + kRadius] = y + k >= 0 && y + k < height ? row(map, y + k) : zeros + kMargin;
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
inline int64_t band_floats(int width) { return int64_t{padded(width)} * (2 * 3 * kWindow + 3 + 3 + 1); }

struct Band {
  int width, height, begin, end;  // rows of the image
  Ring moments, derivatives;      // maps: x, x^2, x y | dS/dmu, dS/dx^2, dS/dxy
  float *values[3], *maps[3];     // one unfiltered row of each

  Band(float* memory, int w, int h, int first, int last) : width(w), height(h), begin(first), end(last) {
    const int pitch = padded(w);
    __builtin_memset(memory, 0, sizeof(float) * band_floats(w));
    const float* zeros = memory;
    moments = {memory + pitch, zeros, pitch, h};
    derivatives = {memory + int64_t{pitch} * (1 + 3 * kWindow), zeros, pitch, h};
    for (int k = 0; k < 3; ++k) {
      values[k] = memory + int64_t{pitch} * (1 + 6 * kWindow + k) + kMargin;
      maps[k] = memory + int64_t{pitch} * (4 + 6 * kWindow + k) + kMargin;
    }
  }
};

inline void moments_of_row(const float* image, const uint8_t* target, int y, Band& band) {
  for (int x = 0; x < band.width; x += 16) {
    const int n = band.width - x;
    const f32x16 a = load_tail(image + x, n), b = load_target(target + x, n);
    store(band.values[0] + x, a);
    store(band.values[1] + x, a * a);
    store(band.values[2] + x, a * b);
  }
  for (int k = 0; k < 3; ++k) filter_row(band.values[k], band.moments.row(k, y), band.width);
}

struct LossSums { double l1, ssim; };

// SSIM along row y from the ring of moments; its three derivatives go, filtered along the row, into the other ring.
inline float ssim_row(const float* target_mean, const float* target_variance, const float* weights, int y, Band& band) {
  const float* rows[3][kWindow];
  for (int k = 0; k < 3; ++k) band.moments.around(k, y, rows[k]);
  const f32x16 one = set1(1.f), two = set1(2.f), c1 = set1(kC1), c2 = set1(kC2);
  f32x16 total = zero();
  for (int x = 0; x < band.width; x += 16) {
    const int n = imin(16, band.width - x);
    const f32x16 mu = filter_column(rows[0], x), square = filter_column(rows[1], x), product = filter_column(rows[2], x);
    const f32x16 nu = load_first(target_mean + x, n), variance = load_first(target_variance + x, n);
    const f32x16 a = fma(two * mu, nu, c1), b = fma(two, fnma(mu, nu, product), c2);
    const f32x16 d = fma(mu, mu, fma(nu, nu, c1)), e = fnma(mu, mu, square) + variance + c2;
    const f32x16 inverse = one / (d * e), s = a * b * inverse, inverse_e = d * inverse, inverse_d = e * inverse;
    f32x16 weight = from_lanes_below(n);
    if (weights) weight = load_first(weights + x, n);
    total = fma(weight, s, total);
    store(band.maps[0] + x, weight * two * fms(nu, (b - a) * inverse, mu * s * (inverse_d - inverse_e)));
    store(band.maps[1] + x, zero() - weight * s * inverse_e);
    store(band.maps[2] + x, weight * two * a * inverse);
  }
  for (int k = 0; k < 3; ++k) filter_row(band.maps[k], band.derivatives.row(k, y), band.width);
  return reduce_add(total);
}

// L1 along row y and, when `gradient` is given, the gradient of the whole loss.
inline float loss_row(const PhotometricArgs& args, const float* image, const uint8_t* target, const float* weights, float* gradient, int y,
                      const Band& band) {
  const float* rows[3][kWindow];
  for (int k = 0; k < 3; ++k) band.derivatives.around(k, y, rows[k]);
  const float scale = 1.f / (3.f * static_cast<float>(args.width) * static_cast<float>(args.height));
  const f32x16 ssim_scale = set1(-args.lambda_dssim * scale), l1_scale = set1((1.f - args.lambda_dssim) * scale), two = set1(2.f);
  f32x16 total = zero();
  for (int x = 0; x < band.width; x += 16) {
    const int n = imin(16, band.width - x);
    const f32x16 a = load_tail(image + x, n), b = load_target(target + x, n), difference = a - b;
    f32x16 weight = from_lanes_below(n);
    if (weights) weight = load_first(weights + x, n);
    total = fma(weight, abs(difference), total);
    if (!gradient) continue;
    const f32x16 from_ssim = fma(two * a, filter_column(rows[1], x), fma(b, filter_column(rows[2], x), filter_column(rows[0], x)));
    const f32x16 sign = select(difference > zero(), l1_scale, select(difference < zero(), zero() - l1_scale, zero()));
    store_first(gradient + x, fma(ssim_scale, from_ssim, weight * sign), n);
  }
  return reduce_add(total);
}

inline LossSums photometric_band(const PhotometricArgs& args, int channel, int begin, int end, float* memory) {
  Band band(memory, args.width, args.height, begin, end);
  const int64_t plane = int64_t{args.width} * args.height, offset = plane * channel;
  auto at = [&](int y) { return offset + int64_t{args.width} * y; };
  const float* variances = args.moments + 3 * plane;
  LossSums sums{};
  for (int y = imax(0, begin - 2 * kRadius); y < imin(args.height, end + 2 * kRadius) + 2 * kRadius; ++y) {
    if (y < imin(args.height, end + 2 * kRadius)) moments_of_row(args.image + at(y), args.target + at(y), y, band);
    const int middle = y - kRadius;  // its window of moments is complete
    if (middle >= imax(0, begin - kRadius) && middle < imin(args.height, end + kRadius)) {
      const float* weights = args.weights ? args.weights + int64_t{args.width} * middle : nullptr;
      const float ssim = ssim_row(args.moments + at(middle), variances + at(middle), weights, middle, band);
      if (middle >= begin && middle < end) sums.ssim += ssim;
    }
    const int done = middle - kRadius;  // its window of derivatives is complete
    if (done >= begin && done < end) {
      const float* weights = args.weights ? args.weights + int64_t{args.width} * done : nullptr;
      float* gradient = args.gradient ? args.gradient + at(done) : nullptr;
      sums.l1 += loss_row(args, args.image + at(done), args.target + at(done), weights, gradient, done, band);
    }
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
    args.l1 = l1 / count, args.ssim = ssim / count;
    args.loss = (1.0 - args.lambda_dssim) * args.l1 + args.lambda_dssim * (kept - args.ssim);
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
      for (int y = imax(0, begin - kRadius); y < end + kRadius; ++y) {
        if (y < args.height) {
          const uint8_t* target = args.target + offset + int64_t{args.width} * y;
          for (int x = 0; x < args.width; x += 16) {
            const f32x16 b = load_target(target + x, args.width - x);
            store(band.values[0] + x, b);
            store(band.values[1] + x, b * b);
          }
          for (int k = 0; k < 2; ++k) filter_row(band.values[k], band.moments.row(k, y), args.width);
        }
        const int middle = y - kRadius;
        if (middle < begin) continue;
        const float* rows[2][kWindow];
        for (int k = 0; k < 2; ++k) band.moments.around(k, middle, rows[k]);
        float* mean = args.moments + offset + int64_t{args.width} * middle;
        for (int x = 0; x < args.width; x += 16) {
          const int n = imin(16, args.width - x);
          const f32x16 mu = filter_column(rows[0], x);
          store_first(mean + x, mu, n);
          store_first(mean + 3 * plane + x, fnma(mu, mu, filter_column(rows[1], x)), n);
        }
      }
    });
  splat::release_workspace(workspace);
  return memory != nullptr;
}
