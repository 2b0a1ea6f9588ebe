"""Inverse depth maps: scaled to the world, left out where their fit failed."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.errors import UserError
from scene.datasets import CaptureOptions, open_capture
from tests.scene.datasets.sources import OPENCV, write_colmap

OPTIONS = CaptureOptions(depths="depths")


def write_depths(source: Path, parameters: dict[str, object], size: tuple[int, int] = (32, 24)) -> np.ndarray:
    """A map for each of the views that `parameters` names; the map, the same for all."""
    values = np.random.default_rng(4).integers(0, 2**16, size[::-1], dtype=np.uint16)
    (source / "depths").mkdir()
    for stem in parameters:
        cv2.imwrite(str(source / "depths" / f"{stem}.png"), values)
    (source / "sparse" / "0" / "depth_params.json").write_text(json.dumps(parameters))
    return values


def test_maps_are_scaled_and_never_negative(tmp_path: Path) -> None:
    write_colmap(tmp_path)
    scales = {"0001": (2.0, -0.5), "0002": (1.0, 0.25), "0003": (3.0, 0.0)}
    values = write_depths(tmp_path, {name: {"scale": s, "offset": o} for name, (s, o) in scales.items()})
    capture = open_capture(tmp_path, OPTIONS)
    assert capture.inverse_depths is not None
    for depths, (scale, offset) in zip(capture.inverse_depths, scales.values(), strict=True):
        assert depths is not None
        expected = np.maximum(values / 65536 * scale + offset, 0)
        np.testing.assert_allclose(depths.numpy(), expected, atol=1e-6)


def test_views_that_cannot_be_relied_on_have_none(tmp_path: Path) -> None:
    write_colmap(tmp_path, count=6)
    scales = {"0001": 1.0, "0002": 1.1, "0003": 0.15, "0004": 6.0, "0005": 0.0}
    write_depths(tmp_path, {name: {"scale": scale, "offset": 0.0} for name, scale in scales.items()})
    capture = open_capture(tmp_path, OPTIONS)
    assert capture.inverse_depths is not None
    assert [depths is not None for depths in capture.inverse_depths] == [True, True, *[False] * 4]
    assert any(
        "4 images have no inverse depth map that can be relied on: 0003.png, 0004" in note
        for note in capture.notes
    )


def test_maps_follow_the_size_and_the_lens_of_their_image(tmp_path: Path) -> None:
    source = tmp_path / "source"
    write_colmap(source, count=2, lenses=[OPENCV] * 2)
    write_depths(source, {name: {"scale": 1.0, "offset": 1.0} for name in ("0001", "0002")}, size=(64, 48))
    capture = open_capture(source, CaptureOptions(depths="depths", cache=tmp_path / "cache", resolution=2))
    assert capture.inverse_depths is not None
    depths = capture.inverse_depths[1]
    assert depths is not None
    assert depths.shape == capture.images[1].shape[:2]
    assert 1.0 <= depths.min() <= depths.max() <= 2.0


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, r"-d depths needs .*depth_params\.json"),
        ("{", r"depth_params\.json is not JSON"),
        ('{"0001": 3}', r"depth_params\.json: .* was expected"),
        ("[1]", r"depth_params\.json: .* was expected"),
        ('{"0001": {"scale": 0, "offset": 0}}', "none of the 3 images has an inverse depth map"),
        ('{"0001": {"scale": NaN, "offset": 0}}', "none of the 3 images has an inverse depth map"),
    ],
)
def test_broken_parameters_say_why(tmp_path: Path, content: str | None, sentence: str) -> None:
    write_colmap(tmp_path)
    write_depths(tmp_path, {"0001": {}})
    path = tmp_path / "sparse" / "0" / "depth_params.json"
    if content is None:
        path.unlink()
    else:
        path.write_text(content)
    with pytest.raises(UserError, match=sentence):
        open_capture(tmp_path, OPTIONS)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    write_colmap(tmp_path)
    with pytest.raises(UserError, match=r"-d depths: .*depths is no folder"):
        open_capture(tmp_path, OPTIONS)
