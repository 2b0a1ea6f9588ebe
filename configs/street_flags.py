"""Flags of S3Gaussian's and 4DHash's command lines, in the words of ours."""

from collections.abc import Sequence

from core.errors import UserError

_MODES = {"test": ["--preset", "street-test"], "full": []}
_TASKS = {"scene-reconstruction": [], "scene_reconstruction": [], "nvs": ["--stride", "10"]}
_STAGES = {"stage1": "static", "stage2": "dynamic"}
_RENAMED = {
    "--encoder": "--encoder-type",
    "--start-checkpoint": "--prior-checkpoint",
}
_NEEDLESS_WITH_VALUE = {"--expname", "--num-pts"}
_NEEDLESS = {"--use-first-stage-result", "--quiet"}


def translate(words: Sequence[str]) -> list[str]:
    """A command line in which flags of S3Gaussian and 4DHash stand for ours.

    `--mode test|full` chooses a preset, `--task nvs` holds out every tenth frame, `--stage stage1|stage2` and
    `--encoder` are names of ours in other words; a `--start-checkpoint` is a prior, as no other program's
    optimiser can go on here; what changes nothing here is left out.

    Raises:
        UserError: a flag has no value, or one that means nothing.
    """
    first: list[str] = []
    out: list[str] = []
    remaining = list(words)
    while remaining:
        word = remaining.pop(0)
        flag, equals, value = word.partition("=")
        flag = flag.replace("_", "-") if flag.startswith("--") else flag
        takes = flag in {"--mode", "--task", "--stage", *_RENAMED, *_NEEDLESS_WITH_VALUE}
        if takes and not equals:
            if not remaining or remaining[0].startswith("-"):
                raise UserError(f"{word} needs a value after it")
            value = remaining.pop(0)
        if flag == "--mode":
            first += _chosen(flag, value, _MODES)
        elif flag == "--task":
            first += _chosen(flag, value, _TASKS)
        elif flag == "--stage":
            out += [flag, _STAGES.get(value, value)]
        elif flag in _RENAMED:
            out += [_RENAMED[flag], value]
        elif flag not in _NEEDLESS and flag not in _NEEDLESS_WITH_VALUE:
            out.append(word)
    return [*first, *out]


def _chosen(flag: str, value: str, meanings: dict[str, list[str]]) -> list[str]:
    if value not in meanings:
        raise UserError(f"{flag} {value}: {' or '.join(meanings)} was expected")
    return meanings[value]
