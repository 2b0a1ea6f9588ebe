import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest

from core.errors import UserError
from core.files import read_json
from scene.boxes import points_inside
from scene.datasets import pandaset_convert
from scene.datasets.pandaset import read_poses
from scene.datasets.street import open_log
from tests.scene.datasets.published_tables import write_table
from tests.scene.datasets.test_pandaset import FRAMES, ego, log

__all__ = ["log"]  # a fixture


@pytest.fixture
def published(log: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log as it would be published: sweeps and boxes in the world, as pickled tables."""
    root = tmp_path_factory.mktemp("published") / "raw"
    source = Path(shutil.copytree(log, root / "002"))
    poses = read_poses(source / "lidar")
    for path in (source / "lidar").glob("*.npz"):
        with np.load(path) as arrays:
            own, labels = arrays["xyz_5mm_int16"] * 0.005, arrays["semseg"].tolist()
        path.unlink()
        pose = poses[int(path.stem)]
        # One return of the other lidar, and one that is too far away.
        own = np.concatenate([own, [[1.0, 9.0, 0.5], [0.0, 199.0, 1.0]]])
        xyz = own @ pose[:3, :3].T + pose[:3, 3]
        kinds = [0] * (len(own) - 2) + [1, 0]
        columns = {axis: xyz[:, place].tolist() for place, axis in enumerate("xyz")}
        columns |= {"i": np.arange(len(own), dtype=float).tolist(), "t": [100.0] * len(own), "d": kinds}
        write_table(path.with_suffix(".pkl.gz"), columns)
        write_table(
            source / "annotations" / "semseg" / path.with_suffix(".pkl.gz").name, {"class": [*labels, 5, 6]}
        )
    stored = source / "annotations" / "cuboids.json"
    for number, boxes in read_json(stored).items():
        columns = {name: [box[name] for box in boxes] for name in ("uuid", "label", "yaw")}
        columns |= {"stationary": [box["uuid"] == "parked" for box in boxes]}
        for name in ("position", "dimensions"):
            columns |= {f"{name}.{axis}": [box[name][i] for box in boxes] for i, axis in enumerate("xyz")}
        columns |= {"cuboids.sensor_id": [-1] * len(boxes)}
        write_table(source / "annotations" / "cuboids" / f"{int(number):02d}.pkl.gz", columns)
    stored.unlink()
    return root


def convert(root: Path, *words: str) -> int:
    return pandaset_convert.main(["--data-root", str(root), "--target-dir", str(root.parent / "out"), *words])


def test_a_log_comes_back(log: Path, published: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match="--scene-ids 002"):
        open_log(published / "002")
    assert convert(published, "--scene-ids", "002") == 0
    made = published.parent / "out" / "002"
    found, expected = open_log(made), open_log(log)
    assert found.image_names == expected.image_names
    assert found.drive is not None
    assert expected.drive is not None
    assert found.drive.boxes is not None
    assert expected.drive.boxes is not None
    for row in range(len(FRAMES)):
        sweep, other = found.drive.sweeps[row], expected.drive.sweeps[row]
        assert (sweep is None) == (other is None)
        if sweep is not None and other is not None:
            np.testing.assert_allclose(sweep.xyz, other.xyz, atol=1e-5)
            np.testing.assert_allclose(sweep.intensity, other.intensity)
        for box, same in zip(found.drive.boxes[row], expected.drive.boxes[row], strict=True):
            assert (box.track, box.label, box.lidar_points) == (same.track, same.label, same.lidar_points)
            np.testing.assert_allclose(box.world_from_box, same.world_from_box, atol=1e-12)
    for path in (log / "lidar").glob("*.npz"):
        with np.load(path) as arrays, np.load(made / "lidar" / path.name) as others:
            assert np.array_equal(others["semseg"], arrays["semseg"])
    moving = next(box for box in found.drive.boxes[1] if box.track == "moving")
    assert int(points_inside(moving, found.drive.sweeps[1].xyz).sum()) == 12  # pyright: ignore[reportOptionalMemberAccess]
    np.testing.assert_allclose(read_poses(made / "lidar")[3][:3, 3], ego(3))
    capsys.readouterr()
    assert convert(published) == 0
    assert "out/002 is there" in capsys.readouterr().err


def test_a_log_is_whole_or_absent(published: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = published / "002" / "lidar" / "04.pkl.gz"
    data = path.read_bytes()
    out = published.parent / "out"
    for wrong, told in ((data[:-9], "is cut off"), (gzip.compress(b"cos\nsystem\n."), "asks for os.system")):
        path.write_bytes(wrong)
        assert convert(published, "--scene-ids", "002") == 2
        assert told in capsys.readouterr().err
        assert not list(out.iterdir())
    write_table(path, {name: ["a"] for name in "xyzid"})
    assert convert(published) == 2
    assert "04.pkl.gz holds other things than numbers" in capsys.readouterr().err
    path.write_bytes(data)
    write_table(published / "002" / "annotations" / "cuboids" / "03.pkl.gz", {"uuid": ["a"]})
    assert convert(published) == 2
    assert "03.pkl.gz has no column label; it has uuid" in capsys.readouterr().err
    assert convert(published, "--scene-ids", "003") == 2
    assert "holds no log 003 of PandaSet" in capsys.readouterr().err
    assert not list(out.iterdir())


def test_classes_are_left_out_where_there_are_none(published: Path) -> None:
    shutil.rmtree(published / "002" / "annotations" / "semseg")
    assert convert(published) == 0
    with np.load(published.parent / "out" / "002" / "lidar" / "03.npz") as arrays:
        assert sorted(arrays) == ["intensity", "xyz_5mm_int16"]


@pytest.mark.parametrize("classes", [[5], [300] * 15, [0.5] * 15])
def test_classes_that_do_not_fit_are_told(
    published: Path, classes: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    write_table(published / "002" / "annotations" / "semseg" / "03.pkl.gz", {"class": classes})
    assert convert(published) == 2
    assert "for each of 15 returns was expected" in capsys.readouterr().err
    assert not (published.parent / "out" / "002").exists()
