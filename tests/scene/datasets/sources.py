"""Small captures on the disk, written without any reader of ours."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy import ndarray
from scipy.spatial.transform import Rotation

from scene.datasets.lenses import Lens
from scene.datasets.pycolmap_import import pycolmap

PINHOLE = Lens("PINHOLE", (30.0, 31.0, 15.5, 12.5), 32, 24)
OPENCV = Lens("OPENCV", (30.0, 31.0, 16.0, 12.0, 0.08, -0.02, 0.002, -0.001), 32, 24)


def ring(count: int, radius: float = 4.0) -> ndarray:
    """World-to-camera transforms, OpenCV axes, of cameras around the origin that look at it. [count,4,4]."""
    viewmats = np.tile(np.eye(4), (count, 1, 1))
    for index, angle in enumerate(np.linspace(0, 2 * np.pi, count, endpoint=False)):
        viewmats[index, :3, :3] = Rotation.from_rotvec([0.0, angle, 0.0]).as_matrix()
        viewmats[index, :3, 3] = (0.0, 0.1 * index, radius)
    return viewmats


def opengl_c2w(viewmat: ndarray) -> ndarray:
    """The pose as transforms.json has it: world-from-camera, y up, z backward."""
    return np.linalg.inv(viewmat) @ np.diag([1.0, -1.0, -1.0, 1.0])


def write_image(path: Path, width: int, height: int, seed: int = 0, channels: int = 3) -> ndarray:
    """A picture of noise; what its file decodes to, RGB(A), if the format is lossless."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)
    order = cv2.COLOR_RGB2BGR if channels == 3 else cv2.COLOR_RGBA2BGRA
    path.write_bytes(cv2.imencode(path.suffix, cv2.cvtColor(image, order))[1].tobytes())
    return image


def colmap_model(
    viewmats: ndarray, names: Sequence[str], lenses: Sequence[Lens], xyz: ndarray, rgb: ndarray
) -> pycolmap.Reconstruction:
    """A COLMAP model in which every image sees every point. One camera an image."""
    model = pycolmap.Reconstruction()
    for number, (viewmat, name, lens) in enumerate(zip(viewmats, names, lenses, strict=True), start=1):
        camera = lens.camera()
        camera.camera_id = number
        model.add_camera_with_trivial_rig(camera)
        observations = [pycolmap.Point2D(np.zeros(2)) for _ in xyz]
        image = pycolmap.Image(name, pycolmap.Point2DList(observations), number, number)
        model.add_image_with_trivial_frame(image, pycolmap.Rigid3d(viewmat[:3]))
    for row in range(len(xyz)):
        track = pycolmap.Track()
        for number in range(1, len(viewmats) + 1):
            track.add_element(number, row)
        model.add_point3D(xyz[row], track, rgb[row])
    return model


def write_colmap(
    source: Path,
    count: int = 3,
    *,
    lenses: Sequence[Lens] = (),
    folder: str = "images",
    text: bool = False,
    suffix: str = ".png",
    points: int = 5,
    scale: float = 1.0,
) -> ndarray:
    """A capture of `count` views with COLMAP's files in sparse/0; its world-to-camera transforms."""
    lenses = lenses or [PINHOLE] * count
    names = [f"{index:04d}{suffix}" for index in range(1, count + 1)]
    viewmats = ring(count)
    random = np.random.default_rng(5)
    xyz, rgb = random.normal(size=(points, 3)), random.integers(0, 256, (points, 3), dtype=np.uint8)
    model = colmap_model(viewmats, names, lenses, xyz, rgb)
    (source / "sparse" / "0").mkdir(parents=True, exist_ok=True)
    write = model.write_text if text else model.write_binary
    write(source / "sparse" / "0")
    for seed, (name, lens) in enumerate(zip(names, lenses, strict=True)):
        write_image(source / folder / name, round(lens.width * scale), round(lens.height * scale), seed)
    return viewmats


def write_transforms(
    source: Path,
    count: int = 3,
    *,
    folder: str = "images",
    size: tuple[int, int] = (32, 24),
    file_path: str = "images/{name}",
    file: str = "transforms.json",
    world: ndarray | None = None,
    frame: Any = None,
    **meta: Any,
) -> ndarray:
    """A capture of `count` views with a transforms.json; its world-to-camera transforms.

    Args:
        source: where to.
        count: how many views.
        folder: of the images on the disk.
        size: of those images.
        file_path: of the frames, as listed.
        file: name of the JSON file.
        world: applied to the poses before they are listed.
        frame: called with the index of a frame; its further entries.
        meta: entries for all frames.
    """
    viewmats = ring(count)
    frames = []
    for index in range(count):
        name = f"{index + 1:04d}.png"
        c2w = (np.eye(4) if world is None else world) @ opengl_c2w(viewmats[index])
        path = file_path.format(name=name, stem=name[:-4])
        frames.append(
            {"file_path": path, "transform_matrix": c2w.tolist(), **(frame(index) if frame else {})}
        )
        write_image(source / folder / name, *size, seed=index)
    intrinsics = {"fl_x": 30.0, "fl_y": 31.0, "cx": 15.5, "cy": 12.5, "w": 32, "h": 24}
    (source / file).write_text(json.dumps({**intrinsics, **meta, "frames": frames}))
    return viewmats
