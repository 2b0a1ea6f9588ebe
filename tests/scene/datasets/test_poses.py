import numpy as np
import pytest

from core.errors import UserError
from scene.datasets.poses import check_pose, is_rigid
from tests.scene.datasets.waymo_segments import pose


def test_rotations_and_translations_are_rigid() -> None:
    for yaw in np.linspace(-4, 4, 9):
        turned = pose(yaw, (1e5, -2e4, 3.0), pitch=0.3 * yaw)
        assert is_rigid(turned)
        check_pose(turned, "a pose")
        assert not is_rigid(turned * (1, 1, 1.01, 1))
        assert not is_rigid(turned @ np.diag([1.0, 1.0, -1.0, 1.0]))
        assert not is_rigid(turned + np.array([[0.0], [0], [0], [1e-6]]))


@pytest.mark.parametrize(("value", "told"), [(np.nan, "is not finite"), (2.0, "is no rotation")])
def test_what_is_no_pose_is_told(value: float, told: str) -> None:
    broken = np.eye(4)
    broken[1, 1] = value
    with pytest.raises(UserError, match=f"^the camera {told}"):
        check_pose(broken, "the camera")
