"""Command lines of DAS3R mean what they meant."""

import pytest

from configs.das3r_flags import translate
from core.errors import UserError


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("-s A -m B --iter 4000", "-s A -m B --iterations 4000"),
        ("--iter=4000 --get_video --gui", "--iterations 4000"),
        ("--dir_path A --output_dir=B --use_pred_mask", "-s A -m B"),
        ("--optim_pose True", "--optim-pose"),
        ("--optim_pose=False --seed 3", "--no-optim-pose --seed 3"),
        ("--optim-pose --psnr_threshold 26", "--optim-pose --psnr_threshold 26"),
        ("--optim_pose", "--optim_pose"),
        ("--use_gt_mask --gt_dynamic_mask G -m B", "-m B --user-masks G"),
        ("--gt-dynamic-mask=G --use-gt-mask", "--user-masks G"),
        ("--gt_dynamic_mask G -m B", "-m B"),
        ("-s A --frame-stride 2", "-s A --frame-stride 2"),
        ("--use_gt_mask True --gt_dynamic_mask G -m B", "-m B --user-masks G"),
        ("--gt_dynamic_mask G --use_gt_mask=true", "--user-masks G"),
        ("--use_gt_mask False --gt_dynamic_mask G -m B", "-m B"),
        ("--get_video True --gui False -m B", "-m B"),
    ],
)
def test_flags(theirs: str, ours: str) -> None:
    assert translate(theirs.split()) == ours.split()


def test_true_masks_that_are_left_out_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert translate(["--gt_dynamic_mask", "G"]) == []
    assert "--gt-dynamic-mask is left out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("-m B --iter", "--iter needs a value after it"),
        ("--dir_path -m B", "--dir_path needs a value after it"),
        ("--use_gt_mask --gt_dynamic_mask", "--gt-dynamic-mask needs a folder of masks after it"),
        ("--gt_dynamic_mask --use_gt_mask", "--gt-dynamic-mask needs a folder of masks after it"),
        ("--use_gt_mask --gt_dynamic_mask=", "--use-gt-mask needs --gt-dynamic-mask FOLDER"),
        ("--use_gt_mask=G", "--use-gt-mask=G: True or False was expected"),
        ("--optim_pose=maybe", "--optim-pose=maybe: True or False was expected"),
    ],
)
def test_a_missing_value_is_one_sentence(words: str, told: str) -> None:
    with pytest.raises(UserError) as caught:
        translate(words.split())
    assert str(caught.value).startswith(told)


def test_masks_without_a_folder_are_one_sentence() -> None:
    with pytest.raises(UserError, match="--use-gt-mask needs --gt-dynamic-mask FOLDER"):
        translate(["--use_gt_mask"])
