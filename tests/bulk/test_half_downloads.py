"""What is left of downloads is told from what belongs to a scene."""

from pathlib import Path

from bulk.half_downloads import git_lfs_pointers, unfinished

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12345\n"


def test_pointers_are_told_by_their_content(tmp_path: Path) -> None:
    (tmp_path / "images.bin").write_bytes(POINTER)
    (tmp_path / "cameras.bin").write_bytes(b"version https")
    (tmp_path / "large.bin").write_bytes(POINTER + bytes(2000))
    (tmp_path / "folder").mkdir()
    assert git_lfs_pointers([tmp_path, tmp_path / "gone"]) == [tmp_path / "images.bin"]


def test_parts_are_told_by_their_names(tmp_path: Path) -> None:
    parts = {".cache", "scene.zip", "a.png.part", ".b.123.part.bin", "c.incomplete"}
    for name in parts | {"frame_1.png", "partition.json", "cache"}:
        (tmp_path / name).touch()
    assert {path.name for path in unfinished([tmp_path])} == parts
