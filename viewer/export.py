"""`python -m viewer.export RUN --to spz`: a scene as a file for other programs, or as a page of its own."""

import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from core import cli
from core.errors import UserError
from core.files import explain
from core.folders import atomic_folder
from core.progress import Progress, say
from scene.occupancy import export as occupancy_export
from scene.occupancy.stored import find_scenes
from viewer.export_part import PartOptions, part_of
from viewer.export_sources import SourceOptions, is_run, open_scene, street_moments
from viewer.formats import FORMATS, write_ply

_FRAME = re.compile(r"frame\d{4,}\.ply")


@dataclass(frozen=True)
class ExportCommand:
    """Write a scene for other programs: Gaussians of a run or of a file, or a frame of occupancy."""

    run: tyro.conf.Positional[Path]
    """A run folder, a file of Gaussians (.ply, .compressed.ply, .splat, .spz, .glb, or our .html), or an
    archive of occupancy (.npz), which is written as a mesh by --to glb."""
    to: Literal["ply", "splat", "spz", "compressed-ply", "html", "glb", "ply-sequence"]
    """ply, splat, spz, compressed-ply, glb: files for viewers and engines; html: one page that shows the
    scene without a network; ply-sequence: a .ply for each frame of a run on a driving log."""
    output: Annotated[Path | None, cli.flag("-o")] = None
    """The file to write, or the folder of a sequence; by default in RUN/exports, or beside the file."""
    scene: SourceOptions = field(default_factory=SourceOptions)
    part: PartOptions = field(default_factory=PartOptions)
    frame: int = 0
    """Of occupancy: which frame; -1 is the last."""


def export(command: ExportCommand) -> None:
    """Write the file, or the folder of files.

    Raises:
        UserError: there is nothing to export, a file cannot be read or written, or an option does not fit.
    """
    if _is_occupancy(command.run):
        _export_occupancy(command)
        return
    if command.frame:
        raise UserError(f"--frame needs occupancy, which {command.run} is not; leave it out")
    if command.to == "ply-sequence":
        _export_sequence(command)
        return
    chosen = FORMATS[command.to]
    output = _output(command, chosen.ending)
    scene = part_of(open_scene(command.run, command.scene, cameras=command.to == "html"), command.part)
    chosen.write(output, scene)
    say(f"{output}: {len(scene):,} Gaussians, {output.stat().st_size / 1e6:.1f} MB")


def _export_sequence(command: ExportCommand) -> None:
    output = _sequence_folder(command)
    count, scenes = street_moments(command.run, command.scene)
    with atomic_folder(output) as written, Progress(count, label="writing frames") as progress:
        for frame, scene in enumerate(scenes):
            write_ply(written / f"frame{frame + 1:04d}.ply", part_of(scene, command.part))
            progress.advance()
    say(f"{output}: {count} frames")


def _sequence_folder(command: ExportCommand) -> Path:
    """Where to write a sequence.

    Raises:
        UserError: that is no name of a folder, or there is something else than an earlier sequence.
    """
    output = command.output or command.run / "exports" / "ply"
    if output.name in ("", ".."):
        raise UserError(f"-o {output} names no folder that could be made; give a sequence a name of its own")
    if not os.path.lexists(output):
        return output
    if not output.is_dir() or output.is_symlink():
        raise UserError(f"-o {output} is a file or a link; a folder for a sequence was expected")
    try:
        # The folder is replaced as a whole, so nothing of anybody else's may be in it.
        others = [path for path in output.iterdir() if not (_FRAME.fullmatch(path.name) and path.is_file())]
    except OSError as error:
        raise explain(error, output, "read") from error
    if others:
        raise UserError(
            f"-o {output} holds {min(others).name}, which is no frame of an earlier sequence, and would be "
            "replaced as a whole; name a new folder"
        )
    return output


def _export_occupancy(command: ExportCommand) -> None:
    if command.to != "glb":
        raise UserError(
            f"{command.run} holds occupancy, which --to glb writes as a mesh; for Gaussians of it say "
            f"python -m scene.occupancy.export {command.run} --to gaussians -o FILE.ply"
        )
    if command.scene != SourceOptions() or command.part != PartOptions():
        raise UserError("of occupancy only --frame chooses; leave out what is meant for Gaussians")
    output = _output(command, ".glb")
    occupancy_export.export(occupancy_export.ExportCommand(command.run, output, "glb", command.frame))


def _is_occupancy(path: Path) -> bool:
    """Whether a path is an archive of occupancy or a folder of them.

    Raises:
        UserError: it is a folder, but of nothing that we know.
    """
    if path.is_dir() and not is_run(path):
        try:
            return bool(find_scenes([path]))
        except UserError as error:
            raise UserError(
                f"{path} holds neither a run (config.json) nor occupancy (.npz); give a folder that "
                "train.py -m named, or a file"
            ) from error
    return path.suffix.lower() == ".npz"


def _output(command: ExportCommand, ending: str) -> Path:
    """Where to write.

    Raises:
        UserError: it would replace what is read, or its name has another ending.
    """
    output = command.output or _default_output(command.run, ending)
    if not output.name.lower().endswith(ending):
        raise UserError(f"-o {output}: a name with the ending {ending} was expected for --to {command.to}")
    if output.is_dir():
        raise UserError(f"-o {output} is a folder; the name of a file was expected")
    if output.exists() and command.run.exists() and output.samefile(command.run):
        raise UserError(f"{output} would replace what is read; name another file by -o")
    return output


def _default_output(source: Path, ending: str) -> Path:
    if source.is_dir():
        return source / "exports" / f"{source.resolve().name}{ending}"
    endings = [".npz", *(each.ending for each in FORMATS.values())]
    known = next((each for each in endings if source.name.lower().endswith(each)), source.suffix)
    return source.with_name(source.name[: len(source.name) - len(known)] + ending)


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code.
    """
    return cli.run(export, ExportCommand, args=args, prog="python -m viewer.export")


if __name__ == "__main__":
    sys.exit(main())
