"""A root in DL3DV's layout: `OUT/1K/HASH/{images_4, transforms.json, sparse/0}`, small and quickly made.

All scenes are stretches of one walk around one square, each with photographs that the one before lacks. The
cameras are those of the full resolution, of which only the images at a quarter are there, as in DL3DV; the
world of transforms.json is turned from COLMAP's, as nerfstudio turns it. Scenes can be broken on purpose.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import cv2
import numpy as np

from core.cli import flag
from core.errors import UserError
from core.files import GIT_LFS_MARK, write_json
from core.images import read_gray
from core.progress import Progress
from data.synthetic.colmap import write_model, write_transforms
from data.synthetic.files import DEPTH_UNIT_M, new_folder
from data.synthetic.options import CaptureSettings
from data.synthetic.paths import around_the_fountain
from data.synthetic.points import ColoredPoints, often_seen, track
from data.synthetic.recording import StaticRecorder, static_name
from data.synthetic.stage import Quality
from data.synthetic.views import Pinhole, pinhole_matrix
from data.synthetic.workers import each
from scene.datasets.nerfstudio import NERFSTUDIO_WORLD

FACTOR = 4
"""How many times larger than its images_4 a capture is."""

IMAGES = f"images_{FACTOR}"

_LEAST_VIEWS_OF_A_POINT = 3

Fault = Literal["corrupt", "no-sparse", "pointer", "mixed-size", "half-download"]


@dataclass(frozen=True)
class DL3DVRoot(CaptureSettings):
    """Make a folder of scenes in the layout of DL3DV."""

    frames: Annotated[int, flag("--views")] = 24
    """How many pictures each scene has."""
    width: int = 96
    """Of a picture in images_4, in pixels; the capture counts as four times as wide."""
    height: int = 54
    """Of a picture in images_4, in pixels; the capture counts as four times as high."""
    scenes: int = 12
    """How many scenes."""
    subset: str = "1K"
    """The folder of the scenes."""
    points: int = 1500
    """At most how many points each COLMAP model gets."""
    broken: tuple[Fault, ...] = ()
    """What is wrong with the last scenes, one each, in the order of their names: corrupt cuts images.bin off,
    no-sparse leaves the COLMAP model out, pointer leaves a Git-LFS pointer in place of its points, mixed-size
    makes one image smaller, half-download leaves an archive beside the images."""
    quality: Quality = Quality(samples=1, texture_px=128, shadow_px=256, sun_directions=1, voxel_m=0.5)

    @property
    def stride(self) -> int:
        """By how many pictures of the walk a scene begins after the one before."""
        return max(1, self.frames // 4)

    @property
    def walk(self) -> int:
        """How many pictures the walk has."""
        return self.frames + self.stride * (self.scenes - 1)

    def check_scenes(self) -> None:
        """Refuse what cannot be made.

        Raises:
            UserError: a number is out of its range, or the subset is no name of a folder.
        """
        self.check(least_frames=3)
        self.check_lens()
        if not 1 <= self.scenes <= 10_000 or self.points < 1:
            raise UserError(f"--scenes {self.scenes} --points {self.points}: 1 or more of each were expected")
        if len(self.broken) > self.scenes:
            raise UserError(f"--broken names {len(self.broken)} faults for {self.scenes} scenes")
        if Path(self.subset).name != self.subset:
            raise UserError(f"--subset {self.subset}: the name of a folder such as 1K was expected")


def make_dl3dv(settings: DL3DVRoot) -> None:
    """Write the scenes, and `metadata.json` that says which is broken and how.

    Raises:
        UserError: the settings cannot be met, or the folder cannot be written.
    """
    settings.check_scenes()
    names = scene_names(settings)
    with new_folder(settings.out) as root, tempfile.TemporaryDirectory(dir=root) as walk:
        views, points = _photograph(settings, Path(walk))
        for number, name in enumerate(names):
            first = number * settings.stride
            rows = range(first, first + settings.frames)
            _write_scene(root / settings.subset / name, Path(walk), rows, views, points, settings)
        faults = dict(zip(names[len(names) - len(settings.broken) :], settings.broken, strict=True))
        for name, fault in faults.items():
            _FAULTS[fault](root / settings.subset / name)
        write_json(root / "metadata.json", {"kind": "dl3dv", "seed": settings.seed, "broken": faults})


def scene_names(settings: DL3DVRoot) -> list[str]:
    """64 hexadecimal digits for each scene, sorted; they follow from the seed."""
    texts = (f"{settings.seed}/{settings.subset}/{number}" for number in range(settings.scenes))
    return sorted(hashlib.sha256(text.encode()).hexdigest() for text in texts)


def _photograph(settings: DL3DVRoot, folder: Path) -> tuple[list[Pinhole], list[ColoredPoints]]:
    """Pictures of the whole walk with their depths; its cameras, and the points picked in each picture."""
    for name in ("images", "depth"):
        (folder / name).mkdir()
    K = pinhole_matrix(settings.width, settings.height, settings.fov_deg)
    poses = around_the_fountain(settings.walk, settings.seed)
    views = tuple(Pinhole(c2w, K, settings.width, settings.height) for c2w in poses)
    points_each = max(8, -(-settings.points * 3 // (2 * settings.frames)))
    recorder = StaticRecorder(folder, settings.seed, settings.quality, views, points_each)
    found = []
    with Progress(len(views), label="pictures") as progress:
        for points in each(recorder.record, len(views), settings.workers):
            found.append(points)
            progress.advance()
    return list(views), found


def _write_scene(
    folder: Path,
    walk: Path,
    rows: Sequence[int],
    views: Sequence[Pinhole],
    found: Sequence[ColoredPoints],
    settings: DL3DVRoot,
) -> None:
    """One stretch of the walk, with cameras and image positions at the full resolution."""
    names = [static_name(index) for index in range(len(rows))]
    (folder / IMAGES).mkdir(parents=True)
    for name, row in zip(names, rows, strict=True):
        shutil.copyfile(walk / "images" / static_name(row), folder / IMAGES / name)
    points = ColoredPoints(
        np.concatenate([found[row].xyz for row in rows]), np.concatenate([found[row].rgb for row in rows])
    )
    depths = (
        (
            views[row],
            read_gray(walk / "depth" / static_name(row)).astype(np.float32) * np.float32(DEPTH_UNIT_M),
        )
        for row in rows
    )
    points, tracks = often_seen(points, track(points.xyz, depths), _LEAST_VIEWS_OF_A_POINT)
    kept = min(settings.points, len(points.xyz))
    points = ColoredPoints(points.xyz[:kept], points.rgb[:kept])
    seen = tracks.points < kept
    tracks = replace(
        tracks, images=tracks.images[seen], points=tracks.points[seen], pixels=FACTOR * tracks.pixels[seen]
    )
    scale = np.diag([FACTOR, FACTOR, 1.0])
    full = [
        Pinhole(views[row].c2w, scale @ views[row].K, FACTOR * settings.width, FACTOR * settings.height)
        for row in rows
    ]
    write_model(folder / "sparse" / "0", names, full, points, tracks)
    write_transforms(folder / "transforms.json", names, full, world=NERFSTUDIO_WORLD, with_depths=False)


def _cut_off(folder: Path) -> None:
    path = folder / "sparse" / "0" / "images.bin"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _leave_pointer(folder: Path) -> None:
    pointer = GIT_LFS_MARK + b".github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 123456\n"
    (folder / "sparse" / "0" / "points3D.bin").write_bytes(pointer)


def _shrink_one(folder: Path) -> None:
    path = sorted((folder / IMAGES).iterdir())[len(list((folder / IMAGES).iterdir())) // 2]
    image = cv2.imread(str(path))
    assert image is not None  # it was written a moment ago
    cv2.imwrite(str(path), image[::2, ::2])


def _leave_archive(folder: Path) -> None:
    (folder / IMAGES / "frames.zip.part").write_bytes(b"PK")


_FAULTS: dict[Fault, Callable[[Path], None]] = {
    "corrupt": _cut_off,
    "no-sparse": lambda folder: shutil.rmtree(folder / "sparse"),
    "pointer": _leave_pointer,
    "mixed-size": _shrink_one,
    "half-download": _leave_archive,
}
