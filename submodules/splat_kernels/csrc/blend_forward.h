// Front-to-back compositing (Kerbl et al. 2023, eq. 3), tile by tile, one 4x4 block of pixels in a vector.
#pragma once

constexpr float kMaxAlpha = 0.999f, kMinTransmittance = 1e-4f;
constexpr int kChunk = 256;  // Gaussians of a tile looked at together: records and lists stay in the L1 cache

struct ChunkLists {
  alignas(64) float records[kChunk][16];            // means relative to the tile
  alignas(64) uint16_t lists[kBlocks][kChunk + 16]; // entries of `records` that touch the block
  int counts[kBlocks];
};

// For each of the alive blocks, the Gaussians whose ellipse meets it, and for each Gaussian the mask of such blocks.
inline void list_blocks(const VisibleState& state, const Pair* pairs, int n, float x0, float y0, uint32_t alive, ChunkLists& chunk,
                        uint16_t* masks) {
  for (int& count : chunk.counts) count = 0;
  f32x16 shift;
  {
    float lanes[16] = {x0, y0};
    shift = load(lanes);
  }
  for (int first = 0; first < n; first += 16) {
    const int count = imin(16, n - first);
    for (int i = first + 16; i < imin(n, first + 32); ++i) __builtin_prefetch(state.records + int64_t{16} * pairs[i].gaussian);
    f32x16 r[16];
    for (int lane = 0; lane < 16; ++lane) {
      if (lane < count) {
        r[lane] = load(state.records + int64_t{16} * pairs[first + lane].gaussian) - shift;
        store(chunk.records[first + lane], r[lane]);
      } else {
        r[lane] = zero();
      }
    }
    transpose16(r);
    const f32x16 x = r[kBx], y = r[kBy], a = r[kBa], b2 = r[kBb2], c = r[kBc], cut = r[kBlo] + set1(kLog2Of255);
    const mask16 valid = from_bits((1u << count) - 1);
    const f32x16 b2_c = set1(0.5f) * b2 / max(c, set1(1e-30f)), b2_a = set1(0.5f) * b2 / max(a, set1(1e-30f));
    // The minimum of a convex quadratic over a rectangle lies on the edge line nearest to the centre in x or in y.
    f32x16 dx[4], x_low[4], x_high[4], a_dx2[4], b_dx[4], y_free[4];
    for (int i = 0; i < 4; ++i) {
      x_low[i] = set1(4.f * i) - x, x_high[i] = set1(4.f * i + 3) - x;
      dx[i] = clamp(zero(), x_low[i], x_high[i]);
      a_dx2[i] = a * dx[i] * dx[i], b_dx[i] = b2 * dx[i], y_free[i] = zero() - b2_c * dx[i];
    }
    bitset16 touched = no_bits();
    for (int row = 0; row < 4; ++row) {
      const f32x16 y_low = set1(4.f * row) - y, y_high = set1(4.f * row + 3) - y, dy = clamp(zero(), y_low, y_high);
      const f32x16 c_dy2 = c * dy * dy, b_dy = b2 * dy, x_free = zero() - b2_a * dy;
      for (int column = 0; column < 4; ++column) {
        const int block = 4 * row + column;
        if (!(alive >> block & 1u)) continue;
        const f32x16 ys = clamp(y_free[column], y_low, y_high), xs = clamp(x_free, x_low[column], x_high[column]);
        const f32x16 q1 = fma(fma(c, ys, b_dx[column]), ys, a_dx2[column]), q2 = fma(fma(a, xs, b_dy), xs, c_dy2);
        const mask16 hit = (min(q1, q2) <= cut) & valid;
        chunk.counts[block] += append_lanes(chunk.lists[block] + chunk.counts[block], hit, first);
        touched = add_bit(touched, hit, 1u << block);
      }
    }
    store_u16(masks + first, touched, count);
  }
}

// log2 of alpha before the clamp, at sixteen pixels.
inline f32x16 log2_alpha(const float* record, f32x16 dx, f32x16 dy) {
  const f32x16 slope = fma(set1(record[kBa]), dx, set1(record[kBb2]) * dy);
  return fnma(slope, dx, fnma(set1(record[kBc]) * dy, dy, set1(record[kBlo])));
}

struct PixelBlock {
  f32x16 transmittance, r, g, b;
  uint32_t alive;  // lanes that still let light through
};

// Blends the listed Gaussians into one block; returns how many were looked at. `extra` has n_extras rows of 16 lanes.
template <bool kExtras>
inline int blend_block(const ChunkLists& chunk, int block, const float* const* extra_rows, int n_extras, float* extra, PixelBlock& pixels) {
  const f32x16 px = load(kLaneX) + set1(static_cast<float>(block_x(block))), py = load(kLaneY) + set1(static_cast<float>(block_y(block)));
  f32x16 t = pixels.transmittance, r = pixels.r, g = pixels.g, b = pixels.b;
  mask16 alive = from_bits(pixels.alive);
  const uint16_t* list = chunk.lists[block];
  const int count = chunk.counts[block];
  int k = 0;
  for (; k < count; ++k) {
    const float* record = chunk.records[list[k]];
    const f32x16 p = log2_alpha(record, px - set1(record[kBx]), py - set1(record[kBy]));
    const mask16 seen = (p >= set1(-kLog2Of255)) & alive;
    f32x16 w = keep(seen, min(exp2(p), set1(kMaxAlpha)) * t);
    f32x16 next = t - w;
    const mask16 spent = (next <= set1(kMinTransmittance)) & seen;
    // A branch, though it is often mispredicted: without it every step waits for the comparison of the one before.
    if (__builtin_expect(any(spent), 0)) {
      alive = and_not(alive, spent);
      if (!any(alive)) break;
      w = keep(alive, w);
      next = t - w;
    }
    t = next;
    r = fma(w, set1(record[kBred]), r);
    g = fma(w, set1(record[kBgreen]), g);
    b = fma(w, set1(record[kBblue]), b);
    if constexpr (kExtras) {
      const float* values = extra_rows[list[k]];
      for (int e = 0; e < n_extras; ++e) store(extra + 16 * e, fma(w, set1(values[e]), load(extra + 16 * e)));
    }
  }
  pixels = {t, r, g, b, bits(alive)};
  return k;
}

template <bool kExtras>
inline int64_t forward_tile(const RasterizeArgs& args, const VisibleState& state, const PairState& pairs, int64_t tile, float* extra) {
  const int x0 = static_cast<int>(tile % state.tiles_x) * kTile, y0 = static_cast<int>(tile / state.tiles_x) * kTile;
  const int32_t begin = state.tile_offsets[tile], end = state.tile_offsets[tile + 1];
  PixelBlock pixels[kBlocks];
  uint32_t alive = 0;
  for (int block = 0; block < kBlocks; ++block) {
    const uint32_t inside = inside_lanes(args.width, args.height, x0 + block_x(block), y0 + block_y(block));
    pixels[block] = {set1(1.f), zero(), zero(), zero(), inside};
    if (inside) alive |= 1u << block;
  }
  if constexpr (kExtras) __builtin_memset(extra, 0, sizeof(float) * kBlocks * 16 * args.n_extras);
  ChunkLists chunk;
  const float* extra_rows[kChunk];
  int64_t evaluations = 0;
  int32_t first = begin;
  for (; first < end && alive; first += kChunk) {
    const int n = imin(kChunk, end - first);
    uint16_t* masks = pairs.masks + first;
    list_blocks(state, pairs.pairs + first, n, static_cast<float>(x0), static_cast<float>(y0), alive, chunk, masks);
    if constexpr (kExtras)
      for (int i = 0; i < n; ++i) extra_rows[i] = args.extras + int64_t{args.n_extras} * state.order[pairs.pairs[first + i].gaussian];
    for (int block = 0; block < kBlocks; ++block) {
      if (!(alive >> block & 1u)) continue;
      const int looked_at = blend_block<kExtras>(chunk, block, extra_rows, args.n_extras, extra + int64_t{16} * args.n_extras * block, pixels[block]);
      evaluations += looked_at;
      if (pixels[block].alive) continue;
      alive &= ~(1u << block);
      // The Gaussians behind were not blended: backward must not see them.
      for (int i = chunk.lists[block][looked_at]; i < n; ++i) masks[i] &= static_cast<uint16_t>(~(1u << block));
    }
  }
  if (first < end) __builtin_memset(pairs.masks + first, 0, sizeof(uint16_t) * (end - first));

  const int64_t plane = int64_t{args.width} * args.height;
  for (int block = 0; block < kBlocks; ++block) {
    const int x = x0 + block_x(block), y = y0 + block_y(block);
    if (x >= args.width || y >= args.height) continue;
    PixelBlock& p = pixels[block];
    if (args.background) {
      p.r = fma(p.transmittance, set1(args.background[0]), p.r);
      p.g = fma(p.transmittance, set1(args.background[1]), p.g);
      p.b = fma(p.transmittance, set1(args.background[2]), p.b);
    }
    store_block(args.image, args.width, args.height, x, y, p.r);
    store_block(args.image + plane, args.width, args.height, x, y, p.g);
    store_block(args.image + 2 * plane, args.width, args.height, x, y, p.b);
    store_block(args.alpha, args.width, args.height, x, y, set1(1.f) - p.transmittance);
    if constexpr (kExtras)
      for (int e = 0; e < args.n_extras; ++e)
        store_block(args.extra_image + plane * e, args.width, args.height, x, y, load(extra + 16 * (int64_t{args.n_extras} * block + e)));
  }
  return evaluations;
}

enum BlendSlot { kExtraSlot = 8, kPairSumSlot };

bool rasterize_forward(RasterizeArgs& args) {
  splat::Workspace* workspace = splat::acquire_workspace();
  VisibleState state;
  PairState pairs;
  const int64_t extra_floats = int64_t{kBlocks} * 16 * args.n_extras;
  auto* extra = static_cast<float*>(splat::workspace_buffer(workspace, kExtraSlot, sizeof(float) * (extra_floats * args.threads + 16)));
  const bool ok = extra && bin(args, workspace, state, pairs);
  if (ok) {
    int64_t evaluations = 0;
    parallel(args.threads, int64_t{state.tiles_x} * state.tiles_y, [&](int64_t tile, int worker) {
      float* mine = extra + extra_floats * worker;
      const int64_t here = args.n_extras ? forward_tile<true>(args, state, pairs, tile, mine) : forward_tile<false>(args, state, pairs, tile, mine);
      __atomic_fetch_add(&evaluations, here, __ATOMIC_RELAXED);
    });
    args.pairs = state.pairs;
    args.evaluations = evaluations;
  }
  splat::release_workspace(workspace);
  return ok;
}
