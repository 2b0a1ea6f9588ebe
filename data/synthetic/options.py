"""What the kinds of capture let the user choose."""

import math
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import UserError
from data.synthetic.stage import Quality

_LEAST_PX, _LARGEST_PX = 16, 8192


@dataclass(frozen=True)
class RecordingSettings:
    """Where to, how many and how large."""

    out: Path
    """The folder to make; it must not exist or be empty."""
    frames: int = 50
    """How many pictures."""
    width: int = 480
    """Of a picture, in pixels."""
    height: int = 270
    """Of a picture, in pixels."""
    seed: int = 0
    """Of the place, its people and the camera's path; the same seed gives the same bytes."""
    workers: int = 0
    """Processes; 0 means one for each processor."""
    quality: Quality = field(default_factory=Quality)

    def check(self, least_frames: int) -> None:
        """Refuse what cannot be made.

        Args:
            least_frames: that the kind of capture needs.

        Raises:
            UserError: a number is out of its range.
        """
        if self.frames < least_frames:
            raise UserError(f"--frames {self.frames}: at least {least_frames} were expected")
        for name, value in (("width", self.width), ("height", self.height)):
            if not _LEAST_PX <= value <= _LARGEST_PX:
                raise UserError(f"--{name} {value}: {_LEAST_PX} to {_LARGEST_PX} pixels were expected")
        if self.seed < 0 or self.workers < 0:
            raise UserError(f"--seed {self.seed} --workers {self.workers}: neither may be negative")
        if self.quality.samples < 1 or self.quality.sun_directions < 1 or self.quality.voxel_m <= 0:
            raise UserError("--samples, --sun-directions and --voxel-m must be positive")
        if self.quality.texture_px < 16 or not math.log2(self.quality.texture_px).is_integer():
            raise UserError(f"--texture-px {self.quality.texture_px}: a power of two from 16 on was expected")
        if self.quality.shadow_px < 16:
            raise UserError(f"--shadow-px {self.quality.shadow_px}: 16 texels or more were expected")


@dataclass(frozen=True)
class CaptureSettings(RecordingSettings):
    """What the captures of one camera let the user choose."""

    fov_deg: float = 68.0
    """Horizontal field of view in degrees."""

    def check_lens(self) -> None:
        """Refuse a lens that cannot be made.

        Raises:
            UserError: its field of view is out of range.
        """
        if not 10 <= self.fov_deg <= 120:
            raise UserError(f"--fov-deg {self.fov_deg}: 10 to 120 degrees were expected")
