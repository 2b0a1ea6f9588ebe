"""Files of views hold what `render` gives, in order, whatever sizes the views have."""

import json
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from core.errors import UserError
from core.images import read_gray, read_image, to_uint8
from gaussian_renderer import render
from gaussian_renderer.views import ImageFormation, draw, render_views, write_images
from scene import Cameras, Splats

REFERENCE = ImageFormation(backend="reference")


def mixed_sizes(cameras: Cameras) -> Cameras:
    return cameras.resized(torch.tensor([24, 31, 12]), torch.tensor([20, 9, 40]))


def test_colour_files_are_the_rendered_views(
    tmp_path: Path, tiny_splats: Splats, tiny_cameras: Cameras
) -> None:
    cameras = mixed_sizes(tiny_cameras)
    background = torch.tensor([0.2, 0.5, 0.9], dtype=torch.float64)
    formation = ImageFormation(background, antialiased=True, backend="reference")
    render_views(tiny_splats, cameras, tmp_path, formation=formation)
    for row in range(3):
        output = render(
            tiny_splats, cameras[row], background=background, antialiased=True, backend="reference"
        )
        written = read_image(tmp_path / "renders" / f"{row:05d}.png")
        assert np.array_equal(written, to_uint8(output.images[0]).numpy())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["renders"]


def test_exposures_are_those_of_their_views(
    tmp_path: Path, tiny_splats: Splats, tiny_cameras: Cameras
) -> None:
    exposures = torch.eye(3, 4).repeat(3, 1, 1)
    exposures[1] = torch.tensor([[0.0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0.5, 0.25]])
    render_views(
        tiny_splats,
        tiny_cameras,
        tmp_path,
        formation=REFERENCE,
        develop=lambda image, row: image @ exposures[row, :, :3].T.to(image) + exposures[row, :, 3].to(image),
    )
    plain = [
        to_uint8(render(tiny_splats, tiny_cameras[row], backend="reference").images[0]) for row in range(3)
    ]
    assert np.array_equal(read_image(tmp_path / "renders" / "00002.png"), plain[2])
    exposed = read_image(tmp_path / "renders" / "00001.png")
    assert np.array_equal(exposed[..., :2], plain[1].numpy()[..., [1, 0]])
    assert np.abs(exposed[..., 2] - (0.5 * plain[1].numpy()[..., 2] + 0.25 * 255)).max() <= 1


def test_depth_files_hold_depth_where_there_is_a_surface(
    tmp_path: Path, tiny_splats: Splats, tiny_cameras: Cameras
) -> None:
    cameras = mixed_sizes(tiny_cameras)
    render_views(tiny_splats, cameras, tmp_path, formation=REFERENCE, images=False, depth=True)
    steps = json.loads((tmp_path / "depth_16bit" / "steps.json").read_text())
    assert list(steps) == ["00000.png", "00001.png", "00002.png"]
    for row, (name, step) in enumerate(steps.items()):
        output = render(tiny_splats, cameras[row], depth=True, backend="reference")
        assert output.depths is not None
        depth = np.where(output.alphas[0] >= 0.5, output.depths[0], 0)
        assert 0 < (depth > 0).mean() < 1, "this test needs views with and without a surface"
        np.testing.assert_allclose(read_gray(tmp_path / "depth_16bit" / name) * step, depth, atol=step)
        colors = read_image(tmp_path / "depth" / name)
        assert colors.shape[:2] == depth.shape
        assert len(np.unique(colors[depth == 0], axis=0)) == 1
    assert not (tmp_path / "renders").exists()


def test_equal_depths_have_equal_colours_in_all_views(
    tmp_path: Path, tiny_splats: Splats, tiny_cameras: Cameras
) -> None:
    render_views(tiny_splats, tiny_cameras[[1, 1]], tmp_path / "two", formation=REFERENCE, depth=True)
    first, second = (read_image(tmp_path / "two" / "depth" / f"0000{row}.png") for row in range(2))
    assert np.array_equal(first, second)


def test_videos_hold_the_same_frames(tmp_path: Path, tiny_splats: Splats, tiny_cameras: Cameras) -> None:
    seen = []
    render_views(
        tiny_splats,
        tiny_cameras,
        tmp_path,
        formation=REFERENCE,
        depth=True,
        video_fps=10,
        on_view=lambda: seen.append(1),
    )
    assert len(seen) == 3
    for kind in ("renders", "depth"):
        with av.open(str(tmp_path / f"{kind}.mp4")) as container:
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        assert [frame.shape for frame in frames] == [(20, 24, 3)] * 3
        still = read_image(tmp_path / kind / "00002.png")
        # The format halves the resolution of colour, so brightness is compared.
        assert np.abs(frames[2].mean(2) - still.mean(2)).mean() < 12


def test_files_of_an_earlier_longer_set_go(
    tmp_path: Path, tiny_splats: Splats, tiny_cameras: Cameras
) -> None:
    render_views(tiny_splats, tiny_cameras, tmp_path, formation=REFERENCE, depth=True)
    (tmp_path / "renders" / "notes.png").touch()
    render_views(tiny_splats, tiny_cameras[0], tmp_path, formation=REFERENCE, depth=True)
    for kind in ("renders", "depth", "depth_16bit"):
        assert {path.name for path in (tmp_path / kind).glob("*.png")} - {"notes.png"} == {"00000.png"}
    assert (tmp_path / "renders" / "notes.png").exists()


def test_no_camera_gives_empty_folders(tmp_path: Path, tiny_splats: Splats, tiny_cameras: Cameras) -> None:
    render_views(tiny_splats, tiny_cameras[[]], tmp_path, formation=REFERENCE, depth=True)
    assert not list(tmp_path.glob("*/*.png"))


def test_drawing_keeps_no_graph(tiny_splats: Splats, tiny_cameras: Cameras) -> None:
    tiny_splats.means.requires_grad_()
    view = next(draw(tiny_splats, tiny_cameras, REFERENCE, depth=True))
    assert view.depth is not None
    assert not view.depth.requires_grad


def test_images_are_written_in_order(tmp_path: Path) -> None:
    images = [torch.full((4 + row, 5, 3), row, dtype=torch.uint8) for row in range(20)]
    write_images(images, tmp_path / "gt")
    for row, image in enumerate(images):
        assert np.array_equal(read_image(tmp_path / "gt" / f"{row:05d}.png"), image.numpy())
    write_images(images[:3], tmp_path / "gt")
    assert len(list((tmp_path / "gt").iterdir())) == 3


def test_a_file_that_cannot_be_written_is_told(
    tmp_path: Path, tiny_splats: Splats, tiny_cameras: Cameras
) -> None:
    (tmp_path / "renders").touch()
    with pytest.raises(UserError, match="renders"):
        render_views(tiny_splats, tiny_cameras, tmp_path, formation=REFERENCE)
