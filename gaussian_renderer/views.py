"""Sets of views rendered into a folder: colour, depth, a video."""

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor

from core.colormaps import colorize_depth, depth_range
from core.files import make_folder
from core.images import to_uint8, write_png
from core.video import video_writer
from gaussian_renderer.depth_files import DepthFiles, DepthFormat, depth_folders
from gaussian_renderer.rendering import render
from scene.cameras import Cameras
from scene.splats import Splats

Develop: TypeAlias = Callable[[Float[Tensor, "H W 3"], int], Float[Tensor, "H W 3"]]
"""What a camera makes of a drawn image, given the row of the view: its exposure, the blur of its motion."""

RENDERS, DEPTH = "renders", "depth"
"""Folders of colour, and of depth as colours; depth as numbers has those of `depth_files`."""

_COVERED = 0.5  # below this alpha the depth of a pixel is not that of a surface
_RANGE_VIEWS = 5
_THREADS = 2
_WAITING = 8  # images that may wait for the disk before rendering waits too


@dataclass(frozen=True)
class ImageFormation:
    """How a model was trained to be drawn.

    Args:
        background: RGB behind the Gaussians; black when None.
        antialiased: as `render` takes it.
        backend: as `render` takes it.
    """

    background: Float[Tensor, "3"] | None = None
    antialiased: bool = False
    backend: str = "auto"


@dataclass(frozen=True)
class View:
    """What one camera sees.

    Args:
        image: 8-bit sRGB.
        depth: z-depth in world units, 0 where alpha is below one half; None if it was not asked for.
        alpha: how much of a pixel is covered, in [0, 1].
    """

    image: UInt8[ndarray, "H W 3"]
    depth: Float[Tensor, "H W"] | None
    alpha: Float[Tensor, "H W"]


def draw(
    splats: Splats,
    cameras: Cameras,
    formation: ImageFormation,
    depth: bool = False,
    develop: Develop | None = None,
) -> Iterator[View]:
    """The views of cameras one by one; their sizes may differ."""
    for row in range(len(cameras)):
        with torch.no_grad():  # not around the loop: between two views the caller's mode holds
            output = render(
                splats,
                cameras[row],
                background=formation.background,
                antialiased=formation.antialiased,
                depth=depth,
                backend=formation.backend,
            )
        image = output.images[0] if develop is None else develop(output.images[0], row)
        covered = (
            None if output.depths is None else torch.where(output.alphas[0] >= _COVERED, output.depths[0], 0)
        )
        yield View(to_uint8(image).cpu().numpy(), covered, output.alphas[0])


def render_views(
    splats: Splats,
    cameras: Cameras,
    folder: Path,
    *,
    formation: ImageFormation = ImageFormation(),
    images: bool = True,
    depth: bool = False,
    depth_format: DepthFormat = "png16",
    video_fps: float | int | None = None,
    develop: Develop | None = None,
    on_view: Callable[[], None] = lambda: None,
) -> None:
    """Render views into `folder`: `renders/%05d.png`, `depth/%05d.png`, and depth as `DepthFiles` writes it.

    Files are numbered as the cameras are; those of an earlier and longer set are removed.
    Colours of depth have one range for the whole set.

    Args:
        splats: the Gaussians.
        cameras: C cameras of any sizes; of one size for a video.
        folder: made if it is missing.
        formation: how to draw.
        images: whether to write colour.
        depth: whether to write depth.
        depth_format: of its numbers.
        video_fps: frames per second of `renders.mp4` and `depth.mp4`; no videos when None.
        develop: what the cameras made of the views, as the training learned it.
        on_view: called after each view.

    Raises:
        UserError: a file cannot be written, or a back-end cannot draw.
    """
    near, far = _common_range(splats, cameras, formation) if depth else (1.0, 2.0)
    with ExitStack() as stack:
        write = stack.enter_context(background_writer())
        numbers = DepthFiles(folder, depth_format, write)
        kinds = [RENDERS] * images + [DEPTH] * depth
        videos = {
            kind: stack.enter_context(video_writer(folder / f"{kind}.mp4", video_fps))
            for kind in kinds
            if video_fps is not None
        }
        for row, view in enumerate(draw(splats, cameras, formation, depth, develop)):
            name = f"{row:05d}.png"
            pictures = {RENDERS: view.image} if images else {}
            if view.depth is not None:
                pictures[DEPTH] = colorize_depth(view.depth, near, far)
                numbers.add(Path(name).stem, view.depth, view.alpha)
            for kind, picture in pictures.items():
                write(folder / kind / name, picture)
                if kind in videos:
                    videos[kind].write(picture)
            on_view()
    if depth:
        numbers.finish()
    for kind in [*kinds, *depth_folders(depth_format)] if depth else kinds:
        remove_beyond(folder / kind, len(cameras))


def write_images(images: Iterable[UInt8[Tensor, "_ _ 3"]], folder: Path) -> None:
    """Write images as `%05d.png` in their order; files beyond the last one are removed.

    Raises:
        UserError: a file cannot be written.
    """
    count = 0
    with background_writer() as write:
        for image in images:
            write(folder / f"{count:05d}.png", image.cpu().numpy())
            count += 1
    remove_beyond(folder, count)


def _common_range(splats: Splats, cameras: Cameras, formation: ImageFormation) -> tuple[float, float]:
    """(near, far) of a few views spread over the set."""
    rows = np.unique(np.linspace(0, len(cameras) - 1, _RANGE_VIEWS).round().astype(int)).tolist()
    views = draw(splats, cameras[rows], formation, depth=True) if len(cameras) else ()
    depths = [view.depth for view in views if view.depth is not None]
    return depth_range(*depths) if depths else (1.0, 2.0)


@contextmanager
def background_writer() -> Iterator[Callable[[Path, ndarray], None]]:
    """Writes PNGs while the next view is rendered; a failure is raised by a later call or at the end."""
    pending: deque[Future[None]] = deque()
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="png") as pool:

        def write(path: Path, image: ndarray) -> None:
            if len(pending) >= _WAITING:
                pending.popleft().result()
            pending.append(pool.submit(write_png, path, image))

        yield write
        while pending:
            pending.popleft().result()


def remove_beyond(folder: Path, count: int) -> None:
    """Remove numbered files that an earlier and longer set has left; the folder is made if it is missing."""
    for path in [*make_folder(folder).glob("*.png"), *folder.glob("*.npz")]:
        if re.fullmatch(r"\d{5,}", path.stem) and int(path.stem) >= count:
            path.unlink()
