"""What surfaces are made of: painted textures with their mip levels, and how they reflect."""

import zlib
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, UInt8
from numpy import ndarray

from data.synthetic.textures import cloth, masonry, metal, nature, pictures, wood
from data.synthetic.textures.texture import Painter, Texture

SLOPE_RANGE = 1.5  # slopes are stored as bytes over [-SLOPE_RANGE, SLOPE_RANGE]


@dataclass(frozen=True)
class Recipe:
    """How to make a material.

    Args:
        paint: its texture.
        tile_m: side of the texture's tile in metres; None for one that is stretched over each face.
        along: the texture's u runs along a face's longer side: the grain of wood.
        gloss: strength of the sun's highlight.
        mirror: share of the sky that is mirrored head-on; it grows toward grazing angles.
    """

    paint: Painter
    tile_m: float | None = 1.0
    along: bool = False
    gloss: float = 0.0
    mirror: float = 0.0


@dataclass(frozen=True)
class Material:
    """A recipe carried out.

    Args:
        recipe: what it was made from.
        colors: per mip level, the square roots of linear RGB as bytes: finer steps where the eye sees them.
        slopes: per mip level, height over u and over v as bytes, see `SLOPE_RANGE`.
        solid: False at holes, at the finest level only: a hole is geometry and must not depend on the distance.
    """

    recipe: Recipe
    colors: tuple[UInt8[ndarray, "S S 3"], ...]
    slopes: tuple[UInt8[ndarray, "S S 2"], ...]
    solid: Bool[ndarray, "S S"] | None


RECIPES: dict[str, Recipe] = {
    "bricks": Recipe(masonry.bricks, 2.0),
    "ashlar": Recipe(masonry.ashlar, 2.0),
    "plaster": Recipe(masonry.plaster, 3.0),
    "worn plaster": Recipe(masonry.worn_plaster, 2.0),
    "concrete": Recipe(masonry.concrete, 2.0),
    "setts": Recipe(masonry.setts, 2.4, gloss=0.08),
    "slabs": Recipe(masonry.slabs, 2.0),
    "pantiles": Recipe(masonry.pantiles, 2.0),
    "slates": Recipe(masonry.slates, 2.0, gloss=0.1),
    "terracotta": Recipe(masonry.terracotta, 0.6),
    "asphalt": Recipe(masonry.asphalt, 3.0, gloss=0.05),
    "marble": Recipe(masonry.marble, 1.2, gloss=0.1),
    "oak": Recipe(wood.oak, 1.0, along=True, gloss=0.2),
    "walnut": Recipe(wood.walnut, 1.0, along=True, gloss=0.2),
    "pale wood": Recipe(wood.pale_wood, 1.0, along=True, gloss=0.1),
    "planks": Recipe(wood.planks, 1.2, along=True),
    "painted planks": Recipe(wood.painted_planks, 1.2, along=True),
    "bark": Recipe(wood.bark, 0.8, along=True),
    "wicker": Recipe(wood.wicker, 0.4),
    "grass": Recipe(nature.grass, 1.6),
    "gravel": Recipe(nature.gravel, 1.2),
    "soil": Recipe(nature.soil, 0.8),
    "foliage": Recipe(nature.foliage, 1.2),
    "hedge": Recipe(nature.hedge, 0.8),
    "blossoms": Recipe(nature.blossoms, 0.6),
    "water": Recipe(nature.water, 1.6, gloss=0.8, mirror=0.10),
    "woven": Recipe(cloth.woven, 0.5),
    "striped": Recipe(cloth.striped, 1.0),
    "plaid": Recipe(cloth.plaid, 0.4),
    "knitted": Recipe(cloth.knitted, 0.6),
    "denim": Recipe(cloth.denim, 0.5),
    "leather": Recipe(cloth.leather, 0.5, gloss=0.15),
    "enamel": Recipe(metal.enamel, 1.0, gloss=0.3, mirror=0.02),
    "car paint": Recipe(metal.car_paint, 2.0, gloss=0.8, mirror=0.06),
    "rusty": Recipe(metal.rusty, 0.8),
    "brushed": Recipe(metal.brushed, 0.5, along=True, gloss=0.5, mirror=0.15),
    "rubber": Recipe(metal.rubber, 0.4),
    "wheel": Recipe(metal.wheel, None, gloss=0.3),
    "glass": Recipe(metal.glass, 1.5, gloss=0.9, mirror=0.12),
    "lamp": Recipe(metal.lamp, 0.4, gloss=0.3),
    "skin": Recipe(metal.skin, 0.4),
    "peel": Recipe(metal.peel, 0.1, gloss=0.2),
    "poster": Recipe(pictures.poster, None),
    "books": Recipe(pictures.books, None),
    "book cover": Recipe(pictures.book_cover, None, gloss=0.1),
    "clock": Recipe(pictures.clock, None),
    "curtained": Recipe(pictures.curtained, None, gloss=0.6, mirror=0.10),
    "panelled door": Recipe(pictures.panelled_door, None, gloss=0.2),
    "shutter": Recipe(pictures.shutter, None),
    "ball": Recipe(pictures.ball, None, gloss=0.3),
    "face": Recipe(pictures.face, None),
    "crate": Recipe(pictures.stained_crate, None),
    "cafe sign": Recipe(pictures.sign("CAFE CENTRAL", "#1f3b2d", "#e2c57e", 6.0), None),
    "books sign": Recipe(pictures.sign("LIBRERIA", "#5a1f1a", "#efdcae", 5.0), None),
    "bakery sign": Recipe(pictures.sign("BAKERY", "#2c4257", "#f0e2c2", 4.0), None),
    "hotel sign": Recipe(pictures.sign("HOTEL", "#e7dcc3", "#7a2a24", 3.0), None),
    "flowers sign": Recipe(pictures.sign("FIORI", "#efe6d2", "#3d6b3a", 3.0), None),
    "menu": Recipe(pictures.sign("MENU", "#22262a", "#e9e4d8", 0.7), None),
    "plate": Recipe(pictures.sign("SW 3D 26", "#eeeae0", "#1c2440", 4.5), None),
    "clouds": Recipe(nature.cloud_cover, 1.0),
}


def make(name: str, seed: int, size: int) -> Material:
    """Paint a material's texture and its mip levels.

    Args:
        name: a key of `RECIPES`.
        seed: of the world; the same name and seed give the same bytes.
        size: texels a side, a power of two.
    """
    recipe = RECIPES[name]
    rng = np.random.default_rng((seed, zlib.crc32(name.encode())))
    texture = recipe.paint(rng, size)
    colors, slopes = texture.albedo, _slopes(texture, recipe.tile_m or 1.0)
    color_levels, slope_levels = [], []
    while True:
        color_levels.append(np.round(np.sqrt(np.clip(colors, 0, 1)) * 255).astype(np.uint8))
        slope_levels.append(np.round(np.clip(slopes / SLOPE_RANGE, -1, 1) * 127.5 + 127.5).astype(np.uint8))
        if len(colors) == 1:
            return Material(recipe, tuple(color_levels), tuple(slope_levels), texture.solid)
        half = (len(colors) // 2, len(colors) // 2)
        colors = cv2.resize(colors, half, interpolation=cv2.INTER_AREA).reshape(*half, 3)
        slopes = cv2.resize(slopes, half, interpolation=cv2.INTER_AREA).reshape(*half, 2)


def _slopes(texture: Texture, tile_m: float) -> ndarray:
    """Central differences of the height over u and v, metres per metre."""
    step = 2 * tile_m / len(texture.height_m)
    along_u = np.roll(texture.height_m, -1, 1) - np.roll(texture.height_m, 1, 1)
    along_v = np.roll(texture.height_m, -1, 0) - np.roll(texture.height_m, 1, 0)
    return (np.stack([along_u, along_v], axis=-1) / np.float32(step)).astype(np.float32)
