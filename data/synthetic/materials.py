"""What surfaces are made of: painted textures with their mip levels, and how they reflect."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Int32, Int64, UInt64
from numpy import ndarray

from data.synthetic.textures import cloth, masonry, metal, nature, pictures, wood
from data.synthetic.textures.texture import Painter, Texture

_SLOPE_RANGE = 1.5  # slopes are stored as bytes over [-_SLOPE_RANGE, _SLOPE_RANGE]


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
class Library:
    """M materials with all their textures in one array, so that one look-up serves any mixture of materials.

    Args:
        size: texels a side of each texture at its finest level.
        texels: of all materials and mip levels, eight bytes each: red, green, blue (square roots of linear
            RGB: finer steps where the eye sees them), slope over u, slope over v.
        starts: where each material's mip levels begin.
        tiles_m: see `Recipe.tile_m`; 0 stands for None.
        along: see `Recipe`.
        gloss: see `Recipe`.
        mirror: see `Recipe`.
        solid: by material, False at holes, at the finest level only: a hole is geometry, whatever the
            distance.
    """

    size: int
    texels: UInt64[ndarray, " T"]
    starts: Int64[ndarray, "M L"]
    tiles_m: Float32[ndarray, " M"]
    along: Bool[ndarray, " M"]
    gloss: Float32[ndarray, " M"]
    mirror: Float32[ndarray, " M"]
    solid: dict[int, Bool[ndarray, "S S"]]

    def look_up(
        self,
        materials: Int32[ndarray, " N"],
        u: Float32[ndarray, " N"],
        v: Float32[ndarray, " N"],
        texels_wide: Float32[ndarray, " N"],
    ) -> tuple[Float32[ndarray, "3 N"], Float32[ndarray, "2 N"]]:
        """Linear RGB and slopes, from the two mip levels whose texels are about as wide as what is looked at.

        Args:
            materials: rows of the library.
            u: to the right, in tiles.
            v: down, in tiles.
            texels_wide: how many of the finest texels the look covers.
        """
        levels = self.starts.shape[1]
        level = np.clip(np.log2(np.maximum(texels_wide, 1.0)), 0, levels - 1.001)
        finer = level.astype(np.int64)
        blend = (level - finer).astype(np.float32)
        total = np.zeros((5, len(u)), np.float32)
        for step, share in ((0, 1 - blend), (1, blend)):
            size = self.size >> (finer + step)
            x, y = u * size - np.float32(0.5), v * size - np.float32(0.5)
            left, top = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
            right_share, lower_share = (x - left).astype(np.float32), (y - top).astype(np.float32)
            start = self.starts.ravel().take(materials * levels + finer + step)
            for row, row_share in ((top, (1 - lower_share) * share), (top + 1, lower_share * share)):
                line = start + (row & (size - 1)) * size
                _accumulate(
                    total, self.texels.take(line + (left & (size - 1))), row_share * (1 - right_share)
                )
                _accumulate(
                    total, self.texels.take(line + ((left + 1) & (size - 1))), row_share * right_share
                )
        total[:3] *= np.float32(1 / 255)
        total[3:] = (total[3:] - np.float32(127.5)) * np.float32(_SLOPE_RANGE / 127.5)
        return total[:3] ** 2, total[3:]

    def is_solid(
        self, material: int, u: Float32[ndarray, " N"], v: Float32[ndarray, " N"]
    ) -> Bool[ndarray, " N"]:
        """Whether the surface has no hole there; u and v in tiles, NaN anywhere."""
        if material not in self.solid:
            return np.ones(len(u), bool)
        column, row = (
            np.nan_to_num(axis % 1 * self.size).astype(np.int64) & (self.size - 1) for axis in (u, v)
        )
        return self.solid[material][row, column]


def _accumulate(
    total: Float32[ndarray, "5 N"], texels: UInt64[ndarray, " N"], weight: Float32[ndarray, " N"]
) -> None:
    channels = texels.view(np.uint8).reshape(-1, 8)
    for channel in range(5):
        total[channel] += channels[:, channel] * weight


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
    "plain": Recipe(metal.plain, 1.0),
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


def make_library(names: Sequence[str], seed: int, size: int) -> Library:
    """Paint materials.

    Args:
        names: keys of `RECIPES`; their order is that of the library's rows.
        seed: of the world; the same name and seed give the same bytes.
        size: texels a side, a power of two.
    """
    recipes = [RECIPES[name] for name in names]
    textures = [_paint(name, seed, size) for name in names]
    pyramids = [
        _pyramid(texture, recipe.tile_m or 1.0) for texture, recipe in zip(textures, recipes, strict=True)
    ]
    lengths = np.array([[len(level) for level in pyramid] for pyramid in pyramids])
    return Library(
        size=size,
        texels=np.concatenate([level for pyramid in pyramids for level in pyramid]),
        starts=(np.cumsum(lengths) - lengths.ravel()).reshape(lengths.shape),
        tiles_m=np.array([recipe.tile_m or 0.0 for recipe in recipes], np.float32),
        along=np.array([recipe.along for recipe in recipes]),
        gloss=np.array([recipe.gloss for recipe in recipes], np.float32),
        mirror=np.array([recipe.mirror for recipe in recipes], np.float32),
        solid={row: texture.solid for row, texture in enumerate(textures) if texture.solid is not None},
    )


def _paint(name: str, seed: int, size: int) -> Texture:
    return RECIPES[name].paint(np.random.default_rng((seed, zlib.crc32(name.encode()))), size)


def _pyramid(texture: Texture, tile_m: float) -> list[UInt64[ndarray, " T"]]:
    """The texels of each mip level, see `Library.texels`."""
    colors, slopes = texture.albedo, _slopes(texture, tile_m)
    levels = []
    while True:
        size = len(colors)
        channels = np.zeros((size, size, 8), np.uint8)
        channels[..., :3] = np.round(np.sqrt(np.clip(colors, 0, 1)) * 255)
        channels[..., 3:5] = np.round(np.clip(slopes / _SLOPE_RANGE, -1, 1) * 127.5 + 127.5)
        levels.append(channels.reshape(-1).view(np.uint64))
        if size == 1:
            return levels
        half = (size // 2, size // 2)
        colors = cv2.resize(colors, half, interpolation=cv2.INTER_AREA).reshape(*half, 3)
        slopes = cv2.resize(slopes, half, interpolation=cv2.INTER_AREA).reshape(*half, 2)


def _slopes(texture: Texture, tile_m: float) -> Float32[ndarray, "S S 2"]:
    """Central differences of the height over u and v, metres per metre."""
    step = 2 * tile_m / len(texture.height_m)
    along_u = np.roll(texture.height_m, -1, 1) - np.roll(texture.height_m, 1, 1)
    along_v = np.roll(texture.height_m, -1, 0) - np.roll(texture.height_m, 1, 0)
    return (np.stack([along_u, along_v], axis=-1) / np.float32(step)).astype(np.float32)
