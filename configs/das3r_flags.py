"""Flags of DAS3R's command lines, in the words of ours: the tables say what becomes of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from core.errors import UserError
from core.progress import say

Values = Literal["switch", "one", "many"]

_RENAMED = {
    "--iter": "--iterations",
    "--dir-path": "-s",
    "--output-dir": "-m",
    "--pose-eval-stride": "--frame-stride",
    "--n-iter": "--alignment-steps",
    "--pose-schedule": "--alignment-rate-schedule",
    "--depth-regularize-weight": "--alignment-depth-weight",
    "--flow-loss-start-epoch": "--flow-start",
    "--pxl-thresh": "--flow-outlier-px",
    "--ip": "--gui-host",
    "--port": "--gui-port",
}
_SCALED = {"--flow-loss-weight": ("--flow-weight", 2.0), "--flow-loss-thre": ("--flow-give-up-px", 0.5)}
"""DAS3R adds the flow differences of two directions, of which we take the mean."""
_SWITCHES = {
    "-w": ("--white-background",),
    "--evaluate-davis": ("--first-frames", "50"),
    "--not-shared-focal": ("--no-shared-focal",),
    "--gui": ("--gui",),
    # What is done in any case.
    **dict.fromkeys(("--use-pred-mask", "--get-video", "--quiet", "--silent", "--not-batchify"), ()),
}
_HUB = {
    "Kai422kx/das3r": "das3r",
    "Junyi42/MonST3R_PO-TA-S-W_ViTLarge_BaseDecoder_512_dpt": "monst3r",
    "naver/DUSt3R_ViTLarge_BaseDecoder_512_dpt": "dust3r",
}
"""Weights on Hugging Face, and the predictor that looks for them on the disk."""

_ONE_VIDEO = "a command takes one video; `bash scripts/davis.sh` and `scripts/sintel.sh` run whole data sets"
_UNUSED = "DAS3R does not use it either"
_PLAIN = "`--backend reference` draws in plain torch"
_LEFT_OUT: Mapping[str, tuple[Values, str]] = {
    "--eval-pose": ("switch", "`metrics.py --gt-trajectory FILE` compares cameras"),
    "--pose-eval-interval": ("one", "`metrics.py --gt-trajectory FILE` compares cameras"),
    "--data-device": ("one", "photographs are kept as 8-bit numbers, and decoded when they are asked for"),
    "--checkpoint-iterations": ("many", "a checkpoint is written every minute; --checkpoint-seconds"),
    "--dataset": ("one", "the source says what it is; `metrics.py --gt-masks FOLDER` names true masks"),
    "--eval-dataset": ("one", _ONE_VIDEO),
    "--full-seq": ("switch", _ONE_VIDEO),
    "--scene": ("one", _UNUSED),
    "--n-views": ("one", _UNUSED),
    "--threshold": ("one", _UNUSED),
    "--motion-mask-thre": ("one", _UNUSED),
    "--cananical-space-loss-weight": ("one", _UNUSED),
    "--no-crop": ("switch", "the scene is trained on whole frames, whatever the predictor looks at"),
    "--convert-shs-python": ("switch", _PLAIN),
    "--compute-cov3d-python": ("switch", _PLAIN),
    "--debug": ("switch", _PLAIN),
    "--debug-from": ("one", _PLAIN),
    "--detect-anomaly": ("switch", "a loss that is not finite is noticed in any case"),
}
_REFUSED: Mapping[str, tuple[Values, str]] = {
    "--start-checkpoint": ("one", "repeat the command that made a run to go on with it"),
    "--seq-list": ("many", "name one video by -s, or run `bash scripts/davis.sh DAVIS SEQUENCE ...`"),
    "--sam2-mask-refine": ("switch", "give masks of any program as --user-masks FOLDER"),
    "--temporal-smoothing-weight": (
        "one",
        "say --smoothness W, which weighs the camera's mean jump: of N frames N - 1 times DAS3R's number",
    ),
    "--use-gt-focal": ("switch", "say --focal-px F, or --user-poses with a COLMAP model"),
}
_MODES = {
    "train": "train the predictor by `python train.py predictor -s POINT_ODYSSEY -m RUN`",
    "eval_depth": "score depth by `python metrics.py -m RUN --gt-depths FOLDER`",
}
_VALUES: Mapping[str, Values] = {
    **dict.fromkeys((*_RENAMED, *_SCALED), "one"),
    **dict.fromkeys((*_SWITCHES, "--optim-pose", "--use-gt-mask"), "switch"),
    **dict.fromkeys(("--mode", "--pretrained", "--gt-dynamic-mask"), "one"),
    **{flag: values for flag, (values, _) in (*_LEFT_OUT.items(), *_REFUSED.items())},
}
_ANSWERS = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True)
class _Given:
    """A flag of a command line, or a word that is none of DAS3R's.

    Args:
        word: as it was typed.
        flag: with hyphens, in lower case; empty for other words.
        value: that came with it; of a switch, what it was said to be, if that was said.
    """

    word: str
    flag: str = ""
    value: str | None = None

    @property
    def is_on(self) -> bool:
        """Of a switch: it was not said to be false."""
        return self.value is None or _ANSWERS[self.value.lower()]


def translate(words: Sequence[str]) -> list[str]:
    """A command line in which flags of DAS3R stand for ours.

    What has another name here gets it; what is done in any case is left out; what has no meaning here is left
    out with a sentence on stderr. Flags that are true or false may say so with a word of their own, as in
    `--use_gt_mask True`.

    Raises:
        UserError: a flag lacks its value or cannot be followed, or `--use_gt_mask` comes without the folder.
    """
    given = _parse(words)
    return [ours for each in given for ours in _ours(each)] + _user_masks(given)


def _parse(words: Sequence[str]) -> list[_Given]:
    found, remaining = [], list(words)
    while remaining:
        word = remaining.pop(0)
        flag, equals, value = word.partition("=")
        flag = flag.replace("_", "-").lower() if flag.startswith("--") else flag
        values = _VALUES.get(flag)
        if values is None:
            found.append(_Given(word))
        elif values == "switch":
            found.append(_Given(word, flag, _answer(flag, value if equals else None, remaining)))
        else:
            found.append(_Given(word, flag, value if equals else _value(word, remaining)))
            while values == "many" and remaining and not _is_flag(remaining[0]):
                remaining.pop(0)
    return found


def _value(word: str, remaining: list[str]) -> str:
    """Take the word after a flag, unless it is the next flag."""
    if not remaining or _is_flag(remaining[0]):
        raise UserError(f"{word} needs a value after it")
    return remaining.pop(0)


def _is_flag(word: str) -> bool:
    return word.startswith("-") and not word[1:2].isdigit()  # and no negative number


def _answer(flag: str, value: str | None, remaining: list[str]) -> str | None:
    """What a switch is said to be, after = or by the next word, which is taken."""
    if value is None:
        return remaining.pop(0) if remaining and remaining[0].lower() in _ANSWERS else None
    if value.lower() not in _ANSWERS:
        raise UserError(f"{flag}={value}: True or False was expected")
    return value


def _ours(given: _Given) -> Sequence[str]:
    """What stands for one flag or word."""
    flag, value = given.flag, given.value or ""
    if flag in _REFUSED and (_REFUSED[flag][0] != "switch" or given.is_on):
        raise UserError(f"{flag} is not understood here; {_REFUSED[flag][1]}")
    if flag in _RENAMED:
        return _RENAMED[flag], value
    if flag in _SCALED:
        return _scaled(given)
    if flag in _SWITCHES:
        return _SWITCHES[flag] if given.is_on else ()
    if flag == "--optim-pose":
        return ("--optim-pose" if given.is_on else "--no-optim-pose",)
    if flag == "--pretrained":
        return ("--predictor", _HUB[value]) if value in _HUB else (flag, value)
    if flag == "--mode" and value in _MODES:
        raise UserError(f"{flag} {value} is another command; {_MODES[value]}")
    if flag in _LEFT_OUT and (_LEFT_OUT[flag][0] != "switch" or given.is_on):
        say(f"{flag} is left out: {_LEFT_OUT[flag][1]}")
    return () if flag else (given.word,)


def _scaled(given: _Given) -> Sequence[str]:
    """A number of DAS3R's in our units."""
    name, factor = _SCALED[given.flag]
    try:
        return name, f"{factor * float(given.value or ''):g}"
    except ValueError as error:
        raise UserError(f"{given.word} {given.value}: a number was expected") from error


def _user_masks(given: Sequence[_Given]) -> list[str]:
    """`--user-masks` where true masks are named, and to be used."""
    folders = [each.value for each in given if each.flag == "--gt-dynamic-mask"]
    is_used = any(each.flag == "--use-gt-mask" and each.is_on for each in given)
    if is_used and not (folders and folders[-1]):
        raise UserError("--use-gt-mask needs --gt-dynamic-mask FOLDER; --user-masks FOLDER says both")
    if folders and not is_used:
        say("--gt-dynamic-mask is left out: the training does not look at true masks without --use-gt-mask")
    return ["--user-masks", str(folders[-1])] if is_used else []
