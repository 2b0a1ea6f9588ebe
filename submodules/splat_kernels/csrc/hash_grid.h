// Multiresolution hash grid (Müller et al. 2022, "Instant Neural Graphics Primitives", section 3) over three or four axes:
// a level holds features at the vertices of a grid, in a table of its own, and is interpolated multilinearly. While the
// vertices fit into the table they are numbered; else their coordinates, times a prime each, are XORed to a row.
//
// Lanes are sixteen points, and a loop goes over the corners of their cells. Levels are the outer loop, so that one
// table at a time is in the cache.
#pragma once

constexpr uint32_t kPrimes[4] = {1u, 2654435761u, 805459861u, 3674653429u};
enum HashGridSlot { kPointSlot = 16, kPointGradientSlot, kRowGradientSlot };

template <int D>
struct GridLevel {
  int64_t first_row;
  bool hashed;
  uint32_t steps[D];  // between neighbours of an axis: rows, or what is XORed
  uint32_t mask;      // of the row, where hashed
  float cells[D];
};

template <int D>
inline GridLevel<D> grid_level(const HashGridArgs& args, int level) {
  GridLevel<D> g;
  const int32_t* resolution = args.resolutions + int64_t{D} * level;
  g.first_row = args.offsets[level];
  const int64_t rows = args.offsets[level + 1] - g.first_row;
  int64_t vertices = 1;
  for (int d = 0; d < D; ++d) {
    g.cells[d] = static_cast<float>(resolution[d]);
    g.steps[d] = static_cast<uint32_t>(vertices);
    vertices = vertices > rows ? vertices : vertices * (int64_t{resolution[d]} + 1);  // stops before it overflows
  }
  g.hashed = vertices > rows;
  g.mask = static_cast<uint32_t>(rows - 1);
  if (g.hashed)
    for (int d = 0; d < D; ++d) g.steps[d] = kPrimes[d];
  return g;
}

// The points axis by axis, [D, padded n], and zeros after them: what every level reads again.
inline int64_t padded(int64_t n) { return (n + 15) & ~int64_t{15}; }
template <int D>
inline void spread_points(const HashGridArgs& args, int64_t begin, int64_t end, float* axes) {
  for (int64_t i = begin; i < end; i += 16) {
    f32x16 x[D];
    load_rows<D>(args.x + D * i, static_cast<int>(lmin(16, args.n - i)), x);
    for (int d = 0; d < D; ++d) store(axes + d * padded(args.n) + i, x[d]);
  }
}

// The cells of sixteen points, and where in them the points are.
template <int D>
struct Cells {
  static constexpr int kHigh = 1 << (D - 2);
  f32x16 place[D];               // 0..1
  u32x16 low[4], high[kHigh];    // a corner's row: its part by the first two axes, joined with that by the others
  f32x16 low_weight[4], high_weight[kHigh];
  bool hashed;

  // Corner c is at the upper end of axis d where bit d of c is set.
  u32x16 row(int c) const { return hashed ? low[c & 3] ^ high[c >> 2] : low[c & 3] + high[c >> 2]; }
  f32x16 weight(int c) const { return low_weight[c & 3] * high_weight[c >> 2]; }
};

template <int D>
inline Cells<D> cells_of(const GridLevel<D>& level, bool hashed, const float* axes, int64_t stride) {
  Cells<D> o;
  o.hashed = hashed;
  u32x16 part[D][2];
  f32x16 weight[D][2];
  const f32x16 one = set1(1.f);
  for (int d = 0; d < D; ++d) {
    const f32x16 x = load(axes + d * stride), cells = set1(level.cells[d]);
    // min and max return their second argument where one is no number: such a point has a cell, but its weights are NaN.
    const f32x16 cell = min(floor(clamp(x, zero(), one) * cells), cells - one);
    o.place[d] = fms(min(one, max(zero(), x)), cells, cell);
    part[d][0] = to_u32(cell) * set1_u32(level.steps[d]);
    part[d][1] = part[d][0] + set1_u32(level.steps[d]);
    weight[d][0] = one - o.place[d], weight[d][1] = o.place[d];
  }
  const u32x16 mask = set1_u32(level.mask);
  for (int c = 0; c < 4; ++c) {
    const u32x16 x = part[0][c & 1], y = part[1][c >> 1];
    o.low[c] = hashed ? (x ^ y) & mask : x + y;
    o.low_weight[c] = weight[0][c & 1] * weight[1][c >> 1];
  }
  for (int c = 0; c < Cells<D>::kHigh; ++c) {
    u32x16 row = part[2][c & 1];
    f32x16 w = weight[2][c & 1];
    if constexpr (D == 4) {
      row = hashed ? row ^ part[3][c >> 1] : row + part[3][c >> 1];
      w = w * weight[3][c >> 1];
    }
    o.high[c] = hashed ? row & mask : row;
    o.high_weight[c] = w;
  }
  return o;
}

// Features of points begin..end at one level; begin is a multiple of sixteen.
template <int D, int F, bool Hashed>
inline void interpolate(const HashGridArgs& args, int index, const float* axes, int64_t begin, int64_t end) {
  const GridLevel<D> level = grid_level<D>(args, index);
  const float* table = args.tables + F * level.first_row;
  const int64_t columns = int64_t{F} * args.levels;
  for (int64_t i = begin; i < end; i += 16) {
    const Cells<D> cells = cells_of<D>(level, Hashed, axes + i, padded(args.n));
    f32x16 sums[F];
    for (int f = 0; f < F; ++f) sums[f] = zero();
    for (int c = 0; c < 1 << D; ++c) {
      f32x16 values[F];
      gather_rows<F>(table, cells.row(c), values);
      const f32x16 weight = cells.weight(c);
      for (int f = 0; f < F; ++f) sums[f] = fma(weight, values[f], sums[f]);
    }
    float rows[16 * F];
    store_interleaved<F>(rows, sums);
    float* out = args.out + columns * i + F * index;
    const int count = static_cast<int>(lmin(16, end - i));
    for (int lane = 0; lane < count; ++lane) __builtin_memcpy(out + columns * lane, rows + F * lane, F * sizeof(float));
  }
}

// Every chunk of points reads all tables once: as few chunks as threads where tables come from memory, and where they
// stay in the cache a few more, so that threads end together.
inline int64_t chunk_points(const HashGridArgs& args) {
  constexpr int64_t kCached = int64_t{1} << 24;  // bytes
  const bool cached = args.offsets[args.levels] * args.features * int64_t{sizeof(float)} <= kCached;
  const int64_t parts = int64_t{cached ? 4 : 1} * imax(1, args.threads), chunk = padded((args.n + parts - 1) / parts);
  return chunk < 256 ? 256 : chunk;
}

template <int D, int F>
bool hash_grid_forward_of(const HashGridArgs& args) {
  splat::Workspace* workspace = splat::acquire_workspace();
  auto* axes = static_cast<float*>(splat::workspace_buffer(workspace, kPointSlot, int64_t{sizeof(float)} * D * padded(args.n)));
  const int64_t chunk = chunk_points(args);
  if (axes)
    parallel(args.threads, (args.n + chunk - 1) / chunk, [&](int64_t task, int) {
      const int64_t begin = task * chunk, end = lmin(args.n, begin + chunk);
      spread_points<D>(args, begin, end, axes);
      for (int level = 0; level < args.levels; ++level) {
        if (grid_level<D>(args, level).hashed) interpolate<D, F, true>(args, level, axes, begin, end);
        else interpolate<D, F, false>(args, level, axes, begin, end);
      }
    });
  splat::release_workspace(workspace);
  return axes != nullptr;
}

bool hash_grid_forward(const HashGridArgs& args) {
  switch (10 * args.dims + args.features) {
    case 31: return hash_grid_forward_of<3, 1>(args);
    case 32: return hash_grid_forward_of<3, 2>(args);
    case 34: return hash_grid_forward_of<3, 4>(args);
    case 41: return hash_grid_forward_of<4, 1>(args);
    case 42: return hash_grid_forward_of<4, 2>(args);
    case 44: return hash_grid_forward_of<4, 4>(args);
    default: return false;
  }
}
