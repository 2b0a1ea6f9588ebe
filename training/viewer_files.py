"""Files beside the Gaussians that existing viewers of 3DGS read: `cfg_args`, `cameras.json`, `input.ply`."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core import ply
from core.files import write_text
from core.run_folder import RunFolder
from scene.cameras_json import write_cameras_json
from scene.capture import Capture
from scene.street_gaussians import StreetGaussians
from training.runs import SceneConfig


def write_viewer_files(
    folder: RunFolder, capture: Capture, train: Sequence[int], test: Sequence[int], arguments: dict[str, Any]
) -> None:
    """Write all three.

    Args:
        folder: of the run.
        capture: the scene.
        train: the rows that train.
        test: the rows that are held out.
        arguments: of `cfg_args`, by Inria's names.

    Raises:
        UserError: a file cannot be written.
    """
    write_cfg_args(folder.cfg_args, arguments)
    views = [*test, *train]
    write_cameras_json(folder.cameras, capture.cameras[views], [capture.image_names[view] for view in views])
    if capture.points is not None:
        ply.write_points_ply(
            folder.input_points,
            ply.PointArrays(capture.points.xyz.float().cpu().numpy(), capture.points.rgb.cpu().numpy()),
        )


def inria_arguments(source: Path, model_path: Path, config: SceneConfig) -> dict[str, object]:
    """The arguments of `cfg_args` that viewers look for."""
    return {
        "sh_degree": config.model.sh_degree,
        "source_path": str(source.absolute()),
        "model_path": str(model_path),
        "images": config.capture.images,
        "resolution": config.capture.resolution,
        "white_background": config.render.white_background,
        "data_device": "cpu",
        "eval": config.split.eval,
    }


def street_arguments(
    source: Path | None, model_path: Path, model: StreetGaussians, holds_out: bool
) -> dict[str, object]:
    """The arguments of `cfg_args` of a run on a driving log.

    Args:
        source: the log.
        model_path: the run's folder.
        model: what has been learned.
        holds_out: whether views are held out.
    """
    return {
        "sh_degree": math.isqrt(model.parameters["sh"].shape[1]) - 1,
        "source_path": "" if source is None else str(source.absolute()),
        "model_path": str(model_path),
        "images": "images",
        "resolution": -1,
        "white_background": False,
        "data_device": "cpu",
        "eval": holds_out,
    }


def write_cfg_args(path: Path, arguments: dict[str, Any]) -> None:
    """Write the text in which viewers look for the source path; it is never evaluated here."""
    write_text(path, "Namespace(" + ", ".join(f"{name}={value!r}" for name, value in arguments.items()) + ")")
