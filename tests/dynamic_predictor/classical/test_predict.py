"""Whole clips: cameras, moving things and depth of a room."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

import dynamic_predictor.classical.predict as classical
from core.geometry import unproject_points
from core.images import write_png
from dynamic_predictor.classical.structure import Structure
from dynamic_predictor.config import PredictorConfig
from dynamic_predictor.ego_motion import ego_flow
from dynamic_predictor.flow import Flow
from dynamic_predictor.predict import predict
from scene.cameras import Cameras
from scene.prediction import Prediction
from tests.dynamic_predictor.classical.rooms import (
    cameras_at,
    depth_of,
    disc,
    photograph,
    turns_on_the_spot,
    walk,
    with_disc,
)

SIZE, FOCAL = (160, 96), 140.0
RADIUS = 12.0
CONFIG = PredictorConfig(long_side=160)


def center_of(row: int) -> tuple[float, float]:
    """Where the disc is."""
    return 60.0 + 6 * row, 45.0


def clip(cameras: Cameras, *, thing: bool = True) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Pictures of the room, and where a disc crosses it."""
    count = len(cameras)
    centers = [center_of(row) for row in range(count)]
    pictures = [photograph(cameras[row]) for row in range(count)]
    if not thing:
        return pictures, torch.zeros(count, SIZE[1], SIZE[0], dtype=torch.bool)
    things = torch.stack([disc(center, RADIUS, SIZE) for center in centers])
    return [with_disc(*one, RADIUS) for one in zip(pictures, centers, strict=True)], things


def names_of(count: int) -> tuple[str, ...]:
    return tuple(f"{row:05d}.png" for row in range(count))


def ask(
    frames: list[torch.Tensor], config: PredictorConfig = CONFIG, cameras: Cameras | None = None
) -> Prediction:
    answer = predict(frames, names_of(len(frames)), config, cameras)
    assert answer.predictor == "classical"
    assert answer.frame_names == names_of(len(frames))
    assert answer.cameras.size == SIZE
    assert answer.crop == (0.0, 0.0, 160.0, 96.0)
    assert answer.assurance.sentences
    # What moves has no depth of the scene at rest.
    assert not answer.depths[answer.dynamic_masks].any()
    assert not answer.confidences[answer.dynamic_masks].any()
    assert answer.depths.isfinite().all()
    return answer


def overlap(found: torch.Tensor, exact: torch.Tensor) -> float:
    return float((found & exact).sum() / (found | exact).sum())


def row_of(image: torch.Tensor, frames: list[torch.Tensor]) -> int:
    return next(row for row, frame in enumerate(frames) if torch.equal(frame, image))


def exact_flow(cameras: Cameras, frames: list[torch.Tensor]) -> Flow:
    """The room's, between its frames."""

    def flow(source: torch.Tensor, target: torch.Tensor, initial: torch.Tensor | None = None) -> torch.Tensor:
        del initial
        one, two = (row_of(image, frames) for image in (source, target))
        return ego_flow(depth_of(cameras[one]), cameras[one], cameras[two])

    return flow


@pytest.fixture
def no_structure(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if structure from motion found nothing."""
    monkeypatch.setattr(classical, "structure_from_motion", lambda *_, **__: None)


def test_one_frame_stands_still() -> None:
    frames, _ = clip(cameras_at([(0.0, 0.0, 0.0)], size=SIZE, focal=FOCAL))
    answer = ask(frames, replace(CONFIG, focal_px=FOCAL))
    assert answer.assurance.camera_motion == "static"
    assert answer.assurance.level == "low"
    assert not answer.dynamic_masks.any()
    assert (answer.depths > 0).all()
    assert answer.cameras.Ks[0, 0, 0] == FOCAL
    assert answer.points is None


def test_a_standing_camera_sees_a_thing_go_by() -> None:
    frames, things = clip(cameras_at([(0.0, 0.0, 0.0)] * 6, size=SIZE, focal=FOCAL))
    answer = ask(frames)
    assert answer.assurance.camera_motion == "static"
    assert answer.registered.all()
    torch.testing.assert_close(answer.cameras.viewmats, torch.eye(4).repeat(6, 1, 1))
    assert overlap(answer.dynamic_masks, things) > 0.4


@pytest.mark.usefixtures("no_structure")
def test_a_turning_camera_is_told_from_a_thing(monkeypatch: pytest.MonkeyPatch) -> None:
    cameras = turns_on_the_spot(6, size=SIZE, focal=FOCAL, extent=0.5)
    frames, things = clip(cameras)

    still = exact_flow(cameras, frames)

    def flow(source: torch.Tensor, target: torch.Tensor, initial: torch.Tensor | None = None) -> torch.Tensor:
        one, two = (row_of(image, frames) for image in (source, target))
        step = torch.tensor(center_of(two)) - torch.tensor(center_of(one))
        return torch.where(things[one][..., None], step, still(source, target, initial))

    monkeypatch.setattr(classical, "make_flow", lambda _: flow)
    answer = ask(frames)
    assert answer.assurance.camera_motion == "rotation"
    assert answer.assurance.level == "low"
    relative = cameras.viewmats[:, :3, :3] @ cameras.viewmats[0, :3, :3].T
    apart = answer.cameras.viewmats[:, :3, :3] @ relative.mT
    assert Rotation.from_matrix(apart.numpy()).magnitude().max() < 0.01
    assert answer.cameras.Ks[0, 0, 0].item() == pytest.approx(FOCAL, rel=0.05)
    assert overlap(answer.dynamic_masks, things) > 0.5
    assert any("parallax" in sentence for sentence in answer.assurance.sentences)


def partial_structure(cameras: Cameras, posed: list[int], seen: int) -> Structure:
    """The exact one of a few frames, the first of which sees points on the walls."""
    first = posed[0]
    pixels = torch.rand(200, 2, generator=torch.Generator().manual_seed(1)) * (torch.tensor(SIZE) - 2.0) + 1
    depths = depth_of(cameras[first])[pixels[:, 1].long(), pixels[:, 0].long()]
    registered = torch.zeros(len(cameras), dtype=torch.bool)
    registered[posed] = True
    return Structure(
        viewmats=torch.where(registered[:, None, None], cameras.viewmats, torch.eye(4)),
        registered=registered,
        focal_px=FOCAL,
        error_px=0.3,
        xyz=unproject_points(pixels, depths, cameras.viewmats[first], cameras.Ks[first]),
        rgb=torch.zeros(200, 3, dtype=torch.uint8),
        frames=torch.full((seen,), first),
        points=torch.arange(seen),
        pixels=pixels[:seen],
    )


@pytest.mark.parametrize(
    ("kind", "motion", "level", "posed"),
    [
        ("followed", "general", "medium", 4),  # flow carries points from one posed frame to those before
        ("lost", "general", "low", 2),
        ("turning", "rotation", "low", 6),
    ],
)
def test_a_clip_solved_in_part_is_completed_and_else_says_how_unsure_it_is(
    monkeypatch: pytest.MonkeyPatch, kind: str, motion: str, level: str, posed: int
) -> None:
    make = turns_on_the_spot if kind == "turning" else walk
    cameras = make(6, size=SIZE, focal=FOCAL)
    frames, _ = clip(cameras, thing=False)
    structure = partial_structure(cameras, [2, 3], seen=200 if kind == "followed" else 0)
    monkeypatch.setattr(classical, "structure_from_motion", lambda *_, **__: structure)
    monkeypatch.setattr(classical, "make_flow", lambda _: exact_flow(cameras, frames))
    answer = ask(frames, replace(CONFIG, focal_px=FOCAL, rounds=1))
    assert (answer.assurance.camera_motion, answer.assurance.level) == (motion, level)
    assert int(answer.registered.sum()) == posed
    told = " ".join(answer.assurance.sentences)
    assert ("less than half of the clip" in told) == (kind == "lost")
    assert ("a camera that only turns is" in told) == (kind != "followed")


@pytest.mark.usefixtures("no_structure")
def test_a_clip_that_no_camera_explains_is_not_said_to_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    cameras = cameras_at([(0.0, 0.0, 0.5 * row) for row in range(5)], size=SIZE, focal=FOCAL)
    frames, _ = clip(cameras, thing=False)
    monkeypatch.setattr(classical, "make_flow", lambda _: exact_flow(cameras, frames))
    answer = ask(frames, replace(CONFIG, rounds=1))
    assert (answer.assurance.camera_motion, answer.assurance.level) == ("general", "low")
    told = " ".join(answer.assurance.sentences)
    assert "no camera was found that explains the clip" in told
    assert "--focal-px names a known one" in told


def test_the_user_s_cameras_and_masks_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classical, "structure_from_motion", pytest.fail)
    cameras = walk(4, size=SIZE, focal=FOCAL)
    frames, things = clip(cameras)
    (tmp_path / "masks").mkdir()
    for name, mask in zip(names_of(4), things.numpy(), strict=True):
        write_png(tmp_path / "masks" / name, mask.astype(np.uint8) * 255)
    answer = ask(frames, replace(CONFIG, user_masks=tmp_path / "masks", focal_px=FOCAL), cameras)
    torch.testing.assert_close(answer.cameras.viewmats, cameras.viewmats, atol=1e-5, rtol=1e-5)
    assert torch.equal(answer.dynamic_masks, things)
    assert torch.equal(answer.dynamic_probabilities, things.float())
    assert answer.registered.all()
    assert answer.assurance.camera_motion == "general"
    assert answer.assurance.level == "high"
    exact = torch.stack([depth_of(cameras[row]) for row in range(4)])
    sure = answer.confidences > 0.3
    assert sure.float().mean() > 0.2
    assert (answer.depths / exact - 1)[sure].abs().median() < 0.05


def test_given_cameras_without_parallax_are_told() -> None:
    cameras = cameras_at([(0.0, 0.0, 0.0)] * 2, size=SIZE, focal=FOCAL)
    frames, _ = clip(cameras, thing=False)
    answer = ask(frames, cameras=cameras)
    assert answer.assurance.level == "medium"
    assert any("parallax" in sentence for sentence in answer.assurance.sentences)
    assert not answer.dynamic_masks.any()


@pytest.mark.slow
def test_a_walk_is_predicted_from_pictures_alone() -> None:
    cameras = walk(8, size=SIZE, focal=FOCAL)
    frames, things = clip(cameras)
    answer = ask(frames)
    assert answer.assurance.camera_motion == "general"
    assert answer.registered.all()
    relative, exact = (
        views.viewmats[:, :3, :3] @ views.viewmats[0, :3, :3].T for views in (answer.cameras, cameras)
    )
    assert Rotation.from_matrix((relative @ exact.mT).numpy()).magnitude().max() < 0.05
    steps, exact_steps = (torch.pdist(views.centers) for views in (answer.cameras, cameras))
    torch.testing.assert_close(steps / steps.max(), exact_steps / exact_steps.max(), atol=0.1, rtol=0)
    assert overlap(answer.dynamic_masks, things) > 0.5
    assert answer.points is not None
    walls = torch.stack([depth_of(cameras[row]) for row in range(8)])
    sure = answer.confidences > 0.3
    ratio = (answer.depths / walls)[sure]
    assert (ratio / ratio.median() - 1).abs().median() < 0.1
