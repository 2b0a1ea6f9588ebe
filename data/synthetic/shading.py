"""From what each ray hit to colour."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int8, Int32, Int64
from numpy import ndarray

from data.synthetic.materials import Library
from data.synthetic.occlusion import Occlusion, contact
from data.synthetic.parts import Shape
from data.synthetic.shadows import Shadows
from data.synthetic.sky import Sky, sample
from data.synthetic.surfaces import Surface, sphere_chart, surface
from data.synthetic.views import Axes, Pinhole
from data.synthetic.world import Snapshot

Rows = Float32[ndarray, "3 N"]
Column = Float32[ndarray, " N"]

# Samples that are worked on at a time: their arrays fit into a processor's cache.
_STRIP = 100_000
_GLOBE = len(Shape)
_BEAM = 3e-3  # width of a lidar's beam over its length


@dataclass(frozen=True)
class Light:
    """All that light depends on.

    Args:
        sky: the sky and the sun's direction.
        shadows: what stands before the sun.
        occlusion: what stands all around.
        movers: lower and upper corners of what moves.
        variation: broad light and dark patches over everything that rests, over a plane that repeats.
        clear_m: from the origin, up to which there is no haze.
    """

    sky: Sky
    shadows: Shadows
    occlusion: Occlusion
    movers: Float64[ndarray, "M 2 3"]
    variation: Float32[ndarray, "S S"]
    clear_m: float


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


def render(
    snapshot: Snapshot,
    library: Library,
    light: Light,
    view: Pinhole,
    parts: Int32[ndarray, "H W"],
    depths: Float32[ndarray, "H W"],
) -> Float32[ndarray, "H W 3"]:
    """Linear RGB in [0, 1] after the tone curve.

    Args:
        snapshot: the parts.
        library: the materials that `Snapshot.materials` are rows of.
        light: sky, shadows, occlusion.
        view: the camera that `parts` and `depths` are of.
        parts: rows of the snapshot, negative where the sky is seen.
        depths: z-depths.
    """
    shown = np.empty((view.height, view.width, 3), np.float32)
    rows = max(1, _STRIP // view.width)
    for top in range(0, view.height, rows):
        strip = slice(top, min(top + rows, view.height))
        colors = _strip(
            snapshot,
            library,
            light,
            _directions(view, strip),
            view,
            parts[strip].ravel(),
            depths[strip].ravel(),
        )
        shown[strip] = (1 - np.exp(colors * np.float32(-1.25))).T.reshape(-1, view.width, 3)
    return shown


def cutout(library: Library, snapshot: Snapshot, part: int, points: Axes) -> Bool[ndarray, "..."]:
    """Where the surface of a part with holes is solid, see `casting.Cutout`."""
    local = np.stack([np.ravel(axis) for axis in points]).astype(np.float32)
    owners = np.full(local.shape[1], part)
    chart = surface(int(snapshot.shapes[part]), local, _columns(snapshot.sizes.T, owners))
    material = snapshot.materials[owners]
    u, v = _texture_position(library, material, chart.position_m, chart.extent_m, owners)
    return library.is_solid(int(snapshot.materials[part]), u, v).reshape(np.shape(points[0]))


def reflectances(
    snapshot: Snapshot,
    library: Library,
    light: Light,
    eye: Float64[ndarray, "3"],
    parts: Int32[ndarray, " N"],
    points: Float64[ndarray, "N 3"],
) -> tuple[Float32[ndarray, "N 3"], Float32[ndarray, " N"]]:
    """What of the light of its own an observer gets back from points, whatever the sun does.

    Args:
        snapshot: the parts.
        library: the materials that `Snapshot.materials` are rows of.
        light: whose broad patches weather what rests.
        eye: where the observer is.
        parts: rows of the snapshot.
        points: on them, in the world.

    Returns:
        Linear RGB, and the cosines of the angles between the surfaces' normals and the observer.
    """
    order = np.argsort(_kinds(snapshot, library).take(parts), kind="stable")
    colors, cosines = np.zeros((len(parts), 3), np.float32), np.zeros(len(parts), np.float32)
    if len(parts):
        away = (eye - points[order]).T
        ranges = np.sqrt((away**2).sum(0))
        samples = _gather(
            snapshot,
            library,
            light,
            parts[order].astype(np.int64),
            np.ascontiguousarray(points[order].T, np.float32),
            (away / ranges).astype(np.float32),
            (ranges * _BEAM).astype(np.float32),
        )
        colors[order] = samples.albedo.T
        cosines[order] = (samples.bent * samples.to_eye).sum(0)
    return colors, cosines


def _strip(
    snapshot: Snapshot,
    library: Library,
    light: Light,
    rays: Rows,
    view: Pinhole,
    parts: Int32[ndarray, " M"],
    depths: Float32[ndarray, " M"],
) -> Float32[ndarray, "3 M"]:
    """Light that comes back along some of a view's rays."""
    colors = np.empty(rays.shape, np.float32)
    missed, hit = np.flatnonzero(parts < 0), np.flatnonzero(parts >= 0)
    # Shape by shape, so that what is worked out for one shape lies together.
    hit = hit[np.argsort(_kinds(snapshot, library).take(parts.take(hit)), kind="stable")]
    colors[:, missed] = light.sky.radiance(_unit(_columns(rays, missed)))
    if len(hit):
        toward, depth = _columns(rays, hit), depths[hit]
        points = toward * depth + view.c2w[:3, 3].astype(np.float32)[:, None]
        samples = _gather(
            snapshot,
            library,
            light,
            parts[hit].astype(np.int64),
            points,
            -_unit(toward),
            depth / np.float32(view.K[0, 0]),
        )
        colors[:, hit] = _illuminate(samples, snapshot, light)
    return colors


def _directions(view: Pinhole, strip: slice) -> Rows:
    columns, rows = np.meshgrid(np.arange(view.width) + 0.5, np.arange(view.height)[strip] + 0.5)
    steps = (view.c2w[:3, :3] @ np.linalg.inv(view.K)).astype(np.float32)
    x, y = columns.ravel().astype(np.float32), rows.ravel().astype(np.float32)
    return steps[:, :1] * x + steps[:, 1:2] * y + steps[:, 2:]


def _gather(
    snapshot: Snapshot,
    library: Library,
    light: Light,
    parts: Int64[ndarray, " N"],
    points: Rows,
    to_eye: Rows,
    footprint_m: Float32[ndarray, " N"],
) -> _Samples:
    """Look up surfaces and textures; the parts are sorted by `_kinds`."""
    to_part = snapshot.part_from_world.astype(np.float32)
    chart = _charts(snapshot, library, parts, _apply(to_part, parts, points, 1.0))
    normals = _rotate_back(to_part, parts, chart.normals)
    facing = (normals * to_eye).sum(0)
    materials = snapshot.materials[parts]
    u, v = _texture_position(library, materials, chart.position_m, chart.extent_m, parts)
    tiles_m = library.tiles_m[materials]
    tiles_m = np.where(tiles_m > 0, tiles_m, np.maximum(chart.extent_m[0], chart.extent_m[1]))
    slant = np.sqrt(np.maximum(np.abs(facing), np.float32(0.08)))
    color, slope = library.look_up(materials, u, v, footprint_m / slant / tiles_m * np.float32(library.size))
    tilted = chart.normals - chart.tangents_u * slope[0] - chart.tangents_v * slope[1]
    # The far side of a shell, seen through its holes, has its normal turned round.
    turn = np.where(facing < 0, -1, 1).astype(np.float32)
    bent = _rotate_back(to_part, parts, _unit(tilted)) * turn
    albedo = _weathered(
        color * _columns(snapshot.tints.T, parts), points, normals, snapshot.moving[parts], light
    )
    return _Samples(
        parts,
        points,
        normals * turn,
        to_eye,
        albedo,
        library.gloss[materials],
        library.mirror[materials],
        bent,
    )


def _kinds(snapshot: Snapshot, library: Library) -> Int8[ndarray, " P"]:
    """The shape of each part, or `_GLOBE` for an ellipsoid that one picture goes around."""
    stretched = library.tiles_m[snapshot.materials] == 0
    globe = stretched & (snapshot.shapes == Shape.ELLIPSOID)
    return np.where(globe, _GLOBE, snapshot.shapes).astype(np.int8)


def _charts(snapshot: Snapshot, library: Library, parts: Int64[ndarray, " N"], local: Rows) -> Surface:
    """The surfaces at points of parts of any shape, sorted by `_kinds`."""
    sizes = _columns(snapshot.sizes.T, parts)
    kinds = _kinds(snapshot, library).take(parts)
    starts = np.flatnonzero(np.diff(kinds, prepend=kinds[0] - 1)).tolist()
    charts = []
    for start, stop in zip(starts, [*starts[1:], len(parts)], strict=True):
        points, extents = local[:, start:stop], sizes[:, start:stop]
        kind = int(kinds[start])
        charts.append(sphere_chart(points, extents) if kind == _GLOBE else surface(kind, points, extents))
    columns = (
        np.concatenate(pieces, axis=1) for pieces in zip(*(chart.columns() for chart in charts), strict=True)
    )
    return Surface(*columns).along_longer_side(library.along[snapshot.materials[parts]])


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
    lit[sunny] = light.shadows.lit(
        _columns(samples.points, sunny), np.maximum(np.abs(geometric[sunny]), 0.05)
    )
    opening = light.occlusion.openness(samples.points, samples.normals)
    opening *= np.where(snapshot.moving[samples.parts], 1, contact(samples.points, light.movers))
    sun = sky.sun_color[:, None] * lit
    colors = samples.albedo * (sky.ambient(samples.bent[2]) * opening + sun * cosine)
    shiny = np.flatnonzero((samples.gloss > 0) | (samples.mirror > 0))
    bent, to_eye = _columns(samples.bent, shiny), _columns(samples.to_eye, shiny)
    half = _unit(to_eye + to_sun)
    highlight = np.maximum((bent * half).sum(0), 0) ** 60 * samples.gloss[shiny]
    facing = np.clip((bent * to_eye).sum(0), 0, 1)
    share = np.where(samples.mirror[shiny] > 0, samples.mirror[shiny] + 0.5 * (1 - facing) ** 5, 0)
    mirrored = sky.mirrored(2 * facing * bent - to_eye) * opening[shiny]
    plain = _columns(colors, shiny)
    colors[:, shiny] = plain + (mirrored - plain) * share + _columns(sun, shiny) * highlight
    return _hazy(colors, samples.points, light)


def _texture_position(
    library: Library,
    materials: Int32[ndarray, " N"],
    position_m: Float32[ndarray, "2 N"],
    extent_m: Float32[ndarray, "2 N"],
    parts: Int64[ndarray, " N"],
) -> tuple[Column, Column]:
    """U and v in tiles; each part begins elsewhere in a tile that repeats."""
    tile = library.tiles_m[materials]
    stretched = tile == 0
    tile = np.where(stretched, 1, tile)
    margin = np.float32(0.5 / library.size)  # a picture's far edge must not shine through at its near one
    u, v = (
        np.where(
            stretched,
            np.clip(position / extent + np.float32(0.5), margin, 1 - margin),
            position / tile + (parts * shift % 1).astype(np.float32),
        )
        for position, extent, shift in zip(position_m, extent_m, (0.381966, 0.754878), strict=True)
    )
    return u, v


def _weathered(albedo: Rows, points: Rows, normals: Rows, moving: Bool[ndarray, " N"], light: Light) -> Rows:
    """Broad patches and splashed walls hide that tiles repeat; fixed to the world, so only on what rests."""
    size = np.float32(len(light.variation))
    x, y, z = points
    patches = sample(light.variation, (x + 0.37 * z) / 13 % 1 * size, (y + 0.61 * z) / 13 % 1 * size)
    splashed = 1 - 0.35 * np.exp(-np.maximum(z, 0) / 0.35) * (np.abs(normals[2]) < 0.5)
    factor = (0.72 + 0.56 * patches) * splashed
    return albedo * np.where(moving, 1, factor).astype(np.float32)


def _hazy(colors: Rows, points: Rows, light: Light) -> Rows:
    """Far things pale, by their distance from the middle of the place: all cameras see the same colour."""
    distance = np.sqrt((points[:2] ** 2).sum(0))
    haze = 0.75 * (1 - np.exp(-np.maximum(distance - light.clear_m, 0) / 140))
    return colors + (light.sky.horizon[:, None] - colors) * haze


def _apply(
    transforms: Float32[ndarray, "P 4 4"], parts: Int64[ndarray, " N"], vectors: Rows, w: float
) -> Rows:
    """Each vector by its part's transform; `w` is 1 for points and 0 for directions."""
    result = np.empty_like(vectors)
    for axis in range(3):
        row = transforms[:, axis]
        result[axis] = (
            row[:, 0].take(parts) * vectors[0]
            + row[:, 1].take(parts) * vectors[1]
            + row[:, 2].take(parts) * vectors[2]
        )
        if w:
            result[axis] += row[:, 3].take(parts)
    return result


def _rotate_back(to_part: Float32[ndarray, "P 4 4"], parts: Int64[ndarray, " N"], vectors: Rows) -> Rows:
    """Directions from each part's frame to the world: by the transposed rotation."""
    return _apply(np.ascontiguousarray(to_part.swapaxes(1, 2)), parts, vectors, 0.0)


def _unit(vectors: Rows) -> Rows:
    return vectors / np.sqrt((vectors**2).sum(0))


def _columns(array: Float32[ndarray, "K N"], chosen: Int64[ndarray, " M"]) -> Float32[ndarray, "K M"]:
    """array[:, chosen] with each row contiguous; numpy's own indexing would interleave them in memory."""
    return np.take(array, chosen, axis=1)
