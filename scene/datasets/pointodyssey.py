"""PointOdyssey, rearranged by `data.rearrange_pointodyssey`: pairs of frames, labelled by what moves between.

A sequence has `rgbs/rgb_%05d.jpg`, `depths/depth_%05d.png` and, one file a frame, `trajs_3d/traj_3d_%05d.npy`
[N,3], `valids/valid_%05d.npy` and `visibs/visib_%05d.npy` [N], `intrinsics/intrinsic_%05d.npy` [3,3],
`extrinsics/extrinsic_%05d.npy` [4,4] camera-from-world.

Source: Y. Zheng et al., "PointOdyssey: A Large-Scale Synthetic Dataset for Long-Term Point Tracking", 2023.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Shaped
from numpy import ndarray
from scipy.spatial import KDTree

from core.errors import UserError
from core.files import explain
from core.geometry import invert_se3, transform_points
from core.images import read_gray, read_image
from scene.motion_pairs import Z_FAR_M, MotionPair, MotionView

DEPTH_RANGE_M = 1000.0
"""What the largest value of a 16-bit depth image means."""

FEWEST_TRACKS = 16
"""A sequence with no more tracks than this says too little about what moves."""

_FOLDERS = ("rgbs", "depths", "trajs_3d", "valids", "visibs", "intrinsics", "extrinsics")


@dataclass(frozen=True)
class LabelRule:
    """When a pixel is labelled as moving between two frames."""

    motion_tolerance: float = 1e-3
    """A track that moves no farther than this many world units stands still."""
    label_reach: float = 0.2
    """A pixel takes the label of the nearest track if that is no farther away than this part of the pixel's
    depth; other pixels have no label."""

    def __post_init__(self) -> None:
        if not (self.motion_tolerance >= 0 and self.label_reach > 0):
            raise ValueError(
                f"motion_tolerance {self.motion_tolerance}, label_reach {self.label_reach}: a number from 0 "
                "on and a positive one were expected"
            )


def moving_labels(
    points: Float64[ndarray, "H W 3"],
    reach: Float64[ndarray, "H W"],
    here: Float64[ndarray, "N 3"],
    there: Float64[ndarray, "N 3"],
    usable: Bool[ndarray, " N"],
    tolerance: float,
) -> tuple[Bool[ndarray, "H W"], Bool[ndarray, "H W"]]:
    """Which pixels show something that moves between two frames, by the nearest track.

    Args:
        points: what each pixel shows, in the world.
        reach: how far its track may be from it; pixels with a reach of 0 have no label.
        here: tracks in the frame that is labelled, in the world.
        there: the same tracks in the other frame.
        usable: tracks that are seen here and known in both frames.
        tolerance: longest way of a track that stands still.

    Returns:
        True where something moves, and True where that is known.
    """
    moving, labelled = np.zeros(reach.shape, bool), np.zeros(reach.shape, bool)
    asked = reach > 0
    if usable.any() and asked.any():
        moves = np.linalg.norm(there[usable] - here[usable], axis=1) > tolerance
        distances, nearest = KDTree(here[usable]).query(points[asked])
        labelled[asked] = distances <= reach[asked]
        moving[asked] = moves[nearest] & labelled[asked]
    return moving, labelled


class PointOdyssey:
    """The sequences of a split as videos of labelled pairs.

    Args:
        root: the data set's folder.
        split: train, test or sample.
        rule: of the labels.
        z_far: in metres; what is farther has neither depth nor label.

    Raises:
        UserError: the split is missing, or none of its sequences can be used.
    """

    def __init__(self, root: Path, split: str, rule: LabelRule | None = None, z_far: float = Z_FAR_M) -> None:
        folder = root / split
        if not folder.is_dir():
            raise UserError(f"{folder} does not exist; data/download_pointodyssey.py fetches that split")
        self.rule = LabelRule() if rule is None else rule
        self.z_far = z_far
        found = {path: _why_unusable(path) for path in sorted(folder.iterdir()) if (path / "rgbs").is_dir()}
        self.sequences = tuple(path for path, reason in found.items() if reason is None)
        self.notes = tuple(f"{path.name} is left out: {reason}" for path, reason in found.items() if reason)
        if not self.sequences:
            told = "; ".join(self.notes[:3]) or "there are no sequences"
            raise UserError(
                f"nothing in {folder} can be used ({told}); run `python -m data.rearrange_pointodyssey "
                f"--root {root}` after the download"
            )
        self._frame_counts = [_frame_count(path) for path in self.sequences]

    @property
    def names(self) -> Sequence[str]:
        """Of the sequences' folders."""
        return [path.name for path in self.sequences]

    @property
    def frame_counts(self) -> Sequence[int]:
        """Frames of each sequence."""
        return self._frame_counts

    def pair(self, video: int, first: int, second: int) -> MotionPair:
        """Two frames of a sequence, both labelled by what moves between them.

        Raises:
            UserError: a file is missing or does not hold what it should.
        """
        frames = [_Frame.read(self.sequences[video], index) for index in (first, second)]
        if len(frames[0].tracks) != len(frames[1].tracks):
            raise UserError(
                f"{self.sequences[video]}: frames {first} and {second} have {len(frames[0].tracks)} and "
                f"{len(frames[1].tracks)} tracks; the same tracks were expected, rearrange the sequence anew"
            )
        first_from_second = frames[0].viewmat @ invert_se3(frames[1].viewmat)
        views = [self._view(frames[0], frames[1]), self._view(frames[1], frames[0])]
        return MotionPair(views[0], views[1], first_from_second.float())

    def _view(self, frame: "_Frame", other: "_Frame") -> MotionView:
        depths = torch.where(frame.depths <= self.z_far, frame.depths, 0)
        unlabelled = torch.zeros_like(depths, dtype=torch.bool)
        view = MotionView(frame.image, frame.K.float(), depths, unlabelled, unlabelled)
        in_camera = view.points().double()
        world = transform_points(invert_se3(frame.viewmat), in_camera.reshape(-1, 3)).view_as(in_camera)
        moving, labelled = moving_labels(
            world.numpy(),
            (self.rule.label_reach * depths).double().numpy(),
            frame.tracks,
            other.tracks,
            frame.visible & frame.known & other.known,
            self.rule.motion_tolerance,
        )
        return MotionView(view.image, view.K, depths, torch.from_numpy(moving), torch.from_numpy(labelled))


@dataclass(frozen=True)
class _Frame:
    """The files of one frame.

    Args:
        image: 8-bit sRGB.
        depths: z-depth in metres, 0 = none.
        K: intrinsics in pixels.
        viewmat: camera-from-world.
        tracks: their places in the world.
        known: whether a track's place is known here.
        visible: whether the camera sees it.
    """

    image: Shaped[torch.Tensor, "H W 3"]
    depths: Float[torch.Tensor, "H W"]
    K: Float[torch.Tensor, "3 3"]
    viewmat: Float[torch.Tensor, "4 4"]
    tracks: Float64[ndarray, "N 3"]
    known: Bool[ndarray, " N"]
    visible: Bool[ndarray, " N"]

    @staticmethod
    def read(sequence: Path, index: int) -> "_Frame":
        depth_path = sequence / "depths" / f"depth_{index:05d}.png"
        units = read_gray(depth_path)
        if units.dtype != np.uint16:
            raise UserError(
                f"{depth_path} has 8 bits; depth of 16 bits was expected, fetch the data set anew"
            )
        image = read_image(sequence / "rgbs" / f"rgb_{index:05d}.jpg")
        if image.shape[:2] != units.shape:
            raise UserError(f"{depth_path} is {units.shape} in size and its image {image.shape[:2]}")
        tracks = _array(sequence, "trajs_3d", "traj_3d", index, 2, 3)
        known, visible = (
            _array(sequence, f"{name}s", name, index, 1, len(tracks)) > 0 for name in ("valid", "visib")
        )
        return _Frame(
            image=torch.from_numpy(image),
            depths=torch.from_numpy(units.astype(np.float32) / 65535 * DEPTH_RANGE_M),
            K=torch.from_numpy(_array(sequence, "intrinsics", "intrinsic", index, 2, 3)),
            viewmat=torch.from_numpy(_array(sequence, "extrinsics", "extrinsic", index, 2, 4)),
            tracks=tracks,
            known=known & np.isfinite(tracks).all(axis=1),
            visible=visible,
        )


def _array(
    sequence: Path, folder: str, name: str, index: int, dimensions: int, last: int
) -> Float64[ndarray, "..."]:
    """A frame's array, whose last dimension is known."""
    path = sequence / folder / f"{name}_{index:05d}.npy"
    values = _load(path)
    if values.dtype.kind not in "fiub" or values.ndim != dimensions or values.shape[-1] != last:
        raise UserError(
            f"{path} holds {values.dtype} of shape {values.shape}; numbers in {dimensions} dimensions, "
            f"{last} in the last, were expected; rearrange the sequence anew"
        )
    return values.astype(np.float64)


def _load(path: Path, **options: Any) -> ndarray:
    """The array in a `.npy` file. No pickled object is read."""
    try:
        return np.load(path, allow_pickle=False, **options)
    except OSError as error:
        raise explain(error, path, "read") from error
    except (ValueError, EOFError) as error:
        raise UserError(f"{path} holds no plain array ({error}); rearrange the sequence anew") from error


def _why_unusable(sequence: Path) -> str | None:
    """Why a sequence cannot be learned from; None if it can."""
    missing = [name for name in _FOLDERS if not (sequence / name).is_dir()]
    if missing:
        return f"it has no folder {missing[0]}"
    first = sequence / "trajs_3d" / "traj_3d_00000.npy"
    if not first.exists():
        return "it has no 3D tracks"
    tracks = _load(first, mmap_mode="r").shape[0]
    return (
        f"it has {tracks} tracks, more than {FEWEST_TRACKS} are needed" if tracks <= FEWEST_TRACKS else None
    )


def _frame_count(sequence: Path) -> int:
    """Frames from the first on that have all files."""
    counts = [
        sum(1 for path in (sequence / name).iterdir() if path.suffix in (".jpg", ".png", ".npy"))
        for name in _FOLDERS
    ]
    return min(counts)
