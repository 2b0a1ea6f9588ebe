"""From a video to a predicted capture: its frames written, then looked at by a predictor."""

from dataclasses import dataclass, replace
from pathlib import Path

from core.errors import UserError
from core.folders import check_space, remove
from core.progress import say
from core.run_folder import RunFolder
from core.serialization import config_to_json
from core.stages import Stage, content_digest, file_stamps, run_stage
from dynamic_predictor.config import PredictorConfig
from dynamic_predictor.requirements import check_requirements, memory_notes, weight_files
from dynamic_predictor.user_poses import UserPoses, pose_files, read_user_poses
from scene.frame_folders import FrameFolder, find_frames
from scene.frames import FrameOptions, Frames, open_frames, write_frames
from scene.prediction_files import remove_prediction, write_prediction
from scene.prediction_layout import PREDICTION_FILE
from scene.splits import SplitOptions, rows_held_out
from scene.stored_frames import FACTS_FILE, IMAGES, StoredFrames, read_facts
from scene.user_masks import USER_MASKS, mask_files, masks_of, match_masks, write_masks

_MAP_BYTES = 13  # of a pixel at the working size: three numbers and a mask
_VIDEO_BYTES = 0.3  # of a pixel in all videos of a run together
_MODEL_BYTES = 256 * 2**20  # Gaussians and a checkpoint, roughly


@dataclass(frozen=True)
class PredictionPlan:
    """The two stages of a prediction, checked and ready to run.

    Args:
        home: the folder of the prediction.
        config: how it is made.
        frames_stage: the frames are written.
        predict_stage: they are looked at.
        frames: the chosen frames; None where both stages are done already.
        masks: the user's mask of each frame, if there are any.
        poses: the user's cameras, if there are any.
        unseen: the rule by which frames are kept from the predictor; None = it sees all of them.
    """

    home: Path
    config: PredictorConfig
    frames_stage: Stage
    predict_stage: Stage
    frames: Frames | None = None
    masks: list[Path] | None = None
    poses: UserPoses | None = None
    unseen: SplitOptions | None = None

    def run(self) -> Stage:
        """Write the frames and predict them, each unless it is done; returns the last stage, done.

        Raises:
            UserError: a frame does not decode, the predictor fails, or a file cannot be written.
        """
        run_stage(self.frames_stage, self._write_frames)
        run_stage(self.predict_stage, self._predict, clean=lambda: remove_prediction(self.home))
        return self.predict_stage

    def _write_frames(self) -> None:
        assert self.frames is not None  # as a stage is not done
        remove_prediction(self.home)
        remove(self.home / USER_MASKS)
        if self.masks is not None:
            write_masks(self.masks, self.frames, self.home)
        write_frames(self.frames, self.home)

    def _predict(self) -> None:
        # Networks and structure from motion are loaded by those who predict, and by nobody else.
        from dynamic_predictor.predict import predict  # noqa: PLC0415
        from dynamic_predictor.unseen import with_unseen  # noqa: PLC0415

        facts = read_facts(self.home)
        if facts is None:
            raise UserError(
                f"{self.home / FACTS_FILE} is missing; remove {self.frames_stage.marker} to write the frames "
                "anew"
            )
        masks = None if self.masks is None else self.home / USER_MASKS
        cameras = None if self.poses is None else self.poses.cameras
        seen = _seen(len(facts), self.unseen)
        names = tuple(facts.names[row] for row in seen)
        frames = StoredFrames(self.home / IMAGES, names)
        cameras = None if cameras is None else cameras[seen]
        prediction = predict(frames, names, replace(self.config, user_masks=masks), cameras)
        if len(seen) < len(facts):
            prediction = with_unseen(prediction, facts.names, seen)
        write_prediction(self.home, prediction, facts)


def plan_prediction(
    source: Path,
    folder: RunFolder,
    options: FrameOptions,
    predictor: PredictorConfig,
    unseen: SplitOptions | None = None,
) -> PredictionPlan:
    """Look at a video and at all that goes with it, and check what can be wrong. Nothing is written.

    Args:
        source: a video or a folder of frames.
        folder: of the run.
        options: which frames.
        predictor: with the user's masks, poses and weights, if there are any.
        unseen: the frames that this holds out are kept from the predictor.

    Raises:
        UserError: as `open_frames`, `match_masks`, `read_user_poses` and `check_requirements`; a file of the
            user is missing; no frame would be kept from the predictor, or all; or the disk has no room.
    """
    if predictor.user_masks is not None:
        predictor = replace(predictor, user_masks=masks_of(predictor.user_masks, source))
    plan = _stages(source, folder, options, predictor, unseen)
    if plan.frames_stage.is_done() and plan.predict_stage.is_done():
        return plan
    frames = open_frames(source, options)
    facts = frames.facts
    seen = _seen(len(frames), unseen)
    if unseen is not None and not 0 < len(seen) < len(frames):
        raise UserError(
            f"--predict-without-held-out keeps {len(frames) - len(seen)} of {len(frames)} frames from the "
            "predictor; some, and not all, were expected: say --hold-out das3r, of 6 frames or more"
        )
    check_requirements(predictor, len(seen), facts.width, facts.height)
    masks = None if predictor.user_masks is None else match_masks(predictor.user_masks, frames)
    poses = None
    if predictor.user_poses is not None:
        poses = read_user_poses(predictor.user_poses, frames, predictor.focal_px)
    if not plan.frames_stage.is_done():
        needed = _bytes_expected(frames, predictor.long_side)
        check_space(folder.path, needed, f"{len(frames)} frames and a model")
    notes = (*frames.notes, *(() if poses is None else poses.notes))
    for note in (*notes, *memory_notes(predictor, len(frames), facts.width, facts.height)):
        say(note)
    return replace(plan, frames=frames, masks=masks, poses=poses)


def _seen(count: int, unseen: SplitOptions | None) -> list[int]:
    """The rows that the predictor looks at."""
    hidden = () if unseen is None else rows_held_out(count, unseen)
    return [row for row in range(count) if row not in hidden]


def _stages(
    source: Path,
    folder: RunFolder,
    options: FrameOptions,
    predictor: PredictorConfig,
    unseen: SplitOptions | None,
) -> PredictionPlan:
    for name in ("user_masks", "user_poses", "pretrained"):
        path: Path | None = getattr(predictor, name)
        if path is not None and not path.exists():
            raise UserError(f"--{name.replace('_', '-')} {path} does not exist")
    home, masks, poses = folder.prediction, predictor.user_masks, predictor.user_poses
    frames_inputs = {
        "frames": content_digest(_files(source)),
        "options": config_to_json(options),
        "user_masks": None if masks is None else content_digest(mask_files(masks)),
    }
    frames = Stage(folder.path, "frames", frames_inputs, (home / IMAGES, home / FACTS_FILE))
    # Files of the user are told apart by what is in them, not by where they are.
    elsewhere = {"user_masks": None, "user_poses": None, "pretrained": None}
    predict_inputs = {
        "frames": frames.digest,
        "predictor": {**config_to_json(predictor), **elsewhere},
        "user_poses": None if poses is None else content_digest(pose_files(poses)),
        "weights": file_stamps(weight_files(predictor)),
        **({} if unseen is None else {"unseen": config_to_json(unseen)}),
    }
    predict = Stage(folder.path, "predict", predict_inputs, (home / PREDICTION_FILE,))
    return PredictionPlan(home, predictor, frames, predict, unseen=unseen)


def _files(source: Path) -> list[Path]:
    """The files that the frames of a source come from."""
    if not source.is_dir():
        return [source] if source.is_file() else []
    found = find_frames(source)
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
