"""Checkpoints as S3Gaussian and 4DHash write them: read with all their tensors, and with nothing run."""

import collections
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.errors import UserError
from scene.fourd_hash_checkpoint import main, read_checkpoint, with_sh_degree
from scene.gaussian_model import StaticGaussians

COUNT = 7


def state(degree: int = 3) -> list[Any]:
    """The fourteen parts, with what optimisers and extents have in them: numbers of numpy's."""
    parameter = torch.nn.Parameter
    network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 3))
    xyz = parameter(torch.randn(COUNT, 3))
    optimizer = torch.optim.Adam([{"params": [xyz], "lr": 1.6e-4, "name": "xyz"}], eps=1e-15)
    xyz.grad = torch.ones_like(xyz)
    optimizer.step()
    optimizer.param_groups[0]["lr"] = np.float64(1e-5)
    return [
        degree, xyz, network.state_dict(), torch.ones(COUNT, dtype=torch.bool),
        parameter(torch.randn(COUNT, 1, 3)), parameter(torch.randn(COUNT, (degree + 1) ** 2 - 1, 3)),
        parameter(torch.randn(COUNT, 3)), parameter(torch.randn(COUNT, 4)), parameter(torch.randn(COUNT, 1)),
        torch.zeros(COUNT), torch.zeros(COUNT, 1), torch.zeros(COUNT, 1), optimizer.state_dict(),
        np.float32(11.5),
    ]  # fmt: skip


def write(folder: Path, parts: object, iteration: object = 50_000) -> Path:
    path = folder / "chkpnt_fine_50000.pth"
    torch.save((parts, iteration), path)
    return path


def test_all_tensors_are_there(tmp_path: Path) -> None:
    parts = state()
    read = read_checkpoint(write(tmp_path, tuple(parts)))
    ours = read.gaussians.parameters
    assert (read.iteration, read.active_sh_degree) == (50_000, 3)
    for name, place in {"means": 1, "log_scales": 6, "quats": 7}.items():
        torch.testing.assert_close(ours[name], parts[place])
    torch.testing.assert_close(ours["logit_opacities"], parts[8][:, 0])
    torch.testing.assert_close(ours["sh"], torch.cat([parts[4], parts[5]], dim=1))
    assert list(read.deformation) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    for name, tensor in parts[2].items():
        assert torch.equal(read.deformation[name], tensor)


def test_to_a_file_of_gaussians(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, tuple(state()))
    assert main([str(path), "--out", str(tmp_path / "gaussians.ply")]) == 0
    assert "7 Gaussians after iteration 50,000" in capsys.readouterr().err
    ours = StaticGaussians.load_ply(tmp_path / "gaussians.ply").parameters
    for name, table in read_checkpoint(path).gaussians.parameters.items():
        torch.testing.assert_close(ours[name], table)


@pytest.mark.parametrize("degree", range(4))
def test_colours_of_another_degree(degree: int, tmp_path: Path) -> None:
    whole = read_checkpoint(write(tmp_path, tuple(state(2)))).gaussians
    sh, wanted = whole.parameters["sh"], (degree + 1) ** 2
    changed = with_sh_degree(whole, degree).parameters["sh"]
    assert changed.shape == (COUNT, wanted, 3)
    kept = min(wanted, 9)
    assert torch.equal(changed[:, :kept], sh[:, :kept])
    assert not changed[:, kept:].any()


class _Code:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("was-run",)


def broken(place: int, value: object) -> tuple[Any, ...]:
    parts = state()
    parts[place] = value
    return tuple(parts)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (broken(12, _Code()), "holds more than tensors and plain values"),
        (tuple(state())[:12], "its state has 12 parts, not 14"),
        (state(), "its state has no parts"),
        (broken(0, "3"), "no degree"),
        (broken(1, torch.zeros(0, 3)), r"f_dc is \[7, 1, 3\] where \[0, 1, 3\]"),
        (broken(5, torch.zeros(COUNT, 4, 3)), "coefficients of colour"),
        (broken(8, torch.full((COUNT, 1), torch.nan)), "opacity holds numbers that are not finite"),
        (broken(2, collections.OrderedDict(a=1)), "no network's state"),
    ],
)
def test_other_files_are_told(
    parts: object, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=expected):
        read_checkpoint(write(tmp_path, parts))
    assert not (tmp_path / "was-run").exists()


def test_damaged_and_missing_files_are_told(tmp_path: Path) -> None:
    path = write(tmp_path, tuple(state()))
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(UserError, match="is damaged"):
        read_checkpoint(path)
    with pytest.raises(UserError, match="does not exist"):
        read_checkpoint(tmp_path / "none.pth")
    torch.save({"state_dict": {}}, path)
    with pytest.raises(UserError, match="no pair"):
        read_checkpoint(path)
