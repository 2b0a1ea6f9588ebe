import zlib
from pathlib import Path

import numpy as np
import pytest

from core.errors import UserError
from scene.datasets.waymo.frames import LASERS, RangeImage, WaymoFrame
from scene.datasets.waymo.ground import ground_points
from scene.datasets.waymo.lidar import columns_of, lidar_rows, read_rows
from scene.datasets.waymo.range_images import decompressed_matrix, laser_points
from scene.datasets.waymo.read import decode_frame
from scene.datasets.waymo.wire import WireError
from scene.datasets.waymo.write import compressed_matrix, encode_frame
from tests.scene.datasets.waymo_segments import frame, vehicle


def expected_points(taken: WaymoFrame, laser: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Origin and point of each return, pixel by pixel, as 4x4 matrices say."""
    image, calibration = taken.range_images[laser], taken.laser_calibrations[laser]
    height, width, _ = image.values.shape
    inclinations = list(calibration.inclinations)
    if not inclinations:
        low, high = calibration.inclination_min, calibration.inclination_max
        inclinations = [low + (row + 0.5) / height * (high - low) for row in range(height)]
    pose = calibration.vehicle_from_laser
    result = []
    for row in range(height):
        for column in range(width):
            distance = float(image.values[row, column, 0])
            if distance <= 0:
                continue
            azimuth = (2 * (width - column - 0.5) / width - 1) * np.pi - np.arctan2(pose[1, 0], pose[0, 0])
            up = inclinations[height - 1 - row]
            ray = [np.cos(azimuth) * np.cos(up), np.sin(azimuth) * np.cos(up), np.sin(up)]
            chain = pose
            if image.pixel_poses is not None:
                moment = vehicle_of(image.pixel_poses[row, column])
                chain = np.linalg.inv(taken.world_from_vehicle) @ moment @ pose
            result.append((chain[:3, 3], (chain @ [*(distance * np.array(ray)), 1.0])[:3]))
    return result


def vehicle_of(six: np.ndarray) -> np.ndarray:
    roll, pitch, yaw = (float(value) for value in six[:3])
    x = np.array([[1, 0, 0], [0, np.cos(roll), -np.sin(roll)], [0, np.sin(roll), np.cos(roll)]])
    y = np.array([[np.cos(pitch), 0, np.sin(pitch)], [0, 1, 0], [-np.sin(pitch), 0, np.cos(pitch)]])
    z = np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
    matrix = np.eye(4)
    matrix[:3, :3] = z @ y @ x
    matrix[:3, 3] = six[3:].astype(np.float64)
    return matrix


@pytest.mark.parametrize("laser", ["TOP", "REAR"])
def test_points_come_back_from_a_written_frame(laser: str) -> None:
    taken = frame(2)
    read = decode_frame(encode_frame(taken))
    image, calibration = read.range_images[laser], read.laser_calibrations[laser]
    points = laser_points(image, calibration, read.world_from_vehicle)
    expected = expected_points(taken, laser)
    assert len(expected) == len(points.xyz)
    np.testing.assert_allclose(points.origins, [origin for origin, _ in expected], atol=1e-7)
    np.testing.assert_allclose(points.xyz, [xyz for _, xyz in expected], atol=1e-7)


def test_rows_go_down_and_columns_clockwise_from_behind() -> None:
    taken = frame(0)
    values = np.ones((6, 40, 4), np.float32)
    calibration = taken.laser_calibrations["TOP"]
    points = laser_points(RangeImage(values), calibration, vehicle(0))
    rays = (points.xyz - points.origins).reshape(6, 40, 3)
    assert (np.diff(rays[..., 2], axis=0) < 0).all()
    azimuths = np.arctan2(rays[..., 1], rays[..., 0])
    assert (np.diff(np.unwrap(azimuths, axis=1), axis=1) < 0).all()
    assert np.abs(azimuths[3, 0]) == pytest.approx(np.pi, abs=0.15)


def test_rows_of_numbers() -> None:
    taken = frame(1, flow=True)
    assert (columns_of(taken), columns_of(frame(1))) == (14, 10)
    table = lidar_rows(taken, 14)
    short = lidar_rows(taken, 10)
    np.testing.assert_array_equal(np.delete(table, range(6, 10), axis=1), short)
    laser = table[:, -1]
    assert set(laser) == {float(LASERS.index("TOP")), float(LASERS.index("REAR"))}
    top = taken.range_images["TOP"]
    there = top.values[..., 0] > 0
    assert top.flow is not None
    np.testing.assert_array_equal(table[laser == 0, 6:10], top.flow[there])
    np.testing.assert_array_equal(table[laser == 0, 11:13], top.values[there, 1:3])
    np.testing.assert_array_equal(table[:, 10], ground_points(table[:, 3:6].astype(np.float64)))


@pytest.mark.parametrize("columns", [10, 14])
def test_columns_are_told_from_the_numbers(tmp_path: Path, columns: int) -> None:
    table = lidar_rows(frame(1, flow=True), columns)  # pyright: ignore[reportArgumentType]
    table = table[: len(table) // 70 * 70]  # divisible by both
    (tmp_path / "000.bin").write_bytes(table.tobytes())
    rows = read_rows(tmp_path / "000.bin")
    np.testing.assert_array_equal(rows.xyz, table[:, 3:6])
    np.testing.assert_array_equal(rows.origins, table[:, :3])
    np.testing.assert_array_equal(rows.intensity, table[:, -3])
    np.testing.assert_array_equal(rows.laser, table[:, -1])


@pytest.mark.parametrize("shape", [(7, 10), (3, 9)])
def test_numbers_that_are_no_lidar_are_refused(tmp_path: Path, shape: tuple[int, int]) -> None:
    np.random.default_rng(0).normal(size=shape).astype(np.float32).tofile(tmp_path / "000.bin")
    with pytest.raises(UserError, match=rf"000\.bin holds {np.prod(shape)} numbers"):
        read_rows(tmp_path / "000.bin")


def test_ground_is_what_lies_on_or_below_a_tilted_plane() -> None:
    random = np.random.default_rng(0)
    flat = random.uniform(-20, 20, (300, 2))
    plane = np.column_stack([flat, 0.02 * flat[:, 0] + random.normal(0, 0.03, 300)])
    above = plane[:100] + np.array([0.0, 0.0, 1.5])
    assert ground_points(plane).all()
    np.testing.assert_array_equal(ground_points(np.concatenate([plane, above])), [True] * 300 + [False] * 100)
    assert not ground_points(plane[:2]).any()


def test_a_matrix_survives_compression() -> None:
    values = np.random.default_rng(1).normal(size=(3, 5, 4)).astype(np.float32)
    np.testing.assert_array_equal(decompressed_matrix(compressed_matrix(values)), values)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"no zlib", "does not decompress"),
        (zlib.compress(b""), "0 numbers for the shape"),
        (b"", "decompress"),
    ],
)
def test_a_broken_matrix_is_refused(data: bytes, told: str) -> None:
    with pytest.raises(WireError, match=told):
        decompressed_matrix(data)
