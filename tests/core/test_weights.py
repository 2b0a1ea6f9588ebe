"""Weight files are found where the environment says, then in our cache, then in torch's."""

from pathlib import Path

import pytest
import torch

from core.weights import find_weights, weight_folders


def test_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPLATWORKS_WEIGHTS", str(tmp_path / "named"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("TORCH_HOME", raising=False)
    folders = [
        tmp_path / "named",
        tmp_path / "cache/splatworks/weights",
        tmp_path / "cache/torch/hub/checkpoints",
    ]
    assert weight_folders() == folders
    assert find_weights("vgg.pth") is None
    for folder in reversed(folders):
        folder.mkdir(parents=True)
        (folder / "vgg.pth").touch()
        assert find_weights("vgg.pth") == folder / "vgg.pth"


@pytest.mark.parametrize("home", [None, "elsewhere"])
def test_torch_looks_in_the_same_place(
    home: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SPLATWORKS_WEIGHTS", raising=False)
    if home is None:
        monkeypatch.delenv("TORCH_HOME", raising=False)
    else:
        monkeypatch.setenv("TORCH_HOME", str(tmp_path / home))
    assert weight_folders()[-1] == Path(torch.hub.get_dir()) / "checkpoints"
