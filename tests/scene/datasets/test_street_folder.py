from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from core.errors import UserError
from core.files import write_json
from scene.datasets import CaptureOptions, open_capture, street_validate
from scene.datasets.street import open_log
from scene.sources import kind_of_source

EGO_FROM_CAMERA = [[0.0, 0.0, 1.0, 1.0], [-1.0, 0.0, 0.0, 0.2], [0.0, -1.0, 0.0, 1.5], [0.0, 0.0, 0.0, 1.0]]


def moved(x: float) -> list[list[float]]:
    pose = np.eye(4)
    pose[:3, 3] = (5e4 + x, -3e4, 12.0)
    return pose.tolist()


def content() -> dict[str, Any]:
    """Two frames of one camera, the second a little late and from a pose of its own."""
    own = (np.array(moved(1.5)) @ EGO_FROM_CAMERA).tolist()
    second = {"file": "images/b.png", "time_s": 0.14, "world_from_camera": own, "dynamic_mask": "b_mask.png"}
    return {
        "cameras": {
            "front": {
                "width": 80, "height": 60, "K": [[50.0, 0, 41.0], [0, 50.0, 29.0], [0, 0, 1]],
                "ego_from_camera": EGO_FROM_CAMERA, "ego_mask": "ego.png",
            }
        },
        "frames": [
            {
                "time_s": 0.0, "world_from_ego": moved(0.0), "lidar": "a.npy",
                "images": {"front": "images/a.png"},
            },
            {"time_s": 0.1, "world_from_ego": moved(1.0), "images": {"front": second}},
        ],
    }  # fmt: skip


@pytest.fixture
def log(tmp_path: Path) -> Path:
    write_json(tmp_path / "street.json", content())
    (tmp_path / "images").mkdir()
    for name in ("a", "b"):
        cv2.imwrite(str(tmp_path / "images" / f"{name}.png"), np.full((30, 40, 3), 90, np.uint8))
    mask = np.zeros((30, 40), np.uint8)
    mask[20:] = 255
    cv2.imwrite(str(tmp_path / "ego.png"), mask)
    cv2.imwrite(str(tmp_path / "b_mask.png"), mask)
    # The second return is straight ahead of the camera, 10 m away.
    rows = [[5.0, 1.0, 0.5, 0.3, 0, 0, 2.0], [11.0, 0.2, 1.5, 0.7, 0, 0, 2.0]]
    np.save(tmp_path / "a.npy", np.array(rows * 5, np.float32))
    return tmp_path


def test_a_log_of_your_own(log: Path) -> None:
    capture = open_log(log)
    drive = capture.drive
    assert drive is not None
    assert capture.image_names == ("000_front.jpg", "001_front.jpg")
    torch.testing.assert_close(capture.cameras.Ks[0, :2], torch.tensor([[25.0, 0, 20.5], [0, 25.0, 14.5]]))
    torch.testing.assert_close(capture.cameras.centers, torch.tensor([[1.0, 0.2, 1.5], [2.5, 0.2, 1.5]]))
    torch.testing.assert_close(drive.view_times_s, torch.tensor([0.0, 0.14]).double(), atol=1e-6, rtol=0)
    sweep = drive.sweeps[0]
    assert sweep is not None
    torch.testing.assert_close(sweep.xyz[:2], torch.tensor([[5.0, 1.0, 0.5], [11.0, 0.2, 1.5]]))
    assert sweep.origins[0].tolist() == pytest.approx([0.0, 0.0, 2.0])
    assert sweep.intensity[:2].tolist() == pytest.approx([0.3, 0.7])
    assert capture.inverse_depths is not None
    assert capture.inverse_depths[0] is not None
    assert float(capture.inverse_depths[0][14, 20]) == pytest.approx(0.1)
    assert drive.ego_masks is not None
    assert drive.ego_masks[0] is not None
    assert drive.ego_masks[0].sum() == 10 * 40
    assert capture.valid_masks is not None
    assert torch.equal(capture.valid_masks[1], ~drive.ego_masks[0])
    assert capture.dynamic_masks is None  # as only one of both views has a mask
    assert any("1 of 2 views have no dynamic mask" in note for note in capture.notes)


def test_a_log_is_a_capture(log: Path) -> None:
    assert kind_of_source(log) == "log"
    capture = open_capture(log, CaptureOptions(resolution=2))
    assert capture.cameras.size == (20, 15)
    assert open_capture(log).cameras.size == (40, 30)


def test_validation(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert street_validate.main([str(log)]) == 0
    told = capsys.readouterr().err
    assert "2 frames in 0.10 s over 1.0 m" in told
    assert "2 images of front at 40x30" in told
    assert "lidar in 1 frames" in told
    assert "the own vehicle is masked in front" in told
    rows = np.full((2000, 3), -20.0, np.float32)
    np.save(log / "a.npy", rows)
    assert street_validate.main([str(log), "--long-side", "20"]) == 2
    assert "0 of 2000 lidar returns are in the pictures" in capsys.readouterr().err
    assert street_validate.main([str(log / "images")]) == 2
    assert "is no driving log" in capsys.readouterr().err


def at(*keys: str | int, value: object) -> Callable[[dict[str, Any]], None]:
    def change(log: dict[str, Any]) -> None:
        place: Any = log
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (at("frames", 1, "time_s", value=0.0), "frame 1 was measured at 0.0 s, not after"),
        (at("frames", 1, "images", "front", "time_s", value=100.0), "001_front.jpg was taken at 100.0 s"),
        (at("frames", 1, value=3), "frame 1: an object"),
        (at("frames", 1, "time_s", value=None), "frame 1: time_s is None"),
        (at("frames", 1, "world_from_ego", 0, 3, value=float("nan")), "frame 1 is not finite"),
        (at("frames", 0, "world_from_ego", value=None), "frame 0: world_from_ego"),
        (at("frames", 0, "lidar", value="../a.npy"), "frame 0: lidar: a file inside"),
        (
            at("frames", 0, "images", value={"rear": "a.png"}),
            "an image of rear, which is none of the cameras",
        ),
        (at("cameras", "front", "K", value=[[1, 0], [0, 1]]), "camera front: K must be"),
        (at("cameras", "front", "width", value=None), "camera front: width, height, K"),
        (at("cameras", "front", "height", value=200), "is 40x30, but its camera was calibrated for 80x200"),
        (at("cameras", "front", "ego_from_camera", value=None), "whose camera's ego_from_camera"),
        (at("frames", value={}), "was expected"),
    ],
)
def test_what_is_broken_is_told(log: Path, change: Callable[[dict[str, Any]], None], told: str) -> None:
    changed = content()
    change(changed)
    write_json(log / "street.json", changed)
    with pytest.raises(UserError, match=told):
        open_log(log)
