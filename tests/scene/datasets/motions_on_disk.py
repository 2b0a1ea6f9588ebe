"""A small video with known motion in Sintel's layout."""

from pathlib import Path

import numpy as np

from core.images import write_png
from data.synthetic.files import write_camera, write_depth
from tests.scene.motions import moving_capture


def write_sintel(training: Path, name: str, frames: int = 3, seed: int = 0) -> None:
    """The sequence NAME of a folder `training`."""
    capture = moving_capture(frames, name, seed=seed)
    folders = {
        kind: training / kind / name for kind in ("final", "depth", "camdata_left", "dynamic_label_perfect")
    }
    for folder in folders.values():
        folder.mkdir(parents=True)
    assert capture.inverse_depths is not None
    assert capture.dynamic_masks is not None
    for row in range(frames):
        stem, inverse = f"frame_{row + 1:04d}", capture.inverse_depths[row]
        assert inverse is not None
        write_png(folders["final"] / f"{stem}.png", capture.images[row].numpy())
        mask = capture.dynamic_masks[row].numpy().astype(np.uint8) * np.uint8(255)
        write_png(folders["dynamic_label_perfect"] / f"{stem}.png", mask)
        write_depth(folders["depth"] / f"{stem}.dpt", (1 / inverse).numpy())
        camera = capture.cameras
        write_camera(
            folders["camdata_left"] / f"{stem}.cam", camera.Ks[row].numpy(), camera.viewmats[row].numpy()
        )
