"""Features of places in space and time, learned: what deforms Gaussians reads them.

Every field is called alike, `field(xyz [N, 3], times [N] or []) -> [N, C]`, and says its number of features.
"""

from scene.fields.hash_grid import HashGrid, HashGridConfig
from scene.fields.hexplane import HexPlane, HexPlaneConfig

__all__ = ["HashGrid", "HashGridConfig", "HexPlane", "HexPlaneConfig"]
