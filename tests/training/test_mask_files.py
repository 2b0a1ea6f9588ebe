"""Masks in the folder of a run: names, contents, what they say of views."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import UserError
from core.images import read_gray
from core.run_folder import RunFolder
from gaussian_renderer.masks import Evidence, make_mask
from gaussian_renderer.views import ImageFormation
from scene.gaussian_model import StaticGaussians
from scene.splits import Split
from tests.training.captures import tiny_capture, truth
from training.mask_files import render_masks
from training.mask_options import MaskOptions, mask_folders
from training.runs import TrainedRun
from training.static import StaticConfig

NAME = "visibility_mask_global_2ndpick_th0.5"


def tiny_run(path: Path, train: tuple[int, ...] = (1, 2, 4)) -> TrainedRun:
    capture, raw = tiny_capture(), StaticGaussians.from_splats(truth()).splats()
    parts = {name: getattr(raw, name).detach() for name in ("means", "quats", "scales", "opacities", "sh")}
    test = tuple(view for view in range(6) if view not in train)
    split = Split(train, test, "by hand")
    return TrainedRun(
        RunFolder(path), path, StaticConfig(), capture, split, 60, replace(raw, **parts), None, False
    )


def test_every_view_has_a_mask_under_both_names(tmp_path: Path) -> None:
    run = tiny_run(tmp_path)
    filled = render_masks(run, MaskOptions())
    assert [path.name for path in filled] == [NAME, f"{NAME}_binary"] * 2 == mask_folders(MaskOptions()) * 2
    evidence = Evidence(run.splats, run.capture.cameras[[1, 2, 4]], ImageFormation())
    mask = make_mask("visibility", evidence)
    for views, rows in (("train", run.split.train), ("test", run.split.test)):
        for position, row in enumerate(rows):
            folder = tmp_path / views / "ours_60" / NAME
            file = folder / f"{position:05d}.png"
            assert file.samefile(folder / f"frame_{row + 1:05d}.png")
            soft = mask(run.capture.cameras[row]).numpy()
            assert np.abs(read_gray(file) / 255 - soft).max() <= 0.5 / 255 + 1e-6
            binary = read_gray(folder.with_name(f"{NAME}_binary") / file.name)
            assert np.array_equal(binary, np.where(soft > 0.5, 255, 0))


def test_binary_masks_may_be_those_that_consumers_read(tmp_path: Path) -> None:
    render_masks(tiny_run(tmp_path), MaskOptions(mask_content="binary", mask_kinds=("fraction",)))
    folder = tmp_path / "test" / "ours_60"
    assert set(np.unique(read_gray(folder / "visibility_mask_fraction" / "00000.png"))) <= {0, 255}
    assert len(np.unique(read_gray(folder / "visibility_mask_fraction_soft" / "00000.png"))) > 2


def test_names_of_an_earlier_split_go(tmp_path: Path) -> None:
    render_masks(tiny_run(tmp_path), MaskOptions())
    render_masks(tiny_run(tmp_path, train=(0, 1)), MaskOptions())
    names = {path.name for path in (tmp_path / "train" / "ours_60" / NAME).iterdir()}
    assert names == {"00000.png", "00001.png", "frame_00001.png", "frame_00002.png"}


def test_one_training_view_is_too_few(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"was trained on 1 view; masks .* need two or more"):
        render_masks(tiny_run(tmp_path, train=(3,)), MaskOptions())
    assert list(tmp_path.iterdir()) == []
