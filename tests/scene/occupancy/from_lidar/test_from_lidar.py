"""Real logs."""

from pathlib import Path

import pytest
import torch

from scene.occupancy.classes import CARLASC
from scene.occupancy.from_lidar.building import LidarOccupancy, LogVoxels
from scene.occupancy.from_lidar.sources import read_log


def median_drift(frames: list, moved_m: float) -> float:  # type: ignore[type-arg]
    """Metres that boxes of things at rest rise from one frame to the next."""
    first, last = ({box.track: box.world_from_box[:3, 3] for box in frames[row].boxes} for row in (0, -1))
    rises = [
        float(last[track][2] - place[2]) / (len(frames) - 1)
        for track, place in first.items()
        if track in last and float((last[track] - place)[:2].norm()) < moved_m
    ]
    assert len(rises) > 10
    return float(torch.tensor(rises).median())


@pytest.mark.data
def test_key_frames_of_nuscenes_are_levelled(captures: Path) -> None:
    source = captures / "nuscenes_occ11"
    if not source.is_dir():
        pytest.skip(f"{captures} has no nuscenes_occ11")
    log = read_log(source, CARLASC)
    assert len(log.frames) == 11
    voxels = LogVoxels(log, LidarOccupancy())
    assert 0.15 < median_drift(list(log.frames), 0.5) < 0.22
    assert abs(median_drift(voxels.frames, 0.5)) < 0.01
    classes, counts = voxels.frame(5)
    names = {CARLASC.names[kind] for kind in classes.unique().tolist()}
    assert {"free", "building", "road", "ground", "vegetation", "vehicle", "pedestrian"} <= names
    assert 0.05 < float((counts == 0).float().mean()) < 0.5
    road = classes == CARLASC.names.index("road")
    assert float(road[:, :, 0].sum() / road.sum()) > 0.9


@pytest.mark.data
def test_a_log_of_pandaset(captures: Path) -> None:
    """Frames without lidar are left out; one frame holds road, cars and houses."""
    source = captures / "pandaset_002"
    if not source.is_dir():
        pytest.skip(f"{captures} has no pandaset_002")
    log = read_log(source, CARLASC)
    assert [frame.number for frame in log.frames] == [*range(40, 56), 59]
    few = type(log)(log.name, log.class_set, log.frames[:4])
    classes, counts = LogVoxels(few, LidarOccupancy()).frame(1)
    shares = torch.bincount(classes.flatten().long(), minlength=12) / classes.numel()
    for name, least in (("road", 0.02), ("vehicle", 0.01), ("building", 0.005), ("sidewalk", 0.002)):
        assert float(shares[CARLASC.names.index(name)]) > least, name
    assert 0.1 < float((counts == 0).float().mean()) < 0.6
