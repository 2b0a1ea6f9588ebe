"""The kernels of `splat_kernels`, float32 on a CPU: they compute what the reference back-end defines."""

from splat_kernels import project, rasterize

__all__ = ["project", "rasterize"]
