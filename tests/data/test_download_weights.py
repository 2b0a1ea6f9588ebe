"""Published weights: their places are where the networks look, and what is no weight file does not stay."""

import json
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from core.errors import UserError
from data import download_weights
from data.download_weights import (
    NON_COMMERCIAL,
    WEIGHTS,
    PublishedFile,
    PublishedWeights,
    check_content,
    main,
)
from dynamic_predictor.flow.network_flow import PUBLISHED
from dynamic_predictor.network.checkpoints import LICENCE, WEIGHT_FILES


def places(name: download_weights.NetworkName) -> set[str]:
    return {file.place for file in WEIGHTS[name].files}


@pytest.mark.parametrize("name", ["das3r", "monst3r", "dust3r"])
def test_networks_look_where_their_weights_are_put(name: download_weights.NetworkName) -> None:
    assert WEIGHT_FILES[name][0] in places(name)
    assert WEIGHTS[name].licence == NON_COMMERCIAL == LICENCE


@pytest.mark.parametrize("name", ["raft", "sea-raft"])
def test_flow_networks_too(name: download_weights.NetworkName) -> None:
    assert places(name) == {PUBLISHED[name].file}  # pyright: ignore[reportArgumentType]


def test_addresses_are_safe_and_places_inside() -> None:
    for published in WEIGHTS.values():
        for file in published.files:
            assert file.url.startswith("https://")
            assert not Path(file.place).is_absolute()
            assert ".." not in Path(file.place).parts


def test_a_member_is_taken_out_of_its_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"a": torch.ones(3)}, tmp_path / "inner.pth")

    def write(url: str, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(target, "w") as archive:
            archive.write(tmp_path / "inner.pth", "models/raft-sintel.pth")

    monkeypatch.setattr(download_weights, "fetch", write)
    assert main(["raft", "--to", str(tmp_path / "to")]) == 0
    assert [path.name for path in (tmp_path / "to").iterdir()] == ["raft-sintel.pth"]
    assert (tmp_path / "to" / "raft-sintel.pth").read_bytes() == (tmp_path / "inner.pth").read_bytes()
    assert "BSD-3-Clause" in capsys.readouterr().err


def test_another_archive_is_one_sentence_and_exit_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(download_weights, "fetch", lambda _, target: target.write_bytes(b"<html>"))
    assert main(["raft", "--to", str(tmp_path)]) == 2
    assert "was not the published archive" in capsys.readouterr().err
    monkeypatch.setitem(WEIGHTS, "croco", PublishedWeights((PublishedFile("https://x/y", "y.pth"),)))
    assert main(["croco", "--to", str(tmp_path)]) == 2
    assert "neither a zip file nor a pickle" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_whole_files_stay(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(3)}, tmp_path / "new.pth")
    torch.save({"a": torch.ones(3)}, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    save_file({"a": torch.ones(3), "b": torch.zeros(2, 2)}, tmp_path / "x.safetensors", {"k": "v"})
    (tmp_path / "config.json").write_text(json.dumps({"conf_mode": ["exp", 1, float("inf")]}))
    for path in tmp_path.iterdir():
        check_content(path)
        assert path.exists()


@pytest.mark.parametrize("name", ["x.safetensors", "x.pth", "x.json"])
@pytest.mark.parametrize("damage", ["cut", "page", "flipped"])
def test_damaged_files_go(tmp_path: Path, name: str, damage: str) -> None:
    path = tmp_path / name
    if name == "x.pth":
        torch.save({"a": torch.ones(3000)}, path)
    elif name == "x.safetensors":
        save_file({"a": torch.ones(3000)}, path)
    else:
        path.write_text('{"a": 1}')
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        # Safetensors have no sums: there the header is damaged, elsewhere the middle.
        place = 9 if name == "x.safetensors" else len(content) // 2
        content[place] ^= 0xFF
    path.write_bytes(
        {"cut": content[:-100] if len(content) > 200 else content[:-1], "page": b"<html>"}.get(
            damage, content
        )
    )
    with pytest.raises(UserError, match="was not the published file"):
        check_content(path)
    assert not path.exists()
