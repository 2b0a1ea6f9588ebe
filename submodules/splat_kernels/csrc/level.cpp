// All kernels at one instruction level: this file is compiled once a level, with its flags and SPLAT_LEVEL set.
#include <cstdint>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "kernels.h"
#include "thread_pool.h"

namespace {
#include "simd.h"
#include "spherical_harmonics.h"
#include "projection.h"
#include "projection_backward.h"
#include "state.h"
#include "depth_sort.h"
#include "binning.h"
#include "blend_forward.h"
#include "blend_backward.h"
#include "statistics.h"
#include "photometric.h"
#include "adam.h"
#include "hash_grid.h"
#include "hash_grid_backward.h"
}  // namespace

#define SPLAT_JOIN_(a, b) a##b
#define SPLAT_JOIN(a, b) SPLAT_JOIN_(a, b)
#define SPLAT_TEXT_(a) #a
#define SPLAT_TEXT(a) SPLAT_TEXT_(a)

namespace splat {
extern const Kernels SPLAT_JOIN(kernels_, SPLAT_LEVEL){
    SPLAT_TEXT(SPLAT_LEVEL), project_forward,   project_backward,   rasterize_forward, rasterize_backward,
    gaussian_statistics,     photometric,       ssim_moments,       adam_step,         hash_grid_forward,
    hash_grid_backward,      hash_grid_touched};
}  // namespace splat
