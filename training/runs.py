"""Runs on disk: what makes two of them the same run, and how a trained one is opened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from core import environment
from core.arrays import read_array, write_array
from core.errors import UserError
from core.files import read_json, write_json
from core.run_folder import RunFolder
from core.serialization import config_from_json, config_to_json, differences
from gaussian_renderer.views import Develop
from scene.cameras import Cameras
from scene.capture import Capture
from scene.datasets import open_capture
from scene.gaussian_model import StaticGaussians
from scene.splats import Splats
from scene.splits import Split, SplitOptions, split_views
from scene.stored_frames import read_facts
from training.dynamic import DynamicConfig
from training.motion_blur import MotionBlur
from training.static import StaticConfig
from training.street_config import StreetConfig

SceneConfig = StaticConfig | DynamicConfig
"""Configurations of the methods whose runs can be rendered and scored."""

RunConfig = SceneConfig | StreetConfig
"""Configurations of all methods that learn Gaussians."""

STREET = "street"
"""The name of the method whose runs `training.street_runs` opens."""

METHODS: Mapping[str, type[SceneConfig]] = {"static": StaticConfig, "dynamic": DynamicConfig}


@dataclass(frozen=True)
class TrainedRun:
    """A trained run, ready to be rendered and scored.

    Args:
        folder: its paths.
        source: where its capture was read from.
        config: the method.
        capture: the scene, as it was trained on; with refined cameras, where the run refined them.
        split: which views trained and which are held out.
        iteration: how long the Gaussians had been trained.
        splats: the Gaussians.
        background: RGB behind them; None = black.
        antialiased: whether they were trained with antialiasing, and must be rendered with it.
        exposures: 3x4 colour transforms of the training images by name, where the run learned them.
        shutter: the share of the time between two frames during which the cameras' shutter is open.
        blurred_by: the cameras that training began with, whose motion it blurred images by; None = as the
            capture's.
        depth: stands in for unknown depths where motion blur is concerned; None where the run did not say.
    """

    folder: RunFolder
    source: Path
    config: SceneConfig
    capture: Capture
    split: Split
    iteration: int
    splats: Splats
    background: Float[Tensor, "3"] | None
    antialiased: bool
    exposures: Mapping[str, Float[Tensor, "3 4"]] | None = None
    shutter: float = 0.0
    blurred_by: Cameras | None = None
    depth: float | None = None

    @property
    def fps(self) -> float | None:
        """Frames per second of the video that was trained on; None for other captures."""
        facts = read_facts(self.source)
        return None if facts is None else facts.fps

    def develop(self, rows: Sequence[int], *, sharp: bool = False) -> Develop | None:
        """What the cameras of views make of a drawn image; None if they leave it as it is.

        Args:
            rows: of the capture, one a view.
            sharp: leave out the blur of the cameras' motion.
        """
        exposures = self._exposures_of(rows)
        blur = None if sharp or not self.shutter else self._blur()
        if exposures is None and blur is None:
            return None

        def developed(image: Float[Tensor, "H W 3"], view: int) -> Float[Tensor, "H W 3"]:
            if blur is not None:
                image = blur.apply(image, rows[view])
            if exposures is not None:
                image = image @ exposures[view, :, :3].T.to(image) + exposures[view, :, 3].to(image)
            return image

        return developed

    def mean_exposure(self) -> Develop | None:
        """The mean of the learned colour transforms, for views of no photograph; None if there are none."""
        exposures = self._exposures_of(range(len(self.capture)))
        if exposures is None:
            return None
        mean = exposures.mean(0)
        return lambda image, _: image @ mean[:, :3].T.to(image) + mean[:, 3].to(image)

    @property
    def predicted(self) -> Cameras:
        """The cameras that training began with."""
        return self.capture.cameras if self.blurred_by is None else self.blurred_by

    def _blur(self) -> MotionBlur:
        cameras = self.predicted
        distances = (self.splats.means - cameras.centers.mean(0)).norm(dim=-1)
        depth = float(distances.median()) if self.depth is None else self.depth
        blur = MotionBlur(replace(self.capture, cameras=cameras), depth)
        blur.shutter = self.shutter
        return blur

    def _exposures_of(self, rows: Sequence[int]) -> Float[Tensor, "C 3 4"] | None:
        """The learned colour transforms of views; those that have none keep the scene's colours."""
        if self.exposures is None:
            return None
        names = (self.capture.image_names[row] for row in rows)
        return torch.stack([self.exposures.get(name, torch.eye(3, 4)) for name in names])


@dataclass(frozen=True)
class SavedRun:
    """A run as its folder alone tells it, without the capture that it was trained on.

    Args:
        folder: its paths.
        identity: what its `config.json` holds.
        config: the method.
        iteration: whose Gaussians are meant; they are there.
    """

    folder: RunFolder
    identity: Mapping[str, Any]
    config: SceneConfig
    iteration: int

    @property
    def gaussians(self) -> Path:
        """The file of its Gaussians."""
        return self.folder.point_cloud(self.iteration)


def saved_run(path: Path, iteration: int | None = None) -> SavedRun:
    """Find the Gaussians of a run folder.

    Args:
        path: the folder.
        iteration: which saved Gaussians; None = the latest.

    Raises:
        UserError: it is no run of ours, or has no such iteration.
    """
    folder = RunFolder(path)
    if not folder.config.exists():
        raise UserError(
            f"{path} holds no config.json and so is no run folder; give the folder that train.py -m named"
        )
    identity = read_json(folder.config)
    config_type = METHODS.get(identity.get("method", "")) if isinstance(identity, dict) else None
    if config_type is None or "source_path" not in identity:
        raise UserError(
            f"{folder.config} does not describe a run of {' or '.join(METHODS)}; restore it or train anew"
        )
    config = config_from_json(config_type, identity.get("config", {}), "config.")
    iteration = folder.last_iteration() if iteration is None else iteration
    if not folder.point_cloud(iteration).exists():
        raise UserError(
            f"{path} has no iteration {iteration}; saved are "
            f"{', '.join(map(str, folder.iterations())) or 'none'}"
        )
    return SavedRun(folder, identity, config, iteration)


def open_run(path: Path, iteration: int | None = None, source: Path | None = None) -> TrainedRun:
    """Read a run folder and the capture it was trained on.

    Args:
        path: the folder.
        iteration: which saved Gaussians; None = the latest.
        source: where the capture is now, if it has been moved.

    Raises:
        UserError: it is no run of ours, has no such iteration, or its capture cannot be read.
    """
    saved = saved_run(path, iteration)
    folder, config, iteration = saved.folder, saved.config, saved.iteration
    source = source or folder.source(saved.identity)
    capture, split = read_scene(source, config)
    predicted = capture.cameras
    capture = replace(capture, cameras=_refined(folder, iteration, predicted))
    splats = StaticGaussians.load_ply(saved.gaussians).splats()
    splats = replace(
        splats,
        **{name: getattr(splats, name).detach() for name in ("means", "quats", "scales", "opacities", "sh")},
    )
    shutter = _saved(folder.shutter(iteration), folder.last_shutter) or {"shutter": 0.0}
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
        _exposures(folder, iteration),
        float(shutter["shutter"]),
        predicted,
        shutter.get("depth"),
    )


def _exposures(folder: RunFolder, iteration: int) -> Mapping[str, Float[Tensor, "3 4"]] | None:
    """The colour transforms that a run has learned, by image name; None where it learned none."""
    saved = _saved(folder.exposure(iteration), folder.last_exposure)
    return None if saved is None else {name: torch.tensor(rows) for name, rows in saved.items()}


def _saved(path: Path, older: Path) -> dict[str, Any] | None:
    """What a file of an iteration holds; without it, the one file that older runs have. None without both."""
    found = next((file for file in (path, older) if file.exists()), None)
    return None if found is None else read_json(found)


def _refined(folder: RunFolder, iteration: int, cameras: Cameras) -> Cameras:
    """The cameras that a run has learned, or the given ones where it learned none."""
    if not folder.poses(iteration).exists():
        return cameras
    viewmats = _read_table(folder.poses(iteration), (len(cameras), 4, 4))
    Ks = _read_table(folder.intrinsics(iteration), (len(cameras), 3, 3))
    return replace(cameras, viewmats=viewmats, Ks=Ks)


def _read_table(path: Path, shape: tuple[int, ...]) -> Float[Tensor, "*shape"]:
    table = read_array(path)
    if table.shape != shape:
        raise UserError(f"{path} holds {list(table.shape)} numbers; {list(shape)} were expected; train anew")
    return torch.from_numpy(table.astype(np.float32))


def save_cameras(folder: RunFolder, iteration: int, cameras: Cameras) -> None:
    """Write the cameras that a run has learned.

    Raises:
        UserError: a file cannot be written.
    """
    write_array(folder.poses(iteration), cameras.viewmats)
    write_array(folder.intrinsics(iteration), cameras.Ks)


def save_exposures(folder: RunFolder, iteration: int, transforms: Mapping[str, Any]) -> None:
    """Write the colour transforms that a run has learned, of this iteration and as the last ones.

    Raises:
        UserError: a file cannot be written.
    """
    write_json(folder.exposure(iteration), transforms)
    write_json(folder.last_exposure, transforms)


def read_scene(source: Path, config: SceneConfig) -> tuple[Capture, Split]:
    """The capture and its split, as a configuration asks for them.

    Raises:
        UserError: the source cannot be read or no view is left to train on.
    """
    options = config.capture
    if config.render.white_background and options.alpha == "black":
        options = replace(options, alpha="white")
    capture = open_capture(source, options)
    return capture, split_views(capture, split_options(config))


def split_options(config: SceneConfig) -> SplitOptions:
    """Which views to hold out; of a video `eval` means what it means to DAS3R."""
    split = replace(config.split, seed=config.seed)
    if isinstance(config, DynamicConfig) and split.eval and split.hold_out == "none":
        return replace(split, hold_out="das3r")
    return split


def identity_of(source: Path, config: RunConfig, video: Path | None = None) -> dict[str, Any]:
    """What `config.json` holds: a run is this.

    Args:
        source: the capture.
        config: the method.
        video: that the capture was predicted from, by this run.
    """
    types = {**METHODS, STREET: StreetConfig}
    method = next(name for name, config_type in types.items() if isinstance(config, config_type))
    origin = {} if video is None else {"video": str(video.absolute())}
    return {
        "method": method, "source_path": str(source.absolute()), **origin, "config": config_to_json(config),
    }  # fmt: skip


def is_same_run(folder: RunFolder, identity: Mapping[str, Any]) -> bool:
    """Whether a folder already holds the run in question; False where it holds none.

    When to report and save is no part of it: that may change from one command to the next.

    Raises:
        UserError: the folder holds another run, or its config.json cannot be read.
    """
    if not folder.config.exists():
        return False
    found = differences(result_determining(read_json(folder.config)), result_determining(identity))
    if not found:
        return True
    told = "; ".join(
        f"{key.removeprefix('config.')} is {old!r} there and {new!r} now" for key, (old, new) in found.items()
    )
    raise UserError(
        f"{folder.path} holds a run with another configuration ({told}); repeat the command that made it to "
        f"continue it, choose another folder with -m, or remove that folder"
    )


def result_determining(identity: Mapping[str, Any]) -> dict[str, Any]:
    """A run's identity without when it reports and saves, and what it writes at the end."""
    config = identity.get("config", {})
    kept = {key: value for key, value in config.items() if key not in ("loop", "outputs")}
    return {**identity, "config": kept}


def start_run(folder: RunFolder, identity: Mapping[str, Any]) -> None:
    """Make the folder of a new run.

    Raises:
        UserError: it holds other files, or cannot be written.
    """
    folder.claim()
    write_json(folder.config, identity)
    write_json(folder.path / environment.FILE, environment.describe())
