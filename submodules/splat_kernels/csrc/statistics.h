// Per-Gaussian sums over the pixels of one view, for visibility masks and importance: no gradients.
#pragma once

inline void statistics_tile(const StatisticsArgs& args, const VisibleState& state, const PairState& pairs, int64_t index, float* sums) {
  const int x0 = static_cast<int>(index % state.tiles_x) * kTile, y0 = static_cast<int>(index / state.tiles_x) * kTile;
  alignas(64) float transmittance[kBlocks][16];
  uint32_t inside[kBlocks];
  for (int block = 0; block < kBlocks; ++block) {
    store(transmittance[block], set1(1.f));
    inside[block] = inside_lanes(args.width, args.height, x0 + block_x(block), y0 + block_y(block));
  }
  for (int64_t i = state.tile_offsets[index]; i < state.tile_offsets[index + 1]; ++i) {
    const float* record = state.records + int64_t{16} * pairs.pairs[i].gaussian;
    f32x16 in_front = zero(), weight = zero();
    int pixels = 0;
    for (uint32_t mask = pairs.masks[i]; mask; mask &= mask - 1) {
      const int block = __builtin_ctz(mask);
      const f32x16 dx = load(kLaneX) + set1(static_cast<float>(x0 + block_x(block)) - record[kBx]);
      const f32x16 dy = load(kLaneY) + set1(static_cast<float>(y0 + block_y(block)) - record[kBy]);
      const f32x16 p = log2_alpha(record, dx, dy), t = load(transmittance[block]);
      const mask16 seen = (p >= set1(-kLog2Of255)) & from_bits(inside[block]);
      const f32x16 w = keep(seen, min(exp2(p), set1(kMaxAlpha)) * t), next = t - w;
      const mask16 open = next > set1(kMinTransmittance), blended = seen & open;
      store(transmittance[block], keep(open, next));
      in_front = in_front + keep(blended, t);
      weight = weight + keep(blended, w);
      pixels += __builtin_popcount(bits(blended));
    }
    float* out = sums + int64_t{4} * pairs.pairs[i].row;
    out[0] = reduce_add(in_front), out[1] = static_cast<float>(pixels), out[2] = reduce_add(weight);
  }
}

bool gaussian_statistics(const StatisticsArgs& args) {
  const VisibleState state = visible_state(args.visible_state);
  const PairState pairs = pair_state(args.pair_state, state.pairs);
  splat::Workspace* workspace = splat::acquire_workspace();
  auto* sums = static_cast<float*>(splat::workspace_buffer(workspace, kPairSumSlot, int64_t{4 * sizeof(float)} * state.pairs));
  if (!sums) {
    splat::release_workspace(workspace);
    return false;
  }
  parallel(args.threads, int64_t{state.tiles_x} * state.tiles_y, [&](int64_t tile, int) { statistics_tile(args, state, pairs, tile, sums); });
  __builtin_memset(args.transmittance_sum, 0, sizeof(float) * args.n);
  __builtin_memset(args.pixel_count, 0, sizeof(float) * args.n);
  __builtin_memset(args.weight_sum, 0, sizeof(float) * args.n);
  constexpr int64_t kRows = 1024;
  parallel(args.threads, (state.visible + kRows - 1) / kRows, [&](int64_t chunk, int) {
    for (int64_t j = chunk * kRows; j < lmin(state.visible, (chunk + 1) * kRows); ++j) {
      const int64_t i = state.order[j];
      for (int32_t e = state.pair_offsets[j]; e < state.pair_offsets[j + 1]; ++e) {
        const float* row = sums + int64_t{4} * e;
        args.transmittance_sum[i] += row[0], args.pixel_count[i] += row[1], args.weight_sum[i] += row[2];
      }
    }
  });
  splat::release_workspace(workspace);
  return true;
}
