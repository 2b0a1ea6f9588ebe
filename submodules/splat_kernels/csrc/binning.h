// Which tiles a Gaussian touches, exactly: its ellipse alpha >= 1/255 against the pixel centres' rectangle of each tile.
// A row of tiles cuts the ellipse in a convex piece, so the tiles it touches there are one span.
#pragma once

constexpr int kBinRanges = 32;   // at most; consecutive pieces of the depth order, one histogram of tiles each
constexpr float kSlack = 1e-3f;  // pixels: rounding must not lose a tile

// Writes records of the Gaussians in depth order, as blending reads them.
inline void write_blend_records(const float* records, const DepthKey* keys, int threads, const VisibleState& state) {
  constexpr int64_t kRows = 512;
  const f32x16 scale = load(kBlendScale), shift = load(kBlendShift);
  parallel(threads, (state.visible + kRows - 1) / kRows, [&](int64_t chunk, int) {
    const int64_t end = lmin(state.visible, (chunk + 1) * kRows);
    for (int64_t j = chunk * kRows; j < end; ++j) {
      if (j + 16 < end) __builtin_prefetch(records + int64_t{keys[j + 16].index} * kRecordFloats);
      state.order[j] = keys[j].index;
      store(state.records + j * 16, fma(load(records + int64_t{keys[j].index} * kRecordFloats), scale, shift));
    }
  });
}

// The spans of sixteen Gaussians: lane by lane, row `r` of tiles counted from `first_row` is first[16 r] .. last[16 r].
// Where a lane has no such row, or no tile in it, first > last.
struct Spans {
  int32_t first_row[16];
  int32_t tiles[16];  // touched by each lane
  int rows;           // of the lane with most
  int32_t *first, *last;
};

// Calls body(first Gaussian, how many, spans) for Gaussians begin..end-1 in order, sixteen at a time;
// `memory` is scratch of 32 * tiles_y integers.
template <class Body>
inline void for_each_spans(const VisibleState& state, int64_t begin, int64_t end, int32_t* memory, const Body& body) {
  const f32x16 tile = set1(1.f / kTile), last_pixel = set1(kTile - 1.f), slack = set1(kSlack), one = set1(1.f), half = set1(0.5f);
  const f32x16 max_x = set1(static_cast<float>(state.tiles_x)), max_y = set1(static_cast<float>(state.tiles_y)), tiny = set1(1e-30f);
  auto first_tile = [&](f32x16 low, f32x16 most) { return clamp(floor((low - last_pixel) * tile) + one, zero(), most); };
  auto last_tile = [&](f32x16 high, f32x16 most) { return clamp(floor(high * tile), zero() - one, most - one); };
  Spans spans;
  spans.first = memory, spans.last = memory + 16 * state.tiles_y;
  for (int64_t group = begin; group < end; group += 16) {
    const int count = static_cast<int>(lmin(16, end - group));
    f32x16 r[16];
    load_columns(state.records + group * 16, 16, 12, count, r);
    const f32x16 x = r[kBx], y = r[kBy], extent_x = r[kBextentX], extent_y = r[kBextentY];
    const f32x16 y0 = first_tile(y - extent_y - slack, max_y);
    const f32x16 y1 = select(from_bits((1u << count) - 1), last_tile(y + extent_y + slack, max_y), zero() - one);
    store_i32(spans.first_row, y0);
    float rows[16];
    store(rows, y1 - y0);
    spans.rows = 0;
    for (int lane = 0; lane < count; ++lane) spans.rows = imax(spans.rows, static_cast<int>(rows[lane]) + 1);
    const f32x16 a = max(r[kBa], tiny), b = half * r[kBb2], c = max(r[kBc], tiny), cut = max(r[kBlo] + set1(kLog2Of255), zero());
    // a c - b^2 from the extent (extent_x^2 = cut c / det): the difference would cancel for needles.
    const f32x16 det = c * cut / max(extent_x * extent_x, tiny), a_cut = a * cut, inverse_a = one / a;
    const f32x16 y_right = zero() - b / c * extent_x;  // height of the ellipse's rightmost point; the leftmost is opposite
    f32x16 total = zero();
    for (int row = 0; row < spans.rows; ++row) {
      const f32x16 tile_y = y0 + set1(static_cast<float>(row));
      const f32x16 top = fma(tile_y, set1(float{kTile}), zero() - y), bottom = top + last_pixel;
      const f32x16 ya = clamp(clamp(y_right, top, bottom), zero() - extent_y, extent_y);
      const f32x16 yb = clamp(clamp(zero() - y_right, top, bottom), zero() - extent_y, extent_y);
      const f32x16 right = (sqrt(max(fnma(det * ya, ya, a_cut), zero())) - b * ya) * inverse_a;
      const f32x16 left = (zero() - sqrt(max(fnma(det * yb, yb, a_cut), zero())) - b * yb) * inverse_a;
      const f32x16 x0 = first_tile(x + max(left, zero() - extent_x) - slack, max_x);
      const f32x16 x1 = select(tile_y <= y1, last_tile(x + min(right, extent_x) + slack, max_x), zero() - one);
      store_i32(spans.first + 16 * row, x0);
      store_i32(spans.last + 16 * row, x1);
      total = total + max(x1 - x0 + one, zero());
    }
    store_i32(spans.tiles, total);
    body(group, count, spans);
  }
}

// Adds the spans' tiles to a running count: +1 where a span begins, -1 behind its end. No inner loop over tiles, and
// absent spans go to the dummy behind the last entry, so the processor has no branch to guess.
inline void count_tiles(const Spans& spans, int tiles_x, int64_t tiles, int32_t* steps) {
  for (int row = 0; row < spans.rows; ++row)
    for (int lane = 0; lane < 16; ++lane) {
      const int32_t x0 = spans.first[16 * row + lane], x1 = spans.last[16 * row + lane];
      const int64_t line = int64_t{tiles_x} * (spans.first_row[lane] + row);
      ++steps[x0 <= x1 ? line + x0 : tiles + 1];
      --steps[x0 <= x1 ? line + x1 + 1 : tiles + 1];
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
  const int64_t row_length = tiles + 2;
  auto* counts = static_cast<int32_t*>(buffer(kTileHistogramSlot, sizeof(int32_t) * ranges * row_length));
  auto* scratch = static_cast<int32_t*>(buffer(kRowSlot, sizeof(int32_t) * 32 * (tiles_y + 1) * ranges));
  if (!counts || !scratch) return false;
  auto bound = [&](int64_t r) { return r == ranges ? visible : visible * r / ranges & ~int64_t{15}; };
  state.pair_offsets[0] = 0;
  parallel(args.threads, ranges, [&](int64_t r, int) {
    int32_t* steps = counts + r * row_length;
    __builtin_memset(steps, 0, sizeof(int32_t) * row_length);
    for_each_spans(state, bound(r), bound(r + 1), scratch + int64_t{32} * tiles_y * r, [&](int64_t first, int count, const Spans& spans) {
      count_tiles(spans, tiles_x, tiles, steps);
      __builtin_memcpy(state.pair_offsets + first + 1, spans.tiles, sizeof(int32_t) * count);
    });
  });
  int64_t total = 0;
  int32_t running[kBinRanges] = {};
  for (int64_t tile = 0; tile < tiles; ++tile) {
    state.tile_offsets[tile] = static_cast<int32_t>(total);
    for (int r = 0; r < ranges; ++r) {
      int32_t& step = counts[r * row_length + tile];
      running[r] += step;
      step = static_cast<int32_t>(total);
      total += running[r];
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
    int32_t* cursor = counts + r * row_length;
    int32_t row = state.pair_offsets[bound(r)];
    for_each_spans(state, bound(r), bound(r + 1), scratch + int64_t{32} * tiles_y * r, [&](int64_t first, int count, const Spans& spans) {
      for (int lane = 0; lane < count; ++lane) {
        int32_t left = spans.tiles[lane], k = lane;
        int64_t line = int64_t{tiles_x} * spans.first_row[lane];
        for (; left && spans.first[k] > spans.last[k]; k += 16) line += tiles_x;  // rows without a tile, rare
        // One loop over all tiles, whose only branch is its end: from span to span without a jump.
        for (int32_t x = spans.first[k]; left; --left) {
          pairs.pairs[cursor[line + x]++] = {static_cast<int32_t>(first + lane), row++};
          const bool ends = x == spans.last[k];
          k += ends ? 16 : 0;
          line += ends ? tiles_x : 0;
          x = ends ? spans.first[k] : x + 1;
        }
      }
    });
  });
  return true;
}
