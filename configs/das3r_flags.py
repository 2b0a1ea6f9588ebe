"""Flags of DAS3R's command lines, in the words of ours."""

from collections.abc import Sequence

from core.errors import UserError
from core.progress import say

_RENAMED = {"--iter": "--iterations", "--dir-path": "-s", "--output-dir": "-m"}
_NEEDLESS = {"--use-pred-mask", "--get-video", "--gui", "--quiet"}
_ANSWERS = {"true": "--optim-pose", "1": "--optim-pose", "false": "--no-optim-pose", "0": "--no-optim-pose"}


def translate(words: Sequence[str]) -> list[str]:
    """A command line in which flags of DAS3R stand for ours.

    `--iter N`, `--dir_path`, `--output_dir`; `--optim_pose True`; `--use_gt_mask --gt_dynamic_mask FOLDER`
    for `--user-masks FOLDER`. What is done in any case, such as `--get_video`, is left out.

    Raises:
        UserError: `--use_gt_mask` without the folder.
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
            masks = value if equals else (remaining.pop(0) if remaining else "")
        elif flag == "--use-gt-mask":
            uses_masks = True
        elif flag == "--optim-pose" and (value or (remaining[:1] or [""])[0]).lower() in _ANSWERS:
            out.append(_ANSWERS[(value or remaining.pop(0)).lower()])
        elif flag in _RENAMED:
            out += [_RENAMED[flag], *([value] if equals else [])]
        elif flag not in _NEEDLESS:
            out.append(word)
    if uses_masks and not masks:
        raise UserError("--use-gt-mask needs --gt-dynamic-mask FOLDER; --user-masks FOLDER says both")
    if masks and not uses_masks:
        say("--gt-dynamic-mask is left out: the training does not look at true masks without --use-gt-mask")
    return [*out, "--user-masks", masks] if masks and uses_masks else out
