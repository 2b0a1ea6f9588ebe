"""A world with its light, ready to be looked at from any camera at any time."""

from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
from jaxtyping import Float32, Float64, Int32, UInt8
from numpy import ndarray

from data.synthetic.casting import cast
from data.synthetic.materials import Library, make_library
from data.synthetic.occlusion import make_occlusion
from data.synthetic.shading import Light, cutout, render
from data.synthetic.shadows import make_shadows
from data.synthetic.sky import make_sky
from data.synthetic.textures.noise import fbm
from data.synthetic.views import Pinhole
from data.synthetic.world import Snapshot, World


@dataclass(frozen=True)
class Quality:
    """How finely light and surfaces are worked out; geometry is exact whatever it is.

    Args:
        samples: rays along each side of a pixel.
        texture_px: texels a side of each material's tile, a power of two.
        shadow_px: texels along the longer side of each shadow map.
        sun_directions: on the sun's disc.
        voxel_m: for ambient occlusion, metres.
    """

    samples: int = 2
    texture_px: int = 512
    shadow_px: int = 1536
    sun_directions: int = 5
    voxel_m: float = 0.2


@dataclass(frozen=True)
class Place:
    """A world and where its life is.

    Args:
        world: what is there.
        seed: of its textures and its sky.
        half_axes_m: in x and y, of the ellipse about the origin that casts shadows.
        sun_deg: azimuth (counter-clockwise from east) and elevation of the sun.
        clear_m: from the origin, up to which there is no haze.
    """

    world: World
    seed: int
    half_axes_m: tuple[float, float]
    sun_deg: tuple[float, float]
    clear_m: float = 30.0


class Stage:
    """Renders a place. The first picture takes seconds: textures are painted and the sun's shadows traced."""

    def __init__(self, place: Place, quality: Quality) -> None:
        self.place = place
        self.world = place.world
        self.quality = quality
        self._lit: tuple[float, Light] | None = None

    @cached_property
    def library(self) -> Library:
        """The materials, in the order of the world's."""
        return make_library(self.world.materials, self.place.seed, self.quality.texture_px)

    @cached_property
    def _resting_light(self) -> Light:
        place, quality = self.place, self.quality
        snapshot = self.world.at(0.0)
        resting = snapshot.only(~snapshot.moving)
        sky = make_sky(place.seed, 512, azimuth_deg=place.sun_deg[0], elevation_deg=place.sun_deg[1])
        shadows = make_shadows(
            resting,
            partial(cutout, self.library),
            sky.to_sun,
            half_axes_m=place.half_axes_m,
            texels=quality.shadow_px,
            directions=quality.sun_directions,
        )
        occlusion = make_occlusion(
            resting, half_axes_m=place.half_axes_m, height_m=12.0, voxel_m=quality.voxel_m
        )
        variation = fbm(np.random.default_rng((place.seed, 2)), 256, (4, 4), 6, 0.55)
        return Light(sky, shadows, occlusion, np.zeros((0, 2, 3)), variation, place.clear_m)

    def photograph(self, view: Pinhole, time_s: float) -> UInt8[ndarray, "H W 3"]:
        """The picture a camera takes, sRGB."""
        snapshot, fine = self.world.at(time_s), view.scaled(self.quality.samples)
        parts, depths = cast(snapshot, fine, partial(cutout, self.library))
        colors = render(snapshot, self.library, self.light(time_s), fine, parts, depths)
        samples = self.quality.samples
        mean = colors.reshape(view.height, samples, view.width, samples, 3).mean((1, 3))
        return np.round(_to_srgb(mean) * 255).astype(np.uint8)

    def geometry(
        self, view: Pinhole, time_s: float
    ) -> tuple[Snapshot, Int32[ndarray, "H W"], Float32[ndarray, "H W"]]:
        """What the pixels' centres see: the snapshot, its rows and z-depths; -1 and inf for the sky."""
        snapshot = self.world.at(time_s)
        return snapshot, *cast(snapshot, view, partial(cutout, self.library))

    def light(self, time_s: float) -> Light:
        """The light with what moves in its way; that of the last moment is kept for further cameras."""
        if self._lit is None or self._lit[0] != time_s:
            self._lit = (time_s, self._light(self.world.at(time_s)))
        return self._lit[1]

    def _light(self, snapshot: Snapshot) -> Light:
        movers = snapshot.only(snapshot.moving)
        if not len(movers):
            return self._resting_light
        shadows = self._resting_light.shadows.with_movers(movers, partial(cutout, self.library))
        return replace(self._resting_light, shadows=shadows, movers=_boxes(movers, self.world.roots()))


def _boxes(movers: Snapshot, roots: Int32[ndarray, " B"]) -> Float64[ndarray, "M 2 3"]:
    """Lower and upper corners of each thing that moves."""
    corners, owners = movers.corners(), roots[movers.bodies]
    groups = (corners[owners == owner].reshape(-1, 3) for owner in np.unique(owners))
    return np.array([[group.min(0), group.max(0)] for group in groups])


def _to_srgb(linear: Float32[ndarray, "*batch"]) -> Float32[ndarray, "*batch"]:
    """IEC 61966-2-1."""
    return np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-8) ** np.float32(1 / 2.4) - 0.055
    ).astype(np.float32)
