// Gradients of projection.h. Letters: g_x is the derivative of the loss by x.
#pragma once

// Columns kFirst .. kFirst + 15 of the gradient by sh, all written; and sums over channels for the view direction.
template <int kFirst>
inline void add_colors_backward(const ProjectArgs& args, int64_t first, int count, int active, const f32x16 basis[16],
                                const f32x16 g_rgb[3], float* grad_sh, f32x16 weight[16]) {
  const int64_t stride = int64_t{3} * args.sh_stride;
  const int columns = imin(16, static_cast<int>(stride) - kFirst);
  if (columns <= 0) return;
  f32x16 block[16];
  if (args.sh_degree > 0 && kFirst < active) {
    load_columns(args.sh + first * stride + kFirst, stride, columns, count, block);
    for (int k = 0; k < 16; ++k)
      if (kFirst + k < active) weight[(kFirst + k) / 3] = fma(block[k], g_rgb[(kFirst + k) % 3], weight[(kFirst + k) / 3]);
  }
  for (int k = 0; k < 16; ++k) block[k] = kFirst + k < active ? basis[(kFirst + k) / 3] * g_rgb[(kFirst + k) % 3] : zero();
  store_columns(grad_sh + first * stride + kFirst, stride, columns, count, block);
}

// Colour gradients -> sh gradients and the gradient by the unit view direction.
inline void colors_backward(const ProjectArgs& args, int64_t first, int count, const f32x16 d[3], const f32x16 g_rgb[3],
                            float* grad_sh, f32x16 g_direction[3]) {
  f32x16 basis[16], weight[16];
  sh_basis(args.sh_degree, d[0], d[1], d[2], basis);
  for (auto& w : weight) w = zero();
  const int active = 3 * (args.sh_degree + 1) * (args.sh_degree + 1);
  add_colors_backward<0>(args, first, count, active, basis, g_rgb, grad_sh, weight);
  add_colors_backward<16>(args, first, count, active, basis, g_rgb, grad_sh, weight);
  add_colors_backward<32>(args, first, count, active, basis, g_rgb, grad_sh, weight);
  sh_direction_gradient(args.sh_degree, d[0], d[1], d[2], weight, g_direction);
}

inline void rotation_backward(const Projected& o, const f32x16 g[9], f32x16 g_quat[4]) {
  const f32x16 w = o.q[0], x = o.q[1], y = o.q[2], z = o.q[3], two = set1(2.f);
  const f32x16 unit[4] = {
      two * (x * (g[7] - g[5]) + y * (g[2] - g[6]) + z * (g[3] - g[1])),
      two * (y * (g[1] + g[3]) + z * (g[2] + g[6]) + w * (g[7] - g[5]) - two * x * (g[4] + g[8])),
      two * (x * (g[1] + g[3]) + z * (g[5] + g[7]) + w * (g[2] - g[6]) - two * y * (g[0] + g[8])),
      two * (x * (g[2] + g[6]) + y * (g[5] + g[7]) + w * (g[3] - g[1]) - two * z * (g[0] + g[4]))};
  f32x16 along = zero();
  for (int i = 0; i < 4; ++i) along = fma(unit[i], o.q[i], along);
  for (int i = 0; i < 4; ++i) g_quat[i] = fnma(along, o.q[i], unit[i]) * o.quat_norm;
}

// Gradients by cov2d = [xx xy; xy yy] (before the low-pass) and by the final opacity's two factors.
struct CovarianceGradient { f32x16 xx, xy, yy, opacity; };

inline CovarianceGradient conic_backward(const ProjectArgs& args, const Projected& o, const f32x16 g_conic[3], f32x16 g_opacity) {
  const f32x16 one = set1(1.f), two = set1(2.f), inverse = one / max(o.det, set1(1e-30f));
  const f32x16 a = o.yy_d * inverse, b = zero() - o.xy * inverse, c = o.xx_d * inverse;
  const f32x16 ga = g_conic[0], gb = g_conic[1], gc = g_conic[2];
  CovarianceGradient g;
  g.xx = zero() - (a * a * ga + a * b * gb + b * b * gc);
  g.xy = zero() - (two * a * b * ga + (a * c + b * b) * gb + two * b * c * gc);
  g.yy = zero() - (b * b * ga + b * c * gb + c * c * gc);
  g.opacity = g_opacity * o.compensation;
  if (args.antialiased) {
    const f32x16 ratio = o.det_sharp * inverse;
    const f32x16 g_ratio = keep(ratio > set1(2.5e-5f), g_opacity * o.opacity * set1(0.5f) / o.compensation);
    const f32x16 g_sharp = g_ratio * inverse, g_det = zero() - g_sharp * ratio;
    g.xx = g.xx + g_sharp * o.yy + g_det * o.yy_d;
    g.yy = g.yy + g_sharp * o.xx + g_det * o.xx_d;
    g.xy = g.xy - two * o.xy * (g_sharp + g_det);
  }
  return g;
}

// Sums over lanes of the gradient by [R | t] and by the camera centre, in the order r[9], t[3], center[3].
constexpr int kViewFloats = 15;

inline void backward16(const ProjectBackwardArgs& args, const View& view, int64_t first, int count, float* view_sum) {
  const ProjectArgs& in = args.forward;
  f32x16 record[16], g_record[16], g_mean2d[2];
  load_columns(in.records + first * kRecordFloats, kRecordFloats, kRecordFloats, count, record);
  const mask16 visible = record[kOpacity] > zero();
  const int64_t sh_stride = int64_t{3} * in.sh_stride;
  if (!any(visible)) {
    __builtin_memset(args.grad_means + 3 * first, 0, sizeof(float) * 3 * count);
    __builtin_memset(args.grad_quats + 4 * first, 0, sizeof(float) * 4 * count);
    __builtin_memset(args.grad_scales + 3 * first, 0, sizeof(float) * 3 * count);
    __builtin_memset(args.grad_opacities + first, 0, sizeof(float) * count);
    __builtin_memset(args.grad_sh + sh_stride * first, 0, sizeof(float) * sh_stride * count);
    return;
  }
  load_columns(args.grad_records + first * kRecordFloats, kRecordFloats, kRecordFloats, count, g_record);
  load_rows<2>(args.grad_means2d + 2 * first, count, g_mean2d);
  for (auto& g : g_record) g = keep(visible, g);
  for (auto& g : g_mean2d) g = keep(visible, g);
  const Projected o = project16(in, view, first, count);

  const CovarianceGradient g_cov = conic_backward(in, o, g_record + kConicA, g_record[kOpacity]);
  f32x16 g_scale[3], g_rotation[9], g_row0[3] = {zero(), zero(), zero()}, g_row1[3] = {zero(), zero(), zero()};
  const f32x16 two = set1(2.f);
  for (int i = 0; i < 3; ++i) {
    const f32x16 g_a = fma(two * g_cov.xx, o.a[i], g_cov.xy * o.b[i]), g_b = fma(two * g_cov.yy, o.b[i], g_cov.xy * o.a[i]);
    g_scale[i] = zero();
    for (int k = 0; k < 3; ++k) {
      const f32x16 axis = o.rotation[3 * k + i], g_axis = fma(o.row0[k], g_a, o.row1[k] * g_b);  // by s_i * axis_k
      g_scale[i] = fma(g_axis, axis, g_scale[i]);
      g_rotation[3 * k + i] = g_axis * o.s[i];
      g_row0[k] = fma(g_a, o.s[i] * axis, g_row0[k]);
      g_row1[k] = fma(g_b, o.s[i] * axis, g_row1[k]);
    }
    g_scale[i] = keep(visible, in.raw ? g_scale[i] * o.s[i] : g_scale[i]);
  }
  f32x16 g_quat[4], g_opacity[1] = {keep(visible, in.raw ? g_cov.opacity * o.opacity * (set1(1.f) - o.opacity) : g_cov.opacity)};
  rotation_backward(o, g_rotation, g_quat);
  for (auto& g : g_quat) g = keep(visible, g);

  // Through J R = f/z [R_0 - u R_2; R_1 - v R_2] and the projected mean to the camera-space mean.
  const f32x16 fx = set1(view.fx), fy = set1(view.fy);
  f32x16 g_u = zero(), g_v = zero(), g_rz = zero(), g_r[9];
  for (int k = 0; k < 3; ++k) {
    const f32x16 r2 = set1(view.r[6 + k]), f0 = fx * o.rz * g_row0[k], f1 = fy * o.rz * g_row1[k];
    g_u = fnma(f0, r2, g_u);
    g_v = fnma(f1, r2, g_v);
    g_rz = fma(fx * g_row0[k], fnma(o.u, r2, set1(view.r[k])), fma(fy * g_row1[k], fnma(o.v, r2, set1(view.r[3 + k])), g_rz));
    g_r[k] = f0;
    g_r[3 + k] = f1;
    g_r[6 + k] = zero() - (o.u * f0 + o.v * f1);
  }
  const f32x16 g_x_z = fma(fx, g_mean2d[0], keep((o.x_z >= set1(view.lo_x)) & (o.x_z <= set1(view.hi_x)), g_u));
  const f32x16 g_y_z = fma(fy, g_mean2d[1], keep((o.y_z >= set1(view.lo_y)) & (o.y_z <= set1(view.hi_y)), g_v));
  g_rz = fma(g_x_z, o.p[0], fma(g_y_z, o.p[1], g_rz));
  f32x16 g_p[3] = {g_x_z * o.rz, g_y_z * o.rz, g_record[kDepth] - g_rz * o.rz * o.rz};
  for (auto& g : g_p) g = keep(visible, g);

  f32x16 direction[3], g_direction[3], g_rgb[3], g_mean[3];
  const f32x16 inverse_distance = view_direction(in, view, first, count, direction);
  for (auto& d : direction) d = keep(visible, d);  // a mean that is no number must not reach the others
  for (int k = 0; k < 3; ++k) g_rgb[k] = keep(record[kRed + k] > zero(), g_record[kRed + k]);  // colour is max(0, .)
  colors_backward(in, first, count, direction, g_rgb, args.grad_sh, g_direction);
  const f32x16 along = dot3(g_direction, direction);
  f32x16 g_offset[3];  // by mean - camera centre
  for (int k = 0; k < 3; ++k) {
    g_offset[k] = keep(visible, fnma(along, direction[k], g_direction[k]) * inverse_distance);
    g_mean[k] = g_offset[k];
    for (int i = 0; i < 3; ++i) g_mean[k] = fma(set1(view.r[3 * i + k]), g_p[i], g_mean[k]);
  }
  store_rows<3>(args.grad_means + 3 * first, count, g_mean);
  store_rows<4>(args.grad_quats + 4 * first, count, g_quat);
  store_rows<3>(args.grad_scales + 3 * first, count, g_scale);
  store_rows<1>(args.grad_opacities + first, count, g_opacity);
  if (!view_sum) return;
  f32x16 m[3];
  load_rows<3>(in.means + 3 * first, count, m);
  for (int i = 0; i < 3; ++i) {
    for (int k = 0; k < 3; ++k) view_sum[3 * i + k] += reduce_add(keep(visible, fma(g_p[i], m[k], g_r[3 * i + k])));
    view_sum[9 + i] += reduce_add(g_p[i]);
    view_sum[12 + i] -= reduce_add(g_offset[i]);
  }
}

bool project_backward(const ProjectBackwardArgs& args) {
  const ProjectArgs& in = args.forward;
  const View view = make_view(in);
  const int64_t chunks = (in.n + kProjectChunk - 1) / kProjectChunk;
  splat::Workspace* workspace = splat::acquire_workspace();
  // One partial sum a chunk, added in order: the same bits for any number of threads.
  float* sums = nullptr;
  if (args.grad_viewmat) {
    sums = static_cast<float*>(splat::workspace_buffer(workspace, 0, sizeof(float) * kViewFloats * (chunks + 1)));
    if (!sums) {
      splat::release_workspace(workspace);
      return false;
    }
    __builtin_memset(sums, 0, sizeof(float) * kViewFloats * chunks);
  }
  parallel(in.threads, chunks, [&](int64_t chunk, int) {
    const int64_t end = lmin(in.n, (chunk + 1) * kProjectChunk);
    for (int64_t first = chunk * kProjectChunk; first < end; first += 16)
      backward16(args, view, first, static_cast<int>(lmin(16, end - first)), sums ? sums + kViewFloats * chunk : nullptr);
  });
  if (sums) {
    double total[kViewFloats] = {};
    for (int64_t chunk = 0; chunk < chunks; ++chunk)
      for (int i = 0; i < kViewFloats; ++i) total[i] += sums[kViewFloats * chunk + i];
    // The centre is -R^T t.
    for (int i = 0; i < 3; ++i) {
      for (int k = 0; k < 3; ++k) {
        args.grad_viewmat[4 * i + k] = static_cast<float>(total[3 * i + k] - view.t[i] * total[12 + k]);
        total[9 + i] -= view.r[3 * i + k] * total[12 + k];
      }
      args.grad_viewmat[4 * i + 3] = static_cast<float>(total[9 + i]);
      args.grad_viewmat[12 + i] = 0.f;
    }
    args.grad_viewmat[15] = 0.f;
  }
  splat::release_workspace(workspace);
  return true;
}
