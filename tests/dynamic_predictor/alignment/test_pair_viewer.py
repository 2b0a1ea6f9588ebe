"""One and two frames."""

import torch

from dynamic_predictor.alignment.pair_viewer import view_pair, view_single
from tests.dynamic_predictor.alignment.scenes import FOCAL, HEIGHT, WIDTH, wall

SIZE = (HEIGHT, WIDTH)


def test_a_single_frame_is_the_world() -> None:
    scene = wall(1)
    view = view_single(scene.pairs, 0, SIZE)
    torch.testing.assert_close(view.c2w[0], torch.eye(4).double())
    torch.testing.assert_close(view.focals, torch.tensor([FOCAL]).double(), rtol=1e-6, atol=0)
    torch.testing.assert_close(view.depths, scene.depths * scene.pair_scales[0])


def test_a_pair_is_recovered_from_its_surer_direction() -> None:
    scene = wall(2)
    for base in (0, 1):
        row = scene.pairs.row(base, 1 - base)
        assert row is not None
        scene.pairs.confidences[row] += 10 * (base + 1)
        first, second = scene.pairs.row(0, 1), scene.pairs.row(1, 0)
        assert first is not None
        assert second is not None
        view = view_pair(scene.pairs, first, second, SIZE)
        assert view.posed.all()
        scale = scene.pair_scales[row]
        torch.testing.assert_close(view.depths, scene.depths * scale, rtol=1e-5, atol=0)
        torch.testing.assert_close(view.focals, torch.full((2,), FOCAL).double(), rtol=1e-6, atol=0)
        relative = torch.linalg.inv(view.c2w[0]) @ view.c2w[1]
        expected = torch.linalg.inv(scene.c2w[0]) @ scene.c2w[1]
        expected[:3, 3] *= scale
        torch.testing.assert_close(relative, expected, rtol=0, atol=1e-5)


def test_a_still_pair_and_known_focal_lengths() -> None:
    scene = wall(2, step=0.0, turn=0.0)
    known = torch.tensor([FOCAL, FOCAL], dtype=torch.float64)
    view = view_pair(scene.pairs, 0, 1, SIZE, focals=known)
    torch.testing.assert_close(view.c2w[0], view.c2w[1], rtol=0, atol=1e-5)


def test_points_that_determine_no_camera_leave_it_with_the_other() -> None:
    scene = wall(2)
    scene.pairs.points[:, 1] = float("nan")
    view = view_pair(scene.pairs, 0, 1, SIZE)
    assert view.posed.tolist().count(False) == 1
    assert torch.equal(view.c2w[0], view.c2w[1])
