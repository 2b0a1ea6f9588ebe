"""Gaussians that move: straight on by themselves, otherwise by the field, there around their time."""

import math

import torch

from gaussian_renderer import render
from scene.cameras import Cameras
from scene.capture import PointCloud
from scene.deformation import Deformation, DeformationConfig
from scene.fields.hash_grid import HashGrid, HashGridConfig
from scene.gaussian_model import StaticGaussians
from scene.street_gaussians import StreetGaussians, turned

BOX = torch.tensor([[-20.0, -20, -20], [20, 20, 20]])
CAMERA = Cameras(
    torch.eye(4)[None],
    torch.tensor([[[20.0, 0, 12], [0, 20, 8], [0, 0, 1]]]),
    torch.tensor([24]),
    torch.tensor([16]),
)


def gaussians(count: int) -> StaticGaussians:
    rgb = torch.randint(0, 256, (count, 3), dtype=torch.uint8)
    return StaticGaussians.from_points(PointCloud(torch.rand(count, 3), rgb), sh_degree=1)


def field() -> Deformation:
    return Deformation(
        HashGrid(HashGridConfig(hash_levels=2, hash_log2_rows=8, hash_space_max=32), BOX, 5),
        DeformationConfig(deformation_width=8),
    )


def street(*, with_field: bool = True, gate: float = 0.5) -> StreetGaussians:
    still = StreetGaussians.standing(gaussians(6), field() if with_field else None, 2.0)
    velocities = torch.tensor([[1.0, 0, 0], [0, -2, 0], [0, 0, 3]])
    return still.joined(gaussians(3), velocities, torch.tensor([0.0, 1.0, 2.0]), span_s=0.5, gate=gate)


def test_what_stands_still_is_the_static_model() -> None:
    plain = gaussians(5)
    model = StreetGaussians.standing(plain, None, 1.0)
    for time in (None, 0.0, 0.7):
        ours, theirs = model.splats(time), plain.splats()
        for name in ("means", "quats", "scales", "opacities", "sh"):
            torch.testing.assert_close(getattr(ours, name), getattr(theirs, name))
    assert not model.movable().any()


def test_they_move_straight_on_as_far_as_the_gate_lets_them() -> None:
    model = street()
    moved = model.splats(0.5).means
    start, velocities = model.parameters["means"], model.parameters["velocities"]
    torch.testing.assert_close(moved[:6], start[:6])
    lapse = torch.tensor([0.5, -0.5])[:, None]
    torch.testing.assert_close(moved[6:8], start[6:8] + 0.5 * lapse * velocities[6:8])


def test_opacity_falls_with_the_time_from_the_centre() -> None:
    model = street(with_field=False)
    opacities = model.splats(1.0).activated().opacities
    own = model.parameters["logit_opacities"].sigmoid()
    torch.testing.assert_close(opacities[:6], own[:6])
    torch.testing.assert_close(opacities[7], own[7])
    torch.testing.assert_close(opacities[6], own[6] * math.exp(-2.0))
    assert model.splats(None).activated().opacities[6:].max() < 1e-6


def test_a_field_that_changes_nothing_is_no_field() -> None:
    torch.manual_seed(1)
    with_field = street()
    without = StreetGaussians(with_field.parameters, None, 2.0)
    for time in (0.0, 0.4, 1.6):
        for name in ("means", "opacities", "sh"):
            torch.testing.assert_close(
                getattr(with_field.splats(time), name), getattr(without.splats(time), name)
            )


def test_gradients_reach_all_tables_and_the_field() -> None:
    model = street()
    deformation = model.deformation
    assert deformation is not None
    torch.nn.init.normal_(deformation.head.weight)
    moment = model.moment(0.9, gates=True)
    assert moment.change is not None
    splats = moment.splats
    assert splats.features is not None
    loss = sum(part.square().sum() for part in (splats.means, splats.quats, splats.sh, splats.features))
    (loss + splats.opacities.sigmoid().sum()).backward()
    for name in ("means", "velocities", "times_s", "log_spans", "logit_gates", "quats", "sh"):
        gradient = model.parameters[name].grad
        assert gradient is not None
        assert gradient[7].any(), name
    assert not model.parameters["velocities"].grad[:6].any()  # pyright: ignore[reportOptionalSubscript]
    tables = deformation.field.tables.grad  # pyright: ignore[reportAttributeAccessIssue]
    assert tables.any()


def test_what_is_out_of_view_is_not_asked_for_and_the_image_is_the_same() -> None:
    """Images, and their gradients, of a street with a field that changes everything."""
    config = DeformationConfig(
        deformation_width=8, deform_sh_degree=1, deform_scales=True, deform_opacities=True
    )
    torch.manual_seed(2)
    grid = HashGrid(HashGridConfig(hash_levels=2, hash_log2_rows=8, hash_space_max=32), BOX, 5)
    deformation = Deformation(grid, config)
    torch.nn.init.normal_(deformation.head.weight, std=0.5)
    torch.nn.init.normal_(grid.tables, std=0.1)
    count = 400
    places = PointCloud(30 * torch.rand(count, 3) - 15, torch.full((count, 3), 200, dtype=torch.uint8))
    moving = StaticGaussians.from_points(places, sh_degree=1, sizes=torch.full((count,), 0.3))
    still = StreetGaussians.standing(gaussians(3), deformation, 2.0)
    model = still.joined(moving, torch.randn(count, 3), 2 * torch.rand(count), span_s=0.8, gate=0.7)
    found = []
    for cameras in (None, CAMERA):
        moment = model.moment(1.1, cameras=cameras)
        image = render(moment.splats, CAMERA).images[0]
        model.parameters["means"].grad = grid.tables.grad = None
        (image * torch.linspace(0, 1, image.numel()).view(image.shape)).sum().backward()
        assert moment.change is not None
        found.append(
            (len(moment.change.means), image.detach(), model.parameters["means"].grad, grid.tables.grad)
        )
    (every, image, means, tables), (seen, *others) = found
    assert 0 < seen < 0.6 * every
    assert image.std() > 0.02
    for one, other in zip((image, means, tables), others, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_sizes_and_opacities_change_as_far_as_the_gate_lets_them() -> None:
    model = street(gate=0.5)
    config = DeformationConfig(deformation_width=8, deform_scales=True, deform_opacities=True)
    model.deformation = Deformation(field().field, config)
    with torch.no_grad():
        model.deformation.head.bias[9:] = torch.tensor([0.2, 0.4, 0.6, 1.0])
        model.parameters["times_s"].fill_(1.0)
    splats, p = model.splats(1.0), model.parameters
    torch.testing.assert_close(splats.scales[:6], p["log_scales"][:6])
    torch.testing.assert_close(splats.scales[6:], p["log_scales"][6:] + torch.tensor([0.1, 0.2, 0.3]))
    torch.testing.assert_close(splats.opacities[6:], p["logit_opacities"][6:] + 0.5)


def test_small_turns() -> None:
    quats = torch.nn.functional.normalize(torch.randn(4, 4), dim=-1)
    same = turned(quats, torch.zeros(4, 3))
    torch.testing.assert_close(same, quats)
    about_z = turned(torch.tensor([[1.0, 0, 0, 0]]), torch.tensor([[0, 0, 0.02]]))
    torch.testing.assert_close(about_z, torch.tensor([[1.0, 0, 0, 0.01]]))


def test_state_comes_back() -> None:
    model, other = street(), street()
    other.load_state_dict(model.state_dict())
    for name in model.names:
        torch.testing.assert_close(other.parameters[name], model.parameters[name])
