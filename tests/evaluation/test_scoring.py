"""Scores on the disk: Inria's shape, a round trip, several iterations, and folders that are broken."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import UserError
from core.images import read_image, write_png
from core.run_folder import RunFolder
from evaluation.image_metrics import Scores, score
from evaluation.lpips import Lpips
from evaluation.scoring import HELD_OUT, count_views, read_scores, score_run, write_scores
from evaluation.static_scores import masks_folder, score_static
from tests.evaluation.conftest import add_masks, make_run


def test_files_have_inria_s_shape(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", views=3, iterations=(7, 30))
    methods = score_run(folder, None)
    write_scores(folder, methods)
    results = json.loads(folder.results.read_text())
    assert list(results) == ["ours_7", "ours_30"]
    per_view = json.loads(folder.per_view.read_text())
    for name, means in results.items():
        assert set(means) == {"SSIM", "PSNR", "LPIPS"}
        assert means["LPIPS"] is None
        for key in ("SSIM", "PSNR"):
            views = per_view[name][key]
            assert list(views) == ["00000.png", "00001.png", "00002.png"]
            assert means[key] == pytest.approx(np.mean(list(views.values())))
    assert read_scores(folder) == methods


def test_scores_are_those_of_the_images_of_any_size(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", views=2, sizes=((40, 33), (32, 50)))
    metric = Lpips("alex")
    for weights in metric.linear:
        weights.fill_(1.0)
    seen = []
    (method,) = score_run(folder, metric, on_view=lambda: seen.append(1))
    assert len(seen) == 2 == count_views(folder)
    for name, scores in method.views.items():
        images = [decoded(folder.images("test", 30, kind) / name) for kind in ("renders", "gt")]
        assert scores == score(images[0], images[1], metric)
    assert method.mean.lpips is not None
    write_scores(folder, [method])
    assert read_scores(folder) == [method]


def decoded(path: Path) -> torch.Tensor:
    return torch.from_numpy(read_image(path))


def test_a_run_of_the_original_code_is_a_run_too(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", views=1)
    folder.config.unlink(missing_ok=True)
    folder.cfg_args.write_text("Namespace()")
    assert len(score_run(folder, None)) == 1


def test_nothing_held_out_is_no_error(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", views=0)
    assert score_run(folder, None) == []
    assert count_views(folder) == 0


def test_what_is_no_run_or_not_rendered_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no folder"):
        score_run(RunFolder(tmp_path / "absent"), None)
    with pytest.raises(UserError, match="is no run folder"):
        score_run(RunFolder(tmp_path), None)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match=rf"no rendered views.*`python render\.py -m {tmp_path}` makes them"):
        score_run(RunFolder(tmp_path), None)


def test_pairs_that_do_not_match_are_told(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", views=2)
    photograph = folder.images("test", 30, "gt") / "00001.png"
    write_png(photograph, np.zeros((3, 4, 3), np.uint8))
    with pytest.raises(UserError, match=r"00001\.png differ in size .*and 4x3.*; render the run again"):
        score_run(folder, None)
    photograph.write_bytes(b"not an image")
    with pytest.raises(UserError, match=r"00001\.png does not decode"):
        score_run(folder, None)
    photograph.unlink()
    with pytest.raises(UserError, match=r"00001\.png is in one only"):
        score_run(folder, None)


@pytest.mark.parametrize(
    "content", ["[]", '{"ours_x": {}}', '{"ours_7": {"PSNR": {"a": 1}}}', '{"ours_7": 3}']
)
def test_damaged_scores_are_told(tmp_path: Path, content: str) -> None:
    folder = RunFolder(tmp_path)
    assert read_scores(folder) == []
    folder.per_view.write_text(content)
    with pytest.raises(UserError, match=r"per_view\.json is not what metrics\.py writes"):
        read_scores(folder)


def test_of_a_video_static_pixels_count_in_each_kind_of_drawing(tmp_path: Path) -> None:
    folder = add_masks(make_run(tmp_path / "run", views=2))
    carried, predicted, composite, refined = methods = score_run(folder, None)
    assert [method.name for method in methods] == [
        "ours_30", "ours_30_predicted", "ours_30_composite", "ours_30_refined",
    ]  # fmt: skip
    assert tuple(method.drawn for method in methods) == HELD_OUT
    assert count_views(folder) == 8
    photographs = folder.images("test", 30, "gt")
    for method in methods:
        for name, scores in method.views.items():
            renders = folder.held_out_renders(30, method.drawn)
            image, target = (decoded(path / name) for path in (renders, photographs))
            moving = decoded(masks_folder(folder, 30) / name)[..., 0] > 0
            assert scores == score_static(image, target, moving, None)
    assert refined.mean.psnr > composite.mean.psnr > predicted.mean.psnr > carried.mean.psnr
    write_scores(folder, methods)
    assert read_scores(folder) == methods
    results = json.loads(folder.results.read_text())
    assert set(results["ours_30_refined"]) == {"SSIM", "PSNR", "LPIPS", "LEGACY_PSNR", "LEGACY_L1", "STATIC"}
    assert results["ours_30"]["LEGACY_PSNR"] == pytest.approx(carried.mean.legacy_psnr)


def test_a_view_without_a_mask_among_masks_is_not_scored(tmp_path: Path) -> None:
    folder = add_masks(make_run(tmp_path / "run", views=3), others=False)
    (masks_folder(folder, 30) / "00001.png").unlink()
    (method,) = score_run(folder, None)
    assert list(method.views) == ["00000.png", "00002.png"]
    shutil.rmtree(masks_folder(folder, 30))
    (method,) = score_run(folder, None)
    assert method.mean.legacy_psnr is None, "without masks it is a scene that stands still"


def test_masks_and_refined_views_that_do_not_match_are_told(tmp_path: Path) -> None:
    folder = add_masks(make_run(tmp_path / "run", views=2))
    write_png(masks_folder(folder, 30) / "00001.png", np.zeros((3, 4), np.uint8))
    with pytest.raises(UserError, match=r"00001\.png differ in size \(4x3 and 24x16\)"):
        score_run(folder, None)
    (folder.held_out_renders(30, "refined") / "00000.png").unlink()
    with pytest.raises(UserError, match=r"00000\.png is in one only"):
        count_views(folder)


def test_other_programs_may_do_without_lpips(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.per_view.write_text('{"ours_7": {"SSIM": {"00000.png": 0.5}, "PSNR": {"00000.png": 20.0}}}')
    (method,) = read_scores(folder)
    assert (method.iteration, method.views) == (7, {"00000.png": Scores(20.0, 0.5, None)})
