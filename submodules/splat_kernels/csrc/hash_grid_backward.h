// Gradients of the hash grid. Cells are found again instead of kept, so nothing but the inputs lives until backward.
// A level's table belongs to one task, which adds to it point after point: no atomics, and the same bits for any number
// of threads. Gradients of points are sums over levels in their order.
#pragma once

// The derivatives along each axis of what the corner values interpolate to, at `place`; destroys the values.
template <int D>
inline void multilinear_gradient(f32x16 value[1 << D], const f32x16 place[D], f32x16 gradient[D]) {
  f32x16 slope[D][1 << (D - 1)];  // of the axes done, at the corners left
  for (int d = D - 1; d >= 0; --d) {
    const int half = 1 << d;
    for (int done = d + 1; done < D; ++done)
      for (int c = 0; c < half; ++c) slope[done][c] = fma(place[d], slope[done][c + half] - slope[done][c], slope[done][c]);
    for (int c = 0; c < half; ++c) {
      slope[d][c] = value[c + half] - value[c];
      value[c] = fma(place[d], slope[d][c], value[c]);
    }
  }
  for (int d = 0; d < D; ++d) gradient[d] = slope[d][0];
}

// Sixteen points' gradients of one level's features; zero in lanes past `count`.
template <int F>
inline void level_gradients(const HashGridBackwardArgs& args, int level, int64_t i, int count, f32x16 out[F]) {
  const int64_t columns = int64_t{F} * args.forward.levels;
  const float* p = args.grad_out + columns * i + F * level;
  float t[F][16] = {};
  for (int lane = 0; lane < count; ++lane)
    for (int f = 0; f < F; ++f) t[f][lane] = p[columns * lane + f];
  for (int f = 0; f < F; ++f) out[f] = load(t[f]);
}

// Adds one level's part to the gradients of points begin..end, [D, padded n].
template <int D, int F, bool Hashed>
inline void add_point_gradients(const HashGridBackwardArgs& args, int index, const float* axes, int64_t begin, int64_t end, float* sums) {
  const int64_t stride = padded(args.forward.n);
  const GridLevel<D> level = grid_level<D>(args.forward, index);
  const float* table = args.forward.tables + F * level.first_row;
  for (int64_t i = begin; i < end; i += 16) {
    const Cells<D> cells = cells_of<D>(level, Hashed, axes + i, stride);
    f32x16 upstream[F], value[1 << D], gradient[D];
    level_gradients<F>(args, index, i, static_cast<int>(lmin(16, end - i)), upstream);
    for (int c = 0; c < 1 << D; ++c) {
      f32x16 features[F];
      gather_rows<F>(table, cells.row(c), features);
      value[c] = features[0] * upstream[0];
      for (int f = 1; f < F; ++f) value[c] = fma(features[f], upstream[f], value[c]);
    }
    multilinear_gradient<D>(value, cells.place, gradient);
    for (int d = 0; d < D; ++d) store(sums + d * stride + i, fma(gradient[d], set1(level.cells[d]), load(sums + d * stride + i)));
  }
}

template <int D, int F>
inline void point_gradients(const HashGridBackwardArgs& args, const float* axes, int64_t begin, int64_t end, float* sums) {
  const int64_t stride = padded(args.forward.n);
  for (int d = 0; d < D; ++d) __builtin_memset(sums + d * stride + begin, 0, sizeof(float) * (padded(end) - begin));
  for (int level = 0; level < args.forward.levels; ++level) {
    if (grid_level<D>(args.forward, level).hashed) add_point_gradients<D, F, true>(args, level, axes, begin, end, sums);
    else add_point_gradients<D, F, false>(args, level, axes, begin, end, sums);
  }
  for (int64_t i = begin; i < end; i += 16) {
    f32x16 rows[D];
    for (int d = 0; d < D; ++d) {
      const f32x16 x = load(axes + d * stride + i);
      // Beyond the box the field is constant; where x is no number the sum is none either, and stays.
      rows[d] = select((x < zero()) | (x > set1(1.f)), zero(), load(sums + d * stride + i));
    }
    store_rows<D>(args.grad_x + D * i, static_cast<int>(lmin(16, end - i)), rows);
  }
}

// Calls body(row) for every row that is marked, in ascending order.
template <class Body>
inline void for_touched(const uint8_t* touched, int64_t rows, const Body& body) {
  for (int64_t row = 0; row < rows; ++row) {
    uint64_t eight;
    if (row + 8 <= rows && (__builtin_memcpy(&eight, touched + row, 8), eight == 0)) row += 7;
    else if (touched[row]) body(row);
  }
}

template <int F>
struct FeatureRow { float v __attribute__((vector_size(F * sizeof(float)))); };

// Adds the gradients of one level's rows to `table`.
template <int D, int F, bool Hashed>
inline void add_row_gradients(const HashGridBackwardArgs& args, int index, const float* axes, float* table) {
  const int64_t n = args.forward.n;
  const GridLevel<D> level = grid_level<D>(args.forward, index);
  for (int64_t i = 0; i < n; i += 16) {
    const Cells<D> cells = cells_of<D>(level, Hashed, axes + i, padded(n));
    const int count = static_cast<int>(lmin(16, n - i));
    f32x16 upstream[F];
    level_gradients<F>(args, index, i, count, upstream);
    for (int c = 0; c < 1 << D; ++c) {
      uint32_t rows[16];
      alignas(64) float parts[16 * F];
      f32x16 part[F];
      const f32x16 weight = cells.weight(c);
      for (int f = 0; f < F; ++f) part[f] = weight * upstream[f];
      store(rows, cells.row(c));
      store_interleaved<F>(parts, part);
      for (int lane = 0; lane < count; ++lane) {  // row by row: two corners may share one
        FeatureRow<F> sum, more;
        float* row = table + int64_t{F} * rows[lane];
        __builtin_memcpy(&sum, row, sizeof(sum));
        __builtin_memcpy(&more, parts + F * lane, sizeof(more));
        sum.v += more.v;
        __builtin_memcpy(row, &sum, sizeof(sum));
      }
    }
  }
}

// The gradient of one level's table: all of it, or the touched rows alone by way of `scratch`.
template <int D, int F>
inline void table_gradient(const HashGridBackwardArgs& args, int level, const float* axes, float* scratch) {
  const int64_t first = args.forward.offsets[level], rows = args.forward.offsets[level + 1] - first;
  float* table = args.touched ? scratch : args.grad_tables + F * first;
  if (args.touched) for_touched(args.touched + first, rows, [&](int64_t row) { __builtin_memset(table + F * row, 0, sizeof(float) * F); });
  else __builtin_memset(table, 0, sizeof(float) * F * rows);
  if (grid_level<D>(args.forward, level).hashed) add_row_gradients<D, F, true>(args, level, axes, table);
  else add_row_gradients<D, F, false>(args, level, axes, table);
  if (!args.touched) return;
  int64_t place = args.starts[level];
  for_touched(args.touched + first, rows, [&](int64_t row) {
    args.rows[place] = first + row;
    __builtin_memcpy(args.values + F * place++, table + F * row, sizeof(float) * F);
  });
}

template <int D, int F>
bool hash_grid_backward_of(const HashGridBackwardArgs& args) {
  const HashGridArgs& grid = args.forward;
  const int64_t stride = padded(grid.n), chunk = chunk_points(grid), chunks = (grid.n + chunk - 1) / chunk;
  int64_t most_rows = 0;  // of a level, where gradients go by way of scratch
  for (int level = 0; args.touched && level < grid.levels; ++level) {
    const int64_t rows = grid.offsets[level + 1] - grid.offsets[level];
    most_rows = rows > most_rows ? rows : most_rows;
  }
  splat::Workspace* workspace = splat::acquire_workspace();
  auto buffer = [&](int slot, int64_t floats) { return static_cast<float*>(splat::workspace_buffer(workspace, slot, int64_t{sizeof(float)} * floats)); };
  float* axes = buffer(kPointSlot, D * stride);
  float* sums = buffer(kPointGradientSlot, D * stride);
  float* scratch = buffer(kRowGradientSlot, F * most_rows * imax(1, grid.threads));
  const bool ok = axes && sums && scratch;
  if (ok) {
    parallel(grid.threads, chunks, [&](int64_t task, int) { spread_points<D>(grid, task * chunk, lmin(grid.n, (task + 1) * chunk), axes); });
    const int64_t tables = args.grad_tables || args.touched ? grid.levels : 0;
    parallel(grid.threads, tables + (args.grad_x ? chunks : 0), [&](int64_t task, int worker) {
      const int64_t begin = (task - tables) * chunk;
      if (task < tables) table_gradient<D, F>(args, static_cast<int>(task), axes, scratch + F * most_rows * worker);
      else point_gradients<D, F>(args, axes, begin, lmin(grid.n, begin + chunk), sums);
    });
  }
  splat::release_workspace(workspace);
  return ok;
}

bool hash_grid_backward(const HashGridBackwardArgs& args) {
  switch (10 * args.forward.dims + args.forward.features) {
    case 31: return hash_grid_backward_of<3, 1>(args);
    case 32: return hash_grid_backward_of<3, 2>(args);
    case 34: return hash_grid_backward_of<3, 4>(args);
    case 41: return hash_grid_backward_of<4, 1>(args);
    case 42: return hash_grid_backward_of<4, 2>(args);
    case 44: return hash_grid_backward_of<4, 4>(args);
    default: return false;
  }
}

template <int D, bool Hashed>
inline int64_t touch_rows(const HashGridArgs& args, int index, const float* axes, uint8_t* touched) {
  const GridLevel<D> level = grid_level<D>(args, index);
  for (int64_t i = 0; i < args.n; i += 16) {
    const Cells<D> cells = cells_of<D>(level, Hashed, axes + i, padded(args.n));
    const int count = static_cast<int>(lmin(16, args.n - i));
    for (int c = 0; c < 1 << D; ++c) {
      uint32_t rows[16];
      store(rows, cells.row(c));
      for (int lane = 0; lane < count; ++lane) touched[rows[lane]] = 1;
    }
  }
  int64_t total = 0;
  for_touched(touched, args.offsets[index + 1] - level.first_row, [&](int64_t) { ++total; });
  return total;
}

template <int D>
bool hash_grid_touched_of(const HashGridTouchedArgs& args) {
  const HashGridArgs& grid = args.grid;
  splat::Workspace* workspace = splat::acquire_workspace();
  auto* axes = static_cast<float*>(splat::workspace_buffer(workspace, kPointSlot, int64_t{sizeof(float)} * D * padded(grid.n)));
  if (axes) {
    spread_points<D>(grid, 0, grid.n, axes);
    parallel(grid.threads, grid.levels, [&](int64_t task, int) {
      const int level = static_cast<int>(task);
      uint8_t* touched = args.touched + grid.offsets[level];
      __builtin_memset(touched, 0, grid.offsets[level + 1] - grid.offsets[level]);
      const bool hashed = grid_level<D>(grid, level).hashed;
      args.counts[level] = hashed ? touch_rows<D, true>(grid, level, axes, touched) : touch_rows<D, false>(grid, level, axes, touched);
    });
  }
  splat::release_workspace(workspace);
  return axes != nullptr;
}

bool hash_grid_touched(const HashGridTouchedArgs& args) {
  return args.grid.dims == 3 ? hash_grid_touched_of<3>(args) : hash_grid_touched_of<4>(args);
}
