"use strict";
// A worker that puts Gaussians in order, the farthest first, for one camera after the other.

const BUCKETS = 1 << 16;
let positions, depths, bits, keys;

onmessage = ({ data }) => {
  if (data.positions) {
    positions = data.positions;
    depths = new Float32Array(positions.length / 3);
    bits = new Uint32Array(depths.buffer);
    keys = new Uint16Array(depths.length);
  } else {
    const order = sorted(data.axis, data.offset, data.near);
    postMessage({ order, stamp: data.stamp }, [order.buffer]);
  }
};

// Rows of what lies beyond the near plane; depth = axis . position + offset.
function sorted([a, b, c], offset, near) {
  const seen = new Uint32Array(depths.length);
  let count = 0, least = 0xffffffff, most = 0;
  for (let i = 0; i < depths.length; i++) {
    const depth = a * positions[3 * i] + b * positions[3 * i + 1] + c * positions[3 * i + 2] + offset;
    if (depth <= near) continue;
    depths[i] = depth;
    // Bits of positive numbers are in the order of the numbers, and finer where these are small.
    least = Math.min(least, bits[i]);
    most = Math.max(most, bits[i]);
    seen[count++] = i;
  }
  const scale = (BUCKETS - 1) / Math.max(1, most - least);
  const starts = new Uint32Array(BUCKETS + 1);
  for (let k = 0; k < count; k++) {
    const row = seen[k];
    keys[row] = (most - bits[row]) * scale;
    starts[keys[row] + 1]++;
  }
  for (let bucket = 0; bucket < BUCKETS; bucket++) starts[bucket + 1] += starts[bucket];
  const order = new Uint32Array(count);
  for (let k = 0; k < count; k++) order[starts[keys[seen[k]]]++] = seen[k];
  return order;
}
