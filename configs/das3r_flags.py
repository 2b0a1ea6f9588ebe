"""Flags of DAS3R's command lines, in the words of ours."""

from collections.abc import Sequence

from core.errors import UserError
from core.progress import say

_RENAMED = {"--iter": "--iterations", "--dir-path": "-s", "--output-dir": "-m"}
_NEEDLESS = {"--use-pred-mask", "--get-video", "--gui", "--quiet"}
_ANSWERS = {"true": True, "1": True, "false": False, "0": False}


def translate(words: Sequence[str]) -> list[str]:
    """A command line in which flags of DAS3R stand for ours.

    `--iter N`, `--dir_path`, `--output_dir`; `--optim_pose True`; `--use_gt_mask --gt_dynamic_mask FOLDER`
    for `--user-masks FOLDER`. What is done in any case, such as `--get_video`, is left out. Flags that are
    true or false may say so with a word of their own, as in `--use_gt_mask True`.

    Raises:
        UserError: `--use_gt_mask` without the folder, or a flag without its value.
    """
    out: list[str] = []
    masks: str | None = None
    uses_masks = False
    remaining = list(words)
    while remaining:
        word = remaining.pop(0)
        flag, equals, value = word.partition("=")
        flag = flag.replace("_", "-") if flag.startswith("--") else flag
        if flag == "--gt-dynamic-mask":
            masks = value if equals else _value(flag, remaining, "a folder of masks")
        elif flag == "--use-gt-mask":
            uses_masks = _answer(flag, value if equals else None, remaining) is not False
        elif flag == "--optim-pose":
            told = _answer(flag, value if equals else None, remaining)
            out.append(word if told is None else "--optim-pose" if told else "--no-optim-pose")
        elif flag in _RENAMED:
            out += [_RENAMED[flag], value if equals else _value(word, remaining, "a value")]
        elif flag in _NEEDLESS:
            _answer(flag, value if equals else None, remaining)
        else:
            out.append(word)
    if uses_masks and not masks:
        raise UserError("--use-gt-mask needs --gt-dynamic-mask FOLDER; --user-masks FOLDER says both")
    if masks and not uses_masks:
        say("--gt-dynamic-mask is left out: the training does not look at true masks without --use-gt-mask")
    return [*out, "--user-masks", masks] if masks and uses_masks else out


def _value(flag: str, remaining: list[str], what: str) -> str:
    """Take the word after a flag; one that begins with a hyphen is the next flag."""
    if not remaining or remaining[0].startswith("-"):
        raise UserError(f"{flag} needs {what} after it")
    return remaining.pop(0)


def _answer(flag: str, value: str | None, remaining: list[str]) -> bool | None:
    """Whether a flag is said to be true or false, after = or by the next word, which is taken; else None."""
    if value is None:
        return _ANSWERS[remaining.pop(0).lower()] if remaining and remaining[0].lower() in _ANSWERS else None
    if value.lower() not in _ANSWERS:
        raise UserError(f"{flag}={value}: True or False was expected")
    return _ANSWERS[value.lower()]
