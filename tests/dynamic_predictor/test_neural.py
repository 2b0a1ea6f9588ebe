"""A small network of noise looks at small videos: whatever it says, a prediction comes out."""

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import Tensor

from core.errors import UserError
from core.geometry import project_points
from core.images import write_png
from dynamic_predictor import neural
from dynamic_predictor.alignment.config import AlignmentConfig
from dynamic_predictor.config import PredictorConfig
from dynamic_predictor.network.model import Network
from dynamic_predictor.working_video import prepare_video
from scene.cameras import Cameras
from scene.prediction import Prediction
from tests.dynamic_predictor.network.reference import MICRO, build

CONFIG = PredictorConfig(predictor="das3r", long_side=64, alignment=AlignmentConfig(steps=8, pixels=300))


@pytest.fixture(scope="module")
def network() -> Network:
    return build(MICRO, torch.float32)


@pytest.fixture(scope="module")
def without_mask_heads() -> Network:
    return build(dataclasses.replace(MICRO, dynamic_heads=False), torch.float32)


def video(count: int, height: int = 48, width: int = 64, step_px: int = 2) -> list[Tensor]:
    """A texture that slides."""
    random = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, 3, height // 4, (width + step_px * count) // 4 + 1, generator=random)
    texture = torch.nn.functional.interpolate(coarse, scale_factor=4, mode="bicubic").clamp(0, 1)
    image = (255 * texture[0].permute(1, 2, 0)).to(torch.uint8)
    return [image[:height, step_px * n : step_px * n + width].contiguous() for n in range(count)]


def predicted(network: Network, frames: list[Tensor], config: PredictorConfig = CONFIG) -> Prediction:
    names = [f"{n:05d}.png" for n in range(len(frames))]
    return neural.predict_video(network, prepare_video(frames, names, config), config)


def check(prediction: Prediction, count: int, height: int, width: int) -> None:
    assert len(prediction.cameras) == count
    assert prediction.cameras.size == (width, height)
    assert prediction.cameras.viewmats.isfinite().all()
    assert (prediction.cameras.Ks[:, 0, 0] > 0).all()
    shape = (count, height, width)
    for maps in (prediction.depths, prediction.confidences, prediction.dynamic_probabilities):
        assert maps.shape == shape
        assert maps.isfinite().all()
        assert (maps >= 0).all()
    assert prediction.dynamic_probabilities.max() <= 1
    assert prediction.dynamic_masks.shape == shape
    assert prediction.registered.shape == (count,)


@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_any_number_of_frames(network: Network, count: int) -> None:
    prediction = predicted(network, video(count))
    check(prediction, count, 48, 64)
    assert not any("say nothing of what moves" in one for one in prediction.assurance.sentences)
    assert prediction.crop == (0, 0, 64, 48)
    torch.testing.assert_close(prediction.cameras.viewmats[0], torch.eye(4), rtol=0, atol=1e-4)


@pytest.mark.parametrize("graph", ["complete", "oneref-1", "swin-1-noncyclic", "swin-1", "logwin-2"])
def test_any_graph_of_pairs_and_any_alignment(network: Network, graph: str) -> None:
    alignment = dataclasses.replace(CONFIG.alignment, shared_focal=graph != "complete")
    config = dataclasses.replace(CONFIG, scene_graph_type=graph, alignment=alignment)
    prediction = predicted(network, video(4), config)
    check(prediction, 4, 48, 64)
    focals = prediction.cameras.Ks[:, 0, 0]
    assert bool((focals == focals[0]).all()) == (graph != "complete")


def test_portrait(network: Network) -> None:
    check(predicted(network, video(3, 64, 48)), 3, 64, 48)


@pytest.mark.parametrize("count", [2, 4])
def test_a_still_video(network: Network, count: int) -> None:
    prediction = predicted(network, video(1) * count)
    check(prediction, count, 48, 64)
    if count > 2:
        assert prediction.assurance.camera_motion == "static"
        assert prediction.assurance.level == "low"
        viewmats = prediction.cameras.viewmats
        torch.testing.assert_close(viewmats, torch.eye(4).expand_as(viewmats), rtol=0, atol=1e-6)


@pytest.mark.parametrize("count", [2, 3])
def test_a_network_that_does_not_say_what_moves(without_mask_heads: Network, count: int) -> None:
    for predictor in ("das3r", "dust3r"):
        config = dataclasses.replace(CONFIG, predictor=predictor)
        prediction = predicted(without_mask_heads, video(count), config)
        check(prediction, count, 48, 64)
        told = any("say nothing of what moves" in one for one in prediction.assurance.sentences)
        assert told == (predictor == "das3r"), "other weights than those that were asked for"


def test_user_masks_are_taken_as_they_are(network: Network, tmp_path: Path) -> None:
    mask = torch.zeros(48, 64, dtype=torch.uint8)
    mask[:24] = 255
    for n in range(3):
        write_png(tmp_path / f"{n:05d}.png", mask.numpy())
    prediction = predicted(network, video(3), dataclasses.replace(CONFIG, user_masks=tmp_path))
    assert torch.equal(prediction.dynamic_masks, (mask > 0).expand(3, -1, -1))


def test_known_focal_length_and_cameras_are_kept(network: Network) -> None:
    frames = video(3)
    K = torch.tensor([[70.0, 0, 32], [0, 70, 24], [0, 0, 1]])
    viewmats = torch.eye(4).repeat(3, 1, 1)
    viewmats[:, 0, 3] = torch.tensor([0.0, -1, -2])
    cameras = Cameras(viewmats, K.repeat(3, 1, 1), torch.full((3,), 64), torch.full((3,), 48))
    names = ["a", "b", "c"]
    prediction = neural.predict_video(network, prepare_video(frames, names, CONFIG, cameras), CONFIG)
    torch.testing.assert_close(prediction.cameras.viewmats, viewmats, rtol=0, atol=1e-5)
    torch.testing.assert_close(prediction.cameras.Ks, cameras.Ks, rtol=1e-5, atol=0)


def test_points_are_seen_by_the_cameras(network: Network) -> None:
    prediction = predicted(network, video(3))
    assert prediction.points is not None
    xyz = prediction.points.xyz
    seen = torch.zeros(len(xyz), dtype=torch.bool)
    for camera in range(3):
        cameras = prediction.cameras[camera]
        pixels, depths = project_points(xyz, cameras.viewmats[0], cameras.Ks[0])
        inside = (pixels > 0).all(dim=1) & (pixels < torch.tensor([64.0, 48.0])).all(dim=1)
        seen |= inside & (depths > 0)
    assert seen.all()


def test_predictions_that_are_many_go_to_files_that_are_gone_afterwards(
    network: Network, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    in_memory = predicted(network, video(3))
    monkeypatch.setattr(neural, "_IN_MEMORY", 0)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    in_files = predicted(network, video(3))
    torch.testing.assert_close(in_files.depths, in_memory.depths, rtol=0, atol=0)
    assert list(tmp_path.iterdir()) == []


def test_weights_that_are_not_there_are_asked_for(tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIG, pretrained=tmp_path / "none.pth")
    with pytest.raises(UserError, match=r"none\.pth"):
        neural.predict_with_network(video(2), ["a", "b"], config)
