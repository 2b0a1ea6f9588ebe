"""CarlaSC: written and read, and one sentence for each way in which files can be wrong."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import UserError
from scene.datasets.carlasc import (
    CLASS_WEIGHTS,
    FROM_RAW,
    RAW_VOXEL_COUNTS,
    is_carlasc,
    merged_counts,
    open_carlasc,
    read_grid,
    read_scene,
)
from scene.occupancy.classes import CARLASC
from scene.occupancy.sequence import CARLASC_GRID
from tests.scene.occupancy.recordings import GRID, poses_on_arc, write_carlasc


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Three scenes, in a folder whose name would mislead who replaces "label" in paths."""
    root = tmp_path / "my labels" / "Cartesian"
    for name in ("Train/Town02_Light", "Train/Town01_Heavy", "Test/Town10_Light"):
        write_carlasc(root / name)
    return root


def evaluation(source: Path) -> Path:
    return source / "Train" / "Town01_Heavy" / "cartesian" / "evaluation"


@pytest.mark.parametrize("above", [0, 1])
def test_scenes_are_found_in_order(source: Path, above: int) -> None:
    folder = source if above == 0 else source.parent
    assert is_carlasc(folder)
    data = open_carlasc(folder)
    assert data.name == "carlasc"
    assert [scene.name for scene in data.train] == ["Town01_Heavy", "Town02_Light"]
    assert [scene.name for scene in data.test] == ["Town10_Light"]
    assert data.train[0].frame_names == ("000000", "000001", "000002")
    assert data.train[0].class_set is CARLASC


def test_voxels_masks_and_poses(tmp_path: Path) -> None:
    raw = write_carlasc(tmp_path / "labels" / "Town01_Light")
    got = read_scene(tmp_path / "labels" / "Town01_Light").read([2, 0])
    for row, frame in enumerate((2, 0)):
        expected = [FROM_RAW[value] for value in raw[frame].flatten()]
        assert got.classes[row].flatten().tolist() == expected
        assert got.invalid is not None
        assert np.array_equal(got.invalid[row].numpy(), raw[frame] % 3 == 0)
    assert got.world_from_ego is not None
    torch.testing.assert_close(got.world_from_ego, poses_on_arc(3, 0.1)[[2, 0]])
    assert got.grid.size == GRID.size
    assert got.grid.origin_m == GRID.origin_m
    assert got.grid.voxel_m == pytest.approx(GRID.voxel_m)


def test_masks_are_optional(source: Path) -> None:
    for file in evaluation(source).glob("*.bin"):
        file.unlink()
    assert open_carlasc(source).train[0].read([0, 1]).invalid is None


def test_validation_is_scored_on_where_there_is_no_test(source: Path) -> None:
    shutil.move(source / "Test", source / "Val")
    assert [scene.name for scene in open_carlasc(source).test] == ["Town10_Light"]


def test_a_files_number_is_the_row_of_its_pose(source: Path) -> None:
    (evaluation(source) / "000000.label").unlink()
    poses = open_carlasc(source).train[0].world_from_ego
    assert poses is not None
    torch.testing.assert_close(poses, poses_on_arc(3, 0.1)[1:])


def test_the_grid_without_parameters_is_carlascs(tmp_path: Path) -> None:
    assert read_grid(tmp_path / "params.json") == CARLASC_GRID


def test_published_counts() -> None:
    assert len(RAW_VOXEL_COUNTS) == len(FROM_RAW) == 23
    assert sum(RAW_VOXEL_COUNTS) == 32400 * 128 * 128 * 8
    counts = merged_counts()
    assert int(counts.sum()) == sum(RAW_VOXEL_COUNTS)
    assert int(counts[11]) == 0
    shares = (100 * counts / counts.sum()).tolist()
    assert shares[:6] == pytest.approx([88.62, 0.93, 0.84, 0.17, 0.013, 0.057], abs=6e-3)
    assert shares[6:] == pytest.approx([4.43, 1.74, 2.47, 0.49, 0.23, 0], abs=6e-3)


def test_published_weights() -> None:
    """As the original computes them."""
    expected = [
        0.9999999999623881, 4.561857308468388, 4.720315158787623, 8.080838415477203,
        19.02470199114648, 11.572898471276064, 2.7154846520416425, 3.7083494530447028,
        3.29677277784561, 5.655025157443391, 7.2338231708524505, 2069.43206098252,
    ]  # fmt: skip
    assert CLASS_WEIGHTS.tolist() == pytest.approx(expected, rel=1e-9)


def rewrite(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("000001.label", lambda content: content[:-4], r"000001\.label has 188 bytes; a grid of 6 x 4 x 2"),
        ("000001.label", lambda content: content + b"\0\0\0\0", r"has 196 bytes.*takes 192"),
        ("000001.bin", lambda content: content[:-1], r"000001\.bin has 191 bytes"),
        ("000001.label", lambda content: b"\x17\0\0\0" + content[4:], r"000001\.label holds class 23"),
        ("000001.label", lambda content: b"\xff" * 4 + content[4:], r"holds class 4294967295"),
    ],
)
def test_broken_voxels(source: Path, name: str, change: Callable[[bytes], bytes], message: str) -> None:
    rewrite(evaluation(source) / name, change)
    scene = open_carlasc(source).train[0]
    assert len(scene.read([0])) == 1, "the other frames are sound"
    with pytest.raises(UserError, match=message):
        scene.read([1])


def test_voxels_that_went_away(source: Path) -> None:
    scene = open_carlasc(source).train[0]
    (evaluation(source) / "000001.label").unlink()
    with pytest.raises(UserError, match=r"cannot read .*000001\.label: it does not exist"):
        scene.read([1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows[:2], "has 2 poses and there are frames up to 2"),
        (lambda rows: [rows[0], "1 2 3", rows[2]], "line 2: 12 numbers were expected, got 3"),
        (lambda rows: [rows[0], rows[1].replace("0.", "x."), rows[2]], "line 2: numbers were expected"),
        (lambda rows: [rows[0], rows[1], "nan " * 12], "row 3 is not finite"),
        (lambda rows: [rows[0], "2 " * 12, rows[2]], "row 2 is no rotation"),
    ],
)
def test_broken_poses(source: Path, change: Callable[[list[str]], list[str]], message: str) -> None:
    path = evaluation(source).parent / "poses.txt"
    path.write_text("\n".join(change(path.read_text().splitlines())))
    with pytest.raises(UserError, match=message):
        open_carlasc(source)


def test_missing_poses(source: Path) -> None:
    (evaluation(source).parent / "poses.txt").unlink()
    with pytest.raises(UserError, match=r"cannot read .*poses\.txt"):
        open_carlasc(source)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"grid_size": [6, 4]}, "with 3 numbers each were expected"),
        ({"grid_size": [6.5, 4, 2]}, "with 3 numbers each were expected"),
        ({"min_bound": [9, 9, 9]}, "with 3 numbers each were expected"),
        ({"max_bound": "high"}, "with 3 numbers each were expected"),
        ({"coordinates": "cylindrical"}, "take the files of Cartesian"),
    ],
)
def test_broken_parameters(source: Path, parameters: dict[str, object], message: str) -> None:
    path = evaluation(source) / "params.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | parameters))
    with pytest.raises(UserError, match=message):
        open_carlasc(source)


@pytest.mark.parametrize("text", ["[1, 2]", "{", "null"])
def test_parameters_that_are_none(source: Path, text: str) -> None:
    (evaluation(source) / "params.json").write_text(text)
    with pytest.raises(UserError, match=r"params\.json"):
        open_carlasc(source)


def test_names_must_be_numbers(source: Path) -> None:
    (evaluation(source) / "first.label").write_bytes(b"")
    with pytest.raises(UserError, match=r"names such as 000000\.label"):
        open_carlasc(source)


def test_an_empty_scene(source: Path) -> None:
    for file in evaluation(source).glob("*.label"):
        file.unlink()
    with pytest.raises(UserError, match=r"holds no \.label files"):
        open_carlasc(source)


def test_another_folder_is_not_carlasc(tmp_path: Path) -> None:
    assert not is_carlasc(tmp_path)
    with pytest.raises(UserError, match="is not CarlaSC"):
        open_carlasc(tmp_path / "nowhere")


def test_the_time_between_frames_is_that_of_its_file(source: Path) -> None:
    """Where there is none, CarlaSC's own."""
    folder = source / "Train" / "Town01_Heavy"
    times = folder / "cartesian" / "times.txt"
    times.unlink(missing_ok=True)
    assert read_scene(folder).seconds_per_frame == 0.1
    times.write_text("".join(f"{1e9 + 0.5 * frame + 0.001 * (frame % 2):.6f}\n" for frame in range(9)))
    assert read_scene(folder).seconds_per_frame == pytest.approx(0.5, abs=0.002)
    times.write_text("3.0\n2.0\n1.0\n")
    with pytest.raises(UserError, match=r"times\.txt: times that grow were expected"):
        read_scene(folder)
