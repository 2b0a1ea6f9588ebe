"""`python -m scene.occupancy.export PATH --to ply -o FILE`: a frame of a scene for other programs."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from core import cli
from core.errors import UserError
from core.ply import write_splats_ply
from core.progress import say
from scene.occupancy.gaussians import to_splat_arrays, to_splats
from scene.occupancy.meshes import exposed_mesh, write_mesh_glb, write_mesh_ply
from scene.occupancy.stored import find_scenes

_ENDINGS = {"ply": ".ply", "glb": ".glb", "gaussians": ".ply"}


@dataclass(frozen=True)
class ExportCommand:
    """Write a frame of occupancy as a mesh or as Gaussians."""

    path: tyro.conf.Positional[Path]
    """An archive (.npz), or a folder of raw volumes (0.npy, 1.npy, ...)."""
    output: Annotated[Path, cli.flag("-o")]
    """The file to write."""
    to: Literal["ply", "glb", "gaussians"] = "ply"
    """ply: a mesh with colours; glb: a mesh for engines and browsers; gaussians: a .ply for viewers of 3DGS."""
    frame: int = 0
    """Which frame; -1 is the last."""
    classes: str | None = None
    """What the bytes of raw volumes mean: carlasc, occ3d-nuscenes or occ3d-waymo; else their size says."""


def export(command: ExportCommand) -> None:
    """Write the frame.

    Raises:
        UserError: the scene cannot be read, has no such frame, or the file cannot be written.
    """
    ending = _ENDINGS[command.to]
    if command.output.suffix.lower() != ending:
        raise UserError(f"-o {command.output}: a name with the ending {ending} was expected for {command.to}")
    scenes = find_scenes([command.path], command.classes)
    if len(scenes) > 1:
        raise UserError(f"{command.path} holds {len(scenes)} scenes; name one of them, such as {scenes[0].path}")
    occupancy = scenes[0].read()
    if not -len(occupancy) <= command.frame < len(occupancy):
        raise UserError(f"--frame {command.frame}: {command.path} has frames 0 to {len(occupancy) - 1}")
    voxels, meaning, grid = occupancy.classes[command.frame], occupancy.class_set, occupancy.grid
    if not voxels.any():
        raise UserError(f"frame {command.frame} of {command.path} is empty; choose another by --frame")
    if command.to == "gaussians":
        splats = to_splats(voxels, meaning, grid)
        write_splats_ply(command.output, to_splat_arrays(splats))
        say(f"{command.output}: {len(splats):,} Gaussians")
        return
    mesh = exposed_mesh(voxels, grid)
    write = write_mesh_glb if command.to == "glb" else write_mesh_ply
    write(command.output, mesh, meaning)
    say(f"{command.output}: {2 * len(mesh):,} triangles")


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code.
    """
    return cli.run(export, ExportCommand, args=args, prog="python -m scene.occupancy.export")


if __name__ == "__main__":
    sys.exit(main())
