"""Settings of a stage that mean nothing for a street are refused in a sentence."""

from dataclasses import replace

import pytest

from scene.sky import SkyConfig
from training.gaussian_fit import RenderConfig
from training.street_fit_config import StreetFitConfig

CONFIG = StreetFitConfig()


@pytest.mark.parametrize("name", ["white_background", "random_background"])
def test_backgrounds_need_a_street_without_a_sky(name: str) -> None:
    render = RenderConfig(**{name: True})
    with pytest.raises(ValueError, match=f"{name} .* give --no-sky too"):
        replace(CONFIG, render=render)
    assert replace(CONFIG, render=render, sky=SkyConfig(sky=False)).render == render


def test_masks_are_not_grown_where_there_are_none() -> None:
    with pytest.raises(ValueError, match="mask_dilation_px"):
        replace(CONFIG, staticness=replace(CONFIG.staticness, mask_dilation_px=2))


@pytest.mark.parametrize("extent", [0.0, -1.0, float("nan")])
def test_the_extent_is_positive(extent: float) -> None:
    with pytest.raises(ValueError, match="extent_m"):
        replace(CONFIG, extent_m=extent)
