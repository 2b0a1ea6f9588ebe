// What the forward pass of rasterisation leaves for backward and statistics, laid out in the two allocations.
#pragma once

constexpr int kTile = 16;        // pixels a side
constexpr int kBlock = 4;        // pixels a side: one vector of 16 lanes
constexpr int kBlocks = 16;      // in a tile, row by row; one bit each in a pair's mask

// A visible Gaussian as blending reads it, in depth order: the columns of its record, but the exponent is of 2 instead
// of e and pixel centres are at integers.
//   log2 alpha = lo - (a dx^2 + b2 dx dy + c dy^2)
enum BlendColumn { kBx, kBy, kBa, kBb2, kBc, kBlo, kBred, kBgreen, kBblue, kBextentX, kBextentY, kBopacity };
alignas(64) constexpr float kBlendScale[16] = {1, 1, 0.5f * kLog2e, kLog2e, 0.5f * kLog2e, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
alignas(64) constexpr float kBlendShift[16] = {-0.5f, -0.5f};

struct VisibleState {
  int64_t visible, pairs;
  int32_t tiles_x, tiles_y;
  float* records;          // [visible,16]
  int32_t* order;          // [visible]: row of the Gaussian in the caller's arrays
  int32_t* pair_offsets;   // [visible+1]: a Gaussian's rows among the pair gradients
  int32_t* tile_offsets;   // [tiles+1]: a tile's pairs
};
struct Pair {
  int32_t gaussian;  // place in depth order; ascending within a tile
  int32_t row;       // where the pair's sums go: all rows of a Gaussian lie together, tile by tile
};
struct PairState {
  Pair* pairs;
  uint16_t* masks;  // blocks of the tile that the Gaussian was blended into
};

inline int64_t align64(int64_t bytes) { return (bytes + 63) & ~int64_t{63}; }

inline int64_t visible_state_bytes(int64_t visible, int64_t tiles) {
  return 64 + align64(64 * visible) + align64(4 * visible) + align64(4 * (visible + 1)) + align64(4 * (tiles + 1));
}
inline VisibleState visible_state(const void* memory) {
  char* p = static_cast<char*>(const_cast<void*>(memory));
  VisibleState s;
  const int64_t* header = reinterpret_cast<const int64_t*>(p);
  s.visible = header[0], s.pairs = header[1];
  s.tiles_x = static_cast<int32_t>(header[2]), s.tiles_y = static_cast<int32_t>(header[3]);
  s.records = reinterpret_cast<float*>(p + 64);
  s.order = reinterpret_cast<int32_t*>(p + 64 + align64(64 * s.visible));
  s.pair_offsets = s.order + align64(4 * s.visible) / 4;
  s.tile_offsets = s.pair_offsets + align64(4 * (s.visible + 1)) / 4;
  return s;
}
inline int64_t pair_state_bytes(int64_t pairs) { return align64(8 * pairs) + align64(2 * (pairs + 32)); }
inline PairState pair_state(const void* memory, int64_t pairs) {
  char* p = static_cast<char*>(const_cast<void*>(memory));
  return {reinterpret_cast<Pair*>(p), reinterpret_cast<uint16_t*>(p + align64(8 * pairs))};
}

// Lane offsets inside a block, and the first pixel of each block inside its tile.
alignas(64) constexpr float kLaneX[16] = {0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3};
alignas(64) constexpr float kLaneY[16] = {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3};
inline int block_x(int block) { return block % 4 * kBlock; }
inline int block_y(int block) { return block / 4 * kBlock; }

// Copies between a block of the image (planar, row-major) and sixteen lanes; pixels outside of the image are left alone.
inline void store_block(float* plane, int width, int height, int x0, int y0, f32x16 value) {
  float* p = plane + int64_t{width} * y0 + x0;
  const int columns = imin(kBlock, width - x0), rows = imin(kBlock, height - y0);
  if (columns == kBlock && rows == kBlock) return store_4x4(p, width, value);
  float lanes[16];
  store(lanes, value);
  for (int y = 0; y < rows; ++y)
    for (int x = 0; x < columns; ++x) p[int64_t{width} * y + x] = lanes[4 * y + x];
}
inline f32x16 load_block(const float* plane, int width, int height, int x0, int y0) {
  const float* p = plane + int64_t{width} * y0 + x0;
  const int columns = imin(kBlock, width - x0), rows = imin(kBlock, height - y0);
  if (columns == kBlock && rows == kBlock) return load_4x4(p, width);
  float lanes[16] = {};
  for (int y = 0; y < rows; ++y)
    for (int x = 0; x < columns; ++x) lanes[4 * y + x] = p[int64_t{width} * y + x];
  return load(lanes);
}
// Lanes of the block that lie inside the image.
inline uint32_t inside_lanes(int width, int height, int x0, int y0) {
  const uint32_t row = (1u << imax(0, imin(kBlock, width - x0))) - 1;
  const int rows = imax(0, imin(kBlock, height - y0));
  uint32_t lanes = 0;
  for (int y = 0; y < rows; ++y) lanes |= row << (4 * y);
  return lanes;
}
