"""The dynamic method from a video, its frames or a prediction to a trained run folder."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from core import environment
from core.errors import UserError
from core.files import read_json, write_json
from core.folders import remove
from core.images import to_uint8
from core.progress import say
from core.run_folder import RunFolder
from core.serialization import config_to_json, differences
from core.sh import C0
from core.stages import Stage, content_digest, run_stage
from dynamic_predictor.config import PredictorConfig
from evaluation.report import write_report
from scene.cameras_json import write_cameras_json
from scene.capture import PointCloud
from scene.depth_points import most_starting_gaussians
from scene.prediction_files import input_files
from scene.prediction_layout import find_layout
from training.camera_files import write_camera_files
from training.camera_plot import write_camera_plot
from training.dynamic import DynamicConfig, DynamicTask
from training.loop import FitResult, fit
from training.prediction_stages import plan_prediction
from training.preparation import check_memory, expected_gaussians, make_pacer, map_bytes, wait_for_images
from training.runs import (
    identity_of,
    is_same_run,
    open_run,
    read_scene,
    result_determining,
    save_cameras,
    save_exposures,
    split_options,
    start_run,
)
from training.showreel import write_showreel
from training.spectator import Spectator
from training.viewer_files import inria_arguments, write_viewer_files


def train_dynamic(
    source: Path, model_path: Path, config: DynamicConfig, spectator: Spectator | None = None
) -> FitResult:
    """Predict, train, and write videos; or go on where an earlier process was stopped.

    Args:
        source: a video, a folder of its frames, or the folder of a prediction.
        model_path: the run's folder.
        config: the method.
        spectator: looks on while it trains.

    Raises:
        UserError: the source cannot be read, the folder holds another run, memory or the disk does not
            suffice, a file cannot be written, or the loss keeps being non-finite.
    """
    run = _DynamicRun(source, RunFolder(model_path), config)
    result = run.train(run.predict(), spectator)
    if result.stopped_by is None:
        run.write_outputs(result.iterations)
        say(f"results are in {model_path}")
    else:
        say(f"stopped after iteration {result.iterations}; the same command continues from there")
    return result


class _DynamicRun:
    """The stages of one run: frames, predict, train, outputs."""

    def __init__(self, source: Path, folder: RunFolder, config: DynamicConfig) -> None:
        self.source = source
        self.folder = folder
        self.config = config
        self.layout = find_layout(source) if source.is_dir() else None
        self.home = folder.prediction if self.layout is None else source
        self.identity = identity_of(self.home, config, video=source if self.layout is None else None)
        self.is_corrected = self._replaces_a_config()
        self.goes_on = not self.is_corrected and is_same_run(folder, self.identity)
        self.train_stage: Stage | None = None

    def predict(self) -> str:
        """Have the source predicted; returns a digest of the prediction."""
        predictor = replace(self.config.predictor, seed=self.config.seed)
        if self.layout is not None:
            self._check_is_not_predicted_anew(predictor)
            return content_digest(input_files(self.layout))
        unseen = split_options(self.config) if self.config.predict_without_held_out else None
        plan = plan_prediction(self.source, self.folder, self.config.frames, predictor, unseen)
        self._begin()
        return plan.run().digest

    def _check_is_not_predicted_anew(self, predictor: PredictorConfig) -> None:
        names = ("user_masks", "user_poses", "focal_px", "pretrained", "assume_static")
        given = [name for name in names if getattr(predictor, name) != getattr(PredictorConfig(), name)]
        if self.config.predict_without_held_out:
            given.append("predict_without_held_out")
        if given:
            flag = "--" + given[0].replace("_", "-")
            raise UserError(
                f"{self.source} is predicted already, so {flag} would change nothing; leave it out, or give "
                "the video itself"
            )

    def train(self, prediction: str, spectator: Spectator | None) -> FitResult:
        """Fit the Gaussians to the predicted capture."""
        config, folder = self.config, self.folder
        inputs = {"prediction": prediction, "config": _determining(config)}
        stage = self.train_stage = Stage(folder.path, "train", inputs, (folder.timing,))
        if stage.is_done():
            run_stage(stage, lambda: None)  # says so
            return _finished(read_json(folder.timing))
        capture, split = read_scene(self.home, config)
        for note in capture.notes:
            say(note)
        say(f"{capture.name}: {len(split.train)} frames train, {len(split.test)} are held out ({split.rule})")
        most = most_starting_gaussians(capture, split.train, config.points)
        check_memory(
            capture,
            most,
            expected_gaussians(most, config.densification),
            cache_mb=config.loss.cache_mb,
            sh_degree=config.model.sh_degree,
            map_bytes=map_bytes(capture),
        )
        wait_for_images(capture)
        task = DynamicTask(config, capture, split.train, split.test)
        initial = len(task.model)
        started = replace(capture, points=capture.points or _starting_points(task))
        expected = expected_gaussians(initial, config.densification)
        self._begin()
        results: list[FitResult] = []

        def work() -> bool:
            pacer = make_pacer(task, folder, config.schedule, initial=initial, expected=expected)
            arguments = inria_arguments(self.home, folder.path, config)
            if not folder.timing.exists():  # else refined cameras have taken the place of these
                write_viewer_files(folder, started, split.train, split.test, arguments)
            result = fit(
                task,
                folder,
                config.loop,
                save=lambda step: _save(task, folder, step),
                pacer=pacer,
                spectator=spectator,
            )
            results.append(result)
            if result.stopped_by is None:
                say(
                    f"{result.iterations} iterations and {len(task.model):,} Gaussians in "
                    f"{result.seconds:.1f} s"
                )
            return result.stopped_by is None

        run_stage(stage, work, clean=self._forget_training)
        return results[0]

    def write_outputs(self, iterations: int) -> None:
        """Videos, the plot of the camera's path, and the report."""
        assert self.train_stage is not None  # `train` comes first
        folder = self.folder
        inputs = {"train": self.train_stage.digest, "iterations": iterations}
        cameras = (folder.extrinsics, folder.camera_intrinsics, folder.partition)
        outputs = (*folder.showreel, folder.camera_plot, *cameras, folder.report)

        def work() -> None:
            run = open_run(folder.path)
            write_camera_plot(folder.camera_plot, run.capture.cameras)
            write_showreel(run)
            write_camera_files(folder, run.capture, run.split)
            write_report(folder)

        run_stage(Stage(folder.path, "outputs", inputs, outputs), work)

    def _begin(self) -> None:
        """Make the run's folder, unless it is there."""
        if self.is_corrected:
            say(f"nothing has been trained in {self.folder.path} yet, so its configuration may change")
            write_json(self.folder.config, self.identity)
            write_json(self.folder.path / environment.FILE, environment.describe())
        elif not self.goes_on:
            start_run(self.folder, self.identity)
        self.is_corrected, self.goes_on = False, True

    def _replaces_a_config(self) -> bool:
        """Whether the folder holds the same video with another configuration, and no training has begun.

        Then its stages tell for themselves what has to be done anew.
        """
        begun = (Stage(self.folder.path, "train", {}).marker, *self.folder.training_results())
        if not self.folder.config.exists() or any(path.exists() for path in begun):
            return False
        stored = read_json(self.folder.config)
        same = isinstance(stored, dict) and all(
            stored.get(key) == self.identity.get(key) for key in ("method", "source_path", "video")
        )
        return same and bool(differences(result_determining(stored), result_determining(self.identity)))

    def _forget_training(self) -> None:
        for path in self.folder.training_results():
            remove(path)


def _determining(config: DynamicConfig) -> dict[str, Any]:
    """What of a configuration the training depends on, given the prediction."""
    left_out = ("loop", "frames", "predictor")
    return {name: value for name, value in config_to_json(config).items() if name not in left_out}


def _finished(timing: Mapping[str, Any]) -> FitResult:
    return FitResult(int(timing["iterations"]), float(timing["training_seconds"]), None, None)


@torch.no_grad()
def _starting_points(task: DynamicTask) -> PointCloud:
    """Where the Gaussians of a new task are, and in which colours."""
    splats = task.model.splats()
    return PointCloud(splats.means.detach().clone(), to_uint8(splats.sh[:, 0] * C0 + 0.5))


def _save(task: DynamicTask, folder: RunFolder, iteration: int) -> None:
    """Write what the task has learned; the Gaussians last, as their presence says that all is there."""
    names, cameras = task.capture.image_names, task.cameras()
    save_cameras(folder, iteration, cameras)
    shown = [*task.test, *task.train]
    write_cameras_json(folder.cameras, cameras[shown], [names[view] for view in shown])
    exposures = task.held_out_exposures()
    if exposures is not None:
        save_exposures(folder, iteration, dict(zip(names, exposures.tolist(), strict=True)))
    if task.blur is not None:
        write_json(folder.shutter(iteration), task.blur.to_json())
    task.model.save_ply(folder.point_cloud(iteration))
