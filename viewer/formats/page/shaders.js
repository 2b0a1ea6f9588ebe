// Image formation as in 3D Gaussian splatting: EWA projection with a low pass, nothing below 1/255.

const VERTEX = `#version 300 es
precision highp float;
precision highp int;
precision highp usampler2D;

uniform usampler2D scene;
uniform int texelsEach, perRow, degree;
uniform mat3 turn;       // camera from world; x right, y down, z forward
uniform vec3 shift, eye;
uniform vec2 focal, middle, size;  // pixels
uniform bool antialiased;

in uint row;
out vec2 inside;         // the unit circle is where alpha falls below 1/255
flat out vec4 paint;     // colour, opacity
flat out float cut;      // squared Mahalanobis distance at that circle

const float LOW_PASS = 0.3;   // px^2
const float MARGIN = 0.3;     // half images beyond the edge, up to where x/z grows in the Jacobian
const float LEAST = 1.0 / 255.0;
const float STEP = 0.70710678 / 511.0;

ivec2 corner;
uvec4 texel(int number) { return texelFetch(scene, corner + ivec2(number, 0), 0); }

vec4 bytes(uint word) { return vec4(word & 255u, word >> 8 & 255u, word >> 16 & 255u, word >> 24); }

// x, y, z, w: three in sign and nine bits, the largest, whose number stands first, from their length.
vec4 quaternion(uint word) {
  int largest = int(word >> 30);
  vec4 quat = vec4(0.0);
  float rest = 1.0;
  for (int i = 3; i >= 0; i--) {
    if (i == largest) continue;
    float part = float(word & 511u) * STEP;
    quat[i] = (word & 512u) != 0u ? -part : part;
    rest -= part * part;
    word >>= 10;
  }
  quat[largest] = sqrt(max(rest, 0.0));
  return quat;
}

mat3 rotation(vec4 q) {
  vec3 s = q.xyz * 2.0, w = s * q.w, d = s * q.xyz;
  float xy = s.x * q.y, xz = s.x * q.z, yz = s.y * q.z;
  return mat3(1.0 - d.y - d.z, xy + w.z, xz - w.y, xy - w.z, 1.0 - d.x - d.z, yz + w.x,
              xz + w.y, yz - w.x, 1.0 - d.x - d.y);
}

uint shWords[12];

float shByte(int at) { return float(shWords[at >> 2] >> ((at & 3) * 8) & 255u) / 128.0 - 1.0; }
vec3 coefficient(int number) {
  int at = 3 * number;
  return vec3(shByte(at), shByte(at + 1), shByte(at + 2));
}

vec3 lit(vec3 color, vec3 d) {
  if (degree < 1) return color;
  color += 0.48860251 * (-d.y * coefficient(0) + d.z * coefficient(1) - d.x * coefficient(2));
  if (degree < 2) return color;
  vec3 s = d * d;
  color += 1.09254843 * (d.x * d.y * coefficient(3) - d.y * d.z * coefficient(4) - d.x * d.z * coefficient(6))
         + 0.31539157 * (2.0 * s.z - s.x - s.y) * coefficient(5) + 0.54627422 * (s.x - s.y) * coefficient(7);
  if (degree < 3) return color;
  return color - 0.59004359 * d.y * (3.0 * s.x - s.y) * coefficient(8)
               + 2.89061144 * d.x * d.y * d.z * coefficient(9)
               - 0.45704580 * d.y * (4.0 * s.z - s.x - s.y) * coefficient(10)
               + 0.37317633 * d.z * (2.0 * s.z - 3.0 * s.x - 3.0 * s.y) * coefficient(11)
               - 0.45704580 * d.x * (4.0 * s.z - s.x - s.y) * coefficient(12)
               + 1.44530572 * d.z * (s.x - s.y) * coefficient(13)
               - 0.59004359 * d.x * (s.x - 3.0 * s.y) * coefficient(14);
}

void main() {
  gl_Position = vec4(0.0, 0.0, 2.0, 1.0);  // outside, unless all goes well
  corner = ivec2((int(row) % perRow) * texelsEach, int(row) / perRow);
  uvec4 first = texel(0), second = texel(1);
  vec3 center = uintBitsToFloat(first.xyz);
  vec3 at = turn * center + shift;

  vec4 stored = bytes(second.x);
  vec3 scales = exp(stored.xyz / 16.0 - 10.0);
  float opacity = stored.w / 255.0;
  mat3 turned = turn * rotation(quaternion(first.w));
  vec2 edge = MARGIN * 0.5 * size;
  vec2 plane = clamp(at.xy / at.z, -(middle + edge) / focal, (size - middle + edge) / focal);
  // The Jacobian applied to the axes of the Gaussian.
  vec3 u = vec3(turned[0].x, turned[1].x, turned[2].x), v = vec3(turned[0].y, turned[1].y, turned[2].y);
  vec3 w = vec3(turned[0].z, turned[1].z, turned[2].z);
  u = focal.x / at.z * (u - plane.x * w) * scales;
  v = focal.y / at.z * (v - plane.y * w) * scales;
  float xx = dot(u, u), xy = dot(u, v), yy = dot(v, v);
  vec3 area = cross(u, v);
  float sharp = dot(area, area), smooth_ = sharp + LOW_PASS * (xx + yy + LOW_PASS);
  if (antialiased) opacity *= sqrt(max(sharp / smooth_, 2.5e-5));
  if (opacity <= LEAST) return;
  cut = 2.0 * log(opacity / LEAST);

  float half_ = 0.5 * (xx - yy), root = length(vec2(half_, xy));
  float mean = 0.5 * (xx + yy) + LOW_PASS;
  vec2 long_ = root < 1e-6 * mean ? vec2(1.0, 0.0) : half_ >= 0.0 ? normalize(vec2(half_ + root, xy))
                                                                   : normalize(vec2(xy, root - half_));
  vec2 across = vec2(-long_.y, long_.x);
  inside = vec2(gl_VertexID & 1, gl_VertexID >> 1) * 2.0 - 1.0;
  vec2 offset = sqrt(cut * (mean + root)) * inside.x * long_ + sqrt(cut * smooth_ / (mean + root)) * inside.y * across;
  vec2 pixel = focal * at.xy / at.z + middle;
  vec2 reach = vec2(sqrt(cut * (xx + LOW_PASS)), sqrt(cut * (yy + LOW_PASS)));
  if (any(lessThan(pixel + reach, vec2(0.0))) || any(greaterThan(pixel - reach, size))) return;

  vec3 color = (bytes(second.y).rgb / 255.0 - 0.5) / 0.15 * 0.28209479 + 0.5;
  if (degree > 0) {
    for (int word = 0; word < 12; word++) {
      int at4 = word + 2;
      if (at4 >> 2 < texelsEach - 1) shWords[word] = texel(1 + (at4 >> 2))[at4 & 3];
    }
  }
  paint = vec4(max(lit(color, normalize(center - eye)), 0.0), opacity);
  vec2 place = (pixel + offset) / size * 2.0 - 1.0;
  gl_Position = vec4(place.x, -place.y, 0.0, 1.0);
}`;

const FRAGMENT = `#version 300 es
precision highp float;
in vec2 inside;
flat in vec4 paint;
flat in float cut;
out vec4 light;

void main() {
  float part = dot(inside, inside);
  if (part > 1.0) discard;
  float alpha = min(0.999, paint.a * exp(-0.5 * cut * part));
  light = vec4(paint.rgb * alpha, alpha);
}`;

const COPY_VERTEX = `#version 300 es
void main() { gl_Position = vec4(vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0, 0.0, 1.0); }`;

const COPY_FRAGMENT = `#version 300 es
precision highp float;
uniform sampler2D blended;
out vec4 light;
void main() { light = vec4(texelFetch(blended, ivec2(gl_FragCoord.xy), 0).rgb, 1.0); }`;
