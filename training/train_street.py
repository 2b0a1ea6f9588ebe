"""The street method from a driving log to a trained run folder."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from core.errors import UserError
from core.files import make_folder, read_json
from core.folders import remove
from core.memory import forget_peak
from core.progress import say
from core.run_folder import RunFolder
from core.serialization import config_to_json
from core.stages import Stage, run_stage
from scene.capture import PointCloud
from scene.datasets import open_log
from scene.datasets.street import frame_numbers
from scene.gaussian_model import StaticGaussians
from scene.lidar_motion import moving_returns
from scene.splits import split_frames
from scene.street_gaussians import StreetGaussians
from scene.street_masks import dynamic_probabilities
from scene.street_points import StreetPoints, street_points
from training.loop import FitResult, fit
from training.preparation import (
    SMALLER_LOG,
    check_memory,
    expected_gaussians,
    make_pacer,
    street_bytes,
    wait_for_images,
)
from training.runs import identity_of, is_same_run, start_run
from training.spectator import Spectator
from training.street import StreetTask
from training.street_clips import ClipsConfig, clips_of, join_videos
from training.street_config import StreetConfig, box_of, make_deformation, seen_by
from training.street_files import TENSORS, load_street, save_street
from training.street_fit_config import StreetFitConfig
from training.street_outputs import write_street_outputs
from training.street_views import TrainedStreet


def train_street(
    source: Path, model_path: Path, config: StreetConfig, spectator: Spectator | None = None
) -> FitResult:
    """Train what stands still, then what moves, and write videos, scores and the report; or go on.

    Args:
        source: the log's folder.
        model_path: the run's folder. The static stage has its own, `static`, inside it; so has each clip.
        config: the method.
        spectator: looks on while it trains.

    Raises:
        UserError: the log cannot be read, the folder holds another run, a file cannot be written, or the loss
            keeps being non-finite.
    """
    if config.clips.clip_frames:
        return _train_clips(source, model_path, config, spectator)
    return _StreetRun(source, RunFolder(model_path), config, spectator).run()


def _train_clips(
    source: Path, model_path: Path, config: StreetConfig, spectator: Spectator | None
) -> FitResult:
    """Train the clips of a long log, each in a folder named by its frames, and join their videos."""
    if config.prior_checkpoint is not None:
        raise UserError("a --prior-checkpoint is of one clip; leave out --clip-frames, or the checkpoint")
    numbers = frame_numbers(source, config.log)
    clips = clips_of(numbers, config.clips)
    folders, result = [], None
    for first, last in clips:
        folders.append(model_path / f"clip_{first:03d}_{last:03d}")
        say(f"frames {first} to {last}, clip {len(folders)} of {len(clips)}")
        log = replace(config.log, start_frame=first, end_frame=last)
        clip = replace(config, log=log, clips=ClipsConfig())
        result = train_street(source, folders[-1], clip, spectator)
        if result.stopped_by is not None:
            return result
    if config.outputs.videos:
        join_videos([folder / "videos" for folder in folders], clips, numbers, model_path / "videos")
    assert result is not None  # a log has frames
    return result


class _StreetRun:
    """The stages of one run."""

    def __init__(
        self, source: Path, folder: RunFolder, config: StreetConfig, spectator: Spectator | None = None
    ) -> None:
        self.config = config
        self.spectator = spectator
        self.folder = folder
        self.identity = identity_of(source, config)
        self.goes_on = is_same_run(folder, self.identity)
        self.capture = open_log(source, config.log)
        self.split = split_frames(self.capture, config.stride)
        assert self.capture.drive is not None  # of a log
        self.drive = self.capture.drive
        self._prepared: tuple[list[Tensor], StreetPoints] | None = None

    def run(self) -> FitResult:
        """Both stages, or the one that is asked for."""
        config, split = self.config, self.split
        for note in self.capture.notes:
            say(note)
        say(
            f"{self.capture.name}: {len(self.drive.frame_times_s)} frames of {len(self.drive.camera_names)} "
            f"cameras; {len(split.train)} views train, {len(split.test)} are held out ({split.rule})"
        )
        if not self.goes_on:
            start_run(self.folder, self.identity)
        folder, prior, result = self.folder, config.prior_checkpoint, None
        if prior is None:
            folder = RunFolder(self.folder.path / "static")
            result = self._fit("static", folder, config.static_fit, self._static_task)
            prior = folder.point_cloud(result.iterations).with_name(TENSORS)
        if config.stage != "static" and (result is None or result.stopped_by is None) and self._moves():
            folder, last_prior = self.folder, prior
            result = self._fit("dynamic", folder, config.dynamic_fit, lambda: self._dynamic_task(last_prior))
        assert result is not None  # a static stage has no prior, says the configuration
        if result.stopped_by is not None:
            say(f"stopped after iteration {result.iterations}; the same command continues from there")
            return result
        write_street_outputs(self._trained(folder, result.iterations), config.outputs)
        say(f"results are in {self.folder.path}")
        return result

    def _moves(self) -> bool:
        """Whether there is anything for a dynamic stage to learn, as one that has ended had.

        Raises:
            UserError: there is not, and nothing else was asked for.
        """
        if self.folder.iterations() or len(self._prepare()[1].xyz):
            return True
        told = f"nothing moves in {self.capture.name} as far as its lidar tells"
        if self.config.prior_checkpoint is not None:
            raise UserError(f"{told}, so that a dynamic stage has nothing to learn; give a log with lidar")
        say(f"{told}: the dynamic stage is left out")
        return False

    def _trained(self, folder: RunFolder, iteration: int) -> TrainedStreet:
        """A stage's result, as it was written."""
        scene = load_street(folder.point_cloud(iteration).with_name(TENSORS), self.config, self.capture)
        return TrainedStreet(self.folder, iteration, scene, scene.placed(self.capture), self.split)

    def _prepare(self) -> tuple[list[Float[Tensor, "_H _W"]], StreetPoints]:
        """Where lidar says that something moves in the views that train, and where Gaussians start.

        Held-out frames have no part in it.
        """
        if self._prepared is None:
            seen = seen_by(self.capture, self.split)
            assert seen.drive is not None  # as the capture's
            say("looking for what moves among the lidar's returns")
            motion = moving_returns(seen.drive, self.config.lidar_motion)
            moving = dynamic_probabilities(self.capture, motion)
            probabilities = [moving[view] for view in self.split.train]
            points = street_points(seen, motion, self.config.points, dynamic_probabilities=probabilities)
            say(f"{len(points.static):,} points stand still, {len(points.xyz):,} move")
            self._prepared = probabilities, points
        return self._prepared

    def _static_task(self) -> StreetTask:
        """What stands still, from the lidar's still returns; what seems to move does not count.

        Without masks: everything, from all returns, as it never moves.
        """
        probabilities, points = self._prepare()
        start, moving = points.static, probabilities
        if self.config.masks == "none":
            start = PointCloud(torch.cat([start.xyz, points.xyz]), torch.cat([start.rgb, points.rgb]))
            moving = None
        if not len(start):
            raise UserError(
                f"{self.capture.source} has no lidar returns that an image sees, so there is nothing to "
                "start from; give a log with lidar, or a --prior-checkpoint"
            )
        config, split = self.config.static_fit, self.split
        still = StaticGaussians.from_points(
            start,
            sh_degree=config.model.sh_degree,
            opacity=config.model.init_opacity,
            scale=config.model.init_scale,
        )
        street = StreetGaussians.standing(still, None, self.drive.duration_s)
        return StreetTask(config, self.capture, split.train, split.test, street, moving)

    def _dynamic_task(self, prior: Path) -> StreetTask:
        """What stands still in what has been learned, and what moves among the lidar's returns."""
        config, (_, points) = self.config, self._prepare()
        before = load_street(prior, config, self.capture)
        deformation = make_deformation(config, box_of(points.xyz), len(self.drive.frame_times_s))
        still = ~before.model.movable()
        tables = {name: table[still] for name, table in before.model.parameters.items()}
        street = StreetGaussians(tables, deformation, self.drive.duration_s)
        moving = StaticGaussians.from_points(
            PointCloud(points.xyz, points.rgb),
            sh_degree=config.fit.model.sh_degree,
            opacity=config.fit.model.init_opacity,
            sizes=torch.full((len(points.xyz),), config.moving_size_m),
        )
        span_s, gate = config.moving_span_s, config.moving_gate
        street = street.joined(moving, points.velocities, points.times_s, span_s=span_s, gate=gate)
        capture, split = before.placed(self.capture), self.split
        task = StreetTask(config.dynamic_fit, capture, split.train, split.test, street, None)
        task.adopt(before)
        return task

    def _fit(
        self, name: str, folder: RunFolder, config: StreetFitConfig, make: Callable[[], StreetTask]
    ) -> FitResult:
        """Train a stage, unless it is done."""
        stage = Stage(self.folder.path, name, _determining(self.config, name), (folder.timing,))
        if self.config.outputs.eval_only and not stage.is_done():
            raise UserError(
                f"--eval-only: the {name} stage of {self.folder.path} is not trained to its end with these "
                "settings; repeat the command that trains it, without --eval-only"
            )
        results: list[FitResult] = []

        def work() -> bool:
            forget_peak()  # so that each stage has its own
            wait_for_images(self.capture)
            task = make()
            initial = len(task.model)
            expected = expected_gaussians(initial, config.densification)
            cache_mb, degree = config.loss.cache_mb, config.model.sh_degree
            check_memory(
                self.capture,
                initial,
                expected,
                cache_mb=cache_mb,
                sh_degree=degree,
                map_bytes=street_bytes(self.capture),
                smaller_by=SMALLER_LOG,
            )
            make_folder(folder.path)

            def save(step: int) -> None:
                save_street(folder, step, task.scene(), self.capture)

            pacer = make_pacer(task, folder, config.schedule, initial=initial, expected=expected)
            loop, spectator = self.config.loop, self.spectator
            results.append(fit(task, folder, loop, save=save, pacer=pacer, spectator=spectator))
            return results[0].stopped_by is None

        run_stage(stage, work, clean=lambda: _forget(folder))
        if results:
            return results[0]
        timing = read_json(folder.timing)
        return FitResult(int(timing["iterations"]), float(timing["training_seconds"]), None, None)


def _forget(folder: RunFolder) -> None:
    for path in folder.training_results():
        remove(path)


_OF_THE_DYNAMIC_STAGE = (
    "encoder_type", "hash_grid", "hexplane", "deformation", "moving_size_m", "moving_span_s", "moving_gate"
)  # fmt: skip


def _determining(config: StreetConfig, stage: str) -> dict[str, Any]:
    """What of a configuration a stage depends on."""
    found = config_to_json(config)
    left_out = {"loop", "stage", "outputs", *(_OF_THE_DYNAMIC_STAGE if stage == "static" else ())}
    if stage == "static":
        found = {**found, "fit": config_to_json(config.static_fit)}
    return {name: value for name, value in found.items() if name not in left_out}
