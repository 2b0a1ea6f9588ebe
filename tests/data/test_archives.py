"""Archives of a server on this machine: whole, in parts, cut off, damaged, too large, and malicious."""

import gzip
import io
import shutil
import tarfile
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from core.errors import UserError
from data import archives
from data.archives import Archive, fetch_and_unpack, unpack
from tests.data.servers import serving

FILES = {"set/a.txt": b"first " * 5000, "set/deep/b.bin": bytes(range(256)) * 40}


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("set") if hasattr(archive, "mkdir") else None
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def tarred(files: dict[str, bytes], *, kind: bytes = tarfile.REGTYPE) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd" if kind != tarfile.REGTYPE else ""
            member.size = len(data) if kind == tarfile.REGTYPE else 0
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_a_zip_is_fetched_once_and_unpacked(tmp_path: Path) -> None:
    with serving({"/a.zip": zipped(FILES)}) as (address, handler):
        archive = Archive((f"{address}/a.zip",))
        fetch_and_unpack(archive, tmp_path / "new")
        assert contents(tmp_path / "new") == FILES | {".a.zip.unpacked": b""}
        fetch_and_unpack(archive, tmp_path / "new")
        assert handler.ranges == [None]


def test_a_tar_in_parts_is_joined_and_may_be_kept(tmp_path: Path) -> None:
    data = tarred(FILES)
    cuts = [data[:50], data[50:51], data[51:]]
    served = {f"/t.tar.gz.parta{letter}": cut for letter, cut in zip("abc", cuts, strict=True)}
    with serving(served) as (address, _):
        archive = Archive(tuple(address + name for name in served))
        assert archive.name == "t.tar.gz"
        fetch_and_unpack(archive, tmp_path, keep=True)
    found = contents(tmp_path)
    assert {name: found[name] for name in FILES} == FILES
    assert b"".join(found[name[1:]] for name in served) == data
    assert len(found) == len(FILES) + len(served) + 1


def test_a_download_that_was_cut_off_goes_on(tmp_path: Path) -> None:
    data = zipped(FILES)
    with serving({"/a.zip": data}) as (address, handler):
        archive = Archive((f"{address}/a.zip",))
        handler.breaks_off_after = 100
        with pytest.raises(UserError, match=rf"ended after 100 of {len(data)} bytes; run the same command"):
            fetch_and_unpack(archive, tmp_path)
        assert contents(tmp_path) == {"a.zip.part": data[:100]}
        handler.breaks_off_after = None
        fetch_and_unpack(archive, tmp_path)
        assert handler.ranges == [None, "bytes=100-"]
    assert contents(tmp_path) == FILES | {".a.zip.unpacked": b""}


def test_what_the_server_has_not_is_one_sentence(tmp_path: Path) -> None:
    missing = pytest.raises(UserError, match=r"a\.zip: Not Found; its server has no such file")
    with serving({}) as (address, _), missing:
        fetch_and_unpack(Archive((f"{address}/a.zip",)), tmp_path)
    with pytest.raises(UserError, match="check the network"):
        fetch_and_unpack(Archive((f"{address}/a.zip",)), tmp_path)
    assert contents(tmp_path) == {}


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.zip", flipped(zipped(FILES), 60)),
        ("a.zip", b"no archive at all"),
        ("a.tar.gz", flipped(tarred(FILES), -6)),  # of the sum at the end
        ("a.tar.gz", tarred(FILES)[:-30]),
        ("a.tar.gz", gzip.compress(b"no tar" * 500)),
    ],
    ids=["flipped zip", "no zip", "flipped tar", "cut tar", "no tar"],  # bytes of tar files tell the time
)
def test_a_damaged_archive_is_removed_and_nothing_of_it_is_kept(
    tmp_path: Path, name: str, data: bytes
) -> None:
    damaged = pytest.raises(UserError, match=r"is damaged .* and was removed; run the same command again")
    with serving({f"/{name}": data}) as (address, _), damaged:
        fetch_and_unpack(Archive((f"{address}/{name}",)), tmp_path)
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("name", ["../out.txt", "/out.txt", "set/../../out.txt", "set\\..\\out", "c:out"])
@pytest.mark.parametrize("form", ["a.zip", "a.tar.gz"])
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, form: str, name: str) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    files = {**FILES, name: b"gotcha"}
    (folder / form).write_bytes(zipped(files) if form == "a.zip" else tarred(files))
    with pytest.raises(UserError, match="leads out of its folder; nothing of it was unpacked"):
        unpack([folder / form], folder)
    assert set(contents(tmp_path)) == {f"inner/{form}"}


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_refused(tmp_path: Path, kind: bytes) -> None:
    (tmp_path / "a.tar.gz").write_bytes(tarred({"set/link": b""}, kind=kind))
    with pytest.raises(UserError, match="no plain file"):
        unpack([tmp_path / "a.tar.gz"], tmp_path)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        member = zipfile.ZipInfo("set/link")
        member.external_attr = 0o120777 << 16
        archive.writestr(member, "/etc/passwd")
    with pytest.raises(UserError, match="no plain file"):
        unpack([tmp_path / "a.zip"], tmp_path)
    assert set(contents(tmp_path)) == {"a.tar.gz", "a.zip"}


def test_what_does_not_fit_is_not_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = zipped(FILES)
    # Room for the archive, and none for what is in it.
    with serving({"/a.zip": data}) as (address, handler):
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=len(data)))
        with pytest.raises(UserError, match="GB are free; free some space or choose another folder"):
            fetch_and_unpack(Archive((f"{address}/a.zip",)), tmp_path)
        assert handler.ranges == []
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(UserError, match=r"what is in a\.zip takes"):
        unpack([tmp_path / "a.zip"], tmp_path)
    assert set(contents(tmp_path)) == {"a.zip"}


def test_a_tar_that_does_not_fit_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tarred(FILES)
    (tmp_path / "a.tar.gz").write_bytes(data)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=2**26 + 20_000))
    with pytest.raises(UserError, match=r"set/a\.txt of a\.tar\.gz takes .* free some space"):
        unpack([tmp_path / "a.tar.gz"], tmp_path)
    assert set(contents(tmp_path)) == {"a.tar.gz"}


def test_what_was_fetched_already_needs_room_to_be_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tarred(FILES)
    for name, have in (("a.tar.gz", len(data)), ("a.tar.gz.part", len(data) - 1)):
        (tmp_path / name).write_bytes(data[:have])
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=2**26 + len(data) - 1))
        with serving({"/a.tar.gz": data}) as (address, handler):
            with pytest.raises(UserError, match=r"a\.tar\.gz takes .* free some space"):
                fetch_and_unpack(Archive((f"{address}/a.tar.gz",)), tmp_path)
            assert handler.ranges == []
        (tmp_path / name).unlink()


@pytest.mark.parametrize(
    ("field", "value", "told"), [(8, 1, "encrypted"), (10, 97, "packed in an unusual way")]
)
def test_what_cannot_be_unpacked_is_one_sentence(tmp_path: Path, field: int, value: int, told: str) -> None:
    data = bytearray(zipped(FILES))
    member = data.rindex(b"PK\x01\x02")  # its entry in the directory: flags at 8, method at 10
    data[member + field] = value
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(UserError, match=rf"a\.zip holds 'set/deep/b\.bin', which is {told}; unpack it"):
        unpack([tmp_path / "a.zip"], tmp_path)
    assert set(contents(tmp_path)) == {"a.zip"}


def test_what_was_there_stays(tmp_path: Path) -> None:
    """Archives that share a folder fill it together."""
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "mine.txt").write_bytes(b"mine")
    (tmp_path / "a.zip").write_bytes(zipped(FILES))
    archives.unpack([tmp_path / "a.zip"], tmp_path)
    assert contents(tmp_path / "set")["mine.txt"] == b"mine"
    assert contents(tmp_path)["set/a.txt"] == FILES["set/a.txt"]
