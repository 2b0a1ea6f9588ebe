// Real spherical harmonics of degree 0..3 in the sign convention of 3DGS, as polynomials of a unit direction.
#pragma once

// Writes (degree + 1)^2 basis values.
inline void sh_basis(int degree, f32x16 x, f32x16 y, f32x16 z, f32x16 b[16]) {
  b[0] = set1(0.28209479177387814f);
  if (degree < 1) return;
  const f32x16 c1 = set1(0.4886025119029199f);
  b[1] = zero() - c1 * y;
  b[2] = c1 * z;
  b[3] = zero() - c1 * x;
  if (degree < 2) return;
  const f32x16 xx = x * x, yy = y * y, zz = z * z, c2 = set1(1.0925484305920792f);
  b[4] = c2 * (x * y);
  b[5] = zero() - c2 * (y * z);
  b[6] = set1(0.31539156525252005f) * (zz + zz - xx - yy);
  b[7] = zero() - c2 * (x * z);
  b[8] = set1(0.5462742152960396f) * (xx - yy);
  if (degree < 3) return;
  const f32x16 three = set1(3.f), four = set1(4.f);
  b[9] = set1(-0.5900435899266435f) * y * (three * xx - yy);
  b[10] = set1(2.890611442640554f) * x * y * z;
  b[11] = set1(-0.4570457994644658f) * y * (four * zz - xx - yy);
  b[12] = set1(0.3731763325901154f) * z * (zz + zz - three * (xx + yy));
  b[13] = set1(-0.4570457994644658f) * x * (four * zz - xx - yy);
  b[14] = set1(1.445305721320277f) * z * (xx - yy);
  b[15] = set1(-0.5900435899266435f) * x * (xx - three * yy);
}

// Gradient with respect to the direction of sum_k s[k] * basis_k.
inline void sh_direction_gradient(int degree, f32x16 x, f32x16 y, f32x16 z, const f32x16 s[16], f32x16 g[3]) {
  g[0] = g[1] = g[2] = zero();
  if (degree < 1) return;
  const f32x16 c1 = set1(0.4886025119029199f);
  g[0] = zero() - c1 * s[3];
  g[1] = zero() - c1 * s[1];
  g[2] = c1 * s[2];
  if (degree < 2) return;
  const f32x16 c2 = set1(1.0925484305920792f), two = set1(2.f);
  const f32x16 s4 = c2 * s[4], s5 = c2 * s[5], s7 = c2 * s[7];
  const f32x16 s6 = set1(0.31539156525252005f) * two * s[6], s8 = set1(0.5462742152960396f) * two * s[8];
  g[0] = g[0] + s4 * y - s6 * x - s7 * z + s8 * x;
  g[1] = g[1] + s4 * x - s5 * z - s6 * y - s8 * y;
  g[2] = g[2] - s5 * y + two * s6 * z - s7 * x;
  if (degree < 3) return;
  const f32x16 xx = x * x, yy = y * y, zz = z * z, xy = x * y, xz = x * z, yz = y * z;
  const f32x16 three = set1(3.f), four = set1(4.f), six = set1(6.f), eight = set1(8.f);
  const f32x16 s9 = set1(-0.5900435899266435f) * s[9], s10 = set1(2.890611442640554f) * s[10], s11 = set1(-0.4570457994644658f) * s[11];
  const f32x16 s12 = set1(0.3731763325901154f) * s[12], s13 = set1(-0.4570457994644658f) * s[13];
  const f32x16 s14 = set1(1.445305721320277f) * s[14], s15 = set1(-0.5900435899266435f) * s[15];
  g[0] = g[0] + s9 * six * xy + s10 * yz - s11 * two * xy - s12 * six * xz + s13 * (four * zz - three * xx - yy) + s14 * two * xz +
         s15 * three * (xx - yy);
  g[1] = g[1] + s9 * three * (xx - yy) + s10 * xz + s11 * (four * zz - xx - three * yy) - s12 * six * yz - s13 * two * xy -
         s14 * two * yz - s15 * six * xy;
  g[2] = g[2] + s10 * xy + s11 * eight * yz + s12 * (six * zz - three * (xx + yy)) + s13 * eight * xz + s14 * (xx - yy);
}
