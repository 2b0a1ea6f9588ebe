"""Layer 3: `render(splats, cameras, ...)`, the only way from Gaussians to images."""

from gaussian_renderer.rendering import RenderOutput, render

__all__ = ["RenderOutput", "render"]
