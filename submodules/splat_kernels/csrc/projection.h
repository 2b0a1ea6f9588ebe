// Projection of 3-D Gaussians to the screen (EWA: Zwicker et al. 2002; Kerbl et al. 2023, section 4), sixteen at a time.
#pragma once

// What the camera contributes, once a call.
struct View {
  float r[9], t[3];      // camera-from-world
  float center[3];       // camera centre in the world
  float fx, fy, cx, cy;
  float lo_x, hi_x, lo_y, hi_y;  // bounds of x/z and y/z in the Jacobian: 15 % beyond each image edge
};

inline View make_view(const ProjectArgs& a) {
  View v;
  for (int i = 0; i < 3; ++i) {
    for (int k = 0; k < 3; ++k) v.r[3 * i + k] = a.viewmat[4 * i + k];
    v.t[i] = a.viewmat[4 * i + 3];
  }
  for (int k = 0; k < 3; ++k) v.center[k] = -(v.r[k] * v.t[0] + v.r[3 + k] * v.t[1] + v.r[6 + k] * v.t[2]);
  v.fx = a.intrinsics[0], v.fy = a.intrinsics[4], v.cx = a.intrinsics[2], v.cy = a.intrinsics[5];
  const float margin_x = 0.15f * a.width / v.fx, margin_y = 0.15f * a.height / v.fy;
  v.lo_x = -v.cx / v.fx - margin_x, v.hi_x = (a.width - v.cx) / v.fx + margin_x;
  v.lo_y = -v.cy / v.fy - margin_y, v.hi_y = (a.height - v.cy) / v.fy + margin_y;
  return v;
}

// Sixteen Gaussians on their way to the screen; backward makes the same values again instead of storing them.
struct Projected {
  mask16 ahead;             // between the near and the far plane
  f32x16 p[3], rz;          // camera-space mean, 1/z
  f32x16 x_z, y_z, u, v;    // x/z, y/z, and both clamped
  f32x16 quat_norm, q[4];   // 1/|quat|, unit quaternion
  f32x16 rotation[9], s[3];
  f32x16 row0[3], row1[3];  // of J R
  f32x16 a[3], b[3];        // the two rows of J R Rq S: cov2d = [a.a, a.b; a.b, b.b]
  f32x16 xx, xy, yy, det_sharp;  // before the low-pass filter
  f32x16 xx_d, yy_d, det;        // after it
  f32x16 opacity, compensation;  // activated; antialiasing factor
};

inline f32x16 dot3(const f32x16 a[3], const f32x16 b[3]) { return fma(a[0], b[0], fma(a[1], b[1], a[2] * b[2])); }

inline Projected project16(const ProjectArgs& args, const View& view, int64_t first, int count) {
  Projected o;
  f32x16 m[3];
  load_rows<3>(args.means + 3 * first, count, m);
  for (int i = 0; i < 3; ++i)
    o.p[i] = fma(set1(view.r[3 * i]), m[0], fma(set1(view.r[3 * i + 1]), m[1], fma(set1(view.r[3 * i + 2]), m[2], set1(view.t[i]))));
  o.ahead = (o.p[2] > set1(args.near_plane)) & (o.p[2] < set1(args.far_plane)) & from_bits((1u << count) - 1);
  if (!any(o.ahead)) return o;

  f32x16 quat[4], scale[3], opacity[1];
  load_rows<4>(args.quats + 4 * first, count, quat);
  load_rows<3>(args.scales + 3 * first, count, scale);
  load_rows<1>(args.opacities + first, count, opacity);
  const f32x16 one = set1(1.f), two = set1(2.f);
  o.rz = one / select(o.ahead, o.p[2], one);
  o.x_z = o.p[0] * o.rz, o.y_z = o.p[1] * o.rz;
  o.u = clamp(o.x_z, set1(view.lo_x), set1(view.hi_x));
  o.v = clamp(o.y_z, set1(view.lo_y), set1(view.hi_y));

  const f32x16 square = fma(quat[0], quat[0], fma(quat[1], quat[1], fma(quat[2], quat[2], quat[3] * quat[3])));
  o.quat_norm = one / sqrt(max(square, set1(1e-24f)));
  for (int i = 0; i < 4; ++i) o.q[i] = quat[i] * o.quat_norm;
  const f32x16 w = o.q[0], x = o.q[1], y = o.q[2], z = o.q[3];
  f32x16* r = o.rotation;
  r[0] = one - two * (y * y + z * z), r[1] = two * (x * y - w * z), r[2] = two * (x * z + w * y);
  r[3] = two * (x * y + w * z), r[4] = one - two * (x * x + z * z), r[5] = two * (y * z - w * x);
  r[6] = two * (x * z - w * y), r[7] = two * (y * z + w * x), r[8] = one - two * (x * x + y * y);

  const f32x16 fx = set1(view.fx) * o.rz, fy = set1(view.fy) * o.rz;
  for (int k = 0; k < 3; ++k) {
    o.row0[k] = fx * fnma(o.u, set1(view.r[6 + k]), set1(view.r[k]));
    o.row1[k] = fy * fnma(o.v, set1(view.r[6 + k]), set1(view.r[3 + k]));
  }
  for (int i = 0; i < 3; ++i) {
    o.s[i] = args.raw ? exp(scale[i]) : scale[i];
    const f32x16 axis[3] = {r[i], r[3 + i], r[6 + i]};
    o.a[i] = dot3(o.row0, axis) * o.s[i];
    o.b[i] = dot3(o.row1, axis) * o.s[i];
  }
  o.xx = dot3(o.a, o.a), o.xy = dot3(o.a, o.b), o.yy = dot3(o.b, o.b);
  // det = |a x b|^2: unlike xx yy - xy^2 it cannot cancel for needles.
  const f32x16 c0 = fms(o.a[1], o.b[2], o.a[2] * o.b[1]), c1 = fms(o.a[2], o.b[0], o.a[0] * o.b[2]), c2 = fms(o.a[0], o.b[1], o.a[1] * o.b[0]);
  o.det_sharp = fma(c0, c0, fma(c1, c1, c2 * c2));
  const f32x16 low_pass = set1(args.low_pass);
  o.xx_d = o.xx + low_pass, o.yy_d = o.yy + low_pass;
  o.det = o.det_sharp + low_pass * (o.xx + o.yy + low_pass);
  o.opacity = args.raw ? one / (one + exp(zero() - opacity[0])) : opacity[0];
  o.compensation = args.antialiased ? sqrt(max(o.det_sharp / max(o.det, set1(1e-30f)), set1(2.5e-5f))) : one;
  return o;
}

inline f32x16 view_direction(const ProjectArgs& args, const View& view, int64_t first, int count, f32x16 d[3]) {
  load_rows<3>(args.means + 3 * first, count, d);
  for (int k = 0; k < 3; ++k) d[k] = d[k] - set1(view.center[k]);
  const f32x16 inverse_length = set1(1.f) / sqrt(max(dot3(d, d), set1(1e-24f)));
  for (int k = 0; k < 3; ++k) d[k] = d[k] * inverse_length;
  return inverse_length;
}

// Columns kFirst .. kFirst + 15 of the rows of sh: coefficient k of channel c stands in column 3 k + c.
template <int kFirst>
inline void add_colors(const ProjectArgs& args, int64_t first, int count, int active, const f32x16 basis[16], f32x16 rgb[3]) {
  if (kFirst >= active) return;
  f32x16 block[16];
  const int64_t stride = int64_t{3} * args.sh_stride;
  load_columns(args.sh + first * stride + kFirst, stride, imin(16, active - kFirst), count, block);
  for (int k = 0; k < 16; ++k)
    if (kFirst + k < active) rgb[(kFirst + k) % 3] = fma(block[k], basis[(kFirst + k) / 3], rgb[(kFirst + k) % 3]);
}

inline void evaluate_colors(const ProjectArgs& args, const View& view, int64_t first, int count, f32x16 rgb[3]) {
  f32x16 d[3], basis[16];
  view_direction(args, view, first, count, d);
  sh_basis(args.sh_degree, d[0], d[1], d[2], basis);
  const int active = 3 * (args.sh_degree + 1) * (args.sh_degree + 1);
  rgb[0] = rgb[1] = rgb[2] = set1(0.5f);
  add_colors<0>(args, first, count, active, basis, rgb);
  add_colors<16>(args, first, count, active, basis, rgb);
  add_colors<32>(args, first, count, active, basis, rgb);
  for (int k = 0; k < 3; ++k) rgb[k] = max(rgb[k], zero());
}

constexpr int64_t kProjectChunk = 1024;

void project_forward(const ProjectArgs& args) {
  const View view = make_view(args);
  parallel(args.threads, (args.n + kProjectChunk - 1) / kProjectChunk, [&](int64_t chunk, int) {
    const int64_t end = lmin(args.n, (chunk + 1) * kProjectChunk);
    for (int64_t first = chunk * kProjectChunk; first < end; first += 16) {
      const int count = static_cast<int>(lmin(16, end - first));
      float* records = args.records + first * kRecordFloats;
      const Projected o = project16(args, view, first, count);
      f32x16 record[16], mean[2] = {zero(), zero()};
      for (auto& column : record) column = zero();
      if (any(o.ahead)) {
        const f32x16 opacity = o.opacity * o.compensation;
        // alpha = opacity exp(-q/2) >= 1/255 inside the ellipse q <= 2 ln(255 opacity): its exact half extents.
        float log_opacity[16];
        store(log_opacity, opacity);
        for (float& value : log_opacity) value = value > 1.f / 255.f ? __builtin_log2f(value) : -kLog2Of255;
        const f32x16 log2_opacity = load(log_opacity), cut = set1(2.f / kLog2e) * (log2_opacity + set1(kLog2Of255));
        const f32x16 extent_x = sqrt(cut * o.xx_d), extent_y = sqrt(cut * o.yy_d);
        mean[0] = fma(o.x_z, set1(view.fx), set1(view.cx)), mean[1] = fma(o.y_z, set1(view.fy), set1(view.cy));
        const f32x16 half = set1(0.5f), huge = set1(1e30f);
        const mask16 visible = o.ahead & (cut > zero()) & (mean[0] + extent_x >= half) & (mean[1] + extent_y >= half) &
                               (mean[0] - extent_x <= set1(args.width - 0.5f)) & (mean[1] - extent_y <= set1(args.height - 0.5f)) &
                               (o.det > zero()) & (o.det < huge) & (extent_x < huge) & (extent_y < huge);
        mean[0] = keep(visible, mean[0]), mean[1] = keep(visible, mean[1]);
        if (any(visible)) {
          const f32x16 inverse = set1(1.f) / select(visible, o.det, set1(1.f));
          f32x16 rgb[3];
          evaluate_colors(args, view, first, count, rgb);
          const f32x16 row[13] = {mean[0], mean[1], o.yy_d * inverse, zero() - o.xy * inverse, o.xx_d * inverse, log2_opacity,
                                  rgb[0],  rgb[1],  rgb[2],           extent_x,                extent_y,         opacity,     o.p[2]};
          for (int k = 0; k < 13; ++k) record[k] = keep(visible, row[k]);
        }
      }
      store_rows<2>(args.means2d + 2 * first, count, mean);
      store_columns(records, kRecordFloats, kRecordFloats, count, record);
    }
  });
}
