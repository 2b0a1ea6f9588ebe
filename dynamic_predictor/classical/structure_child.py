"""Structure from motion in a process of its own, where COLMAP's threads and aborts cannot harm a run.

`python -m dynamic_predictor.classical.structure_child FOLDER`: the folder holds `images/`, `masks/` and
`request.json`; the answer is `structure.npz`. The process ends with whoever holds its standard input.
"""

import json
import os
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.files import atomic_write
from core.progress import say
from scene.datasets.pycolmap_import import pycolmap

_FEATURES = 2048
_PEAK_THRESHOLD = 0.004  # of SIFT; lower than COLMAP's 0.0067, for blurred and plain frames
_SEEING_POINTS = 6  # that a frame must see to count as posed
_OVERLAP = 8  # frames matched with the next 8 and with those 1, 2, 4, ... 128 ahead
_FIRST_ANGLES_DEG = (8.0, 2.0)  # of the first pair, tried in turn; videos have small baselines
_GOOD_ERROR = 1e-3  # reprojection error, in long sides of the image, at which no other attempt is made


@dataclass(frozen=True)
class StructureRequest:
    """What is asked of the process.

    Args:
        focal_px: known focal length in pixels of the images, or None to find it.
        guess_px: where to begin when it is not known.
        threads: of COLMAP.
        seed: of its draws.
    """

    focal_px: float | None
    guess_px: float
    threads: int
    seed: int


def main(folder: Path) -> None:
    """Match, map, and write the answer; no file is written if nothing could be mapped."""
    request = StructureRequest(**json.loads((folder / "request.json").read_text(encoding="utf-8")))
    names = sorted(path.name for path in (folder / "images").iterdir())
    database = folder / "database.db"
    _match(folder, database, request)
    if request.focal_px is None:
        _calibrate(database, request)
    best = _map_incrementally(folder, database, request, len(names))
    _write(folder, best, names)  # what follows may abort the process
    if best is None or not _is_good(best, len(names)):
        _write(folder, _better(best, _map_globally_if_possible(folder, database, request)), names)


def _write(folder: Path, model: Any, names: list[str]) -> None:
    if model is not None:
        with atomic_write(folder / "structure.npz") as path, path.open("wb") as file:
            np.savez(file, allow_pickle=False, **_arrays(model, names))


def _match(folder: Path, database: Path, request: StructureRequest) -> None:
    images = folder / "images"
    reader = pycolmap.ImageReaderOptions()
    reader.camera_model = "SIMPLE_PINHOLE"
    reader.mask_path = str(folder / "masks")
    first = pycolmap.Bitmap.read(next(iter(sorted(images.iterdir()))), True)
    assert first is not None  # the parent has just written it
    if request.focal_px is None:  # parameters given here would count as measured, and never be doubted
        reader.default_focal_length_factor = request.guess_px / max(first.width, first.height)
    else:
        reader.camera_params = f"{request.focal_px},{first.width / 2},{first.height / 2}"
    features = pycolmap.FeatureExtractionOptions()
    features.use_gpu = False
    features.num_threads = request.threads
    features.sift.max_num_features = _FEATURES
    features.sift.peak_threshold = _PEAK_THRESHOLD
    pycolmap.extract_features(
        database, images, camera_mode=pycolmap.CameraMode.SINGLE, reader_options=reader,
        extraction_options=features,
    )  # fmt: skip
    matching = pycolmap.FeatureMatchingOptions()
    matching.use_gpu = False
    matching.num_threads = request.threads
    pairing = pycolmap.SequentialPairingOptions()
    pairing.overlap = _OVERLAP
    pairing.quadratic_overlap = True
    pycolmap.match_sequential(database, matching_options=matching, pairing_options=pairing)


def _calibrate(database: Path, request: StructureRequest) -> None:
    """The focal length that the fundamental matrices of all pairs agree on; the guess stays if they do not.

    The mappers start from it. From a guess that is 1.6 times too long the incremental one went to half the
    true focal length on a procedural clip, and the global one stayed with it.

    Source: L. Pan et al., "Global Structure-from-Motion Revisited", 2024, section 3.2, after A. Fetzer et
    al., "Stable Intrinsic Auto-Calibration from Fundamental Matrices of Devices with Uncorrelated Camera
    Parameters", 2020.
    """
    options = pycolmap.ViewGraphCalibrationOptions()
    options.random_seed = request.seed
    pycolmap.calibrate_view_graph(database, options)


def _map_incrementally(folder: Path, database: Path, request: StructureRequest, count: int) -> Any:
    """The best model of COLMAP's incremental mapper, or None."""
    best = None
    for attempt, angle in enumerate(_FIRST_ANGLES_DEG):
        options = _incremental_options(request, angle)
        output = folder / f"incremental_{attempt}"
        output.mkdir()
        models = pycolmap.incremental_mapping(database, folder / "images", output, options)
        for model in models.values():
            best = _better(best, model)
        if best is not None and len(_seeing(best)) == count:
            break
    return best


def _incremental_options(request: StructureRequest, angle: float) -> Any:
    options = pycolmap.IncrementalPipelineOptions()
    options.num_threads = request.threads
    options.random_seed = request.seed
    options.multiple_models = False
    options.min_num_matches = 10
    options.ba_refine_focal_length = request.focal_px is None
    options.ba_refine_extra_params = False
    options.ba_global_function_tolerance = 1e-6
    options.ba_global_frames_ratio = options.ba_global_points_ratio = 1.4
    options.ba_global_max_num_iterations = options.ba_local_max_num_iterations = 15
    options.mapper.init_min_tri_angle = angle
    options.mapper.init_max_forward_motion = 1.0  # videos go forward, too
    options.mapper.abs_pose_refine_focal_length = request.focal_px is None
    options.mapper.abs_pose_min_num_inliers = 15
    return options


def _is_good(model: Any, count: int) -> bool:
    """Whether all frames of the clip are posed and the points agree with them.

    The incremental mapper may get stuck with a wrong focal length, above all where the camera goes forward;
    its points then fit badly, and the global mapper does better.
    """
    camera = next(iter(model.cameras.values()))
    good_px = _GOOD_ERROR * max(camera.width, camera.height)
    return len(_seeing(model)) == count and model.compute_mean_reprojection_error() < good_px


def _map_globally_if_possible(folder: Path, database: Path, request: StructureRequest) -> Any:
    """As `_map_globally`; None where COLMAP gives up by an exception, as this is only a second attempt."""
    try:
        return _map_globally(folder, database, request)
    except (RuntimeError, ValueError) as error:  # what pycolmap makes of exceptions and of failed checks
        say(f"global mapping: {error}")
        return None


def _map_globally(folder: Path, database: Path, request: StructureRequest) -> Any:
    """The largest model of GLOMAP's global mapper, which copes with little parallax; or None."""
    options = pycolmap.GlobalPipelineOptions()
    options.num_threads = request.threads
    options.random_seed = request.seed
    options.mapper.global_positioning.use_gpu = False
    options.mapper.bundle_adjustment.ceres.use_gpu = False
    options.mapper.bundle_adjustment.refine_focal_length = request.focal_px is None
    output = folder / "global"
    output.mkdir()
    best = None
    for model in pycolmap.global_mapping(database, folder / "images", output, options).values():
        best = _better(best, model)
    return best


def _better(first: Any, second: Any) -> Any:
    """Whichever has more frames that see points; of two alike, the one with the smaller error."""
    return max((model for model in (first, second) if model is not None), key=_merit, default=None)


def _merit(model: Any) -> tuple[int, float]:
    return len(_seeing(model)), -model.compute_mean_reprojection_error()


def _seeing(model: Any) -> list[Any]:
    """The images whose pose rests on points; the global mapper poses others by their rotations alone."""
    return [
        image for image in model.images.values() if image.has_pose and image.num_points3D >= _SEEING_POINTS
    ]


def _arrays(model: Any, names: list[str]) -> dict[str, np.ndarray]:
    """The model as plain arrays; rows of images follow `names`."""
    row = {name: index for index, name in enumerate(names)}
    viewmats, registered = np.tile(np.eye(4), (len(names), 1, 1)), np.zeros(len(names), bool)
    point_row = {key: index for index, key in enumerate(model.points3D)}
    frames, points, pixels = [], [], []
    for image in _seeing(model):
        index = row[image.name]
        viewmats[index, :3], registered[index] = image.cam_from_world().matrix(), True
        for observation in image.points2D:
            if observation.has_point3D():
                frames.append(index)
                points.append(point_row[observation.point3D_id])
                pixels.append(observation.xy)
    clouds = list(model.points3D.values())
    camera = next(iter(model.cameras.values()))
    return {
        "viewmats": viewmats,
        "registered": registered,
        "focal_px": np.array(camera.focal_length),
        "error_px": np.array(model.compute_mean_reprojection_error()),
        "xyz": np.array([point.xyz for point in clouds]).reshape(-1, 3),
        "rgb": np.array([point.color for point in clouds], np.uint8).reshape(-1, 3),
        "frames": np.array(frames, np.int64),
        "points": np.array(points, np.int64),
        "pixels": np.array(pixels, np.float64).reshape(-1, 2),
    }


def end_with(pipe: int) -> None:
    """End this process, from a thread of its own, when the other end of a pipe is closed.

    Args:
        pipe: descriptor of its reading end.
    """

    def wait() -> None:
        while os.read(pipe, 1):
            pass
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    end_with(sys.stdin.fileno())
    main(Path(sys.argv[1]))
