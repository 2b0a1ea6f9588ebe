"""Videos to learn motion from: PointOdyssey, or sequences in Sintel's layout, such as procedural ones."""

from collections.abc import Sequence
from pathlib import Path

from core.errors import UserError
from scene.datasets.assemble import assemble
from scene.datasets.options import CaptureOptions
from scene.datasets.pointodyssey import LabelRule, PointOdyssey
from scene.datasets.sintel import READER, sequence_names
from scene.motion_pairs import Z_FAR_M, CaptureVideos, MotionVideos

CAMERAS = "camdata_left"
"""Folder of Sintel's layout whose presence tells it."""

HELD_OUT_EVERY = 4
"""Of videos that come without held-out ones, the last of so many is held out."""


def open_motion_videos(
    source: Path, test_source: Path | None = None, rule: LabelRule | None = None, z_far: float = Z_FAR_M
) -> tuple[MotionVideos, MotionVideos]:
    """Videos to learn from, and held-out ones.

    Args:
        source: PointOdyssey's folder with a rearranged split `train`, or one of sequences in Sintel's layout.
        test_source: held-out videos; by default PointOdyssey's split `test`, or every fourth sequence.
        rule: of PointOdyssey's labels.
        z_far: in world units; depths beyond it count as unknown.

    Raises:
        UserError: there are no such videos, or too few to hold one out.
    """
    if (source / "train").is_dir() and not sintel_sequences(source):
        train = PointOdyssey(source, "train", rule, z_far)
        test = None if test_source else PointOdyssey(source, "test", rule, z_far)
    else:
        sequences = sintel_sequences(source)
        held_out = [] if test_source else sequences[HELD_OUT_EVERY - 1 :: HELD_OUT_EVERY] or sequences[1:]
        if not sequences or not (held_out or test_source):
            raise UserError(
                f"{source} has {len(sequences)} sequences in Sintel's layout (training/{CAMERAS}/NAME and "
                "its siblings) and no split of PointOdyssey; at least two sequences, or one and --test-path, "
                "were expected; `python -m data.synthetic video` makes them"
            )
        train = _captures([each for each in sequences if each not in held_out], z_far)
        test = _captures(held_out, z_far) if held_out else None
    if test_source is not None:
        sequences = sintel_sequences(test_source)
        test = _captures(sequences, z_far) if sequences else PointOdyssey(test_source, "test", rule, z_far)
    if test is None:
        raise UserError(f"{source} leaves no video to score on; name some with --test-path")
    return train, test


def sintel_sequences(source: Path) -> list[Path]:
    """The camera folders of all sequences in Sintel's layout, their `training` at most three levels down."""
    patterns = ("training", "*/training", "*/*/training")
    roots = sorted(path for pattern in patterns for path in source.glob(pattern) if (path / CAMERAS).is_dir())
    return [root / CAMERAS / name for root in roots for name in sequence_names(root)]


def _captures(sequences: Sequence[Path], z_far: float) -> CaptureVideos:
    options = CaptureOptions()
    return CaptureVideos([assemble(path, READER.read(path, options), options) for path in sequences], z_far)
