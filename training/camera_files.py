"""Files for those who learn from rendered views: which view is which image, and where its camera is.

A view's number is its place in the list of the capture's images sorted by name. `cam_extrinsics.npy` and
`cam_intrinsics.npy` have a row for each; `partition.json` lists the numbers that train and those that are
held out, ascending: the i-th of them is `%05d.png` with i in `train/ours_N` or `test/ours_N`.
"""

from core.arrays import write_array
from core.files import write_json
from core.run_folder import RunFolder
from scene.capture import Capture
from scene.splits import Split


def write_camera_files(folder: RunFolder, capture: Capture, split: Split) -> None:
    """Write `cam_extrinsics.npy`, `cam_intrinsics.npy` and, last, `partition.json`.

    Args:
        folder: of the run.
        capture: with the cameras as the views are rendered by them.
        split: which views train and which are held out.

    Raises:
        UserError: a file cannot be written.
    """
    write_array(folder.extrinsics, capture.cameras.c2w.double())
    write_array(folder.camera_intrinsics, capture.cameras.Ks.double())
    write_json(folder.partition, {"train": list(split.train), "test": list(split.test)}, indent=None)


def told_sizes(capture: Capture) -> str:
    """The sizes of a capture's images as they are used, for the log: `960x540 px`, or from which to which."""
    sizes = sorted(set(zip(capture.cameras.width.tolist(), capture.cameras.height.tolist(), strict=True)))
    first, last = (f"{width}x{height}" for width, height in (sizes[0], sizes[-1]))
    return f"{first} px" if len(sizes) == 1 else f"{first} to {last} px"
