"""A COLMAP model of a capture, and nerfstudio's description of the same."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from core.files import write_json
from data.synthetic.files import DEPTH_UNIT_M
from data.synthetic.points import ColoredPoints, Tracks
from data.synthetic.poses import inverse
from data.synthetic.views import Pinhole
from scene.datasets.pycolmap_import import pycolmap

_SAME_WORLD = np.eye(4)[:3]


def write_model(
    folder: Path, names: Sequence[str], views: Sequence[Pinhole], points: ColoredPoints, tracks: Tracks
) -> None:
    """Write `cameras.bin`, `images.bin`, `points3D.bin` and what newer versions of COLMAP put beside them.

    Args:
        folder: `sparse/0`; made here.
        names: of the images.
        views: all with the same intrinsics.
        points: in the world.
        tracks: which images see which points.
    """
    first = views[0]
    focal = (first.K[0, 0], first.K[1, 1], first.K[0, 2], first.K[1, 2])
    model = pycolmap.Reconstruction()
    model.add_camera_with_trivial_rig(
        pycolmap.Camera(model="PINHOLE", width=first.width, height=first.height, params=focal, camera_id=1)
    )
    order = np.argsort(tracks.images, kind="stable")
    ends = np.searchsorted(tracks.images[order], np.arange(len(views) + 1))
    places = np.empty(len(order), np.int64)  # of each observation within its image
    for index, (name, view) in enumerate(zip(names, views, strict=True)):
        rows = order[ends[index] : ends[index + 1]]
        places[rows] = np.arange(len(rows))
        image = pycolmap.Image(name=name, keypoints=tracks.pixels[rows], camera_id=1, image_id=index + 1)
        model.add_image_with_trivial_frame(image, pycolmap.Rigid3d(inverse(view.c2w)[:3]))
    by_point = np.argsort(tracks.points, kind="stable")
    ends = np.searchsorted(tracks.points[by_point], np.arange(len(points.xyz) + 1))
    for index, (xyz, rgb) in enumerate(zip(points.xyz, points.rgb, strict=True)):
        rows = by_point[ends[index] : ends[index + 1]]
        elements = [pycolmap.TrackElement(int(tracks.images[row]) + 1, int(places[row])) for row in rows]
        model.add_point3D(xyz, pycolmap.Track(elements), rgb)
    model.update_point_3d_errors()
    folder.mkdir(parents=True)
    model.write_binary(str(folder))


def write_transforms(
    path: Path,
    names: Sequence[str],
    views: Sequence[Pinhole],
    *,
    world: Float64[ndarray, "3 4"] = _SAME_WORLD,
    with_depths: bool = True,
) -> None:
    """Write nerfstudio's `transforms.json`.

    Args:
        path: of the file.
        names: of the images in `images`, and of the depth maps in `depth`.
        views: all with the same intrinsics.
        world: the file's world from that of the COLMAP model.
        with_depths: whether there are depth maps.
    """
    first = views[0]
    moved = np.vstack([world, (0.0, 0.0, 0.0, 1.0)])
    depths = [{"depth_file_path": f"depth/{name}"} if with_depths else {} for name in names]
    opengl = np.diag([1.0, -1.0, -1.0, 1.0])
    frames = [
        {
            "file_path": f"images/{name}",
            **depths[index],
            "colmap_im_id": index + 1,
            "transform_matrix": (moved @ view.c2w @ opengl).tolist(),
        }
        for index, (name, view) in enumerate(zip(names, views, strict=True))
    ]
    write_json(
        path,
        {
            "camera_model": "OPENCV",
            "w": first.width,
            "h": first.height,
            "fl_x": first.K[0, 0],
            "fl_y": first.K[1, 1],
            "cx": first.K[0, 2],
            "cy": first.K[1, 2],
            "k1": 0.0,
            "k2": 0.0,
            "p1": 0.0,
            "p2": 0.0,
            "applied_transform": world.tolist(),
            **({"depth_unit_scale_factor": DEPTH_UNIT_M} if with_depths else {}),
            "frames": frames,
        },
    )
