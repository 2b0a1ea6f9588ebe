"""From what each ray hit to colour."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32, Int64
from numpy import ndarray

from data.synthetic.materials import SLOPE_RANGE, Material
from data.synthetic.occlusion import Occlusion, contact
from data.synthetic.parts import Shape
from data.synthetic.shadows import Shadows
from data.synthetic.sky import Sky, sample
from data.synthetic.surfaces import Surface, sphere_chart, surface
from data.synthetic.views import Axes, Pinhole
from data.synthetic.world import Snapshot

Rows = Float32[ndarray, "3 N"]


@dataclass(frozen=True)
class Light:
    """All that light depends on.

    Args:
        sky: the sky and the sun's direction.
        shadows: what stands before the sun.
        occlusion: what stands all around.
        movers: lower and upper corners of what moves.
        variation: broad light and dark patches over everything that rests, over a plane that repeats.
    """

    sky: Sky
    shadows: Shadows
    occlusion: Occlusion
    movers: Float64[ndarray, "M 2 3"]
    variation: Float32[ndarray, "S S"]


@dataclass(frozen=True)
class _Samples:
    """N hits: their parts, where they are, and the surface there, in the world."""

    parts: Int64[ndarray, " N"]
    points: Rows
    normals: Rows
    to_eye: Rows
    albedo: Rows
    gloss: Float32[ndarray, " N"]
    mirror: Float32[ndarray, " N"]
    bent: Rows


def render(snapshot: Snapshot, materials: Mapping[int, Material], light: Light, view: Pinhole,
           parts: Int32[ndarray, "H W"], depths: Float32[ndarray, "H W"]) -> Float32[ndarray, "H W 3"]:
    """Linear RGB in [0, 1] after the tone curve.

    Args:
        snapshot: the parts.
        materials: by the numbers in `Snapshot.materials`.
        light: sky, shadows, occlusion.
        view: the camera that `parts` and `depths` are of.
        parts: rows of the snapshot, negative where the sky is seen.
        depths: z-depths.
    """
    colors = np.empty((3, parts.size), np.float32)
    rays = _directions(view)
    hit = np.flatnonzero(parts.ravel() >= 0)
    missed = np.flatnonzero(parts.ravel() < 0)
    colors[:, missed] = light.sky.radiance(_unit(rays[:, missed]))
    depth = depths.ravel()[hit]
    points = rays[:, hit] * depth + view.c2w[:3, 3].astype(np.float32)[:, None]
    samples = _gather(snapshot, materials, light, parts.ravel()[hit].astype(np.int64), points, -_unit(rays[:, hit]),
                      depth / np.float32(view.K[0, 0]))
    colors[:, hit] = _illuminate(samples, snapshot, light)
    shown = 1 - np.exp(colors * np.float32(-1.25))
    return np.ascontiguousarray(shown.reshape(3, view.height, view.width).transpose(1, 2, 0))


def cutout(materials: Mapping[int, Material], snapshot: Snapshot, part: int, points: Axes) -> Bool[ndarray, "..."]:
    """Where the surface of a part with holes is solid, see `casting.Cutout`."""
    material = materials[int(snapshot.materials[part])]
    if material.solid is None:
        return np.ones(np.shape(points[0]), bool)
    local = np.stack([np.ravel(axis) for axis in points]).astype(np.float32)
    chart = surface(int(snapshot.shapes[part]), local, np.repeat(snapshot.sizes[part][:, None], local.shape[1], 1))
    u, v = _texture_position(material, chart, np.full(local.shape[1], part))
    size = len(material.solid)
    # Rays that miss have positions of NaN or inf; which texel they read does not matter.
    column, row = (np.nan_to_num(axis % 1, nan=0.0) * size for axis in (u, v))
    texels = material.solid[row.astype(np.int64) % size, column.astype(np.int64) % size]
    return texels.reshape(np.shape(points[0]))


def _directions(view: Pinhole) -> Rows:
    columns, rows = np.meshgrid(np.arange(view.width) + 0.5, np.arange(view.height) + 0.5)
    steps = (view.c2w[:3, :3] @ np.linalg.inv(view.K)).astype(np.float32)
    x, y = columns.ravel().astype(np.float32), rows.ravel().astype(np.float32)
    return steps[:, :1] * x + steps[:, 1:2] * y + steps[:, 2:]


def _gather(snapshot: Snapshot, materials: Mapping[int, Material], light: Light, parts: Int64[ndarray, " N"], points: Rows,
            to_eye: Rows, footprint_m: Float32[ndarray, " N"]) -> _Samples:
    """Look up surfaces and textures, shape by shape and material by material."""
    normals, bent, albedo = (np.empty_like(points) for _ in range(3))
    gloss, mirror = (np.empty(points.shape[1], np.float32) for _ in range(2))
    kinds, surfaces_of = snapshot.shapes[parts], snapshot.materials[parts]
    to_part = snapshot.part_from_world.astype(np.float32)
    for number in np.unique(surfaces_of).tolist():
        material = materials[number]
        for shape in np.unique(kinds[surfaces_of == number]).tolist():
            rows = np.flatnonzero((surfaces_of == number) & (kinds == shape))
            owners = parts[rows]
            local = _apply(to_part, owners, points[:, rows], 1.0)
            sizes = snapshot.sizes.T[:, owners]
            round_picture = shape == Shape.ELLIPSOID and material.recipe.tile_m is None
            chart = sphere_chart(local, sizes) if round_picture else surface(shape, local, sizes)
            chart = chart.along_longer_side() if material.recipe.along else chart
            facing = _apply(to_part, owners, to_eye[:, rows], 0.0)
            inward = (chart.normals * facing).sum(0) < 0  # the far side of a shell, seen through its holes
            flip = np.where(inward, -1, 1).astype(np.float32)
            cosine = np.abs((chart.normals * facing).sum(0))
            color, slope = _texels(material, chart, owners, footprint_m[rows] / np.sqrt(np.maximum(cosine, 0.08)))
            tilted = chart.normals - chart.tangents_u * slope[0] - chart.tangents_v * slope[1]
            normals[:, rows] = _rotate_back(to_part, owners, chart.normals * flip)
            bent[:, rows] = _rotate_back(to_part, owners, _unit(tilted) * flip)
            albedo[:, rows] = color * snapshot.tints.T[:, owners]
            gloss[rows], mirror[rows] = material.recipe.gloss, material.recipe.mirror
    return _Samples(parts, points, normals, to_eye, _weathered(albedo, points, normals, snapshot.moving[parts], light), gloss,
                    mirror, bent)


def _illuminate(samples: _Samples, snapshot: Snapshot, light: Light) -> Rows:
    sky = light.sky
    to_sun = sky.to_sun.astype(np.float32)[:, None]
    geometric = (samples.normals * to_sun).sum(0)
    cosine = np.maximum((samples.bent * to_sun).sum(0), 0)
    # Leaves let a part of the light through.
    thin = snapshot.pierced[samples.parts]
    cosine = np.where(thin, 0.3 + 0.7 * cosine, cosine)
    sunny = np.flatnonzero((geometric > 0) | thin)
    lit = np.zeros(len(cosine), np.float32)
    lit[sunny] = light.shadows.lit(samples.points[:, sunny], np.maximum(np.abs(geometric[sunny]), 0.05))
    opening = light.occlusion.openness(samples.points, samples.normals)
    opening *= np.where(snapshot.moving[samples.parts], 1, contact(samples.points, light.movers))
    sun = sky.sun_color[:, None] * lit
    colors = samples.albedo * (sky.ambient(samples.bent[2]) * opening + sun * cosine)
    shiny = np.flatnonzero((samples.gloss > 0) | (samples.mirror > 0))
    bent, to_eye = samples.bent[:, shiny], samples.to_eye[:, shiny]
    half = _unit(to_eye + to_sun)
    highlight = np.maximum((bent * half).sum(0), 0) ** 60 * samples.gloss[shiny]
    facing = np.clip((bent * to_eye).sum(0), 0, 1)
    share = np.where(samples.mirror[shiny] > 0, samples.mirror[shiny] + 0.5 * (1 - facing) ** 5, 0)
    mirrored = sky.mirrored(2 * facing * bent - to_eye) * opening[shiny]
    colors[:, shiny] += (mirrored - colors[:, shiny]) * share + sun[:, shiny] * highlight
    return _hazy(colors, samples.points, sky)


def _texels(material: Material, chart: Surface, parts: Int64[ndarray, " N"], footprint_m: Float32[ndarray, " N"]
            ) -> tuple[Rows, Float32[ndarray, "2 N"]]:
    """Linear colour and relief slopes, from the two mip levels whose texels are about as wide as the ray."""
    u, v = _texture_position(material, chart, parts)
    tile_m = material.recipe.tile_m or np.maximum(chart.extent_m[0], chart.extent_m[1])
    texel_m = tile_m / np.float32(len(material.colors[0]))
    level = np.clip(np.log2(np.maximum(footprint_m / texel_m, 1e-3)), 0, len(material.colors) - 1)
    lower = np.floor(level).astype(np.int64)
    weights = level - lower
    color, slope = np.zeros((len(u), 3), np.float32), np.zeros((len(u), 2), np.float32)
    for index in range(int(lower.min()), min(int(lower.max()) + 2, len(material.colors))):
        share = np.where(lower == index, 1 - weights, np.where(lower == index - 1, weights, 0)).astype(np.float32)
        rows = np.flatnonzero(share)
        size = np.float32(len(material.colors[index]))
        x, y = u[rows] * size, v[rows] * size
        if material.recipe.tile_m is None:
            x, y = np.clip(x, 0.5, size - 0.5), np.clip(y, 0.5, size - 0.5)
        else:
            x, y = x % size, y % size
        color[rows] += (sample(material.colors[index], x, y) * np.float32(1 / 255)) ** 2 * share[rows, None]
        slope[rows] += (sample(material.slopes[index], x, y) * np.float32(1 / 127.5) - 1) * share[rows, None]
    return np.ascontiguousarray(color.T), np.ascontiguousarray(slope.T) * np.float32(SLOPE_RANGE)


def _texture_position(material: Material, chart: Surface, parts: Int64[ndarray, " N"]) -> tuple[ndarray, ndarray]:
    """u and v in tiles; each part begins elsewhere in a tile that repeats."""
    u, v = chart.position_m
    if material.recipe.tile_m is None:
        return u / chart.extent_m[0] + np.float32(0.5), v / chart.extent_m[1] + np.float32(0.5)
    tile = np.float32(material.recipe.tile_m)
    return u / tile + (parts * 0.381966 % 1).astype(np.float32), v / tile + (parts * 0.754878 % 1).astype(np.float32)


def _weathered(albedo: Rows, points: Rows, normals: Rows, moving: Bool[ndarray, " N"], light: Light) -> Rows:
    """Broad patches and splashed walls: what hides that tiles repeat. Fixed to the world, so only for what rests."""
    size = np.float32(len(light.variation))
    x, y, z = points
    patches = sample(light.variation, (x + 0.37 * z) / 13 % 1 * size, (y + 0.61 * z) / 13 % 1 * size)
    splashed = 1 - 0.35 * np.exp(-np.maximum(z, 0) / 0.35) * (np.abs(normals[2]) < 0.5)
    factor = (0.72 + 0.56 * patches) * splashed
    return albedo * np.where(moving, 1, factor).astype(np.float32)


def _hazy(colors: Rows, points: Rows, sky: Sky) -> Rows:
    """Far things pale. The distance is from the middle of the place, so that all cameras see the same colour."""
    distance = np.sqrt((points[:2] ** 2).sum(0))
    haze = 0.75 * (1 - np.exp(-np.maximum(distance - 30, 0) / 140))
    return colors + (sky.horizon[:, None] - colors) * haze


def _apply(transforms: Float32[ndarray, "P 4 4"], parts: Int64[ndarray, " N"], vectors: Rows, w: float) -> Rows:
    """Each vector by its part's transform; `w` is 1 for points and 0 for directions."""
    result = np.empty_like(vectors)
    for axis in range(3):
        row = transforms[:, axis]
        result[axis] = row[:, 0].take(parts) * vectors[0] + row[:, 1].take(parts) * vectors[1] + row[:, 2].take(parts) * vectors[2]
        if w:
            result[axis] += row[:, 3].take(parts)
    return result


def _rotate_back(to_part: Float32[ndarray, "P 4 4"], parts: Int64[ndarray, " N"], vectors: Rows) -> Rows:
    """Directions from each part's frame to the world: by the transposed rotation."""
    return _apply(np.ascontiguousarray(to_part.swapaxes(1, 2)), parts, vectors, 0.0)


def _unit(vectors: Rows) -> Rows:
    return vectors / np.sqrt((vectors**2).sum(0))
