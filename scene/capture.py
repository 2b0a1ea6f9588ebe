"""What a reader hands to training: images with their cameras, and whatever else the source knows."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from scene.cameras import Cameras
from scene.drive import Drive


@dataclass(frozen=True)
class PointCloud:
    """Coloured points.

    Args:
        xyz: positions in the world.
        rgb: 8-bit sRGB.
    """

    xyz: Float[Tensor, "P 3"]
    rgb: UInt8[Tensor, "P 3"]

    def __len__(self) -> int:
        return self.xyz.shape[0]


@dataclass(frozen=True)
class Capture:
    """Views of one scene, sorted by image name.

    Sequences have one entry a view; an entry is decoded when it is first asked for.

    Args:
        name: what to call it in reports: usually the source folder's name.
        source: the folder it was read from; never written to.
        cameras: C cameras, each of its own image's size.
        image_names: file names relative to the image folder, with extension.
        images: [H_i, W_i, 3] uint8 sRGB; sizes may differ.
        points: initial points, if the source has any.
        valid_masks: [H_i, W_i] bool, True where a pixel may be supervised.
        dynamic_masks: [H_i, W_i] bool, True where something moves.
        dynamic_probabilities: [H_i, W_i] float32 in [0, 1], how likely it is that something moves there.
        inverse_depths: [H_i, W_i] float32, 1/z in world units, 0 = none; an entry may be None.
        times: position in the sequence, in [0, 1].
        drive: the rig, lidar and boxes of a driving log.
        notes: what the reader skipped or changed, as sentences for the log.
    """

    name: str
    source: Path | None
    cameras: Cameras
    image_names: tuple[str, ...]
    images: Sequence[UInt8[Tensor, "_H _W 3"]]
    points: PointCloud | None = None
    valid_masks: Sequence[Bool[Tensor, "_H _W"]] | None = None
    dynamic_masks: Sequence[Bool[Tensor, "_H _W"]] | None = None
    dynamic_probabilities: Sequence[Float[Tensor, "_H _W"]] | None = None
    inverse_depths: Sequence[Float[Tensor, "_H _W"] | None] | None = None
    times: Float[Tensor, " C"] | None = None
    drive: Drive | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.image_names)
