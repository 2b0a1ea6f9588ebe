"""Errors of camera paths: laws of the similarity, sums in loops, evo's numbers, cameras that stand still."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from core.errors import UserError
from evaluation.trajectories import associate, trajectory_errors, umeyama

SEEDS = st.integers(0, 99)


def path(count: int, seed: int, size: float = 1.0) -> torch.Tensor:
    random = np.random.default_rng(seed)
    c2w = np.tile(np.eye(4), (count, 1, 1))
    c2w[:, :3, :3] = Rotation.from_rotvec(np.cumsum(random.normal(0, 0.1, (count, 3)), 0)).as_matrix()
    c2w[:, :3, 3] = size * np.cumsum(random.normal(size=(count, 3)), 0)
    return torch.from_numpy(c2w)


def carried(c2w: torch.Tensor, scale: float, seed: int) -> torch.Tensor:
    """The same path in another world: scaled, turned and shifted."""
    rotation = torch.from_numpy(Rotation.random(random_state=seed).as_matrix())
    moved = c2w.clone()
    moved[:, :3, :3] = rotation @ c2w[:, :3, :3]
    moved[:, :3, 3] = scale * c2w[:, :3, 3] @ rotation.T + torch.tensor([3.0, -7.0, 0.5], dtype=torch.float64)
    return moved


def noisy(c2w: torch.Tensor, seed: int) -> torch.Tensor:
    random = np.random.default_rng(seed + 1000)
    other = c2w.clone()
    other[:, :3, 3] += torch.from_numpy(random.normal(0, 0.1, (len(c2w), 3)))
    turns = torch.from_numpy(Rotation.from_rotvec(random.normal(0, 0.05, (len(c2w), 3))).as_matrix())
    other[:, :3, :3] = c2w[:, :3, :3] @ turns
    return other


@given(st.integers(3, 20), st.floats(0.01, 100), SEEDS)
def test_another_world_is_no_error(count: int, scale: float, seed: int) -> None:
    truth = path(count, seed)
    errors = trajectory_errors(carried(truth, scale, seed), truth)
    assert errors.determined
    assert errors.scale == pytest.approx(1 / scale, rel=1e-9)
    assert errors.ate == pytest.approx(0, abs=1e-10)
    assert errors.rpe_trans == pytest.approx(0, abs=1e-10)
    assert errors.rpe_rot_deg == pytest.approx(0, abs=1e-5)


@given(st.integers(3, 20), st.floats(0.1, 10), SEEDS)
def test_the_world_of_the_estimate_does_not_matter(count: int, scale: float, seed: int) -> None:
    truth = path(count, seed)
    estimate = noisy(truth, seed)
    here, there = (trajectory_errors(each, truth) for each in (estimate, carried(estimate, scale, seed)))
    assert there.ate == pytest.approx(here.ate, rel=1e-8)
    assert there.rpe_trans == pytest.approx(here.rpe_trans, rel=1e-8)
    assert there.rpe_rot_deg == pytest.approx(here.rpe_rot_deg, rel=1e-8)
    assert here.ate_share == pytest.approx(here.ate / here.path_length)


@given(st.floats(0.1, 10), SEEDS)
def test_errors_are_in_units_of_the_truth(unit: float, seed: int) -> None:
    truth = path(10, seed)
    estimate = noisy(truth, seed)
    scaled = truth.clone()
    scaled[:, :3, 3] *= unit
    metres, others = trajectory_errors(estimate, truth), trajectory_errors(estimate, scaled)
    assert others.ate == pytest.approx(unit * metres.ate, rel=1e-8)
    assert others.ate_share == pytest.approx(metres.ate_share, rel=1e-8)


@pytest.mark.parametrize("seed", range(4))
def test_no_other_similarity_fits_better(seed: int) -> None:
    random = np.random.default_rng(seed)
    source = random.normal(size=(8, 3))
    target = random.normal(size=(8, 3)) * (1, 1, 0.1 if seed % 2 else -1)
    fit = umeyama(source, target)
    assert np.linalg.det(fit.rotation) == pytest.approx(1)

    def cost(rotation: np.ndarray) -> float:
        """Of a rotation with the scale and shift that suit it best."""
        turned, wanted = (source - source.mean(0)) @ rotation.T, target - target.mean(0)
        scale = max(0.0, float((turned * wanted).sum() / np.square(turned).sum()))
        return float(np.square(scale * turned - wanted).sum())

    ours = np.square(fit(source) - target).sum()
    assert ours == pytest.approx(cost(fit.rotation), rel=1e-9)
    near = Rotation.from_rotvec(random.normal(0, 1e-3, (200, 3))) * Rotation.from_matrix(fit.rotation)
    others = np.concatenate([near.as_matrix(), Rotation.random(2000, random_state=seed).as_matrix()])
    assert ours <= min(map(cost, others)) + 1e-12


def errors_by_loops(estimate: np.ndarray, truth: np.ndarray) -> tuple[float, float, float]:
    fit = umeyama(estimate[:, :3, 3], truth[:, :3, 3])
    squares, steps, turns = [], [], []
    for row in range(len(truth)):
        ours = fit.scale * fit.rotation @ estimate[row, :3, 3] + fit.translation
        squares.append(sum((ours - truth[row, :3, 3]) ** 2))
        if row:
            relative = []
            for poses, scale in ((truth, 1.0), (estimate, fit.scale)):
                before, after = poses[row - 1], poses[row]
                turn = before[:3, :3].T @ after[:3, :3]
                relative.append((turn, scale * before[:3, :3].T @ (after[:3, 3] - before[:3, 3])))
            (true_turn, true_step), (turn, step) = relative
            steps.append(sum((step - true_step) ** 2))
            cosine = (np.trace(true_turn.T @ turn) - 1) / 2
            turns.append(math.degrees(math.acos(min(1.0, cosine))) ** 2)
    return tuple(math.sqrt(np.mean(each)) for each in (squares, steps, turns))


@pytest.mark.parametrize("seed", range(3))
def test_sums_written_out(seed: int) -> None:
    truth = path(12, seed)
    estimate = carried(noisy(truth, seed), 0.3, seed)
    errors = trajectory_errors(estimate, truth)
    expected = errors_by_loops(estimate.numpy(), truth.numpy())
    assert (errors.ate, errors.rpe_trans, errors.rpe_rot_deg) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("case", [0, 1])
def test_evo_gives_the_same(golden: Path, case: int) -> None:
    data = np.load(golden / "das3r" / "traj_metrics.npz")

    def poses(name: str) -> torch.Tensor:
        rows = data[f"case{case}_{name}"]  # x y z qw qx qy qz
        c2w = np.tile(np.eye(4), (len(rows), 1, 1))
        c2w[:, :3, 3] = rows[:, :3]
        c2w[:, :3, :3] = Rotation.from_quat(rows[:, [4, 5, 6, 3]]).as_matrix()
        return torch.from_numpy(c2w)

    estimate, truth = poses("est"), poses("gt")
    errors = trajectory_errors(estimate, truth)
    assert errors.ate == pytest.approx(float(data[f"case{case}_ate_rmse"]), abs=1e-9)
    assert errors.rpe_trans == pytest.approx(float(data[f"case{case}_rpe_trans_rmse"]), abs=1e-9)
    assert errors.rpe_rot_deg == pytest.approx(float(data[f"case{case}_rpe_rot_rmse_deg"]), abs=1e-9)
    fit = umeyama(estimate[:, :3, 3].numpy(), truth[:, :3, 3].numpy())
    np.testing.assert_allclose(fit.rotation, data[f"case{case}_align_R"], atol=1e-9)
    np.testing.assert_allclose(fit.translation, data[f"case{case}_align_t"], atol=1e-9)
    assert fit.scale == pytest.approx(float(data[f"case{case}_align_s"]), abs=1e-9)


def test_a_camera_that_stands_still_has_an_answer() -> None:
    moving = path(9, seed=1)
    still = moving.clone()
    still[:, :3, 3] = torch.tensor([0.1, 1e3, -7.0], dtype=torch.float64)
    for estimate, truth in ((still, moving), (moving, still), (still, still)):
        errors = trajectory_errors(estimate, truth)
        assert not errors.determined
        assert errors.scale == 1
        assert errors.rpe_rot_deg == pytest.approx(0, abs=1e-5), "rotations are still compared"
    missed, invented = trajectory_errors(still, moving), trajectory_errors(moving, still)
    spread = moving[:, :3, 3] - moving[:, :3, 3].mean(0)
    assert missed.ate == pytest.approx(float(spread.square().sum(1).mean().sqrt()), rel=1e-9)
    assert invented.ate == pytest.approx(missed.ate, rel=1e-9)
    assert missed.ate_share is not None
    assert invented.ate_share is None
    assert trajectory_errors(still, still).ate == pytest.approx(0, abs=1e-9)


def test_a_straight_way_determines_the_scale() -> None:
    truth = path(9, seed=1)
    truth[:, :3, 3] = torch.outer(
        torch.arange(9.0, dtype=torch.float64) ** 1.5, torch.tensor([1.0, 2, 3]).double()
    )
    errors = trajectory_errors(carried(truth, 4.0, seed=2), truth)
    assert errors.determined
    assert errors.scale == pytest.approx(0.25)
    assert errors.ate == pytest.approx(0, abs=1e-9)
    assert errors.rpe_trans == pytest.approx(0, abs=1e-9)


def test_one_pose_is_no_path() -> None:
    with pytest.raises(UserError, match="a path of 1 poses has no error"):
        trajectory_errors(path(1, 0), path(1, 0))


def test_timestamps_find_their_nearest() -> None:
    times = torch.tensor([0.0, 1.0, 2.0, 3.0, 9.0], dtype=torch.float64)
    others = torch.tensor([0.004, 1.009, 1.995, 2.004, 3.02], dtype=torch.float64)
    rows, columns = associate(times, others)
    assert rows.tolist() == [0, 1, 2]
    assert columns.tolist() == [0, 1, 3], "2.004 is nearer to 2 than 1.995"
    assert associate(times, others, tolerance_s=0.05)[0].tolist() == [0, 1, 2, 3]


@given(st.lists(st.integers(0, 50), unique=True), st.lists(st.integers(0, 50), unique=True))
def test_equal_timestamps_are_always_found(first: list[int], second: list[int]) -> None:
    times, others = (torch.tensor(sorted(each), dtype=torch.float64) for each in (first, second))
    if first and second:
        rows, columns = associate(times, others)
        assert times[rows].tolist() == others[columns].tolist() == sorted(set(first) & set(second))
