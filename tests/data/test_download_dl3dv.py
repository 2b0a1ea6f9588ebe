"""DL3DV from a server on this machine: two archives become one scene, and who is not let in is told."""

from pathlib import Path

import pytest

from bulk.datasets import discover
from data import download_dl3dv
from data.download_dl3dv import main
from tests.data.servers import Files, serving
from tests.data.test_archives import zipped

A, B, C = ("a" * 64, "b" * 64, "c" * 64)
LIST = f"hash,batch\n{A},1K\n{B},1K\n{C},2K\n".encode()


def files(scene: str, subset: str = "1K") -> dict[str, bytes]:
    images = {f"{scene}/images_4/frame_00001.png": b"png", f"{scene}/transforms.json": b"{}"}
    model = {f"{scene}/colmap/sparse/0/cameras.bin": b"bin"}
    return {
        f"/DL3DV-ALL-960P/resolve/main/{subset}/{scene}.zip": zipped(images),
        f"/DL3DV-ALL-ColmapCache/resolve/main/{subset}/{scene}.zip": zipped(model),
    }


def use(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setattr(download_dl3dv, "SERVER", address)
    monkeypatch.setattr(download_dl3dv, "LIST", f"{address}/list.csv")


def test_images_and_model_become_one_scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving({"/list.csv": LIST, **files(A), **files(B)}) as (address, server):
        use(monkeypatch, address)
        assert main(["--to", str(tmp_path)]) == 0
        asked = len(server.ranges)
        assert main(["--to", str(tmp_path)]) == 0
        assert len(server.ranges) == asked, "what is there is not fetched again"
    found = discover("dl3dv", tmp_path)
    assert [scene.name for scene in found] == [A, B]
    assert found[0].folder == tmp_path / "1K" / A
    names = {path.relative_to(found[0].folder).as_posix() for path in found[0].folder.rglob("*.*")}
    assert {"images_4/frame_00001.png", "transforms.json", "colmap/sparse/0/cameras.bin"} <= names
    assert not list((tmp_path / "1K").glob("*.zip"))


def test_a_download_that_broke_off_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving({"/list.csv": LIST, **files(A)}) as (address, server):
        use(monkeypatch, address)
        monkeypatch.setattr(server, "breaks_off_after", 200)
        assert main(["--to", str(tmp_path), "--scenes", A]) == 2
        monkeypatch.setattr(server, "breaks_off_after", None)
        assert main(["--to", str(tmp_path), "--scenes", A]) == 0
        assert "bytes=200-" in server.ranges


def test_scenes_are_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving({"/list.csv": LIST, **files(A), **files(C, "2K")}) as (address, _):
        use(monkeypatch, address)
        assert main(["--to", str(tmp_path), "--subset", "1K", "2K", "--first", "1"]) == 0
    assert [scene.name for scene in discover("dl3dv", tmp_path, ["1K", "2K"])] == [A, C]


def test_an_unknown_scene(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving({"/list.csv": LIST}) as (address, _):
        use(monkeypatch, address)
        assert main(["--to", str(tmp_path), "--scenes", "d" * 64]) == 2
    assert "DL3DV lists no such scene" in capsys.readouterr().err


def test_scenes_that_are_not_there_do_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (images, *_) = files(A)
    without = {path: content for path, content in files(A).items() if path != images}
    with serving({"/list.csv": LIST, **without, **files(B)}) as (address, _):
        use(monkeypatch, address)
        assert main(["--to", str(tmp_path)]) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert f"lacks 1K/{A} in DL3DV-ALL-960P; all else is in {tmp_path}" in told
    assert (tmp_path / "1K" / B / "images_4").is_dir()


def test_who_is_not_let_in_learns_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The server lets in whoever shows a token."""

    def lets_in(handler: Files) -> bool:
        return handler.path == "/list.csv" or handler.headers["Authorization"] == "Bearer secret"

    with serving({"/list.csv": LIST, **files(A)}) as (address, server):
        use(monkeypatch, address)
        send_head, send = Files.do_HEAD, Files.do_GET
        monkeypatch.setattr(
            server, "do_HEAD", lambda self: send_head(self) if lets_in(self) else self.send_error(401)
        )
        monkeypatch.setattr(
            server, "do_GET", lambda self: send(self) if lets_in(self) else self.send_error(401)
        )
        monkeypatch.delenv("HF_TOKEN", raising=False)
        assert main(["--to", str(tmp_path), "--scenes", A]) == 2
        told = capsys.readouterr().err.splitlines()[-1]
        assert "accept DL3DV's terms" in told
        assert "HF_TOKEN" in told
        monkeypatch.setenv("HF_TOKEN", "secret")
        assert main(["--to", str(tmp_path), "--scenes", A]) == 0


def test_a_list_of_something_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving({"/list.csv": b"<html>"}) as (address, _):
        use(monkeypatch, address)
        assert main(["--to", str(tmp_path)]) == 2
    assert "lists no scenes" in capsys.readouterr().err
