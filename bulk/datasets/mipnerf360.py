"""Mip-NeRF 360: nine scenes side by side, `ROOT/SCENE/{images_2, images_4, sparse/0}`, without subsets.

As in its papers, outdoor scenes use images of a quarter of the photographs' size, indoor scenes of half.

Source: J. T. Barron et al., "Mip-NeRF 360: Unbounded Anti-Aliased Neural Radiance Fields", CVPR 2022;
    https://jonbarron.info/mipnerf360.
"""

from collections.abc import Sequence
from pathlib import Path

from bulk.datasets.preset import Preset, folders_in
from bulk.jobs import SceneSource
from core.errors import UserError

INDOOR = frozenset({"bonsai", "counter", "kitchen", "room"})
OUTDOOR = frozenset({"bicycle", "flowers", "garden", "stump", "treehill"})

_INDOOR_IMAGES = "images_2"
_OUTDOOR_IMAGES = "images_4"


def find(root: Path, subsets: Sequence[str], images: str | None = None) -> list[SceneSource]:
    """The scenes; folders with other names count as outdoor scenes.

    Raises:
        UserError: subsets are named.
    """
    if subsets:
        raise UserError(f"--subset {' '.join(subsets)}: mipnerf360 has no subsets; leave the flag out")
    return [
        SceneSource(scene.name, "", scene, images or images_of(scene.name), "mipnerf360")
        for scene in folders_in(root)
    ]


def images_of(scene: str) -> str:
    """The folder of images that papers use of a scene."""
    return _INDOOR_IMAGES if scene in INDOOR else _OUTDOOR_IMAGES


PRESET = Preset(
    "mipnerf360",
    find,
    "",
    "Mip-NeRF 360: published by its authors at https://jonbarron.info/mipnerf360; copies of it elsewhere "
    "state the MIT licence; cite Barron et al., CVPR 2022.",
)
