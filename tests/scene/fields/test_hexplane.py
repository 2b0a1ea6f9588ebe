"""HexPlane: products of planes, with time where it belongs, at S3Gaussian's size."""

import math

import pytest
import torch
from torch import Tensor

from core.errors import UserError
from scene.fields import HexPlane, HexPlaneConfig
from scene.fields.hexplane import AXES

TINY = HexPlaneConfig(plane_channels=3, plane_resolution=4, plane_scales=(1, 2))
BOX = torch.tensor([[-10.0, 0.0, -1.0], [30.0, 20.0, 4.0]])


def filled(frames: int = 5) -> HexPlane:
    """A field none of whose planes is constant."""
    field = HexPlane(TINY, BOX, frames)
    with torch.no_grad():
        for plane in field.planes.values():
            plane.copy_(0.5 + torch.rand_like(plane))
    return field


def interpolated(plane: Tensor, at: float) -> Tensor:
    """Along the first axis, between vertices; `at` from 0 to 1."""
    position = min(max(at, 0.0), 1.0) * (len(plane) - 1)
    low = min(math.floor(position), len(plane) - 2)
    return plane[low] * (low + 1 - position) + plane[low + 1] * (position - low)


def by_loops(field: HexPlane, place: list[float]) -> Tensor:
    """Features of one place in [0, 1]^4, plane by plane."""
    scales = []
    for factor in TINY.plane_scales:
        product = torch.ones(TINY.plane_channels)
        for name, (row, column) in AXES.items():
            plane = field.planes[f"{name}_{factor}"].detach().permute(1, 2, 0)
            product = product * interpolated(interpolated(plane, place[row]), place[column])
        scales.append(product)
    return torch.cat(scales)


def test_features_are_products_over_planes() -> None:
    field, places = filled(), 1.3 * torch.rand(20, 4) - 0.15
    places[0], places[1] = 0.0, 1.0
    found = field(BOX[0] + places[:, :3] * (BOX[1] - BOX[0]), places[:, 3])
    expected = torch.stack([by_loops(field, place) for place in places.tolist()])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert found.shape == (20, field.features)


def test_the_first_and_the_last_frame_are_the_ends_of_the_time_planes() -> None:
    field, xyz = filled(frames=5), BOX.mean(dim=0)[None]
    with torch.no_grad():
        for name, plane in field.planes.items():
            plane.fill_(1.0)
            if name.startswith("tx"):
                plane.copy_(torch.arange(5.0)[None, :, None].expand_as(plane))
    for frame in range(5):
        torch.testing.assert_close(field(xyz, torch.tensor(frame / 4)), torch.full((1, 6), float(frame)))


def test_nothing_changes_with_time_at_first() -> None:
    field, xyz = HexPlane(TINY, BOX, 5), BOX[0] + torch.rand(9, 3) * (BOX[1] - BOX[0])
    torch.testing.assert_close(field(xyz, torch.tensor(0.0)), field(xyz, torch.tensor(0.7)))
    assert all(
        ((plane >= 0.1) & (plane <= 0.5)).all() for name, plane in field.planes.items() if name[0] != "t"
    )


def test_the_default_has_the_size_of_s3gaussian() -> None:
    field = HexPlane(HexPlaneConfig(), BOX, frames=25)
    assert sum(plane.numel() for plane in field.planes.values()) == 35_727_360
    assert field.features == 128


def test_gradients() -> None:
    field = filled().double()
    xyz = (BOX[0] + torch.rand(4, 3) * (BOX[1] - BOX[0])).double().requires_grad_()
    assert torch.autograd.gradcheck(field, (xyz, torch.rand(4).double().requires_grad_()))


def test_regularisers_vanish_where_planes_are_quiet() -> None:
    field = HexPlane(TINY, BOX, 5)
    assert field.regularisation(plane_tv=0.0, time_smoothness=1.0, time_l1=1.0).item() == 0
    assert field.regularisation(plane_tv=1.0, time_smoothness=0.0, time_l1=0.0).item() > 0
    with torch.no_grad():
        for plane in field.planes.values():  # linear along both axes
            plane.copy_(torch.arange(plane.shape[1])[:, None] * 0.5 + torch.arange(plane.shape[2]) * 0.25)
    assert field.regularisation(plane_tv=1.0, time_smoothness=1.0, time_l1=0.0).item() == pytest.approx(
        0, abs=1e-9
    )
    assert field.regularisation(plane_tv=0.0, time_smoothness=0.0, time_l1=1.0).item() > 0.1


def test_regularisers_are_second_differences() -> None:
    field = filled()
    smoothness = sum(
        ((p[:, 2:] - 2 * p[:, 1:-1] + p[:, :-2]) ** 2).mean()
        for name, p in field.planes.items()
        if name[0] == "t"
    )
    quiet = sum((1 - p).abs().mean() for name, p in field.planes.items() if name[0] == "t")
    found = field.regularisation(plane_tv=0.0, time_smoothness=2.0, time_l1=3.0)
    torch.testing.assert_close(found, 2 * smoothness + 3 * quiet)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"plane_channels": 0}, "--plane-channels: 1 or more"),
        ({"plane_resolution": 1}, "--plane-resolution: 2 or more"),
        ({"plane_scales": ()}, "--plane-scales"),
        ({"plane_time": 1}, "--plane-time"),
    ],
)
def test_sizes_out_of_range_are_named(changes: dict[str, object], words: str) -> None:
    with pytest.raises(UserError, match=words):
        HexPlane(HexPlaneConfig(**(vars(TINY) | changes)), BOX, frames=5)
