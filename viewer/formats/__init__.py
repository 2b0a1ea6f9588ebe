"""Files of Gaussians: for each format how it is written, and how it is read back."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from core.errors import UserError
from core.ply import read_splats_ply, write_splats_ply
from viewer.formats.compressed_ply import is_compressed_ply, read_compressed_ply, write_compressed_ply
from viewer.formats.gaussians import GaussianScene
from viewer.formats.gltf import read_glb, write_glb
from viewer.formats.html import read_html, write_html
from viewer.formats.splat import read_splat, write_splat
from viewer.formats.spz import read_spz, write_spz

FormatName = Literal["ply", "splat", "spz", "compressed-ply", "html", "glb"]


@dataclass(frozen=True)
class SceneFormat:
    """One kind of file.

    Args:
        ending: of its names.
        write: a scene to a path, whole or not at all.
        read: a scene from a path.
    """

    ending: str
    write: Callable[[Path, GaussianScene], None]
    read: Callable[[Path], GaussianScene]


def read_ply(path: Path) -> GaussianScene:
    """Read a scene from a PLY file, compressed or not.

    Raises:
        UserError: it cannot be read, or holds no Gaussians.
    """
    if is_compressed_ply(path):
        return read_compressed_ply(path)
    return GaussianScene(read_splats_ply(path))


def write_ply(path: Path, scene: GaussianScene) -> None:
    """Write the Gaussians of a scene in the layout of 3DGS.

    Raises:
        UserError: the file cannot be written.
    """
    write_splats_ply(path, scene.splats)


FORMATS: dict[FormatName, SceneFormat] = {
    "compressed-ply": SceneFormat(".compressed.ply", write_compressed_ply, read_compressed_ply),
    "ply": SceneFormat(".ply", write_ply, read_ply),
    "splat": SceneFormat(".splat", write_splat, read_splat),
    "spz": SceneFormat(".spz", write_spz, read_spz),
    "glb": SceneFormat(".glb", write_glb, read_glb),
    "html": SceneFormat(".html", write_html, read_html),
}
"""By the names that `--to` takes; the ending of one that another's ends with comes first."""


def format_of(path: Path) -> SceneFormat:
    """The format that a file's name says.

    Raises:
        UserError: none has that ending.
    """
    for each in FORMATS.values():
        if path.name.lower().endswith(each.ending):
            return each
    endings = ", ".join(each.ending for each in FORMATS.values())
    raise UserError(f"{path} is no file of Gaussians by its name; one of {endings} was expected")
