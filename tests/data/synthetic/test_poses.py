"""Turns are about x, then y, then z."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from data.synthetic.poses import inverse, pose

ANGLES = st.floats(-400, 400)


@given(roll=ANGLES, pitch=ANGLES, yaw=ANGLES)
def test_a_pose_is_scipys(roll: float, pitch: float, yaw: float) -> None:
    transform = pose((1.0, -2.0, 3), roll=roll, pitch=pitch, yaw=yaw)
    expected = Rotation.from_euler("xyz", (roll, pitch, yaw), degrees=True).as_matrix()
    np.testing.assert_allclose(transform[:3, :3], expected, atol=1e-12)
    np.testing.assert_array_equal(transform[:, 3], (1, -2, 3, 1))
    np.testing.assert_allclose(inverse(transform) @ transform, np.eye(4), atol=1e-12)
