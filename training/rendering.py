"""Trained runs, and Gaussians of any origin, rendered into folders."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch

from core.cli import flag
from core.errors import UserError
from core.progress import Progress
from core.run_folder import HeldOut, ViewSet
from gaussian_renderer.depth_files import DepthFormat
from gaussian_renderer.views import ImageFormation, render_views, write_images
from scene.cameras import Cameras
from scene.cameras_json import read_cameras_json
from scene.gaussian_model import StaticGaussians
from scene.trajectories import PathName, novel_path
from training.dynamic import DynamicConfig
from training.mask_files import render_masks
from training.mask_options import MaskOptions
from training.moving_layer import with_moving
from training.runs import TrainedRun
from training.showreel import FPS, write_showreel
from training.test_poses import refine_poses


@dataclass(frozen=True)
class RenderOptions:
    """What is written, and how it is drawn."""

    skip_train: bool = False
    """Leave out the views that trained."""
    skip_test: bool = False
    """Leave out the views that were held out."""
    depth: bool = False
    """Write depth too, as colours and as numbers of 16 bits; of held-out views it is always written."""
    depth_only: bool = False
    """Write depth and no colour."""
    depth_format: DepthFormat = "png16"
    """Of depth as numbers: 16-bit images, or arrays of float16 with alpha in one file."""
    override_visibility_mask: Annotated[bool, flag("--masks-only")] = False
    """Draw masks of what the training views support, anew, and nothing else."""
    masks: MaskOptions = MaskOptions()
    """Which masks those are."""
    video: Annotated[bool, flag("--get-video")] = False
    """Write the views as a video too; they must have one size. A --path always has one. Of a run on a video,
    the videos of its whole path are written anew as well: rendered.mp4 and the like."""
    frames: int = 120
    """Views of a --path."""
    fps: float | None = None
    """Frames per second of videos; by default those of the video that was trained on, else 30."""
    backend: str = "auto"
    """Who draws: auto, native or reference."""
    white_background: bool = False
    """With --ply: white behind the Gaussians, not black. A run knows its own."""
    antialiasing: bool = False
    """With --ply: the Gaussians were trained with antialiasing. A run knows for itself."""


@dataclass(frozen=True)
class GaussiansFile:
    """Gaussians of any origin, to be rendered without a run."""

    ply: Path | None = None
    """Gaussians in the layout of 3DGS."""
    cameras: Path | None = None
    """The views: a cameras.json as 3DGS writes it."""
    out: Path | None = None
    """Folder for the images."""


def render_run(run: TrainedRun, options: RenderOptions) -> list[Path]:
    """Render the captured views of a run that `options` does not leave out.

    Returns:
        The folders that were filled.

    Raises:
        UserError: as `render_captured` and `render_masks`.
    """
    if options.override_visibility_mask:
        return render_masks(run, options.masks, options.backend)
    sets: list[ViewSet] = []
    if not options.skip_train:
        sets.append("train")
    if not options.skip_test:
        sets.append("test")
    folders = [render_captured(run, views, options) for views in sets]
    if isinstance(run.config, DynamicConfig) and run.split.test and "test" in sets and not options.depth_only:
        folders += [render_held_out(run, drawn, options) for drawn in ("predicted", "composite", "refined")]
    if options.video and isinstance(run.config, DynamicConfig):
        write_showreel(run, options.fps, options.backend)
        folders.append(run.folder.path)
    return folders


def render_captured(
    run: TrainedRun, views: ViewSet, options: RenderOptions, depth_of_held_out: bool = True
) -> Path:
    """Render the views that trained or those that were held out, beside the photographs.

    Args:
        run: the run.
        views: which of the two.
        options: what is written, and how it is drawn.
        depth_of_held_out: whether held-out views have depth though `options` do not ask for it.

    Returns:
        The folder that holds `renders`, `gt`, `depth` and the videos.

    Raises:
        UserError: a file cannot be written, a photograph does not decode, a back-end cannot draw, or a video
            is asked of views that differ in size.
    """
    rows = list(run.split.train if views == "train" else run.split.test)
    folder = run.folder.images(views, run.iteration, "renders").parent
    cameras = run.capture.cameras[rows]
    with Progress(len(rows), label=f"rendering {views}") as progress:
        render_views(
            run.splats,
            cameras,
            folder,
            formation=_formation(run, options),
            images=not options.depth_only,
            depth=options.depth or options.depth_only or (views == "test" and depth_of_held_out),
            depth_format=options.depth_format,
            video_fps=_video_fps(cameras, options, run.fps),
            develop=run.develop(rows),
            on_view=progress.advance,
        )
    if not options.depth_only:
        write_images((run.capture.images[row] for row in rows), folder / "gt")
    return folder


def render_held_out(run: TrainedRun, drawn: HeldOut, options: RenderOptions) -> Path:
    """Render the held-out frames of a video in one of the ways in which they are scored.

    Returns:
        The folder that holds `renders`, numbered as those of `render_captured`.

    Raises:
        UserError: as `render_captured`.
    """
    rows, formation = list(run.split.test), _formation(run, options)
    cameras, develop = run.capture.cameras[rows], run.develop(rows)
    if drawn == "predicted":
        cameras = run.predicted[rows]
    elif drawn == "composite":
        develop = with_moving(run.capture, run.split.train, rows, develop)
    elif drawn == "refined":
        cameras = _found_anew(run, rows, formation)
    folder = run.folder.held_out_renders(run.iteration, drawn).parent
    render_views(run.splats, cameras, folder, formation=formation, develop=develop)
    return folder


def _found_anew(run: TrainedRun, rows: Sequence[int], formation: ImageFormation) -> Cameras:
    """The cameras of frames, from their static pixels."""
    capture, masks = run.capture, run.capture.dynamic_masks
    images = [capture.images[row] for row in rows]
    static = [
        torch.ones(image.shape[:2], dtype=torch.bool) if masks is None else ~masks[row]
        for row, image in zip(rows, images, strict=True)
    ]
    cameras, develop = capture.cameras[list(rows)], run.develop(rows)
    return refine_poses(run.splats, cameras, images, static, formation=formation, develop=develop)


def render_path(run: TrainedRun, name: PathName, options: RenderOptions) -> Path:
    """Render a path of new cameras as images and as a video.

    Returns:
        The folder that holds `renders`, `renders.mp4` and the like.

    Raises:
        UserError: as `render_captured`; or the cameras of the run do not determine such a path.
    """
    folder = run.folder.path / name / f"ours_{run.iteration}"
    with Progress(options.frames, label=f"rendering {name}") as progress:
        render_views(
            run.splats,
            novel_path(name, run.capture.cameras, options.frames),
            folder,
            formation=_formation(run, options),
            images=not options.depth_only,
            depth=options.depth or options.depth_only,
            depth_format=options.depth_format,
            video_fps=_rate(options, run.fps),
            develop=run.mean_exposure() if isinstance(run.config, DynamicConfig) else None,
            on_view=progress.advance,
        )
    return folder


def render_file(file: GaussiansFile, options: RenderOptions) -> Path:
    """Render Gaussians of any origin through the cameras of a `cameras.json`, in the order of that file.

    Returns:
        The folder that holds `renders` and the like.

    Raises:
        UserError: a file is not named, missing or broken, or cannot be written.
    """
    if file.ply is None or file.cameras is None or file.out is None:
        raise UserError("either -m RUN, or --ply FILE with --cameras FILE and --out FOLDER was expected")
    splats = StaticGaussians.load_ply(file.ply).splats()
    cameras, _ = read_cameras_json(file.cameras)
    background = torch.ones(3) if options.white_background else None
    with Progress(len(cameras), label="rendering") as progress:
        render_views(
            splats,
            cameras,
            file.out,
            formation=ImageFormation(background, options.antialiasing, options.backend),
            images=not options.depth_only,
            depth=options.depth or options.depth_only,
            depth_format=options.depth_format,
            video_fps=_video_fps(cameras, options),
            on_view=progress.advance,
        )
    return file.out


def _formation(run: TrainedRun, options: RenderOptions) -> ImageFormation:
    return ImageFormation(run.background, run.antialiased, options.backend)


def _video_fps(cameras: Cameras, options: RenderOptions, own: float | None = None) -> float | None:
    """Frames per second of the video that was asked for; None without one, or where it would have no frame.

    `own` are those of the video that was trained on.

    Raises:
        UserError: the views differ in size.
    """
    if not options.video or not len(cameras):
        return None
    sizes = sorted(set(zip(cameras.width.tolist(), cameras.height.tolist(), strict=True)))
    if len(sizes) > 1:
        first, last = (f"{width}x{height}" for width, height in (sizes[0], sizes[-1]))
        raise UserError(
            f"--video: the views have {len(sizes)} sizes, from {first} to {last}; a video has one. Leave "
            "--video out, or render a --path"
        )
    return _rate(options, own)


def _rate(options: RenderOptions, own: float | None) -> float:
    if options.fps is not None:
        return options.fps
    return FPS if own is None else own
