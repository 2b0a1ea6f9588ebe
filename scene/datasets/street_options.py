"""How a driving log is read: which frames and cameras, and at which size."""

from dataclasses import dataclass
from typing import Annotated, Literal

from core.cli import flag
from core.errors import UserError

LogFormat = Literal["auto", "pandaset", "waymo", "nuscenes", "street"]


@dataclass(frozen=True)
class StreetOptions:
    """How a driving log is read."""

    start_frame: Annotated[int | None, flag("--start-time")] = None
    """Number of the first frame, as its files are numbered; the log's first by default."""

    end_frame: Annotated[int | None, flag("--end-time")] = None
    """Number of the last frame, which is read too; the log's last by default, and for -1."""

    world_frame: Annotated[int | None, flag("--original-start-time")] = None
    """Number of the frame whose vehicle is the origin of the world; the log's first by default, so that clips
    of one log share a world."""

    scene: str | None = None
    """Name of the log in a data set that keeps many in one folder (nuScenes), such as scene-0061."""

    rig_cameras: tuple[str, ...] = ()
    """Cameras to read, by the names that the log gives them; all that have images by default."""

    long_side: int | None = None
    """Longer side of the largest images, in pixels; smaller images are scaled by the same factor, and none is
    ever enlarged. The size of the files by default."""

    downscale: int = 1
    """Divides the size of the images once more."""

    log_format: LogFormat = "auto"
    """What the log is taken for, where it could be several things."""

    def frames(self, numbers: list[int], where: object) -> list[int]:
        """Those of a log's frame numbers that are asked for.

        Args:
            numbers: of all its frames, increasing.
            where: the log, for messages.

        Raises:
            UserError: there is none.
        """
        first = self.start_frame if self.start_frame is not None else min(numbers, default=0)
        last = max(numbers, default=0) if self.end_frame is None or self.end_frame == -1 else self.end_frame
        chosen = [number for number in numbers if first <= number <= last]
        if not chosen:
            has = f"{numbers[0]} to {numbers[-1]}" if numbers else "none"
            raise UserError(f"{where} has no frame between {first} and {last}; it has {has}")
        return chosen

    def origin(self, numbers: list[int], where: object) -> int:
        """Number of the frame whose vehicle is the origin of the world.

        Args:
            numbers: of all the log's frames, increasing.
            where: the log, for messages.

        Raises:
            UserError: there is no such frame.
        """
        chosen = numbers[0] if self.world_frame is None else self.world_frame
        if chosen not in numbers:
            raise UserError(
                f"--world-frame {chosen}: {where} has no such frame; it has {numbers[0]} to {numbers[-1]}"
            )
        return chosen

    def cameras(self, names: list[str], where: object) -> list[str]:
        """Those of a log's cameras that are asked for.

        Raises:
            UserError: the log has no camera, or has not one that is named.
        """
        unknown = [name for name in self.rig_cameras if name not in names]
        if unknown or not names:
            has = ", ".join(names) if names else "none"
            raise UserError(f"{where} has no camera {', '.join(unknown)} with images; those it has: {has}")
        return [name for name in names if not self.rig_cameras or name in self.rig_cameras]

    def factor(self, longest: int) -> float:
        """By how much images are scaled when the longest side of all is `longest` pixels.

        Raises:
            UserError: `long_side` or `downscale` means nothing.
        """
        if self.downscale < 1:
            raise UserError(f"--downscale {self.downscale} was given; 1 or more was expected")
        if self.long_side is None:
            return 1.0 / self.downscale
        if self.long_side < 1:
            raise UserError(f"--long-side {self.long_side} was given; a number of pixels was expected")
        return min(1.0, self.long_side / longest) / self.downscale
