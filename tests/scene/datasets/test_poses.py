import numpy as np
import pytest

from core.errors import UserError
from scene.datasets.poses import check_pose, is_rigid, pose_of
from tests.scene.datasets.waymo_segments import pose


def test_rotations_and_translations_are_rigid() -> None:
    for yaw in np.linspace(-4, 4, 9):
        turned = pose(yaw, (1e5, -2e4, 3.0), pitch=0.3 * yaw)
        assert is_rigid(turned)
        check_pose(turned, "a pose")
        assert not is_rigid(turned * (1, 1, 1.01, 1))
        assert not is_rigid(turned @ np.diag([1.0, 1.0, -1.0, 1.0]))
        assert not is_rigid(turned + np.array([[0.0], [0], [0], [1e-6]]))


def test_poses_of_numbers() -> None:
    """Angles of rotations about an axis add up; what is no unit quaternion is refused."""
    for half in np.linspace(-1.5, 1.5, 7):
        turned = pose_of([np.cos(half), 0.0, 0.0, np.sin(half)], [1e5, 2.0, 3.0])
        np.testing.assert_allclose(turned, pose(2 * half, (1e5, 2.0, 3.0)), atol=1e-12)
    for quat in ([0.0] * 4, [2.0, 0.0, 0.0, 0.0], [np.nan, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0]):
        with pytest.raises(ValueError, match="a rotation of length 1"):
            pose_of(quat, [0.0] * 3)


@pytest.mark.parametrize(("value", "told"), [(np.nan, "is not finite"), (2.0, "is no rotation")])
def test_what_is_no_pose_is_told(value: float, told: str) -> None:
    broken = np.eye(4)
    broken[1, 1] = value
    with pytest.raises(UserError, match=f"^the camera {told}"):
        check_pose(broken, "the camera")
