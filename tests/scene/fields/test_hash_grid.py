"""The hash grid in space and time: kernels and plain torch agree, resolutions are the config's."""

import itertools
import math

import pytest
import torch
from torch import Tensor

from core.errors import UserError
from scene.fields import HashGrid, HashGridConfig
from scene.fields.hash_grid import grid_resolutions

TINY = HashGridConfig(hash_levels=5, hash_log2_rows=8, hash_space_min=3, hash_space_max=40)
BOX = torch.tensor([[-10.0, 0.0, -1.0], [30.0, 20.0, 4.0]])


def places(count: int) -> tuple[Tensor, Tensor]:
    """Places in the box and a little beyond, and their times."""
    return BOX[0] + (BOX[1] - BOX[0]) * (1.2 * torch.rand(count, 3) - 0.1), torch.rand(count)


@pytest.mark.parametrize("sparse", [False, True])
def test_kernels_and_reference_are_one_field(sparse: bool) -> None:
    config = HashGridConfig(**(vars(TINY) | {"hash_sparse": sparse}))
    results = []
    for kernels in (True, False):
        field = HashGrid(config, BOX, frames=12, seed=3, kernels=kernels)
        torch.manual_seed(1)
        xyz, times = places(200)
        xyz.requires_grad_()
        features = field(xyz, times)
        (features * torch.randn_like(features)).sum().backward()
        assert field.tables.grad is not None
        assert field.tables.grad.is_sparse == sparse
        results.append((features.detach(), xyz.grad, field.tables.grad.to_dense()))
    assert results[0][0].shape == (200, field.features)
    for ours, exact in zip(*results, strict=True):
        assert ours is not None
        assert exact is not None
        torch.testing.assert_close(ours, exact, rtol=1e-3, atol=1e-4 * float(exact.abs().max()))


def test_one_time_serves_all_places() -> None:
    field = HashGrid(TINY, BOX, frames=12)
    xyz, _ = places(30)
    assert torch.equal(field(xyz, torch.tensor(0.3)), field(xyz, torch.full((30,), 0.3)))
    with pytest.raises(ValueError, match="one for each of 30 places"):
        field(xyz, torch.zeros(29))


def test_each_frame_is_a_vertex_of_the_finest_level() -> None:
    """Between two frames features are linear in time; at a frame they bend, so each has values of its own."""
    field = HashGrid(
        HashGridConfig(hash_levels=1, hash_space_min=7, hash_space_max=7, hash_time_min=5), BOX, frames=6
    )
    xyz, _ = places(50)
    frames = [field(xyz, torch.tensor(frame / 5)) for frame in range(6)]
    for frame in range(5):
        middle = field(xyz, torch.tensor((frame + 0.5) / 5))
        torch.testing.assert_close(middle, (frames[frame] + frames[frame + 1]) / 2, rtol=1e-4, atol=1e-9)
    assert (frames[0] - 2 * frames[1] + frames[2]).abs().max() > 1e-5


def test_resolutions_grow_from_the_least_to_the_most() -> None:
    config = HashGridConfig(hash_space_min=16, hash_space_max=512, hash_time_min=4)
    resolutions = grid_resolutions(config, BOX, frames=50)
    # The box is 40 by 20 by 5 units: cells are cubes, so sides have 1, 1/2 and 1/8 of the cells.
    assert resolutions[0] == (16, 8, 2, 4)
    assert resolutions[-1] == (512, 256, 64, 49)
    ratios = [b[0] / a[0] for a, b in itertools.pairwise(resolutions)]
    assert max(ratios) / min(ratios) < 1.1
    assert all(a[axis] <= b[axis] for a, b in itertools.pairwise(resolutions) for axis in range(4))
    assert [row[3] for row in grid_resolutions(config, BOX, frames=3)] == [2] * 16
    fixed = HashGridConfig(hash_time_max=20)
    assert grid_resolutions(fixed, BOX, frames=50)[-1][3] == 20


def test_features_begin_small() -> None:
    tables = HashGrid(TINY, BOX, frames=12).tables.detach()
    assert tables.abs().max() <= 1e-4
    assert float(tables.std()) == pytest.approx(1e-4 / math.sqrt(3), rel=0.1)


@pytest.mark.parametrize("kernels", [True, False])
def test_backward_needs_the_places_and_no_more(kernels: bool) -> None:
    field = HashGrid(TINY, BOX, frames=12, kernels=kernels)
    xyz, times = places(1000)
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        field(xyz.requires_grad_(), times)
    for own in (*field.parameters(), *field.buffers()):
        kept.pop(own.untyped_storage().data_ptr(), None)
    a_point = sum(kept.values()) / 1000
    if kernels:
        assert 16 <= a_point < 17
    else:  # what the kernels save; and a check that the hooks see it
        assert a_point > 1000


def test_a_field_is_restored_from_its_state() -> None:
    field, other = (HashGrid(TINY, box, frames=12, seed=seed) for box, seed in ((BOX, 1), (BOX + 1, 2)))
    other.load_state_dict(field.state_dict())
    xyz, times = places(10)
    assert torch.equal(other(xyz, times), field(xyz, times))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hash_features": 3}, "--hash-features: 1, 2 or 4"),
        ({"hash_levels": 0}, "--hash-levels: 1 to 64"),
        ({"hash_log2_rows": 40}, "--hash-log2-rows"),
        ({"hash_space_min": 50}, "--hash-space-min: 1 to 40 was expected, got 50"),
        ({"hash_time_min": 9, "hash_time_max": 8}, "--hash-time-min"),
    ],
)
def test_sizes_out_of_range_are_named(changes: dict[str, int], words: str) -> None:
    with pytest.raises(UserError, match=words):
        HashGrid(HashGridConfig(**(vars(TINY) | changes)), BOX, frames=12)
