"""Layer 2: what is being looked at. `Capture` goes in, `Splats` come out."""

from scene.cameras import Cameras
from scene.capture import Capture, PointCloud
from scene.splats import Splats

__all__ = ["Cameras", "Capture", "PointCloud", "Splats"]
