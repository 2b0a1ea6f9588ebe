"""The sky's colour in every direction, and the sun."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, Float64
from numpy import ndarray

from data.synthetic.textures.nature import cloud_cover
from data.synthetic.textures.texture import linear

Rows = Float32[ndarray, "3 N"]


@dataclass(frozen=True)
class Sky:
    """A clear day with clouds; everything in linear RGB.

    Args:
        to_sun: unit vector toward the sun.
        clouds: how white the sky is, over a plane above the world that repeats.
    """

    to_sun: Float64[ndarray, "3"]
    clouds: Float32[ndarray, "S S"]

    sun_color = np.array([2.45, 2.15, 1.75], np.float32)
    zenith = linear("#3f78bd") * np.float32(1.0)
    horizon = linear("#c3d4e2") * np.float32(1.05)
    ground = linear("#8f8675") * np.float32(0.55)

    def radiance(self, directions: Rows) -> Rows:
        """What is seen in unit directions: a gradient, clouds, the glow about the sun."""
        up = directions[2]
        height = np.clip(up, 0, 1)
        color = self.horizon[:, None] + (self.zenith - self.horizon)[:, None] * np.sqrt(height)
        cover = self._cover(directions) * np.clip(height * 6, 0, 1)
        toward = np.clip(np.tensordot(self.to_sun.astype(np.float32), directions, 1), 0, 1)
        white = 0.80 + 0.35 * toward**4
        color = color + (white - color) * (0.85 * cover)
        return (color + np.array([[0.9], [0.7], [0.4]], np.float32) * (0.6 * toward**64)).astype(np.float32)

    def mirrored(self, directions: Rows) -> Rows:
        """What a mirror shows: the sky above, and a dull row of houses and ground below."""
        weight = np.clip(directions[2] * 5 - 0.6, 0, 1)
        dull = self.ground[:, None]
        return dull + (self.radiance(directions) - dull) * weight

    def ambient(self, up: Float32[ndarray, " N"]) -> Rows:
        """Light from all around, by the z of normals: the sky from above, the ground's glow from below."""
        weight = (0.5 + 0.5 * up).astype(np.float32)
        above = (self.zenith * np.float32(0.65) + self.horizon * np.float32(0.65))[:, None]
        below = self.ground[:, None] * np.float32(1.5)
        return below + (above - below) * weight

    def _cover(self, directions: Rows) -> Float32[ndarray, " N"]:
        size = len(self.clouds)
        scale = size * 0.35 / (np.maximum(directions[2], 0) + 0.12)
        u, v = np.mod(directions[0] * scale, size), np.mod(directions[1] * scale, size)
        return sample(self.clouds, u.astype(np.float32), v.astype(np.float32))


def make_sky(seed: int, size: int, *, azimuth_deg: float, elevation_deg: float) -> Sky:
    """A sky with the sun at the given place.

    Args:
        seed: of the clouds.
        size: texels a side of the plane of clouds.
        azimuth_deg: counter-clockwise from east.
        elevation_deg: above the horizon.
    """
    azimuth, elevation = np.radians(azimuth_deg), np.radians(elevation_deg)
    to_sun = np.array(
        [np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)]
    )
    clouds = cloud_cover(np.random.default_rng((seed, 1)), size).albedo[..., 0]
    return Sky(to_sun, np.ascontiguousarray(clouds))


def sample(image: ndarray, u: Float32[ndarray, " N"], v: Float32[ndarray, " N"]) -> ndarray:
    """Bilinear samples of an image that repeats, at N positions in texels (texel centres at +0.5).

    Args:
        image: [S, S] or [S, S, C], uint8 or float32.
        u: columns.
        v: rows.

    Returns:
        [N] or [N, C] in the image's dtype.
    """
    count, width = len(u), 1024
    # cv2.remap wants maps of two dimensions, none longer than 32767.
    padded = max(1, -(-count // width)) * width
    maps = np.zeros((2, padded), np.float32)
    maps[0, :count], maps[1, :count] = u - 0.5, v - 0.5
    grids = maps.reshape(2, -1, width)
    values = cv2.remap(image, grids[0], grids[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    return values.reshape(padded, *image.shape[2:])[:count]
