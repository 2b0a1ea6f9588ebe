// The C ABI: one struct of arguments a function, mirrored field by field in src/splat_kernels/native.py.
// All arrays are dense float32 unless said; all pointers stay valid during the call. No function throws.
#pragma once
#include <cstdint>

// One row of the `records` that projection hands to rasterisation, one cache line a Gaussian:
// mean x y | conic A B C | log2 opacity | r g b | half extents x y of the alpha = 1/255 ellipse | opacity | depth z | 3 unused.
// A Gaussian that is not visible has a row of zeros.
enum RecordColumn { kMeanX, kMeanY, kConicA, kConicB, kConicC, kLogOpacity, kRed, kGreen, kBlue, kExtentX, kExtentY, kOpacity, kDepth };
constexpr int kRecordFloats = 16;

struct ProjectArgs {
  int64_t n;               // Gaussians
  const float* means;      // [n,3] world
  const float* quats;      // [n,4] wxyz, any length
  const float* scales;     // [n,3] standard deviations, or logs when raw
  const float* opacities;  // [n] or logits when raw
  const float* sh;         // [n,sh_stride,3]
  const float* viewmat;    // [4,4] camera-from-world
  const float* intrinsics; // [3,3]
  int32_t sh_stride, sh_degree;
  int32_t width, height;
  float near_plane, far_plane, low_pass;
  int32_t antialiased, raw, threads;
  float* means2d;  // out [n,2]
  float* records;  // out [n,16]
};

struct ProjectBackwardArgs {
  ProjectArgs forward;       // same inputs; means2d unused, records as the forward call left them
  const float* grad_means2d; // [n,2]
  const float* grad_records; // [n,16], columns conic, colour, opacity and depth are read
  float* grad_means;         // out [n,3]
  float* grad_quats;         // out [n,4]
  float* grad_scales;        // out [n,3]
  float* grad_opacities;     // out [n]
  float* grad_sh;            // out [n,sh_stride,3]
  float* grad_viewmat;       // out [4,4], or null
};

// What rasterisation keeps for its backward pass has a size that only it can tell: it asks for the two parts, one
// proportional to the visible Gaussians, one to the (tile, Gaussian) pairs. Returns 64-byte aligned memory or null.
enum StatePart { kVisibleState, kPairState };
typedef void* (*Allocate)(int32_t part, int64_t bytes);

struct RasterizeArgs {
  int64_t n;
  const float* records;    // [n,16]
  const float* extras;     // [n,n_extras] or null
  const float* background; // [3] or null for black
  int32_t n_extras, width, height, threads;
  Allocate allocate;       // for the state that backward and statistics read
  float* image;            // out [3,height,width]
  float* alpha;            // out [height,width]
  float* extra_image;      // out [n_extras,height,width]: sums of weight * extra
  int64_t pairs;           // out
  int64_t evaluations;     // out: 16-pixel block evaluations
};

struct RasterizeBackwardArgs {
  int64_t n;
  const void* visible_state; // what `allocate` gave
  const void* pair_state;
  const float* extras;
  const float* image;      // the forward call's outputs
  const float* extra_image;
  const float* alpha;
  const float* grad_image; // [3,height,width]
  const float* grad_alpha; // [height,width] or null
  const float* grad_extra_image; // [n_extras,height,width] or null
  int32_t n_extras, width, height, threads;
  float* grad_means2d;     // out [n,2]
  float* grad_records;     // out [n,16]: conic, opacity, colour
  float* grad_extras;      // out [n,n_extras] or null
  float* abs_gradients;    // out [n,2] or null: sums of |dL/dmean| over pixels (AbsGS)
};

struct StatisticsArgs {
  int64_t n;
  const void* visible_state;
  const void* pair_state;
  int32_t width, height, threads;
  float* transmittance_sum;   // out [n]: over its pixels, what is left of the light in front of the Gaussian
  float* pixel_count;         // out [n]
  float* weight_sum;          // out [n]
};

struct PhotometricArgs {
  int32_t width, height, threads;
  const float* image;     // [3,height,width]
  const uint8_t* target;  // [3,height,width]
  const float* moments;   // [2,3,height,width]: Gaussian-windowed mean and variance of the target
  const float* weights;   // [height,width] or null
  float lambda_dssim;
  float* gradient;        // out [3,height,width] of the loss, or null
  double loss;            // out: mean over pixels and channels
};

struct MomentsArgs {
  int32_t width, height, threads;
  const uint8_t* target;
  float* moments;
};

struct AdamArgs {
  int64_t n;              // rows
  int32_t columns;        // floats a row
  int32_t active_columns; // columns past these have never had a gradient and are skipped
  int32_t split;          // learning rate `lr_first` before this column, `lr_rest` from it on
  int32_t threads;
  float* param;
  const float* grad;
  float* exp_avg;
  float* exp_avg_sq;
  const uint8_t* visible; // [n]: rows with 0 are left alone; or null for all rows
  const int64_t* rows;    // [n] or null: grad has these n rows alone, each of at most 16 floats, none of them twice
  float lr_first, lr_rest, beta1, beta2, eps;
  float correction1, correction2; // 1 - beta^step, or 1 for none
};

// A field of features on `levels` grids over the box [0,1]^dims; see hash_grid.h.
struct HashGridArgs {
  int64_t n;                   // points
  const float* x;              // [n,dims]; outside of the box a point has the features of the nearest one inside
  const float* tables;         // [offsets[levels],features]
  const int32_t* resolutions;  // [levels,dims]: cells along each axis
  const int64_t* offsets;      // [levels+1]: a level's first row; a hashed level has a power of two of them
  int32_t dims, levels, features, threads;
  float* out;                  // [n,levels*features]
};

struct HashGridBackwardArgs {
  HashGridArgs forward;        // same inputs; out unused
  const float* grad_out;       // [n,levels*features]
  float* grad_x;               // out [n,dims], or null
  float* grad_tables;          // out [offsets[levels],features], or null
  // Instead of grad_tables, of the touched rows alone:
  const uint8_t* touched;      // [offsets[levels]] as hash_grid_touched marks them, or null
  const int64_t* starts;       // [levels]: place of a level's first row among the touched ones
  int64_t* rows;               // out: touched rows, ascending
  float* values;               // out: their gradients
};

struct HashGridTouchedArgs {
  HashGridArgs grid;           // tables and out unused
  uint8_t* touched;            // out [offsets[levels]]: 1 where a point reads the row
  int64_t* counts;             // out [levels]: how many
};
