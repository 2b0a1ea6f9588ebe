"""How one map lies on another: the turn and shift between bird's-eye maps with a channel for each class.

First all turns and shifts in a window are tried at a coarse resolution, the shifts at once by Fourier
transforms; then the best is refined to a fraction of a cell by Gauss-Newton steps on blurred maps. Cells
that a map does not know have no say in either.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

_COARSE_CELLS = 36  # along the longer edge while all shifts are tried
_TURN_STEP_RAD = 0.05  # moves the edge of a coarse map by less than its cell
_LEAST_OVERLAP = 0.3  # share of the map; less says little
_BLURS = (2.0, 1.0)  # cells; the first reaches the coarse estimate, the second is precise
_STEPS = 6  # Gauss-Newton steps for each blur
_DAMPING = 1e-3  # of the normal equations, relative: along a bare wall the shift stays what it was


@dataclass(frozen=True)
class Maps:
    """Maps as images of classes.

    Args:
        channels: what is where, 0 to 1.
        known: 1 where a map knows what is there, 0 elsewhere.
    """

    channels: Float[Tensor, "P C X Y"]
    known: Float[Tensor, "P X Y"]

    def pick(self, rows: list[int]) -> "Maps":
        """Some of the maps, in any order."""
        return Maps(self.channels[rows], self.known[rows])


@dataclass(frozen=True)
class Shifts:
    """Where the second map of each pair lies in the frame of the first.

    Args:
        xy: its centre, in cells.
        yaw: its turn from the first axis to the second, radians.
        agreement: correlation of what both know, -1 to 1.
    """

    xy: Float[Tensor, "P 2"]
    yaw: Float[Tensor, "P"]
    agreement: Float[Tensor, "P"]


def register(first: Maps, second: Maps, most_shift: float, most_turn: float) -> Shifts:
    """Turn and shift between the maps of pairs.

    Args:
        first: the maps that are the frame.
        second: as many others, of the same size and classes.
        most_shift: the longest that is tried, in cells.
        most_turn: the largest that is tried, radians.
    """
    shifts = _search(first, second, most_shift, most_turn)
    for blur in _BLURS:
        shifts = _refine(_blurred(first, blur), _blurred(second, blur), shifts)
    return shifts


def _search(first: Maps, second: Maps, most_shift: float, most_turn: float) -> Shifts:
    """The best of all turns and shifts, to a coarse cell."""
    factor = max(1, math.ceil(max(first.known.shape[1:]) / _COARSE_CELLS))
    first, second = _pooled(first, factor), _pooled(second, factor)
    steps = math.ceil(most_turn / _TURN_STEP_RAD)
    turns = torch.linspace(-most_turn, most_turn, 2 * steps + 1).to(first.known)
    weights = _channel_weights(first)
    found = [_best_shift(_turned(first, turn), second, weights, most_shift / factor) for turn in turns]
    agreement, best = torch.stack([values for values, _ in found]).max(0)
    pairs = torch.arange(len(best), device=best.device)
    xy = torch.stack([shift for _, shift in found])[best, pairs] * factor
    yaw = turns[best]
    return Shifts(_rotate(xy, yaw), yaw, agreement)


def _best_shift(
    first: Maps, second: Maps, weights: Float[Tensor, "P C"], most_shift: float
) -> tuple[Float[Tensor, "P"], Float[Tensor, "P 2"]]:
    """The largest correlation over shifts, and its shift in cells, before the turn.

    Source: D. Padfield, "Masked object registration in the Fourier domain", IEEE TIP 2012, eq. 14-18.
    """
    size = first.known.shape[1:]
    padded = (2 * size[0], 2 * size[1])

    def spectrum(maps: Float[Tensor, "*P X Y"]) -> Tensor:
        return torch.fft.rfft2(maps, s=padded)

    def correlation(product: Tensor) -> Tensor:
        return torch.fft.irfft2(product, s=padded)

    scale = weights.sqrt()[..., None, None]
    a, b = first.channels * scale, second.channels * scale
    a_spectrum, a_known = spectrum(a), spectrum(first.known)
    b_spectrum, b_known = spectrum(b).conj(), spectrum(second.known).conj()
    overlap = correlation(a_known * b_known)
    counted = overlap.clamp(min=1)[:, None]
    a_sum, b_sum = correlation(a_spectrum * b_known[:, None]), correlation(a_known[:, None] * b_spectrum)
    both = correlation((a_spectrum * b_spectrum).sum(1)) - (a_sum * b_sum / counted).sum(1)
    a_square = correlation(spectrum(a.square().sum(1)) * b_known) - (a_sum.square() / counted).sum(1)
    b_square = correlation(a_known * spectrum(b.square().sum(1)).conj()) - (b_sum.square() / counted).sum(1)
    values = both / (a_square.clamp(min=1e-6) * b_square.clamp(min=1e-6)).sqrt()
    rows, columns = (torch.fft.fftfreq(n, d=1 / n).to(values) for n in padded)
    too_far = rows[:, None].square() + columns.square() > max(most_shift, 1) ** 2
    too_little = overlap < _LEAST_OVERLAP * first.known[0].numel()
    values = values.masked_fill(too_far | too_little, -1)
    best, place = values.flatten(1).max(1)
    shift = torch.stack([rows[place // padded[1]], columns[place % padded[1]]], dim=1)
    return best, shift


def _refine(first: Maps, second: Maps, shifts: Shifts) -> Shifts:
    """Gauss-Newton steps on the squared difference where both maps know."""
    places = _centred_places(first.known)
    weights = _channel_weights(first).sqrt()[..., None]
    known, target = second.known.flatten(1), second.channels.flatten(2) * weights
    slopes = torch.stack(torch.gradient(first.channels, dim=(2, 3)), dim=1).flatten(1, 2)
    stacked = torch.cat([first.known[:, None], first.channels, slopes], dim=1)
    xy, yaw, agreement = shifts.xy, shifts.yaw, shifts.agreement
    for _ in range(_STEPS):
        turned = _rotate(places[None], yaw[:, None])
        sampled = _sampled(stacked, turned + xy[:, None])
        both = sampled[:, 0] * known
        source, slope_x, slope_y = (each * weights for each in sampled[:, 1:].chunk(3, dim=1))
        across = slope_y * turned[:, None, :, 0] - slope_x * turned[:, None, :, 1]
        jacobian = torch.stack([slope_x, slope_y, across], dim=-1)
        weighted = jacobian * both[:, None, :, None]
        normal = torch.einsum("pcki,pckj->pij", weighted, jacobian)
        right = torch.einsum("pcki,pck->pi", weighted, source - target)
        normal = normal + torch.diag_embed(_DAMPING * normal.diagonal(dim1=1, dim2=2) + 1e-6)
        step = torch.linalg.solve(normal, right)
        xy, yaw = xy - step[:, :2].clamp(-1, 1), yaw - step[:, 2].clamp(-0.1, 0.1)
        agreement = _correlation(source, target, both)
    return Shifts(xy, yaw, agreement)


def _correlation(
    a: Float[Tensor, "P C K"], b: Float[Tensor, "P C K"], weights: Float[Tensor, "P K"]
) -> Float[Tensor, "P"]:
    shares = (weights / weights.sum(1, keepdim=True).clamp(min=1e-6))[:, None]
    a, b = a - (a * shares).sum(2, keepdim=True), b - (b * shares).sum(2, keepdim=True)
    both, a_square, b_square = ((each * shares).sum((1, 2)) for each in (a * b, a * a, b * b))
    return both / (a_square * b_square).sqrt().clamp(min=1e-9)


def _channel_weights(maps: Maps) -> Float[Tensor, "P C"]:
    """So that rare things, such as poles, are heard beside roads: one over the standard deviation."""
    return 1 / (maps.channels.flatten(2).std(2) + 0.05)


def _pooled(maps: Maps, factor: int) -> Maps:
    if factor == 1:
        return maps
    known = F.avg_pool2d(maps.known[:, None], factor)
    return Maps(
        F.avg_pool2d(maps.channels * maps.known[:, None], factor) / known.clamp(min=1e-6), known[:, 0]
    )


def _blurred(maps: Maps, sigma: float) -> Maps:
    """Maps under a Gaussian, of which unknown cells are no part."""
    reach = math.ceil(2.5 * sigma)
    offsets = torch.arange(-reach, reach + 1).to(maps.known)
    kernel = torch.exp(-offsets.square() / (2 * sigma**2))
    stacked = torch.cat([maps.known[:, None], maps.channels * maps.known[:, None]], dim=1)
    pairs, channels, *size = stacked.shape
    images = stacked.reshape(pairs * channels, 1, *size)
    images = F.conv2d(images, kernel.reshape(1, 1, -1, 1), padding=(reach, 0))
    images = F.conv2d(images, kernel.reshape(1, 1, 1, -1), padding=(0, reach)).reshape(pairs, channels, *size)
    return Maps(images[:, 1:] / images[:, :1].clamp(min=1e-6), maps.known)


def _turned(maps: Maps, yaw: Float[Tensor, ""]) -> Maps:
    """The maps in a frame that is turned against theirs around the centre."""
    places = _rotate(_centred_places(maps.known), yaw).expand(len(maps.known), -1, -1)
    stacked = torch.cat([maps.known[:, None], maps.channels * maps.known[:, None]], dim=1)
    sampled = _sampled(stacked, places).reshape(stacked.shape)
    return Maps(sampled[:, 1:], sampled[:, 0])


def _centred_places(known: Float[Tensor, "P X Y"]) -> Float[Tensor, "K 2"]:
    """Every cell's place from the centre of the map, in cells."""
    axes = [(torch.arange(n).to(known) - (n - 1) / 2) for n in known.shape[1:]]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).reshape(-1, 2)


def _rotate(places: Float[Tensor, "*P 2"], yaw: Float[Tensor, "*Q"]) -> Float[Tensor, "*R 2"]:
    x, y = places.unbind(-1)
    cos, sin = yaw.cos(), yaw.sin()
    return torch.stack([cos * x - sin * y, sin * x + cos * y], dim=-1)


def _sampled(images: Float[Tensor, "P C X Y"], places: Float[Tensor, "P K 2"]) -> Float[Tensor, "P C K"]:
    """Bilinear values at places from the centre in cells; 0 beyond the edges."""
    halves = torch.tensor([n / 2 for n in images.shape[2:]]).to(places)
    # grid_sample names the last axis first.
    grid = (places / halves).flip(-1)[:, :, None]
    return F.grid_sample(images, grid, align_corners=False)[..., 0]
