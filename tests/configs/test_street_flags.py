"""Command lines of S3Gaussian and 4DHash in the words of ours."""

import pytest

from configs.street_flags import translate
from core.errors import UserError


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("--source_path LOG --model_path RUN --mode full", "--source_path LOG --model_path RUN"),
        ("--mode=test --iterations 900", "--preset street-test --iterations 900"),
        ("--task nvs --encoder hexplane", "--stride 10 --encoder-type hexplane"),
        ("--task scene_reconstruction --stage stage2", "--stage dynamic"),
        ("--stage stage1 --num_pts 1000", "--stage static"),
        ("--stage static --stride 5", "--stage static --stride 5"),
        ("--start_checkpoint chkpnt_fine_9.pth", "--prior-checkpoint chkpnt_fine_9.pth"),
        ("--use_first_stage_result --expname waymo --quiet -s LOG", "-s LOG"),
        ("--gui --ip 0.0.0.0 --port 6009", "--gui --ip 0.0.0.0 --port 6009"),
    ],
)
def test_by_example(theirs: str, ours: str) -> None:
    assert translate(theirs.split()) == ours.split()


def test_what_is_chosen_comes_before_what_is_given() -> None:
    assert translate(["--stride", "5", "--task", "nvs"]) == ["--stride", "10", "--stride", "5"]


def test_our_own_words_stay_as_they_are() -> None:
    words = ["-s", "LOG", "--preset", "street-tiny", "--stage", "both", "--no-videos"]
    assert translate(translate(words)) == translate(words) == words


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--mode"], "--mode needs a value"),
        (["--task", "--quiet"], "--task needs a value"),
        (["--mode", "fast"], "--mode fast: test or full was expected"),
        (["--task=nvs2"], "--task nvs2: "),
    ],
)
def test_what_means_nothing_is_told(words: list[str], expected: str) -> None:
    with pytest.raises(UserError, match=expected):
        translate(words)
