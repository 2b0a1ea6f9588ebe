"""How far the float32 kernels may be from the reference in double precision."""

import torch
from torch import Tensor


def relative_error(found: Tensor, expected: Tensor) -> float:
    """The Euclidean distance over the length of what was expected."""
    found, expected = found.double(), expected.double()
    return ((found - expected).norm() / expected.norm().clamp(min=1e-12)).item()


def assert_same_images(found: Tensor, expected: Tensor, *, flips: float = 1e-3) -> None:
    """Equal but for rounding, and for the few pixels where rounding decides on a cut-off.

    A Gaussian that is skipped at alpha = 1/255 changes a pixel by that much of its colour, one at the end of
    the light by 1e-4. `flips` is the fraction of values that may differ so.
    """
    assert found.shape == expected.shape
    if not found.numel():
        return
    assert bool(found.isfinite().all())
    difference = (found.double() - expected.double()).abs()
    scale = max(1.0, expected.abs().max().item())
    assert difference.max() < 0.02 * scale, f"largest difference {difference.max():.1e}"
    different = (difference > 1e-4 * scale).double().mean().item()
    assert different <= flips, f"{different:.1%} of the values differ"


def assert_same_gradients(found: dict[str, Tensor], expected: dict[str, Tensor], tolerance: float) -> None:
    """Each gradient within a relative distance."""
    assert found.keys() == expected.keys()
    errors = {name: relative_error(found[name], expected[name]) for name in expected}
    assert all(bool(torch.isfinite(gradient).all()) for gradient in found.values())
    assert max(errors.values()) < tolerance, {name: f"{error:.1e}" for name, error in errors.items()}
