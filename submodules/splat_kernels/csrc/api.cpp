// The C ABI: picks the instruction level once and forwards.
#include <cstring>

#include "kernels.h"

namespace {

using splat::Kernels;

const Kernels* find(const char* name) {
#if defined(SPLAT_X86)
  __builtin_cpu_init();
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vl");
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (avx512 && (!name || !std::strcmp(name, "avx512"))) return &splat::kernels_avx512;
  if (avx2 && (!name || !std::strcmp(name, "avx2"))) return &splat::kernels_avx2;
#endif
  if (!name || !std::strcmp(name, "scalar")) return &splat::kernels_portable;
  return nullptr;
}

const Kernels* active = find(nullptr);

}  // namespace

#define SPLAT_API extern "C" __attribute__((visibility("default")))

// "avx512", "avx2" or "scalar".
SPLAT_API const char* splat_level() { return active == &splat::kernels_portable ? "scalar" : active->level; }
// Returns 0 when this processor does not have the level.
SPLAT_API int splat_set_level(const char* name) {
  const Kernels* found = find(name);
  if (found) active = found;
  return found != nullptr;
}
SPLAT_API void splat_project_forward(const ProjectArgs* args) { active->project_forward(*args); }
// These return 0 when memory is out (or, rasterizing forward, when there are more than 2^31 pairs).
SPLAT_API int splat_project_backward(const ProjectBackwardArgs* args) { return active->project_backward(*args); }
SPLAT_API int splat_rasterize_forward(RasterizeArgs* args) { return active->rasterize_forward(*args); }
SPLAT_API int splat_rasterize_backward(const RasterizeBackwardArgs* args) { return active->rasterize_backward(*args); }
SPLAT_API int splat_gaussian_statistics(const StatisticsArgs* args) { return active->gaussian_statistics(*args); }
SPLAT_API int splat_photometric(PhotometricArgs* args) { return active->photometric(*args); }
SPLAT_API int splat_ssim_moments(const MomentsArgs* args) { return active->ssim_moments(*args); }
SPLAT_API void splat_adam_step(const AdamArgs* args) { active->adam_step(*args); }
// These return 0 when memory is out, or when there is no kernel for so many dimensions and features.
SPLAT_API int splat_hash_grid_forward(const HashGridArgs* args) { return active->hash_grid_forward(*args); }
SPLAT_API int splat_hash_grid_backward(const HashGridBackwardArgs* args) { return active->hash_grid_backward(*args); }
SPLAT_API int splat_hash_grid_touched(const HashGridTouchedArgs* args) { return active->hash_grid_touched(*args); }
