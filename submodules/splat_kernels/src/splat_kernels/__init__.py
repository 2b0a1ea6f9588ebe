"""Gaussian splatting kernels for the CPU. See README.md of the package."""

from splat_kernels.adam import adam_step
from splat_kernels.blending import (
    gaussian_statistics,
    pack_records,
    pair_counts,
    rasterize,
    rasterize_records,
)
from splat_kernels.gsplat_api import rasterization
from splat_kernels.hash_grid import hash_grid
from splat_kernels.native import level, set_level
from splat_kernels.photometric import photometric_loss, ssim_moments
from splat_kernels.projection import depths_of, project, project_to_records, radii_of

__all__ = [
    "adam_step",
    "depths_of",
    "gaussian_statistics",
    "hash_grid",
    "level",
    "pack_records",
    "pair_counts",
    "photometric_loss",
    "project",
    "project_to_records",
    "radii_of",
    "rasterization",
    "rasterize",
    "rasterize_records",
    "set_level",
    "ssim_moments",
]
