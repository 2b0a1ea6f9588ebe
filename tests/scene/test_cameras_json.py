"""cameras.json: a round trip, the convention of the format, and files that are broken."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UserError
from core.geometry import invert_se3, quat_to_rotation
from scene.cameras import Cameras
from scene.cameras_json import read_cameras_json, write_cameras_json


def random_cameras(count: int, seed: int, centered: bool) -> Cameras:
    generator = torch.Generator().manual_seed(seed)
    c2w = torch.eye(4, dtype=torch.float64).repeat(count, 1, 1)
    c2w[:, :3, :3] = quat_to_rotation(torch.randn(count, 4, generator=generator, dtype=torch.float64))
    c2w[:, :3, 3] = 10 * torch.randn(count, 3, generator=generator, dtype=torch.float64)
    width = torch.randint(1, 5000, (count,), generator=generator)
    height = torch.randint(1, 5000, (count,), generator=generator)
    Ks = torch.eye(3).repeat(count, 1, 1)
    Ks[:, 0, 0], Ks[:, 1, 1] = torch.rand(2, count, generator=generator) * 1000 + 1
    Ks[:, 0, 2] = width / 2 if centered else 0.4 * width
    Ks[:, 1, 2] = height / 2 if centered else 0.6 * height
    return Cameras(invert_se3(c2w).float(), Ks, width, height)


def as_entries(cameras: Cameras, names: tuple[str, ...], centered: bool) -> list[dict[str, Any]]:
    """What 3DGS writes about cameras, from its description."""
    entries = []
    for row in range(len(cameras)):
        w2c, K = cameras.viewmats[row].double().numpy(), cameras.Ks[row].tolist()
        rotation = w2c[:3, :3].T
        entry = {
            "id": row,
            "img_name": names[row],
            "width": int(cameras.width[row]),
            "height": int(cameras.height[row]),
            "position": (-rotation @ w2c[:3, 3]).tolist(),
            "rotation": rotation.tolist(),
            "fy": K[1][1],
            "fx": K[0][0],
        }
        entries.append(entry if centered else {**entry, "cx": K[0][2], "cy": K[1][2]})
    return entries


@given(st.integers(1, 5), st.integers(0, 999), st.booleans())
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, count: int, seed: int, centered: bool) -> None:
    path = tmp_path_factory.mktemp("cameras") / "cameras.json"
    cameras = random_cameras(count, seed, centered)
    names = tuple(f"bild {row} ä.jpg" for row in range(count))
    write_cameras_json(path, cameras, names)
    for written, described in zip(
        json.loads(path.read_text("utf-8")), as_entries(cameras, names, centered), strict=True
    ):
        assert set(written) == set(described)
        assert (written["id"], written["img_name"]) == (described["id"], described["img_name"])
        for key in set(written) - {"id", "img_name"}:
            np.testing.assert_allclose(written[key], described[key], atol=1e-4, rtol=1e-5)
    again, names_again = read_cameras_json(path)
    assert names_again == names
    torch.testing.assert_close(again.viewmats, cameras.viewmats, atol=1e-4, rtol=1e-5)
    torch.testing.assert_close(again.Ks, cameras.Ks, atol=1e-3, rtol=1e-6)
    assert torch.equal(again.width, cameras.width)
    assert torch.equal(again.height, cameras.height)


def entry(**changes: Any) -> dict[str, Any]:
    """A camera at (1, 2, 3) that looks along the world's x axis, its y axis along -z."""
    rotation = [[0, 0, 1], [-1, 0, 0], [0, -1, 0]]
    plain = {"id": 0, "img_name": "a", "width": 40, "height": 30, "position": [1, 2, 3], "rotation": rotation}
    return {**plain, "fx": 50.0, "fy": 51.0, **changes}


def test_position_is_the_centre_and_columns_of_the_rotation_are_the_axes(tmp_path: Path) -> None:
    (tmp_path / "cameras.json").write_text(json.dumps([entry()]))
    cameras, names = read_cameras_json(tmp_path / "cameras.json")
    assert names == ("a",)
    in_camera = cameras.viewmats[0] @ torch.tensor([1.0 + 5, 2, 3, 1])  # 5 ahead along the world's x
    torch.testing.assert_close(in_camera, torch.tensor([0.0, 0, 5, 1]))
    below = cameras.viewmats[0] @ torch.tensor([1.0, 2, 3 - 1, 1])
    torch.testing.assert_close(below, torch.tensor([0.0, 1, 0, 1]))
    assert cameras.Ks[0].tolist() == [[50, 0, 20], [0, 51, 15], [0, 0, 1]]


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        ([entry(), {"id": 1}], "entry 1 has no 'rotation'"),
        ([entry(position=[0, 0])], "entry 0 is no camera"),
        ([entry(position=[0, math.nan, 0])], "pose is not finite"),
        ([entry(rotation=[[1, 0, 0], [0, 1, 0], [0, 0, -1]])], "rotation is not one"),
        ([entry(rotation=[[2, 0, 0], [0, 2, 0], [0, 0, 2]])], "rotation is not one"),
        ([entry(width=0)], "image is 0x30"),
        ([entry(height=1e9)], "image is 40x1000000000"),
        ([entry(fx=-1)], "focal lengths are -1"),
        ([entry(fy=math.inf)], "focal lengths are 50.0 and inf"),
        ([entry(width="wide")], "entry 0 is no camera"),
        ([3], "entry 0 is no camera"),
        ({}, "a list of cameras"),
        ([], "a list of cameras"),
    ],
)
def test_broken_files_are_told(tmp_path: Path, broken: object, sentence: str) -> None:
    path = tmp_path / "cameras.json"
    path.write_text(json.dumps(broken))
    with pytest.raises(UserError, match=sentence) as caught:
        read_cameras_json(path)
    assert str(path) in str(caught.value)
