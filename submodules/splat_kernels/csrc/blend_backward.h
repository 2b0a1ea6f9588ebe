// Gradients of blend_forward.h, Gaussian by Gaussian within a tile, front to back.
//
// With v = dL/d(ln alpha) at a pixel, every screen-space gradient of a Gaussian follows from six moments of v over its
// pixels and three sums of weight * dL/dcolour: they stay in registers over the Gaussian's blocks. What lies behind a
// Gaussian enters through `rest`, the part of (colour . dL/dcolour) not yet blended; it starts from the rendered image.
// Each pair writes its sums to a row of its own, one cache line, and each Gaussian adds its rows, which lie together:
// no atomics, and the same bits for any number of threads.
#pragma once

constexpr int kPairFloats = 16;  // v, v dx, v dy, v dx^2, v dx dy, v dy^2, r, g, b, |dx|, |dy|, 5 never read; then the extras
inline int pair_floats(int n_extras) { return kPairFloats + (n_extras + 15) / 16 * 16; }

struct TileGradient {
  alignas(64) float px[kBlocks][16], py[kBlocks][16];
  alignas(64) float transmittance[kBlocks][16], rest[kBlocks][16];
  alignas(64) float r[kBlocks][16], g[kBlocks][16], b[kBlocks][16];
};

inline void load_tile_gradient(const RasterizeBackwardArgs& args, int x0, int y0, TileGradient& tile, float* extra) {
  const int64_t plane = int64_t{args.width} * args.height;
  for (int block = 0; block < kBlocks; ++block) {
    const int x = x0 + block_x(block), y = y0 + block_y(block);
    const bool inside = x < args.width && y < args.height;
    auto read = [&](const float* p) { return inside ? load_block(p, args.width, args.height, x, y) : zero(); };
    const f32x16 r = read(args.grad_image), g = read(args.grad_image + plane), b = read(args.grad_image + 2 * plane);
    f32x16 rest = fma(r, read(args.image), fma(g, read(args.image + plane), b * read(args.image + 2 * plane)));
    if (args.grad_alpha) rest = fnma(read(args.grad_alpha), set1(1.f) - read(args.alpha), rest);
    for (int e = 0; e < args.n_extras; ++e) {
      const f32x16 gradient = read(args.grad_extra_image + plane * e);
      store(extra + 16 * (int64_t{args.n_extras} * block + e), gradient);
      rest = fma(gradient, read(args.extra_image + plane * e), rest);
    }
    store(tile.r[block], r);
    store(tile.g[block], g);
    store(tile.b[block], b);
    store(tile.rest[block], rest);
    store(tile.transmittance[block], set1(1.f));
  }
}

template <bool kExtras, bool kAbs>
inline void backward_pair(const float* record, float x0, float y0, uint32_t mask, const float* values, int n_extras, const float* extra,
                          TileGradient& tile, float* out) {
  const f32x16 mx = set1(record[kBx] - x0), my = set1(record[kBy] - y0), a = set1(record[kBa]), b2 = set1(record[kBb2]), c = set1(record[kBc]);
  const f32x16 lo = set1(record[kBlo]), red = set1(record[kBred]), green = set1(record[kBgreen]), blue = set1(record[kBblue]);
  f32x16 m[8], m_blue = zero(), abs_x = zero(), abs_y = zero();
  for (auto& moment : m) moment = zero();
  if constexpr (kExtras)
    for (int e = 0; e < n_extras; ++e) out[kPairFloats + e] = 0.f;
  do {
    const int block = __builtin_ctz(mask);
    mask &= mask - 1;
    const f32x16 dx = load(tile.px[block]) - mx, dy = load(tile.py[block]) - my;
    const f32x16 p = fnma(fma(a, dx, b2 * dy), dx, fnma(c * dy, dy, lo));
    const f32x16 t = load(tile.transmittance[block]), r = load(tile.r[block]), g = load(tile.g[block]), b = load(tile.b[block]);
    const mask16 seen = p >= set1(-kLog2Of255);
    const f32x16 raw = exp2(p), alpha = min(raw, set1(kMaxAlpha));
    f32x16 w = keep(seen, alpha * t), next = t - w;
    const mask16 open = next > set1(kMinTransmittance), blended = seen & open;
    w = keep(blended, w);
    f32x16 color = fma(red, r, fma(green, g, blue * b));
    if constexpr (kExtras)
      for (int e = 0; e < n_extras; ++e) {
        const f32x16 gradient = load(extra + 16 * (int64_t{n_extras} * block + e));
        color = fma(set1(values[e]), gradient, color);
        out[kPairFloats + e] += reduce_add(w * gradient);
      }
    const f32x16 here = w * color, rest = load(tile.rest[block]) - here;
    store(tile.rest[block], rest);
    store(tile.transmittance[block], keep(open, next));  // a spent pixel stays spent
    // alpha dL/dalpha = alpha (T color - rest / (1 - alpha)), where alpha was not clamped
    const f32x16 v = keep(blended & (raw < set1(kMaxAlpha)), fnma(rest * raw, reciprocal(set1(1.f) - alpha), here));
    const f32x16 vx = v * dx, vy = v * dy;
    m[0] = m[0] + v, m[1] = m[1] + vx, m[2] = m[2] + vy;
    m[3] = fma(vx, dx, m[3]), m[4] = fma(vx, dy, m[4]), m[5] = fma(vy, dy, m[5]);
    m[6] = fma(w, r, m[6]), m[7] = fma(w, g, m[7]), m_blue = fma(w, b, m_blue);
    if constexpr (kAbs) {
      abs_x = abs_x + abs(fma(a + a, vx, b2 * vy));
      abs_y = abs_y + abs(fma(b2, vx, (c + c) * vy));
    }
  } while (mask);
  reduce8(m, out);
  out[8] = reduce_add(m_blue);
  if constexpr (kAbs) {
    constexpr float kNatural = 1.f / kLog2e;  // the record's conic is in powers of two
    out[9] = reduce_add(abs_x) * kNatural, out[10] = reduce_add(abs_y) * kNatural;
  }
}

template <bool kExtras, bool kAbs>
inline void backward_tile(const RasterizeBackwardArgs& args, const VisibleState& state, const PairState& pairs, int64_t index, float* extra,
                          float* pair_gradients) {
  const int x0 = static_cast<int>(index % state.tiles_x) * kTile, y0 = static_cast<int>(index / state.tiles_x) * kTile;
  const int stride = pair_floats(args.n_extras);
  TileGradient tile;
  for (int block = 0; block < kBlocks; ++block) {
    store(tile.px[block], load(kLaneX) + set1(static_cast<float>(block_x(block))));
    store(tile.py[block], load(kLaneY) + set1(static_cast<float>(block_y(block))));
  }
  load_tile_gradient(args, x0, y0, tile, extra);
  for (int64_t i = state.tile_offsets[index]; i < state.tile_offsets[index + 1]; ++i) {
    if (i + 4 < state.tile_offsets[index + 1]) {
      __builtin_prefetch(state.records + int64_t{16} * pairs.pairs[i + 4].gaussian);
      __builtin_prefetch(pair_gradients + stride * int64_t{pairs.pairs[i + 4].row}, 1);
    }
    float* row = pair_gradients + stride * int64_t{pairs.pairs[i].row};
    if (!pairs.masks[i]) {
      __builtin_memset(row, 0, sizeof(float) * stride);
      continue;
    }
    const int64_t gaussian = pairs.pairs[i].gaussian;
    const float* values = kExtras ? args.extras + int64_t{args.n_extras} * state.order[gaussian] : nullptr;
    backward_pair<kExtras, kAbs>(state.records + 16 * gaussian, static_cast<float>(x0), static_cast<float>(y0), pairs.masks[i], values,
                                 args.n_extras, extra, tile, row);
  }
}

// Adds each Gaussian's pairs and turns moments into gradients of its record; sixteen Gaussians at a time.
template <bool kAbs>
inline void gather16(const RasterizeBackwardArgs& args, const VisibleState& state, int64_t first, int count, const float* pair_gradients) {
  const int stride = pair_floats(args.n_extras);
  f32x16 sums[16], r[16];
  for (int lane = 0; lane < 16; ++lane) {
    sums[lane] = zero();
    if (lane >= count) continue;
    const int64_t j = first + lane;
    if (j + 16 < state.visible) {
      __builtin_prefetch(args.grad_records + int64_t{kRecordFloats} * state.order[j + 16], 1);
      __builtin_prefetch(args.grad_means2d + int64_t{2} * state.order[j + 16], 1);
    }
    float* extras = args.n_extras ? args.grad_extras + int64_t{args.n_extras} * state.order[j] : nullptr;
    for (int32_t e = state.pair_offsets[j]; e < state.pair_offsets[j + 1]; ++e) {
      const float* row = pair_gradients + int64_t{stride} * e;
      sums[lane] = sums[lane] + load(row);
      for (int k = 0; k < args.n_extras; ++k) extras[k] += row[kPairFloats + k];
    }
  }
  load_columns(state.records + 16 * first, 16, 12, count, r);
  transpose16(sums);
  const f32x16 to_natural = set1(2.f / kLog2e), half = set1(-0.5f);
  const f32x16 a = r[kBa] * to_natural, b = set1(0.5f) * r[kBb2] * to_natural, c = r[kBc] * to_natural;
  const f32x16 mean_x = fma(a, sums[1], b * sums[2]), mean_y = fma(b, sums[1], c * sums[2]);
  f32x16 out[16];
  for (auto& column : out) column = zero();  // the mean's gradient goes by grad_means2d alone
  out[kConicA] = half * sums[3], out[kConicB] = zero() - sums[4], out[kConicC] = half * sums[5];
  out[kOpacity] = sums[0] / max(r[kBopacity], set1(1e-30f));
  out[kRed] = sums[6], out[kGreen] = sums[7], out[kBlue] = sums[8];
  transpose16(out);
  float x[16], y[16], abs_x[16], abs_y[16];
  store(x, mean_x), store(y, mean_y);
  if constexpr (kAbs) store(abs_x, sums[9]), store(abs_y, sums[10]);
  for (int lane = 0; lane < count; ++lane) {
    const int64_t i = state.order[first + lane];
    store(args.grad_records + kRecordFloats * i, out[lane]);
    args.grad_means2d[2 * i] = x[lane], args.grad_means2d[2 * i + 1] = y[lane];
    if constexpr (kAbs) args.abs_gradients[2 * i] = abs_x[lane], args.abs_gradients[2 * i + 1] = abs_y[lane];
  }
}

inline void clear_rows(const RasterizeBackwardArgs& args) {
  constexpr int64_t kRows = 8192;
  parallel(args.threads, (args.n + kRows - 1) / kRows, [&](int64_t chunk, int) {
    const int64_t first = chunk * kRows, rows = lmin(kRows, args.n - first);
    __builtin_memset(args.grad_means2d + 2 * first, 0, sizeof(float) * 2 * rows);
    __builtin_memset(args.grad_records + kRecordFloats * first, 0, sizeof(float) * kRecordFloats * rows);
    if (args.abs_gradients) __builtin_memset(args.abs_gradients + 2 * first, 0, sizeof(float) * 2 * rows);
    if (args.n_extras) __builtin_memset(args.grad_extras + args.n_extras * first, 0, sizeof(float) * args.n_extras * rows);
  });
}

bool rasterize_backward(const RasterizeBackwardArgs& args) {
  const VisibleState state = visible_state(args.visible_state);
  const PairState pairs = pair_state(args.pair_state, state.pairs);
  splat::Workspace* workspace = splat::acquire_workspace();
  const int64_t extra_floats = int64_t{kBlocks} * 16 * args.n_extras;
  auto* extra = static_cast<float*>(splat::workspace_buffer(workspace, kExtraSlot, sizeof(float) * (extra_floats * args.threads + 16)));
  const int64_t sum_bytes = sizeof(float) * pair_floats(args.n_extras) * state.pairs;
  auto* sums = static_cast<float*>(splat::workspace_buffer(workspace, kPairSumSlot, sum_bytes));
  if (extra && sums) {
    clear_rows(args);
    auto* backward = args.n_extras ? (args.abs_gradients ? backward_tile<true, true> : backward_tile<true, false>)
                                   : (args.abs_gradients ? backward_tile<false, true> : backward_tile<false, false>);
    parallel(args.threads, int64_t{state.tiles_x} * state.tiles_y,
             [&](int64_t tile, int worker) { backward(args, state, pairs, tile, extra + extra_floats * worker, sums); });
    constexpr int64_t kRows = 256;
    parallel(args.threads, (state.visible + kRows - 1) / kRows, [&](int64_t chunk, int) {
      const int64_t end = lmin(state.visible, (chunk + 1) * kRows);
      for (int64_t first = chunk * kRows; first < end; first += 16) {
        const int count = static_cast<int>(lmin(16, end - first));
        args.abs_gradients ? gather16<true>(args, state, first, count, sums) : gather16<false>(args, state, first, count, sums);
      }
    });
  }
  splat::release_workspace(workspace);
  return extra && sums;
}
