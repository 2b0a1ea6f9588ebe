"""Textures repeat without seams, look-ups return what was painted, and blur to its mean."""

import numpy as np
import pytest

from data.synthetic.materials import RECIPES, make_library
from data.synthetic.textures.texture import Texture

SIZE = 64


@pytest.fixture(scope="module")
def textures() -> dict[str, Texture]:
    return {name: recipe.paint(np.random.default_rng(3), SIZE) for name, recipe in RECIPES.items()}


@pytest.mark.parametrize("name", RECIPES)
def test_painters(name: str, textures: dict[str, Texture]) -> None:
    texture = textures[name]
    assert texture.albedo.shape == (SIZE, SIZE, 3)
    assert texture.albedo.dtype == texture.height_m.dtype == np.float32
    assert texture.albedo.min() >= 0
    assert texture.albedo.max() <= 1.01
    assert np.isfinite(texture.height_m).all()
    again = RECIPES[name].paint(np.random.default_rng(3), SIZE)
    np.testing.assert_array_equal(texture.albedo, again.albedo)


@pytest.mark.parametrize("name", [name for name, recipe in RECIPES.items() if recipe.tile_m])
def test_tiles_have_no_seams(name: str, textures: dict[str, Texture]) -> None:
    """Across the tile's edge colours change no more than they do elsewhere."""
    albedo = textures[name].albedo
    for axis in (0, 1):
        steps = np.abs(np.diff(albedo, axis=axis)).mean((2, 1 - axis))
        seam = np.abs(albedo.take(0, axis) - albedo.take(-1, axis)).mean()
        assert seam <= 1.3 * steps.max() + 1e-3


def test_every_material_has_texture() -> None:
    """Flat colours are what this world is not: all but "plain", whose purpose it is, show detail."""
    library = make_library(list(RECIPES), 0, SIZE)
    rng = np.random.default_rng(0)
    u, v = rng.random((2, 500), np.float32)
    for row, name in enumerate(RECIPES):
        colors, _ = library.look_up(np.full(500, row, np.int32), u, v, np.ones(500, np.float32))
        assert (colors.std(axis=1).max() > 0.002) == (name != "plain"), name


def test_look_up_returns_the_texels_at_their_centres(textures: dict[str, Texture]) -> None:
    names = ["bricks", "grass", "oak"]
    library = make_library(names, 7, SIZE)
    centers = (np.arange(SIZE) + 0.5) / SIZE
    u, v = (axis.ravel().astype(np.float32) for axis in np.meshgrid(centers, centers))
    for row in range(3):
        # A whole tile further the same is seen.
        colors, slopes = library.look_up(
            np.full(u.size, row, np.int32), u + 2, v - 3, np.ones(u.size, np.float32)
        )
        start = library.starts[row, 0]
        stored = library.texels[start : start + SIZE * SIZE].view(np.uint8).reshape(-1, 8)
        np.testing.assert_allclose(colors.T, (stored[:, :3] / 255.0) ** 2, atol=2e-4)
        np.testing.assert_allclose(slopes.T, (stored[:, 3:5] - 127.5) / 127.5 * 1.5, atol=2e-3)


def test_looks_from_afar_see_the_mean() -> None:
    library = make_library(["setts"], 0, SIZE)
    rng = np.random.default_rng(0)
    u, v = rng.random((2, 300), np.float32)
    row = np.zeros(300, np.int32)
    near, _ = library.look_up(row, u, v, np.ones(300, np.float32))
    far, slopes = library.look_up(row, u, v, np.full(300, 1e6, np.float32))
    assert far.std(1).max() < 0.01 < near.std(1).min()
    np.testing.assert_allclose(far.mean(1), near.mean(1), rtol=0.15)
    assert np.abs(slopes).max() < 0.05


def test_levels_blend_without_steps() -> None:
    library = make_library(["bricks"], 0, SIZE)
    wide = np.geomspace(1.0, 200.0, 4000).astype(np.float32)
    u = np.full(4000, 0.31, np.float32)
    colors, _ = library.look_up(np.zeros(4000, np.int32), u, u, wide)
    assert np.abs(np.diff(colors)).max() < 0.01


def test_holes_are_where_they_were_painted() -> None:
    library = make_library(["bricks", "foliage"], 0, SIZE)
    u, v = np.random.default_rng(0).random((2, 2000), np.float32)
    assert library.is_solid(0, u, v).all()
    assert 0.3 < library.is_solid(1, u, v).mean() < 0.99
    np.testing.assert_array_equal(library.is_solid(1, u, v), library.is_solid(1, u + 1, v - 2))


def test_seeds_differ() -> None:
    first, second, third = (make_library(["plaster"], seed, SIZE).texels for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, second)
    assert (first != third).mean() > 0.5
