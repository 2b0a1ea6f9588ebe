from pathlib import Path

import pytest

from core.images import read_image
from scene.occupancy.files import write_occupancy
from scene.occupancy.look import distinct_names, main
from scene.occupancy.stored import StoredScene
from tests.scene.occupancy.streets import street


def test_videos_pictures_and_a_sheet(tmp_path: Path) -> None:
    write_occupancy(tmp_path / "scenes" / "a.npz", street(1))
    assert main([str(tmp_path / "scenes"), "-o", str(tmp_path / "out")]) == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"a.mp4", "a.png", "contact_sheet.png"}
    assert read_image(tmp_path / "out" / "a.png").shape[1] > 1000


def test_a_broken_scene_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.npz").write_bytes(b"no archive")
    assert main([str(tmp_path / "a.npz"), "-o", str(tmp_path / "out"), "--no-videos"]) == 2
    assert "a.npz" in capsys.readouterr().err


def test_scenes_of_one_name_get_files_of_their_own() -> None:
    names = ["a", "a", "contact_sheet", "a-2"]
    found = distinct_names([StoredScene(name, Path()) for name in names])
    assert len(set(found)) == 4
    assert "contact_sheet" not in found
    assert found[0] == "a"
