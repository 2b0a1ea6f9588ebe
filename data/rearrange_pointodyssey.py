"""`python -m data.rearrange_pointodyssey --root FOLDER`: PointOdyssey's annotations, one file a frame.

`anno.npz` of a sequence holds whole arrays of gigabytes; training reads two frames of them at a time. They
are streamed, so a frame is all that is held in memory. A sequence that is done is not done again.
"""

import sys
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Shaped
from numpy import ndarray

from core import cli
from core.errors import UserError
from core.files import explain
from core.progress import Progress, say
from scene.datasets.pointodyssey import FEWEST_TRACKS

ANNOTATIONS = "anno.npz"

# Array of anno.npz, which names its folder too -> stem of the frames' files.
STEMS = {
    "trajs_2d": "traj_2d",
    "trajs_3d": "traj_3d",
    "valids": "valid",
    "visibs": "visib",
    "intrinsics": "intrinsic",
    "extrinsics": "extrinsic",
}


@dataclass(frozen=True)
class RearrangePointOdyssey:
    """Split PointOdyssey's annotations into a file for each frame, beside its images."""

    root: Path
    """The data set's folder, which holds the splits."""
    splits: tuple[str, ...] = ("train", "test", "sample")
    """Which splits; one that is not there is passed over."""


@runtime_checkable
class ByteStream(Protocol):
    """An open file."""

    def read(self, size: int = -1, /) -> bytes:
        """At most that many bytes; all that are left by default."""
        ...


class UnusableSequenceError(Exception):
    """A sequence cannot be learned from; the message is the reason."""


def rearrange(command: RearrangePointOdyssey) -> int:
    """Rearrange every sequence.

    Returns:
        How many sequences can be used.

    Raises:
        UserError: there is no sequence, or a file cannot be written.
    """
    found = [
        path.parent
        for split in command.splits
        for path in sorted((command.root / split).glob(f"*/{ANNOTATIONS}"))
    ]
    if not found:
        raise UserError(
            f"{command.root} has no {' or '.join(f'{split}/*/{ANNOTATIONS}' for split in command.splits)}; "
            "fetch the data set with data/download_pointodyssey.py"
        )
    usable = 0
    with Progress(len(found), label="sequences") as progress:
        for sequence in found:
            try:
                rearrange_sequence(sequence)
                usable += 1
            except UnusableSequenceError as reason:
                say(f"{sequence.parent.name}/{sequence.name} is left out: {reason}")
            progress.advance()
    say(f"{usable} of {len(found)} sequences are ready in {command.root}")
    return usable


def rearrange_sequence(sequence: Path) -> None:
    """Write the arrays of a sequence frame by frame; those whose folder is there are done.

    Raises:
        UnusableSequenceError: the sequence has no or too few 3D tracks, or its annotations are damaged.
        UserError: a file cannot be written.
    """
    archive = sequence / ANNOTATIONS
    try:
        with zipfile.ZipFile(archive) as arrays:
            _check_tracks(arrays)
            for name, stem in STEMS.items():
                if not (sequence / name).exists():
                    _split(arrays, name, sequence / name, stem)
    except zipfile.BadZipFile as error:
        raise UnusableSequenceError(f"{archive} is damaged ({error}); fetch it anew") from error
    except OSError as error:
        raise explain(error, sequence, "rearrange") from error


def _check_tracks(arrays: zipfile.ZipFile) -> None:
    missing = [name for name in STEMS if f"{name}.npy" not in arrays.namelist()]
    if missing:
        raise UnusableSequenceError(f"{ANNOTATIONS} has no {missing[0]}")
    with arrays.open("trajs_3d.npy") as stream:
        shape, dtype = _header(stream)
    if dtype.hasobject or len(shape) != 3 or shape[-1] != 3:
        raise UnusableSequenceError("it has no 3D tracks")
    if shape[1] <= FEWEST_TRACKS:
        raise UnusableSequenceError(f"it has {shape[1]} tracks, more than {FEWEST_TRACKS} are needed")


def _split(arrays: zipfile.ZipFile, name: str, folder: Path, stem: str) -> None:
    """One array into a folder of frames, which takes its name when all are there."""
    with _whole_folder(folder) as part, arrays.open(f"{name}.npy") as stream:
        for index, frame in enumerate(frames(stream, name)):
            np.save(part / f"{stem}_{index:05d}.npy", frame, allow_pickle=False)


@contextmanager
def _whole_folder(folder: Path) -> Iterator[Path]:
    """A folder of another name that is renamed when the block ends well; a new attempt fills it again."""
    part = folder.with_name(f".{folder.name}.part")
    part.mkdir(exist_ok=True)
    yield part
    part.rename(folder)


def frames(stream: ByteStream, name: str) -> Iterator[Shaped[ndarray, "..."]]:
    """The slices of an array along its first dimension, read one by one.

    Args:
        stream: a `.npy` file.
        name: for messages.

    Raises:
        UnusableSequenceError: the file is cut off, or holds objects or a single number.
    """
    shape, dtype = _header(stream)
    if dtype.hasobject or not shape:
        raise UnusableSequenceError(
            f"{name} holds {dtype} of shape {shape}; numbers for each frame were expected"
        )
    size = dtype.itemsize * int(np.prod(shape[1:], dtype=np.int64))
    for index in range(shape[0]):
        data = stream.read(size)
        if len(data) != size:
            raise UnusableSequenceError(
                f"{name} ends at frame {index} of {shape[0]}; fetch {ANNOTATIONS} anew"
            )
        yield np.frombuffer(data, dtype).reshape(shape[1:])


def _header(stream: ByteStream) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type of the array in a `.npy` file.

    Raises:
        UnusableSequenceError: it is no such file, or lies in Fortran's order.
    """
    try:
        version = np.lib.format.read_magic(stream)
        read = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        shape, fortran, dtype = read(stream)
    except ValueError as error:
        raise UnusableSequenceError(f"{ANNOTATIONS} holds an array that cannot be read ({error})") from error
    if fortran and len(shape) > 1:
        raise UnusableSequenceError(
            f"{ANNOTATIONS} holds an array in Fortran's order, which cannot be streamed"
        )
    return shape, dtype


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code.
    """

    def command(parsed: RearrangePointOdyssey) -> None:
        rearrange(parsed)

    return cli.run(command, RearrangePointOdyssey, args=args, prog="python -m data.rearrange_pointodyssey")


if __name__ == "__main__":
    sys.exit(main())
