"""Runs of the street method, opened again to be rendered, edited and scored."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.errors import UserError
from core.files import read_json
from core.progress import say
from core.run_folder import RunFolder
from core.serialization import config_from_json
from core.weights import NetworkName
from evaluation.lpips import has_weights, how_to_get
from evaluation.report import write_street_report
from evaluation.street_scores import SCORES_FILE
from scene.datasets import open_log
from scene.splits import split_frames
from training.runs import STREET
from training.street_config import StreetConfig
from training.street_files import TENSORS, load_street
from training.street_outputs import LPIPS_NETWORK, format_scores, write_scores
from training.street_views import TrainedStreet


def is_street(path: Path) -> bool:
    """Whether a folder holds a run of the street method; False for whatever else it is.

    Raises:
        UserError: its config.json is damaged.
    """
    folder = RunFolder(path)
    if not folder.config.is_file():
        return False
    identity = read_json(folder.config)
    return isinstance(identity, dict) and identity.get("method") == STREET


def open_street(path: Path, iteration: int | None = None, source: Path | None = None) -> TrainedStreet:
    """Read what a run has learned, and the log it was trained on.

    Args:
        path: the run's folder.
        iteration: which saved street; None = the latest.
        source: where the log is now, if it has been moved.

    Raises:
        UserError: it is no run on a driving log, has no such iteration, or its log cannot be read.
    """
    if not is_street(path):
        raise UserError(
            f"{path} holds no run on a driving log; give the folder that train.py street -m named"
        )
    folder = RunFolder(path)
    identity: Mapping[str, Any] = read_json(folder.config)
    if "source_path" not in identity:
        raise UserError(f"{folder.config} names no log; restore it or train anew")
    config = config_from_json(StreetConfig, identity.get("config", {}), "config.")
    stage = _last_stage(folder)
    iteration = stage.last_iteration() if iteration is None else iteration
    saved = stage.point_cloud(iteration)
    if not saved.exists():
        raise UserError(
            f"{stage.path} has no iteration {iteration}; saved are {', '.join(map(str, stage.iterations()))}"
        )
    capture = open_log(source or Path(identity["source_path"]), config.log)
    scene = load_street(saved.with_name(TENSORS), config, capture)
    return TrainedStreet(
        folder, iteration, scene, scene.placed(capture), split_frames(capture, config.stride)
    )


def score_street(path: Path, network: NetworkName | None = None) -> str:
    """The table of a run's scores, and its report anew.

    The scores are those that the run ended with; or new ones where these are missing or old, or lack an LPIPS
    whose weights are at hand.

    Args:
        path: the run's folder.
        network: of LPIPS; that of the stored scores, else `LPIPS_NETWORK`, by default.

    Raises:
        UserError: as `open_street`; a file is damaged or cannot be written.
    """
    file, last = path / SCORES_FILE, _last_stage(RunFolder(path)).last_iteration()
    stored = read_json(file) if file.is_file() else {}
    if not isinstance(stored, dict):
        stored = {}
    known = stored.get("lpips_network")
    network = network or known or LPIPS_NETWORK
    is_current = stored.get("iteration") == last and "summary" in stored
    if is_current and (known == network or not has_weights(network)):
        if known != network:
            say(how_to_get(network))
        found = stored["summary"]
    else:
        found = write_scores(open_street(path), network)
    write_street_report(RunFolder(path))
    return format_scores(found)


def _last_stage(folder: RunFolder) -> RunFolder:
    """The folder of the last stage that has ended: the run itself, or its static stage."""
    static = RunFolder(folder.path / "static")
    return static if not folder.iterations() and static.iterations() else folder
