"""Published predictions are read as what they mean; broken files are told by their path."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.errors import UserError
from core.images import write_png
from scene import Cameras
from scene.prediction_files import read_prediction
from scene.prediction_reading import full_size_cameras, open_prediction
from tests.scene import published
from tests.scene.published import COUNT, HEIGHT, WIDTH, write_published
from tests.scene.test_prediction_files import facts_of, prediction_of, write_prediction


@pytest.mark.parametrize("rearranged", [False, True])
def test_published_predictions(tmp_path: Path, rearranged: bool) -> None:
    prediction = read_prediction(write_published(tmp_path / "dog", rearranged=rearranged))
    assert prediction.predictor == "das3r"
    assert prediction.frame_names == tuple(f"frame_{row:04d}.png" for row in range(COUNT))
    np.testing.assert_allclose(prediction.cameras.c2w.numpy(), published.poses(), atol=1e-6)
    assert prediction.cameras.size == (WIDTH, HEIGHT)
    assert torch.equal(
        prediction.cameras.Ks[0], torch.tensor([[40.0, 0, WIDTH / 2], [0, 40.0, HEIGHT / 2], [0, 0, 1]])
    )
    for row in range(COUNT):  # the tenth frame comes after the ninth
        assert np.array_equal(prediction.depths[row].numpy(), published.depth(row))
        assert np.array_equal(prediction.dynamic_probabilities[row].numpy(), published.probability(row))
        assert np.array_equal(prediction.dynamic_masks[row].numpy(), published.probability(row) > 0.5)
    assert (prediction.confidences[:, :4] == 0).all()
    torch.testing.assert_close(
        prediction.confidences[:, 4:], torch.full((COUNT, 12, WIDTH), np.exp(1.5)).float()
    )
    assert prediction.crop == (0, 0, WIDTH, HEIGHT)
    assert prediction.registered.all()
    assert prediction.points is None


def test_numbers_that_mean_nothing_are_none(tmp_path: Path) -> None:
    folder = write_published(tmp_path / "dog", rearranged=True)
    depth = published.depth(0)
    depth[0, :3] = (np.nan, -1, np.inf)
    np.save(folder / "depth_maps" / "frame_0000.npy", depth)
    confidence = np.zeros((HEIGHT, WIDTH), np.float32)
    confidence[0, :3] = (np.nan, np.inf, -np.inf)
    np.save(folder / "confidence_maps" / "conf_0000.npy", confidence)
    stored = open_prediction(folder)
    assert stored.depth(0)[0, :3].tolist() == [0, 0, 0]
    assert stored.confidence(0)[0, :4].tolist() == [0, 0, 0, 1]


def spoil_json(folder: Path, **change: Any) -> None:
    path = folder / "prediction.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"frame_names": ["../../secret.png"] * 3}, "names frames outside"),
        ({"frame_names": ["frame_0000.png", "gone.png", "lost.png"]}, r"gone\.png is missing"),
        ({"registered": [True]}, "does not describe a prediction"),
        ({"crop": [0, 0]}, "does not describe a prediction"),
        ({"assurance": {"level": "sure"}}, "does not describe a prediction"),
        ({"working_size": [16, 16]}, r"dynamic_mask_0000\.png is 32x16 and the predictor worked at 16x16"),
    ],
)
def test_a_broken_description_is_one_sentence(tmp_path: Path, change: dict[str, Any], sentence: str) -> None:
    facts = facts_of(tmp_path, 3)
    write_prediction(tmp_path, prediction_of(facts, 1), facts)
    spoil_json(tmp_path, **change)
    with pytest.raises(UserError, match=sentence):
        open_prediction(tmp_path).mask(0)


def test_files_that_do_not_fit_are_named(tmp_path: Path) -> None:
    folder = write_published(tmp_path / "dog", rearranged=True)
    stored = open_prediction(folder)
    (folder / "depth_maps" / "frame_0001.npy").unlink()
    with pytest.raises(UserError, match=r"cannot read .*frame_0001\.npy"):
        stored.depth(1)
    np.save(folder / "depth_maps" / "frame_0001.npy", np.zeros((3, HEIGHT, WIDTH), np.float32))
    with pytest.raises(UserError, match=r"frame_0001\.npy holds numbers of shape \[3, 16, 32\]"):
        stored.depth(1)
    write_png(folder / "dynamic_masks" / "dynamic_mask_0002.png", np.zeros((8, 8), np.uint8))
    with pytest.raises(UserError, match=r"dynamic_mask_0002\.png is 8x8"):
        stored.mask(2)
    trajectory = (folder / "pred_traj.txt").read_text().splitlines()
    (folder / "pred_traj.txt").write_text("\n".join(trajectory[:-1]))
    with pytest.raises(UserError, match=r"pred_traj\.txt has 11 lines for 12 frames"):
        open_prediction(folder)
    (folder / "pred_traj.txt").write_text("\n".join(["0 nan 0 0 1 0 0 0", *trajectory[1:]]))
    with pytest.raises(UserError, match=r"pred_traj\.txt has numbers that are not finite"):
        open_prediction(folder)
    with pytest.raises(UserError, match="holds no prediction"):
        open_prediction(tmp_path)


def test_a_whole_frame_s_camera_is_that_of_its_part_moved() -> None:
    K = torch.tensor([[30.0, 0, 16.0], [0, 30.0, 8.0], [0, 0, 1]])[None]
    part = Cameras(torch.eye(4)[None], K, torch.tensor([32]), torch.tensor([16]))
    same = full_size_cameras(part, (0.0, 0.0, 32.0, 16.0), 32, 16)
    assert torch.equal(same.Ks, K)
    doubled = full_size_cameras(part, (0.0, 0.0, 64.0, 32.0), 64, 32)
    assert torch.equal(doubled.Ks, part.resized(torch.tensor([64]), torch.tensor([32])).Ks)
    moved = full_size_cameras(part, (5.0, 7.0, 32.0, 16.0), 42, 30)
    assert moved.Ks[0, :2, 2].tolist() == [21, 15]
    assert moved.size == (42, 30)
