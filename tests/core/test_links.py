"""A second name, or a copy where there can be none."""

import errno
import os
from pathlib import Path

import pytest

from core.errors import UserError
from core.links import link_or_copy


def test_a_link_is_the_same_file(tmp_path: Path) -> None:
    source, target = tmp_path / "a.png", tmp_path / "deep" / "b.png"
    source.write_bytes(b"photograph")
    assert link_or_copy(source, target)
    assert source.samefile(target)
    assert link_or_copy(source, target), "again changes nothing"
    assert sorted(path.name for path in target.parent.iterdir()) == ["b.png"]


def test_what_has_the_name_is_replaced(tmp_path: Path) -> None:
    source, target = tmp_path / "a.png", tmp_path / "b.png"
    source.write_bytes(b"new")
    target.write_bytes(b"old")
    other = tmp_path / "c.png"
    os.link(target, other)
    link_or_copy(source, target)
    assert target.read_bytes() == b"new"
    assert other.read_bytes() == b"old", "other names of the old file keep it"


def test_without_links_it_is_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, "cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    source, target = tmp_path / "a.png", tmp_path / "b.png"
    source.write_bytes(b"photograph")
    assert not link_or_copy(source, target)
    assert target.read_bytes() == b"photograph"
    assert not source.samefile(target)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot write .*b\.png: it does not exist"):
        link_or_copy(tmp_path / "a.png", tmp_path / "b.png")
    assert list(tmp_path.iterdir()) == []
