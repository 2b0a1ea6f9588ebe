"""Command lines of DAS3R mean what they meant."""

import pytest

from configs.das3r_flags import translate
from core.errors import UserError


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("-s A -m B --iter 4000", "-s A -m B --iterations 4000"),
        ("--iter=4000 --get_video --gui", "--iterations 4000 --gui"),
        ("--gui True --ip 0.0.0.0 --port=6009", "--gui --gui-host 0.0.0.0 --gui-port 6009"),
        ("--dir_path A --output_dir=B --use_pred_mask", "-s A -m B"),
        ("--optim_pose True", "--optim-pose"),
        ("--optim_pose=False --seed 3", "--no-optim-pose --seed 3"),
        ("--optim-pose --psnr_threshold 26", "--optim-pose --psnr_threshold 26"),
        ("--optim_pose", "--optim-pose"),
        ("--use_gt_mask --gt_dynamic_mask G -m B", "-m B --user-masks G"),
        ("--gt-dynamic-mask=G --use-gt-mask", "--user-masks G"),
        ("--gt_dynamic_mask G -m B", "-m B"),
        ("-s A --frame-stride 2", "-s A --frame-stride 2"),
        ("--use_gt_mask True --gt_dynamic_mask G -m B", "-m B --user-masks G"),
        ("--gt_dynamic_mask G --use_gt_mask=true", "--user-masks G"),
        ("--use_gt_mask False --gt_dynamic_mask G -m B", "-m B"),
        ("--get_video True --gui False -m B", "-m B"),
        ("-w --evaluate_davis -s A", "--white-background --first-frames 50 -s A"),
        ("--evaluate_davis=False --pose_eval_stride 3", "--frame-stride 3"),
        ("--mode=eval_pose_custom --silent --not_batchify --dir_path A", "-s A"),
        ("--pretrained=Kai422kx/das3r", "--predictor das3r"),
        ("--pretrained das3r.pth --predictor das3r", "--pretrained das3r.pth --predictor das3r"),
        ("--checkpoint_iterations 500 4000 -m B", "-m B"),
        ("--scene dog --n_views 50 --dataset davis --data_device cuda", ""),
        ("--debug_from -1 --convert_SHs_python -m B", "-m B"),
        ("--sam2_mask_refine False -m B", "-m B"),
        ("--n_iter 300 --pose_schedule=cosine", "--alignment-steps 300 --alignment-rate-schedule cosine"),
        ("--flow_loss_weight 0.01 --flow_loss_thre=20", "--flow-weight 0.02 --flow-give-up-px 10"),
        ("--not_shared_focal --scene_graph_type swin-3", "--no-shared-focal --scene_graph_type swin-3"),
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
        ("--eval_pose -m B", "--eval-pose is left out: `metrics.py --gt-trajectory FILE`"),
        ("--data_device=cpu", "--data-device is left out: photographs are kept"),
        ("--full_seq", "--full-seq is left out: a command takes one video"),
    ],
)
def test_what_has_no_meaning_here_is_left_out_with_a_sentence(
    words: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert [word for word in translate(words.split()) if word not in ("-m", "B")] == []
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(told)


def test_what_is_done_in_any_case_needs_no_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    translate(["--use_pred_mask", "--get_video", "--quiet", "--gui", "False", "--mode", "eval_pose"])
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--start_checkpoint chkpnt4000.pth", "repeat the command that made a run"),
        ("--seq_list dog camel", "name one video by -s"),
        ("--sam2_mask_refine", "--user-masks FOLDER"),
        ("--use_gt_focal", "--focal-px F"),
        ("--temporal_smoothing_weight 0.01", "--smoothness W"),
        ("--mode train", "`python train.py predictor -s POINT_ODYSSEY -m RUN`"),
        ("--mode=eval_depth", "`python metrics.py -m RUN --gt-depths FOLDER`"),
    ],
)
def test_what_would_give_something_else_than_asked_is_refused_with_what_to_do(words: str, told: str) -> None:
    with pytest.raises(UserError) as caught:
        translate(words.split())
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("-m B --iter", "--iter needs a value after it"),
        ("--dir_path -m B", "--dir_path needs a value after it"),
        ("--use_gt_mask --gt_dynamic_mask", "--gt_dynamic_mask needs a value after it"),
        ("--gt_dynamic_mask --use_gt_mask", "--gt_dynamic_mask needs a value after it"),
        ("--use_gt_mask --gt_dynamic_mask=", "--use-gt-mask needs --gt-dynamic-mask FOLDER"),
        ("--use_gt_mask=G", "--use-gt-mask=G: True or False was expected"),
        ("--optim_pose=maybe", "--optim-pose=maybe: True or False was expected"),
        ("--flow_loss_weight much", "--flow_loss_weight much: a number was expected"),
    ],
)
def test_a_missing_value_is_one_sentence(words: str, told: str) -> None:
    with pytest.raises(UserError) as caught:
        translate(words.split())
    assert str(caught.value).startswith(told)


def test_masks_without_a_folder_are_one_sentence() -> None:
    with pytest.raises(UserError, match="--use-gt-mask needs --gt-dynamic-mask FOLDER"):
        translate(["--use_gt_mask"])
