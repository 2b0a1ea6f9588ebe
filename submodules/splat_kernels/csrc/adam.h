// Adam (Kingma & Ba 2015) over rows of floats, for visible rows only when asked: one pass over memory.
#pragma once

// Rows by number, as a sparse gradient lists them; as many short ones at a time as fill a vector.
inline void adam_listed_rows(const AdamArgs& args) {
  const f32x16 beta1 = set1(args.beta1), beta2 = set1(args.beta2), rest1 = set1(1.f - args.beta1), rest2 = set1(1.f - args.beta2);
  const f32x16 eps = set1(args.eps), scale2 = set1(1.f / __builtin_sqrtf(args.correction2)), rate = set1(args.lr_rest / args.correction1);
  const int columns = args.columns, together = 16 / columns;
  const int64_t step = int64_t{1024} * together;
  parallel(args.threads, (args.n + step - 1) / step, [&](int64_t chunk, int) {
    for (int64_t i = chunk * step; i < lmin(args.n, (chunk + 1) * step); i += together) {
      const int count = static_cast<int>(lmin(together, args.n - i));
      alignas(64) float state[3][16] = {};
      float* const tables[3] = {args.exp_avg, args.exp_avg_sq, args.param};
      for (int t = 0; t < 3; ++t)
        for (int k = 0; k < count; ++k) __builtin_memcpy(state[t] + k * columns, tables[t] + args.rows[i + k] * columns, sizeof(float) * columns);
      const f32x16 g = load_first(args.grad + i * columns, count * columns);
      const f32x16 m = fma(beta1, load(state[0]), rest1 * g), v = fma(beta2, load(state[1]), rest2 * g * g);
      store(state[0], m), store(state[1], v);
      store(state[2], fnma(rate, m / fma(sqrt(v), scale2, eps), load(state[2])));
      for (int t = 0; t < 3; ++t)
        for (int k = 0; k < count; ++k) __builtin_memcpy(tables[t] + args.rows[i + k] * columns, state[t] + k * columns, sizeof(float) * columns);
    }
  });
}

void adam_step(const AdamArgs& args) {
  if (args.rows) return adam_listed_rows(args);
  const f32x16 beta1 = set1(args.beta1), beta2 = set1(args.beta2), rest1 = set1(1.f - args.beta1), rest2 = set1(1.f - args.beta2);
  const f32x16 eps = set1(args.eps), scale2 = set1(1.f / __builtin_sqrtf(args.correction2));
  auto update = [&](int64_t i, int count, f32x16 rate) {
    const f32x16 g = load_first(args.grad + i, count);
    const f32x16 m = fma(beta1, load_first(args.exp_avg + i, count), rest1 * g);
    const f32x16 v = fma(beta2, load_first(args.exp_avg_sq + i, count), rest2 * g * g);
    store_first(args.exp_avg + i, m, count);
    store_first(args.exp_avg_sq + i, v, count);
    store_first(args.param + i, fnma(rate, m / fma(sqrt(v), scale2, eps), load_first(args.param + i, count)), count);
  };
  const float first = args.lr_first / args.correction1, rest = args.lr_rest / args.correction1;
  const f32x16 uniform = set1(rest);
  float lanes[16];
  for (int k = 0; k < 16; ++k) lanes[k] = k < args.split ? first : rest;
  const f32x16 start = load(lanes);
  constexpr int64_t kRows = 1024;
  parallel(args.threads, (args.n + kRows - 1) / kRows, [&](int64_t chunk, int) {
    const int64_t begin = chunk * kRows, end = lmin(args.n, begin + kRows);
    if (!args.visible && args.split == 0 && args.active_columns == args.columns) {  // one long row
      for (int64_t i = begin * args.columns; i < end * args.columns; i += 16)
        update(i, static_cast<int>(lmin(16, end * args.columns - i)), uniform);
      return;
    }
    for (int64_t row = begin; row < end; ++row) {
      if (args.visible && !args.visible[row]) continue;
      for (int column = 0; column < args.active_columns; column += 16)
        update(row * args.columns + column, imin(16, args.active_columns - column), column == 0 ? start : uniform);
    }
  });
}
