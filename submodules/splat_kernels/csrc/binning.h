// Which tiles a Gaussian touches, exactly: its ellipse alpha >= 1/255 against the pixel centres' rectangle of each tile.
// A row of tiles cuts the ellipse in a convex piece, so the tiles it touches there are one span.
#pragma once

constexpr int kBinRanges = 32;   // at most; consecutive pieces of the depth order, one histogram of tiles each
constexpr float kSlack = 1e-3f;  // pixels: rounding must not lose a tile

// Writes records of the Gaussians in depth order, as blending reads them.
inline void write_blend_records(const float* records, const DepthKey* keys, int threads, const VisibleState& state) {
  constexpr int64_t kChunk = 512;
  parallel(threads, (state.visible + kChunk - 1) / kChunk, [&](int64_t chunk, int) {
    const int64_t end = lmin(state.visible, (chunk + 1) * kChunk);
    for (int64_t j = chunk * kChunk; j < end; ++j) {
      if (j + 8 < end) __builtin_prefetch(records + int64_t{keys[j + 8].index} * kRecordFloats);
      const float* in = records + int64_t{keys[j].index} * kRecordFloats;
      float* out = state.records + j * 16;
      state.order[j] = keys[j].index;
      out[kBx] = in[kMeanX] - 0.5f, out[kBy] = in[kMeanY] - 0.5f;
      out[kBa] = 0.5f * kLog2e * in[kConicA], out[kBb2] = kLog2e * in[kConicB], out[kBc] = 0.5f * kLog2e * in[kConicC];
      out[kBlo] = in[kLogOpacity];
      out[kBred] = in[kRed], out[kBgreen] = in[kGreen], out[kBblue] = in[kBlue];
      out[kBextentX] = in[kExtentX], out[kBextentY] = in[kExtentY], out[kBopacity] = in[kOpacity];
      out[12] = out[13] = out[14] = out[15] = 0.f;
    }
  });
}

// Calls span(gaussian, tile_row, first_tile, last_tile) for Gaussians begin..end-1 in order, rows ascending;
// `rows` is scratch of 32 * tiles_y integers.
template <class Span>
inline void for_each_span(const VisibleState& state, int64_t begin, int64_t end, int32_t* rows, const Span& span) {
  const f32x16 tile = set1(1.f / kTile), last_pixel = set1(kTile - 1.f), slack = set1(kSlack), one = set1(1.f);
  const f32x16 max_x = set1(static_cast<float>(state.tiles_x)), max_y = set1(static_cast<float>(state.tiles_y)), minus_one = set1(-1.f);
  auto first_tile = [&](f32x16 low, f32x16 most) { return clamp(floor((low - last_pixel) * tile) + one, zero(), most); };
  auto last_tile = [&](f32x16 high, f32x16 most) { return clamp(floor(high * tile), minus_one, most - one); };
  for (int64_t group = begin; group < end; group += 16) {
    const int count = static_cast<int>(lmin(16, end - group));
    f32x16 r[16];
    load_columns(state.records + group * 16, 16, 12, count, r);
    const f32x16 extent_y = r[kBextentY] + slack;
    const f32x16 y0 = first_tile(r[kBy] - extent_y, max_y), y1 = last_tile(r[kBy] + extent_y, max_y);
    int32_t low[16], high[16];
    store_i32(low, y0);
    store_i32(high, y1);
    int most_rows = 0;
    for (int lane = 0; lane < count; ++lane) most_rows = imax(most_rows, high[lane] - low[lane] + 1);
    const f32x16 valid_a = max(r[kBa], set1(1e-30f)), valid_c = max(r[kBc], set1(1e-30f)), b = set1(0.5f) * r[kBb2];
    const f32x16 cut = max(r[kBlo] + set1(kLog2Of255), zero());
    // a c - b^2 from the extent (extent_x^2 = cut c / det): the difference would cancel for needles.
    const f32x16 det = valid_c * cut / max(r[kBextentX] * r[kBextentX], set1(1e-30f)), a_cut = valid_a * cut;
    const f32x16 inverse_a = one / valid_a, y_right = zero() - b / valid_c * r[kBextentX];
    for (int row = 0; row < most_rows; ++row) {
      const f32x16 top = fma(y0 + set1(static_cast<float>(row)), set1(float{kTile}), zero() - r[kBy]), bottom = top + last_pixel;
      const f32x16 bound_y = r[kBextentY];
      const f32x16 ya = clamp(clamp(y_right, top, bottom), zero() - bound_y, bound_y);
      const f32x16 yb = clamp(clamp(zero() - y_right, top, bottom), zero() - bound_y, bound_y);
      const f32x16 right = (sqrt(max(fnma(det * ya, ya, a_cut), zero())) - b * ya) * inverse_a;
      const f32x16 left = (zero() - sqrt(max(fnma(det * yb, yb, a_cut), zero())) - b * yb) * inverse_a;
      store_i32(rows + 32 * row, first_tile(r[kBx] + max(left, zero() - r[kBextentX]) - slack, max_x));
      store_i32(rows + 32 * row + 16, last_tile(r[kBx] + min(right, r[kBextentX]) + slack, max_x));
    }
    for (int lane = 0; lane < count; ++lane)
      for (int row = 0, y = low[lane]; y <= high[lane]; ++row, ++y) {
        const int32_t x0 = rows[32 * row + lane], x1 = rows[32 * row + 16 + lane];
        if (x0 <= x1) span(group + lane, y, x0, x1);
      }
  }
}

enum BinSlot { kKeySlot, kOtherKeySlot, kHistogramSlot, kTileHistogramSlot, kRowSlot };

// Fills both parts of the state but for the masks. False when memory is out or the pairs overflow 31 bits.
inline bool bin(const RasterizeArgs& args, splat::Workspace* workspace, VisibleState& state, PairState& pairs) {
  auto buffer = [&](int slot, int64_t bytes) { return splat::workspace_buffer(workspace, slot, bytes); };
  const int tiles_x = (args.width + kTile - 1) / kTile, tiles_y = (args.height + kTile - 1) / kTile;
  const int64_t tiles = int64_t{tiles_x} * tiles_y;
  auto* keys = static_cast<DepthKey*>(buffer(kKeySlot, sizeof(DepthKey) * (args.n + 1)));
  auto* other = static_cast<DepthKey*>(buffer(kOtherKeySlot, sizeof(DepthKey) * (args.n + 1)));
  auto* histograms = static_cast<int32_t*>(buffer(kHistogramSlot, sizeof(int32_t) * kRadix * kSortRanges));
  if (!keys || !other || !histograms) return false;
  const int64_t visible = collect_visible(args.records, args.n, args.threads, keys);
  keys = depth_sort(keys, other, visible, args.threads, histograms);

  void* memory = args.allocate(kVisibleState, visible_state_bytes(visible, tiles));
  if (!memory) return false;
  auto* header = static_cast<int64_t*>(memory);
  header[0] = visible, header[1] = 0, header[2] = tiles_x, header[3] = tiles_y;
  state = visible_state(memory);
  write_blend_records(args.records, keys, args.threads, state);

  const int ranges = visible < 1024 ? 1 : imin(kBinRanges, 4 * args.threads);
  auto* counts = static_cast<int32_t*>(buffer(kTileHistogramSlot, sizeof(int32_t) * ranges * tiles));
  auto* rows = static_cast<int32_t*>(buffer(kRowSlot, sizeof(int32_t) * 32 * tiles_y * ranges));
  if (!counts || !rows) return false;
  auto bound = [&](int64_t r) { return r == ranges ? visible : visible * r / ranges & ~int64_t{15}; };
  state.pair_offsets[0] = 0;
  parallel(args.threads, ranges, [&](int64_t r, int) {
    int32_t* count = counts + r * tiles;
    __builtin_memset(count, 0, sizeof(int32_t) * tiles);
    for (int64_t j = bound(r); j < bound(r + 1); ++j) state.pair_offsets[j + 1] = 0;
    for_each_span(state, bound(r), bound(r + 1), rows + int64_t{32} * tiles_y * r, [&](int64_t j, int y, int x0, int x1) {
      for (int x = x0; x <= x1; ++x) ++count[y * tiles_x + x];
      state.pair_offsets[j + 1] += x1 - x0 + 1;
    });
  });
  int64_t total = 0;
  for (int64_t tile = 0; tile < tiles; ++tile) {
    state.tile_offsets[tile] = static_cast<int32_t>(total);
    for (int r = 0; r < ranges; ++r) {
      const int32_t here = counts[r * tiles + tile];
      counts[r * tiles + tile] = static_cast<int32_t>(total);
      total += here;
    }
  }
  if (total >= INT32_MAX) return false;
  state.tile_offsets[tiles] = static_cast<int32_t>(total);
  for (int64_t j = 0; j < visible; ++j) state.pair_offsets[j + 1] += state.pair_offsets[j];
  header[1] = state.pairs = total;

  memory = args.allocate(kPairState, pair_state_bytes(total));
  if (!memory) return false;
  pairs = pair_state(memory, total);
  parallel(args.threads, ranges, [&](int64_t r, int) {
    int32_t* cursor = counts + r * tiles;
    int32_t* slot = pairs.slots + state.pair_offsets[bound(r)];
    for_each_span(state, bound(r), bound(r + 1), rows + int64_t{32} * tiles_y * r, [&](int64_t j, int y, int x0, int x1) {
      for (int x = x0; x <= x1; ++x) {
        const int32_t place = cursor[y * tiles_x + x]++;
        pairs.gaussians[place] = static_cast<int32_t>(j);
        *slot++ = place;
      }
    });
  });
  return true;
}
