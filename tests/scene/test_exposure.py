"""Colour transforms of images: identity at first, and they find a known one."""

import pytest
import torch

from scene.exposure import ExposureConfig, Exposures

NAMES = ["a.jpg", "b.jpg"]


def test_at_first_nothing_changes() -> None:
    image = torch.rand(4, 5, 3)
    exposures = Exposures(NAMES, ExposureConfig())
    torch.testing.assert_close(exposures.apply(image, 1), image)
    assert exposures.apply(image, 1).permute(2, 0, 1).is_contiguous()


def test_it_is_the_affine_map() -> None:
    exposures = Exposures(NAMES, ExposureConfig())
    state = exposures.state_dict()
    state["transforms"] = torch.rand(2, 3, 4)
    exposures.load_state_dict(state)
    image = torch.rand(4, 5, 3)
    matrix = state["transforms"][1]
    torch.testing.assert_close(exposures.apply(image, 1), image @ matrix[:, :3].T + matrix[:, 3])


def test_a_known_exposure_is_found_and_the_other_left_alone() -> None:
    exposures = Exposures(NAMES, ExposureConfig(exposure=True))
    random = torch.Generator().manual_seed(0)
    for step in range(400):
        image = torch.rand(6, 6, 3, generator=random)
        loss = (exposures.apply(image, 0) - (0.8 * image + 0.1)).square().mean()
        loss.backward()
        exposures.update(30_000 * step / 400)
    found = exposures.transforms.detach()
    torch.testing.assert_close(
        found[0], torch.cat([0.8 * torch.eye(3), torch.full((3, 1), 0.1)], 1), rtol=0, atol=0.02
    )
    assert torch.equal(found[1], torch.eye(3, 4))
    assert exposures.to_json()["b.jpg"] == torch.eye(3, 4).tolist()


@pytest.mark.parametrize("pause", [1, 3])
def test_a_restored_state_goes_on_alike(pause: int) -> None:
    def run(exposures: Exposures, first: int, last: int) -> None:
        for step in range(first, last):
            image = torch.rand(3, 3, 3, generator=torch.Generator().manual_seed(step))
            exposures.apply(image, step % 2).square().sum().backward()
            exposures.update(float(step))

    whole, paused = (Exposures(NAMES, ExposureConfig()) for _ in range(2))
    run(whole, 0, 5)
    run(paused, 0, pause)
    resumed = Exposures(NAMES, ExposureConfig())
    resumed.load_state_dict(paused.state_dict())
    run(resumed, pause, 5)
    assert torch.equal(whole.transforms, resumed.transforms)
