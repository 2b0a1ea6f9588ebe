"""What each run took and left, and which of its settings differ from those of the others."""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import UserError
from core.files import explain
from core.ply import count_vertices
from core.run_folder import RunFolder
from core.scalars import read_lines
from core.serialization import differences
from evaluation.report.document import read_object
from evaluation.run_cost import read_cost
from evaluation.street_pace import stage_paces
from training.runs import STREET

_GAUSSIANS = ("point_cloud.ply", "moving.ply")  # the second of driving logs
_OWN_PLACE = ("model_path", "video")  # differ without saying anything


@dataclass(frozen=True)
class RunNumbers:
    """What is known of a run besides its scores; None for what nobody wrote down.

    Args:
        method: of the training.
        iterations: after which the Gaussians were saved that were rendered.
        gaussians: how many they are.
        training_seconds: of the whole training.
        peak_memory_bytes: at most so much was held at once.
        saved_bytes: of the files with the Gaussians.
    """

    method: str | None
    iterations: int
    gaussians: int | None
    training_seconds: float | None
    peak_memory_bytes: int | None
    saved_bytes: int | None


def read_numbers(folder: RunFolder, iteration: int) -> RunNumbers:
    """Read what the files of a run say.

    Raises:
        UserError: a file is broken.
    """
    method = read_object(folder.config).get("method")
    seconds, memory = _street_cost(folder) if method == STREET else _cost(folder)
    saved = folder.point_cloud(iteration)
    clouds = [path for name in _GAUSSIANS if (path := saved.with_name(name)).is_file()]
    files = [path for path in saved.parent.iterdir() if path.is_file()] if saved.parent.is_dir() else []
    return RunNumbers(
        method=method,
        iterations=iteration,
        gaussians=sum(map(count_vertices, clouds)) if clouds else None,
        training_seconds=seconds,
        peak_memory_bytes=memory,
        saved_bytes=sum(path.stat().st_size for path in files) or None,
    )


def differing_settings(folders: Sequence[RunFolder]) -> dict[str, list[Any]]:
    """Settings that are not the same in all runs, by dotted key: the value of each run, None without one.

    They are those of config.json, where all runs have one; else those of Inria's cfg_args.

    Raises:
        UserError: a file is broken.
    """
    if all(folder.config.is_file() for folder in folders):
        settings = [_config(folder) for folder in folders]
    elif all(folder.cfg_args.is_file() for folder in folders):
        settings = [read_cfg_args(folder) for folder in folders]
    else:
        return {}
    first, *others = settings
    keys = dict.fromkeys(key for other in others for key in differences(first, other))
    return {key: [_at(each, key) for each in settings] for key in keys}


def read_cfg_args(folder: RunFolder) -> dict[str, Any]:
    """The arguments in Inria's cfg_args, which is text that looks like a call. Nothing in it is run.

    Raises:
        UserError: it is something else.
    """
    path = folder.cfg_args
    try:
        call = ast.parse(path.read_text(encoding="utf-8").strip(), mode="eval").body
    except OSError as error:
        raise explain(error, path, "read") from error
    except (SyntaxError, ValueError) as error:
        raise UserError(f"{path} is not what Inria's train.py writes ({error}); remove it") from error
    if not isinstance(call, ast.Call):
        raise UserError(f"{path} is not what Inria's train.py writes (no Namespace); remove it")
    return {
        keyword.arg: ast.unparse(keyword.value)
        for keyword in call.keywords
        if keyword.arg is not None and keyword.arg not in _OWN_PLACE
    }


def _config(folder: RunFolder) -> dict[str, Any]:
    stored = read_object(folder.config)
    return {key: value for key, value in stored.items() if key not in _OWN_PLACE}


def _at(settings: Mapping[str, Any], key: str) -> Any:
    """The value at a dotted key; None without one."""
    value: Any = settings
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _cost(folder: RunFolder) -> tuple[float | None, int | None]:
    """Seconds of the training, and the most memory; the log tells the first where nothing else does."""
    cost = read_cost(folder)
    seconds = cost.training_seconds
    if seconds is None:
        seconds = next(
            (line["seconds"] for line in reversed(read_lines(folder.log)) if "seconds" in line), None
        )
    return seconds, cost.peak_memory_bytes


def _street_cost(folder: RunFolder) -> tuple[float | None, int | None]:
    """The same of all stages of a run on a driving log."""
    paces = stage_paces(folder.path)
    peaks = [pace.peak_memory_bytes for pace in paces if pace.peak_memory_bytes is not None]
    return sum(pace.seconds for pace in paces) or None, max(peaks, default=None)
