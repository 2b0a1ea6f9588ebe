"""Runs of the street method rendered: captured views, videos, a file of Gaussians a frame; edited or not."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from core.errors import UserError
from core.folders import atomic_folder
from core.progress import Progress
from core.run_folder import RunFolder, ViewSet
from scene.street_edit import moved_track, without_tracks
from scene.trajectories import PathName
from training.rendering import RenderOptions
from training.street_videos import write_path, write_ply_sequence, write_videos
from training.street_views import TrainedStreet, write_view


@dataclass(frozen=True)
class StreetRenderOptions:
    """What is written of a run on a driving log, and how its street is edited."""

    ply_sequence: bool = False
    """Of a driving log: write the Gaussians of each frame as ply/frame0001.ply and so on, for players of
    sequences."""
    shift_m: tuple[float, ...] = (1.0, 2.0, 3.0)
    """Of a driving log, with --video: how far to its left the camera that looks ahead is driven, metres; a
    video each. Negative is to the right."""
    without_track: tuple[str, ...] = ()
    """Of a driving log with boxes: leave these objects out, by their names in the boxes. What is edited is
    written below edits/ in the run."""
    move_track: tuple[str, float, float] | None = None
    """Of a driving log with boxes: an object, and how many metres ahead and to the left of where it is it is
    put, as it stands itself."""


def render_street(
    street: TrainedStreet,
    options: RenderOptions,
    street_options: StreetRenderOptions,
    path: PathName | None = None,
) -> list[Path]:
    """Render the captured views of a run that `options` does not leave out, and what else is asked for.

    Args:
        street: the run.
        options: what is written, and how it is drawn.
        street_options: how the street is edited, and what else is written.
        path: of new cameras, instead of the captured views.

    Returns:
        The folders that were filled.

    Raises:
        UserError: an option does not go with a street, there is nothing to edit, or a file cannot be written.
    """
    _check(options)
    if options.backend != "auto":
        street = replace(street, scene=replace(street.scene, backend=options.backend))
    street = edited(street, street_options)
    if path is not None:
        return [write_path(street, path, options.frames)]
    folders = []
    if not options.skip_train:
        folders.append(_render_captured(street, "train", street.split.train))
    if not options.skip_test and street.split.test:
        folders.append(_render_captured(street, "test", street.split.test))
    if options.video:
        folders.append(write_videos(street, street_options.shift_m))
    if street_options.ply_sequence:
        folders.append(write_ply_sequence(street))
    return folders


def edited(street: TrainedStreet, options: StreetRenderOptions) -> TrainedStreet:
    """A street as it is edited, which writes into a folder of its own in the run; itself without an edit.

    Raises:
        UserError: the log has no boxes or no such object, or nothing that moves was learned there.
    """
    scene, drive, names = street.scene, street.drive, []
    if options.without_track:
        scene = replace(scene, model=without_tracks(scene.model, drive, options.without_track))
        names += ["without", *options.without_track]
    if options.move_track is not None:
        track, ahead_m, left_m = options.move_track
        scene = replace(scene, offsets=moved_track(scene.model, drive, track, ahead_m, left_m))
        names += ["moved", track, f"{ahead_m:g}", f"{left_m:g}"]
    if not names:
        return street
    # Names of tracks come from a data set, and may hold anything.
    name = "_".join(re.sub(r"[^\w.+-]", "-", part) for part in names)
    return replace(street, scene=scene, folder=RunFolder(street.folder.path / "edits" / name))


def _check(options: RenderOptions) -> None:
    given = {
        "--fps": options.fps is not None,
        "--depth-only": options.depth_only,
        "--white-background": options.white_background,
        "--antialiasing": options.antialiasing,
    }
    for name in (name for name, was_given in given.items() if was_given):
        raise UserError(f"{name} means nothing for a run on a driving log; leave it out")


def _render_captured(street: TrainedStreet, views: ViewSet, rows: Sequence[int]) -> Path:
    """Views beside their photographs, with depth as colours of one range, and with what moves by itself."""
    folder = street.folder.path / views / f"ours_{street.iteration}"
    with atomic_folder(folder) as written, Progress(len(rows), label=f"rendering {views}") as progress:
        for number, row in enumerate(rows):
            write_view(street, row, written, number)
            progress.advance()
    return folder
