"""What runs took and left, and where their settings differ."""

from pathlib import Path

import pytest

from core.errors import UserError
from core.files import write_json
from core.run_folder import RunFolder
from scene.gaussian_model import StaticGaussians
from tests.training.captures import truth
from training.viewer_files import write_cfg_args
from viewer.comparison.numbers import RunNumbers, differing_settings, read_cfg_args, read_numbers


def test_numbers_of_a_run(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert read_numbers(folder, 7) == RunNumbers(None, 7, None, None, None, None)
    cloud = folder.point_cloud(7)
    StaticGaussians.from_splats(truth(5)).save_ply(cloud)
    write_json(folder.config, {"method": "static"})
    folder.log.write_text('{"step": 1, "seconds": 3.0}\n{"step": 7, "loss": 0.1}\n')
    assert read_numbers(folder, 7) == RunNumbers("static", 7, 5, 3.0, None, cloud.stat().st_size)
    write_json(folder.timing, {"iterations": 7, "training_seconds": 4.0, "peak_memory_bytes": 9})
    assert read_numbers(folder, 7) == RunNumbers("static", 7, 5, 4.0, 9, cloud.stat().st_size)


def test_numbers_of_a_street_are_those_of_all_stages(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    cloud = folder.point_cloud(7)
    for name, count in ((cloud, 5), (cloud.with_name("moving.ply"), 3)):
        StaticGaussians.from_splats(truth(count)).save_ply(name)
    write_json(folder.config, {"method": "street"})
    for stage, seconds, peak in (("static", 3.0, 9), (".", 4.0, 8)):
        (tmp_path / stage).mkdir(exist_ok=True)
        (tmp_path / stage / "log.jsonl").write_text("")
        timing = {"iterations": 7, "training_seconds": seconds, "peak_memory_bytes": peak}
        write_json(tmp_path / stage / "timing.json", timing)
    numbers = read_numbers(folder, 7)
    assert (numbers.gaussians, numbers.training_seconds, numbers.peak_memory_bytes) == (8, 7.0, 9)


def test_settings_are_compared_key_by_key(tmp_path: Path) -> None:
    folders = [RunFolder(tmp_path / letter) for letter in "abc"]
    configs = [
        {"steps": 1, "model": {"degree": 3, "cap": None}, "seed": 0},
        {"steps": 2, "model": {"degree": 3, "cap": 9}, "seed": 0},
        {"steps": 1, "model": {"degree": 3, "cap": 9}, "seed": 0, "more": [1]},
    ]
    for folder, config in zip(folders, configs, strict=True):
        write_json(folder.config, {"method": "static", "source_path": "capture", "config": config})
    assert differing_settings(folders) == {
        "config.steps": [1, 2, 1],
        "config.model.cap": [None, 9, 9],
        "config.more": [None, None, [1]],
    }
    assert differing_settings(folders[:1] * 2) == {}


def test_arguments_of_other_programs_are_read_and_never_run(tmp_path: Path) -> None:
    inria, ours = RunFolder(tmp_path / "inria"), RunFolder(tmp_path / "ours")
    write_cfg_args(ours.cfg_args, {"sh_degree": 3, "model_path": "x", "eval": True})
    write_json(ours.config, {"method": "static"})
    write_cfg_args(inria.cfg_args, {"sh_degree": 2, "model_path": "y", "eval": True, "images": "images_4"})
    assert read_cfg_args(ours) == {"sh_degree": "3", "eval": "True"}
    assert differing_settings([ours, inria]) == {"sh_degree": ["3", "2"], "images": [None, "'images_4'"]}
    assert differing_settings([ours, RunFolder(tmp_path / "none")]) == {}
    for text in ("print(", "3 + 4"):
        inria.cfg_args.write_text(text)
        with pytest.raises(UserError, match="is not what Inria's train"):
            read_cfg_args(inria)
