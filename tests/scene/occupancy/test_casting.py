import torch

from scene.occupancy.casting import Rays, Space


def scene(seed: int = 0, share: float = 0.05) -> torch.Tensor:
    return torch.rand(9, 7, 5, generator=torch.Generator().manual_seed(seed)) < share


def rays(count: int, seed: int = 1) -> Rays:
    generator = torch.Generator().manual_seed(seed)
    origins = torch.rand(count, 3, generator=generator) * 20 - 6
    targets = torch.rand(count, 3, generator=generator) * torch.tensor([9, 7, 5])
    return Rays(origins, targets - origins)


def by_slabs(solid: torch.Tensor, one: Rays) -> tuple[float, list[int]]:
    """The nearest of all solid voxels' boxes, each asked for by itself."""
    best, found = float("inf"), [0, 0, 0]
    for voxel in torch.nonzero(solid).tolist():
        corner = torch.tensor(voxel, dtype=torch.float64)
        low = (corner - one.origins[0].double()) / one.directions[0].double()
        high = (corner + 1 - one.origins[0].double()) / one.directions[0].double()
        begin = max(torch.minimum(low, high).max().item(), 0)
        if begin <= torch.maximum(low, high).min().item() and begin < best:
            best, found = begin, voxel
    return best, found


def test_the_nearest_of_all_boxes_is_met() -> None:
    solid, all_rays = scene(), rays(400)
    hits = Space(solid).cast(all_rays)
    assert 40 < int(hits.found.sum()) < 360
    for row in range(400):
        distance, voxel = by_slabs(solid, all_rays.select(torch.tensor([row])))
        if distance == float("inf"):
            assert not hits.found[row]
            continue
        torch.testing.assert_close(hits.distances[row].item(), float(distance), atol=2e-5, rtol=1e-4)
        assert hits.voxels[row].tolist() == voxel


def test_the_point_lies_on_the_face_that_is_named() -> None:
    solid, all_rays = scene(share=0.2), rays(500, seed=4)
    hits = Space(solid).cast(all_rays)
    entered = hits.found & (hits.distances > 0)
    points = all_rays.at(hits.distances)[entered]
    axes, voxels = hits.axes[entered], hits.voxels[entered]
    towards = all_rays.directions[entered].gather(1, axes[:, None])[:, 0] > 0
    faces = voxels.gather(1, axes[:, None])[:, 0] + torch.where(towards, 0, 1)
    torch.testing.assert_close(points.gather(1, axes[:, None])[:, 0], faces.float(), atol=2e-4, rtol=0)


def test_all_axes_are_alike() -> None:
    solid, all_rays = scene(share=0.1), rays(300, seed=2)
    turned = Rays(all_rays.origins.roll(1, 1), all_rays.directions.roll(1, 1))
    one, other = Space(solid).cast(all_rays), Space(solid.permute(2, 0, 1)).cast(turned)
    torch.testing.assert_close(one.distances, other.distances)


def test_rays_along_axes_and_edges() -> None:
    solid = torch.zeros(4, 4, 4, dtype=torch.bool)
    solid[2, 1, 1] = True
    origins = torch.tensor([[-3.0, 1.5, 1.5], [-3, 3.5, 1.5], [2.5, 1.5, 1.5], [-3, -9, 1.5]])
    hits = Space(solid).cast(Rays(origins, torch.tensor([[1.0, 0, 0]]).expand(4, 3)))
    assert hits.distances[[0, 2]].tolist() == [5, 0]
    assert hits.found.tolist() == [True, False, True, False]
    assert hits.axes[0] == 0


def test_nothing_is_met_in_an_empty_grid() -> None:
    assert not Space(torch.zeros(70, 80, 3, dtype=torch.bool)).cast(rays(100)).found.any()
