"""Runs on disk: what makes two of them the same run, and how a trained one is opened."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from core import environment
from core.errors import UserError
from core.files import read_json, write_json
from core.run_folder import RunFolder
from core.serialization import config_from_json, config_to_json, differences
from scene.capture import Capture
from scene.datasets import open_capture
from scene.gaussian_model import StaticGaussians
from scene.splats import Splats
from scene.splits import Split, split_views
from training.static import StaticConfig

METHOD = "static"


@dataclass(frozen=True)
class TrainedRun:
    """A trained run, ready to be rendered and scored.

    Args:
        folder: its paths.
        source: where its capture was read from.
        config: the method.
        capture: the scene, as it was trained on.
        split: which views trained and which are held out.
        iteration: how long the Gaussians had been trained.
        splats: the Gaussians.
        background: RGB behind them; None = black.
        antialiased: whether they were trained with antialiasing, and must be rendered with it.
        exposures: 3x4 colour transforms of the training images by name, where the run learned them.
    """

    folder: RunFolder
    source: Path
    config: StaticConfig
    capture: Capture
    split: Split
    iteration: int
    splats: Splats
    background: Float[Tensor, "3"] | None
    antialiased: bool
    exposures: Mapping[str, Float[Tensor, "3 4"]] | None = None


def open_run(path: Path, iteration: int | None = None) -> TrainedRun:
    """Read a run folder and the capture it was trained on.

    Args:
        path: the folder.
        iteration: which saved Gaussians; None = the latest.

    Raises:
        UserError: it is no run of ours, has no such iteration, or its capture cannot be read.
    """
    folder = RunFolder(path)
    if not folder.config.exists():
        raise UserError(
            f"{path} holds no config.json and so is no run folder; give the folder that train.py -m named"
        )
    identity = read_json(folder.config)
    if not isinstance(identity, dict) or identity.get("method") != METHOD or "source_path" not in identity:
        raise UserError(f"{folder.config} does not describe a static run; restore it or train anew")
    config = config_from_json(StaticConfig, identity.get("config", {}), "config.")
    iteration = folder.last_iteration() if iteration is None else iteration
    saved = folder.point_cloud(iteration)
    if not saved.exists():
        raise UserError(
            f"{path} has no iteration {iteration}; saved are "
            f"{', '.join(map(str, folder.iterations())) or 'none'}"
        )
    source = Path(identity["source_path"])
    capture, split = read_scene(source, config)
    splats = StaticGaussians.load_ply(saved).splats()
    splats = replace(
        splats,
        **{name: getattr(splats, name).detach() for name in ("means", "quats", "scales", "opacities", "sh")},
    )
    exposures = None
    if folder.exposure.exists():
        exposures = {name: torch.tensor(rows) for name, rows in read_json(folder.exposure).items()}
    background = torch.ones(3) if config.render.white_background else None
    return TrainedRun(
        folder,
        source,
        config,
        capture,
        split,
        iteration,
        splats,
        background,
        config.render.antialiasing,
        exposures,
    )


def read_scene(source: Path, config: StaticConfig) -> tuple[Capture, Split]:
    """The capture and its split, as a configuration asks for them.

    Raises:
        UserError: the source cannot be read or no view is left to train on.
    """
    options = config.capture
    if config.render.white_background and options.alpha == "black":
        options = replace(options, alpha="white")
    capture = open_capture(source, options)
    return capture, split_views(capture, replace(config.split, seed=config.seed))


def identity_of(source: Path, config: StaticConfig) -> dict[str, Any]:
    """What `config.json` holds: a run is this."""
    return {"method": METHOD, "source_path": str(source.absolute()), "config": config_to_json(config)}


def is_same_run(folder: RunFolder, identity: Mapping[str, Any]) -> bool:
    """Whether a folder already holds the run in question; False where it holds none.

    When to report and save is no part of it: that may change from one command to the next.

    Raises:
        UserError: the folder holds another run, or its config.json cannot be read.
    """
    if not folder.config.exists():
        return False
    found = differences(_result_determining(read_json(folder.config)), _result_determining(identity))
    if not found:
        return True
    told = "; ".join(
        f"{key.removeprefix('config.')} is {old!r} there and {new!r} now" for key, (old, new) in found.items()
    )
    raise UserError(
        f"{folder.path} holds a run with another configuration ({told}); repeat the command that made it to "
        f"continue it, choose another folder with -m, or remove that folder"
    )


def _result_determining(identity: Mapping[str, Any]) -> dict[str, Any]:
    config = identity.get("config", {})
    return {**identity, "config": {key: value for key, value in config.items() if key != "loop"}}


def start_run(folder: RunFolder, identity: Mapping[str, Any]) -> None:
    """Make the folder of a new run.

    Raises:
        UserError: it holds other files, or cannot be written.
    """
    folder.claim()
    write_json(folder.config, identity)
    write_json(folder.path / environment.FILE, environment.describe())
