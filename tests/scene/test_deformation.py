"""At first nothing is changed; then the field learns a motion."""

import pytest
import torch

from scene.deformation import Deformation, DeformationConfig
from scene.fields.hash_grid import HashGrid, HashGridConfig
from scene.fields.hexplane import HexPlane, HexPlaneConfig

BOX = torch.tensor([[-1.0, -1, -1], [1, 1, 1]])


def make(encoder: str) -> Deformation:
    torch.manual_seed(0)
    if encoder == "hash":
        field: HashGrid | HexPlane = HashGrid(
            HashGridConfig(hash_levels=4, hash_log2_rows=10, hash_space_max=32), BOX, 8
        )
    else:
        field = HexPlane(HexPlaneConfig(plane_channels=4, plane_resolution=8, plane_scales=(1, 2)), BOX, 8)
    return Deformation(field, DeformationConfig(deformation_width=16))


@pytest.mark.parametrize("encoder", ["hash", "hexplane"])
def test_nothing_changes_at_first_and_a_motion_is_learned(encoder: str) -> None:
    deformation = make(encoder)
    places = 2 * torch.rand(256, 3) - 1
    change = deformation(places, torch.tensor(0.3))
    assert [tuple(values.shape) for values in change.values()] == [(256, 3), (256, 3), (256, 1, 3)]
    assert not any(values.any() for values in change.values())
    assert change.features.shape == (256, deformation.field.features)
    optimizer = torch.optim.Adam(deformation.parameters(), lr=0.01)
    for step in range(150):
        time = torch.tensor((step % 5) / 4)
        optimizer.zero_grad()
        wanted = torch.tensor([float(time) * 0.5, 0.0, -0.2])
        (deformation(places, time).means - wanted).abs().mean().backward()
        optimizer.step()
    shift = deformation(places, torch.tensor(1.0)).means.mean(0)
    torch.testing.assert_close(shift, torch.tensor([0.5, 0.0, -0.2]), atol=0.1, rtol=0)


def test_sizes_opacities_and_colours_from_each_side_change_by_option() -> None:
    config = DeformationConfig(deform_sh_degree=1, deform_scales=True, deform_opacities=True)
    deformation = Deformation(make("hash").field, config)
    change = deformation(torch.rand(5, 3), torch.rand(5))
    assert [tuple(values.shape) for values in change.values()] == [(5, 3), (5, 3), (5, 4, 3), (5, 3), (5,)]
    assert not any(values.any() for values in change.values())


@pytest.mark.parametrize(
    "bad", [{"deform_sh_degree": 4}, {"deformation_width": 0}, {"deformation_reach_m": 0.0}]
)
def test_settings_out_of_range(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        DeformationConfig(**bad)  # pyright: ignore[reportArgumentType]
