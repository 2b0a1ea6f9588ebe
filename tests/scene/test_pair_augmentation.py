"""Augmentation of frames: geometry stays true, colours change as they are told to."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UserError
from scene.pair_augmentation import NO_AUGMENTATION, Augmentation, augmented, cropped, recolored, resized
from tests.scene.motions import moving_view

COLOURS_ALONE = replace(NO_AUGMENTATION, brightness=0.5, contrast=0.5, saturation=0.5, hue=0.1)
GEOMETRY_ALONE = Augmentation(brightness=0.0, contrast=0.0, saturation=0.0, hue=0.0)


def random(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def coordinates_as_depth(width: int, height: int) -> torch.Tensor:
    """Where a plane of z = 2 + x / 10 + y / 20 lies; points of it are known whatever the crop."""
    view = moving_view(width, height)
    rows, columns = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    x, y = (columns - view.K[0, 2]) / view.K[0, 0], (rows - view.K[1, 2]) / view.K[1, 1]
    return 2 / (1 - x / 10 - y / 20)


@given(st.sampled_from([(48, 32), (32, 48), (64, 32), (16, 16)]), st.integers(0, 30))
def test_points_stay_on_their_plane(size: tuple[int, int], seed: int) -> None:
    """Crops and scaling change K as they change the pixels, so what is unprojected lies where it lay."""
    view = replace(moving_view(96, 64), depths=coordinates_as_depth(96, 64))
    changed = augmented(view, size, GEOMETRY_ALONE, random(seed))
    assert changed.size == (max(size), min(size))  # a landscape frame stays one
    points = changed.points()
    residual = points[..., 2] - (2 + points[..., 0] / 10 + points[..., 1] / 20)
    # The nearest old pixel is at most half an old pixel away, or half a new one.
    assert float(residual.abs().max()) < 0.02


def test_portrait_frames_stay_upright() -> None:
    view = moving_view(40, 90)
    assert augmented(view, (64, 32), GEOMETRY_ALONE, random()).size == (32, 64)


@given(st.integers(0, 50))
def test_the_principal_point_comes_to_the_middle(seed: int) -> None:
    view = moving_view(90, 60)
    changed = augmented(view, (48, 32), GEOMETRY_ALONE, random(seed))
    assert float(changed.K[0, 2]) == pytest.approx(24, abs=1.0)
    assert float(changed.K[1, 2]) == pytest.approx(16, abs=1.0)


def test_focal_crops_lengthen_the_focal_length() -> None:
    view = moving_view(400, 300)
    full = augmented(view, (64, 48), NO_AUGMENTATION, random()).K[0, 0]
    ratios = [
        float(
            augmented(view, (64, 48), replace(NO_AUGMENTATION, focal_crop=0.9), random(seed)).K[0, 0] / full
        )
        for seed in range(40)
    ]
    assert min(ratios) >= 0.99
    assert max(ratios) <= 1.02 / 0.9
    assert max(ratios) > 1.08  # Beta(1/2, 1/2) likes both ends
    assert sum(ratio < 1.02 for ratio in ratios) > 8


def test_nothing_happens_without_augmentation() -> None:
    view = replace(moving_view(48, 32), K=torch.tensor([[30.0, 0, 24], [0, 30, 16], [0, 0, 1]]))
    same = augmented(view, (48, 32), NO_AUGMENTATION, random())
    for name, value in vars(view).items():
        assert torch.equal(getattr(same, name), value), name


def test_resizing_keeps_flat_colours_and_nearest_labels() -> None:
    view = replace(moving_view(30, 20), image=torch.full((20, 30, 3), 77, dtype=torch.uint8))
    small = resized(view, 15, 10)
    assert bool((small.image == 77).all())
    assert torch.equal(small.dynamic, view.dynamic[1::2, 1::2])
    assert float(small.K[0, 0]) == pytest.approx(15.0)
    large = resized(view, 60, 40)
    assert torch.equal(large.dynamic, view.dynamic.repeat_interleave(2, 0).repeat_interleave(2, 1))


def test_cropping_moves_the_principal_point() -> None:
    view = moving_view(30, 20)
    part = cropped(view, 4, 3, 10, 12)
    assert torch.equal(part.image, view.image[3:15, 4:14])
    assert torch.allclose(part.points(), view.points()[3:15, 4:14], atol=1e-5)


def test_a_principal_point_at_the_edge_is_refused() -> None:
    view = moving_view(30, 20)
    K = view.K.clone()
    K[0, 2] = 0.2
    with pytest.raises(UserError, match="principal point"):
        augmented(replace(view, K=K), (16, 16), NO_AUGMENTATION, random())


def test_grey_stays_grey_unless_hue_has_a_colour() -> None:
    gray = torch.full((4, 4, 3), 128, dtype=torch.uint8)
    changed = recolored(gray, replace(COLOURS_ALONE, brightness=0.0), random(1))
    assert int((changed.int() - 128).abs().max()) <= 1


def test_brightness_is_a_factor() -> None:
    image = torch.full((2, 2, 3), 100, dtype=torch.uint8)
    values = {
        int(recolored(image, replace(NO_AUGMENTATION, brightness=0.5), random(seed))[0, 0, 0])
        for seed in range(60)
    }
    assert 50 <= min(values) < 60
    assert 140 < max(values) <= 150


def test_contrast_keeps_the_mean_grey_and_saturation_each_grey() -> None:
    image = torch.randint(90, 160, (8, 8, 3), generator=random(3), dtype=torch.uint8)
    luma = torch.tensor([0.299, 0.587, 0.114])
    contrasted = recolored(image, replace(NO_AUGMENTATION, contrast=0.5), random(5))
    assert not torch.equal(contrasted, image)
    assert float((contrasted.float() @ luma).mean()) == pytest.approx(
        float((image.float() @ luma).mean()), abs=0.5
    )
    saturated = recolored(image, replace(NO_AUGMENTATION, saturation=0.5), random(5))
    assert not torch.equal(saturated, image)
    assert torch.allclose(saturated.float() @ luma, image.float() @ luma, atol=1.0)


def test_hue_turns_and_keeps_value() -> None:
    red = torch.tensor([[[200, 0, 0]]], dtype=torch.uint8).expand(4, 4, 3)
    turned = recolored(red, replace(NO_AUGMENTATION, hue=0.5), random(2))
    assert int(turned.amax()) == pytest.approx(200, abs=1)
    assert not torch.equal(turned, red)


def test_draws_depend_on_the_generator_alone() -> None:
    view = moving_view(60, 40)
    once, again, other = (augmented(view, (32, 32), Augmentation(), random(seed)) for seed in (4, 4, 5))
    assert torch.equal(once.image, again.image)
    assert not torch.equal(once.image, other.image)


@pytest.mark.parametrize(
    "wrong", [{"focal_crop": 0.0}, {"resize_margin_px": 0}, {"hue": 0.6}, {"brightness": -0.1}]
)
def test_limits_are_checked(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Augmentation(**wrong)  # pyright: ignore
