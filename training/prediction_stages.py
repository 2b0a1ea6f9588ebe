"""From a video to a predicted capture: its frames written, then looked at by a predictor."""

from dataclasses import dataclass, replace
from pathlib import Path

from core.errors import UserError
from core.folders import check_space
from core.progress import say
from core.run_folder import RunFolder
from core.serialization import config_to_json
from core.stages import Stage, content_digest, run_stage
from dynamic_predictor.config import PredictorConfig
from scene.frame_folders import FrameFolder, find_frames
from scene.frames import FrameOptions, Frames, open_frames, write_frames
from scene.prediction_files import remove_prediction, write_prediction
from scene.prediction_layout import PREDICTION_FILE
from scene.stored_frames import FACTS_FILE, IMAGES, StoredFrames, read_facts
from scene.user_masks import USER_MASKS, match_masks, write_masks

_MAP_BYTES = 13  # of a pixel at the working size: three numbers and a mask
_VIDEO_BYTES = 0.3  # of a pixel in all videos of a run together
_MODEL_BYTES = 256 * 2**20  # Gaussians and a checkpoint, roughly


@dataclass(frozen=True)
class FramesStage:
    """The first stage, checked and ready to run.

    Args:
        stage: its inputs and outputs.
        frames: the chosen frames; None where the stage is done already.
        masks: the user's mask of each frame, if there are any.
    """

    stage: Stage
    frames: Frames | None
    masks: list[Path] | None = None

    def run(self, home: Path) -> None:
        """Write the frames, and the user's masks, into the folder of the prediction.

        Raises:
            UserError: a frame does not decode, or a file cannot be written.
        """
        run_stage(self.stage, lambda: self._work(home))

    def _work(self, home: Path) -> None:
        if self.frames is None:
            return
        remove_prediction(home)
        if self.masks is not None:
            write_masks(self.masks, self.frames, home)
        write_frames(self.frames, home)


def prepare_frames(
    source: Path, folder: RunFolder, options: FrameOptions, predictor: PredictorConfig
) -> FramesStage:
    """Look at a video, and check all that can be wrong with it. Nothing is written.

    Args:
        source: a video or a folder of frames.
        folder: of the run.
        options: which frames.
        predictor: with the user's masks and poses, if there are any.

    Raises:
        UserError: as `open_frames` and `match_masks`; a file of the user is missing; or the disk has no room.
    """
    for name in ("user_masks", "user_poses", "pretrained"):
        path: Path | None = getattr(predictor, name)
        if path is not None and not path.exists():
            raise UserError(f"--{name.replace('_', '-')} {path} does not exist")
    home = folder.prediction
    files = [source] if source.is_file() else _files(source)
    inputs = {
        "frames": content_digest(files),
        "options": config_to_json(options),
        "user_masks": None if predictor.user_masks is None else content_digest([predictor.user_masks]),
    }
    stage = Stage(folder.path, "frames", inputs, (home / IMAGES, home / FACTS_FILE))
    if stage.is_done():
        return FramesStage(stage, None)
    frames = open_frames(source, options)
    for note in frames.notes:
        say(note)
    masks = None if predictor.user_masks is None else match_masks(predictor.user_masks, frames)
    check_space(
        folder.path, _bytes_expected(frames, predictor.long_side), f"{len(frames)} frames and a model"
    )
    return FramesStage(stage, frames, masks)


def predict_frames(folder: RunFolder, before: Stage, predictor: PredictorConfig) -> Stage:
    """Predict the frames that are there; the second stage.

    Args:
        folder: of the run, with frames in its prediction folder.
        before: the stage of the frames.
        predictor: how.

    Returns:
        The stage, done.

    Raises:
        UserError: as the predictor, or a file cannot be written.
    """
    home = folder.prediction
    inputs = {
        "frames": before.digest,
        "predictor": {**config_to_json(predictor), "user_masks": None, "user_poses": None},
        "user_poses": None if predictor.user_poses is None else content_digest([predictor.user_poses]),
    }
    stage = Stage(folder.path, "predict", inputs, (home / PREDICTION_FILE,))

    def work() -> None:
        # Networks and structure from motion are loaded by those who predict, and by nobody else.
        from dynamic_predictor.predict import predict  # noqa: PLC0415

        facts = read_facts(home)
        if facts is None:
            raise UserError(
                f"{home / FACTS_FILE} is missing; remove {before.marker} to write the frames anew"
            )
        masks = None if predictor.user_masks is None else home / USER_MASKS
        frames = StoredFrames(home / IMAGES, facts.names)
        prediction = predict(frames, facts.names, replace(predictor, user_masks=masks))
        write_prediction(home, prediction, facts)

    run_stage(stage, work, clean=lambda: remove_prediction(home))
    return stage


def _files(source: Path) -> list[Path]:
    """The files that the frames of a source come from."""
    found = find_frames(source) if source.is_dir() else None
    if found is None:
        return []
    return found.files if isinstance(found, FrameFolder) else [found]


def _bytes_expected(frames: Frames, long_side: int) -> int:
    """What a run on these frames writes, roughly."""
    width, height = frames.facts.width, frames.facts.height
    shrink = min(1.0, long_side / max(width, height))
    maps = _MAP_BYTES * width * height * shrink**2
    videos = _VIDEO_BYTES * width * height
    return frames.bytes_expected + round(len(frames) * (maps + videos)) + _MODEL_BYTES
