"""A browser's camera is sent to a pose exactly, and turns around what lies ahead."""

import numpy as np
import pytest
import viser
from scipy.spatial.transform import Rotation

from tests.viewer.conftest import Join
from viewer.eyes import eye
from viewer.going import go
from viewer.page import Page
from viewer.subject import Extent

EXTENT = Extent((-1.0, -1.0, -1.0), (1.0, 1.0, 1.0), (0.0, -1.0, 0.0))


def test_poses_of_any_kind(server: viser.ViserServer, join: Join, page: Page) -> None:
    join()
    page.close()
    client = next(iter(server.get_clients().values()))
    for seed in range(20):
        c2w = np.eye(4)
        c2w[:3, :3] = Rotation.random(random_state=seed).as_matrix()
        c2w[:3, 3] = np.random.default_rng(seed).normal(0, 3, 3)
        go(client, c2w, EXTENT, 0.6)
        camera = client.camera
        at = eye(camera.wxyz, camera.position, camera.fov, camera.image_width, camera.image_height)
        assert at is not None
        np.testing.assert_allclose(at.pose, c2w, atol=1e-6)
        assert at.fov == pytest.approx(0.6)
        ahead = camera.look_at - camera.position
        assert ahead @ c2w[:3, 2] == pytest.approx(np.linalg.norm(ahead))
        assert np.linalg.norm(ahead) >= 0.05 * EXTENT.size - 1e-6


def test_straight_down(server: viser.ViserServer, join: Join, page: Page) -> None:
    join()
    page.close()
    client = next(iter(server.get_clients().values()))
    down = np.eye(4)
    down[:3, :3] = [[1, 0, 0], [0, 0, 1], [0, -1, 0]]  # looks along +y, which is down
    down[:3, 3] = (0, -3, 0)
    go(client, down, EXTENT)
    np.testing.assert_allclose(client.camera.position, down[:3, 3], atol=1e-6)
