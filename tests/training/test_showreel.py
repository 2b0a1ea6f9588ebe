"""Three pictures in a row, and videos of them."""

from pathlib import Path

import av
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.run_folder import RunFolder
from scene import Capture
from scene.splits import Split
from tests.training.captures import truth
from tests.training.videos import tiny_video
from training.dynamic import DynamicConfig
from training.runs import TrainedRun
from training.showreel import side_by_side, tinted, write_showreel


@given(st.integers(2, 12), st.integers(2, 12), st.integers(0, 99))
def test_the_pictures_stand_side_by_side(width: int, height: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    photograph, static = random.integers(0, 256, (2, height, width, 3), dtype=np.uint8)
    mask = random.random((height, width)) < 0.3
    row = side_by_side(photograph, mask, static)
    assert np.array_equal(row[:, :width], photograph)
    assert np.array_equal(row[:, 2 * width :], static)
    middle = row[:, width : 2 * width]
    assert np.array_equal(middle[~mask], photograph[~mask])
    assert (middle[mask][:, 0] > middle[mask][:, 1]).all()  # red
    assert np.array_equal(tinted(photograph, None), photograph)


def test_wide_pictures_are_scaled_to_what_players_decode() -> None:
    picture = np.zeros((900, 1600, 3), np.uint8)
    assert side_by_side(picture, None, picture).shape == (480, 2560, 3)


@pytest.mark.parametrize(("fps", "expected"), [(None, 30.0), (12.5, 12.5)])
def test_the_videos(tmp_path: Path, fps: float | None, expected: float) -> None:
    video = tiny_video(4)
    capture = Capture(
        name="walk",
        source=None,
        cameras=video.cameras,
        image_names=tuple("abcd"),
        images=[torch.from_numpy(image) for image in video.images],
        dynamic_masks=list(video.masks),
    )
    split = Split((0, 1, 2, 3), (), "all")
    run = TrainedRun(
        RunFolder(tmp_path), tmp_path, DynamicConfig(), capture, split, 7, truth(), None, antialiased=False
    )
    write_showreel(run, fps, backend="reference")
    sizes = {"rendered.mp4": (64, 48), "rendered_smooth.mp4": (64, 48), "side_by_side.mp4": (192, 48)}
    assert {path.name for path in tmp_path.iterdir()} == set(sizes)
    for name, (width, height) in sizes.items():
        with av.open(str(tmp_path / name)) as container:
            stream = container.streams.video[0]
            assert (stream.width, stream.height, stream.frames) == (width, height, 4)
            assert float(stream.average_rate or 0) == expected
