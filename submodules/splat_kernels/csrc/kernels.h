// The functions each instruction level provides.
#pragma once
#include "args.h"

namespace splat {

struct Kernels {
  const char* level;
  void (*project_forward)(const ProjectArgs&);
  bool (*project_backward)(const ProjectBackwardArgs&);
  bool (*rasterize_forward)(RasterizeArgs&);
  bool (*rasterize_backward)(const RasterizeBackwardArgs&);
  bool (*gaussian_statistics)(const StatisticsArgs&);
  bool (*photometric)(PhotometricArgs&);
  bool (*ssim_moments)(const MomentsArgs&);
  void (*adam_step)(const AdamArgs&);
  bool (*hash_grid_forward)(const HashGridArgs&);
  bool (*hash_grid_backward)(const HashGridBackwardArgs&);
  bool (*hash_grid_touched)(const HashGridTouchedArgs&);
};

extern const Kernels kernels_portable;
#if defined(SPLAT_X86)
extern const Kernels kernels_avx2;
extern const Kernels kernels_avx512;
#endif

}  // namespace splat
