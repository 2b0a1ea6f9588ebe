"""Laws of the spherical harmonics: their definition, orthonormality, colours that survive the round trip."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core import sh
from tests import oracles

DEGREES = pytest.mark.parametrize("degree", [0, 1, 2, 3])


def directions(count: int) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.randn(count, 3, dtype=torch.float64), dim=-1)


@DEGREES
def test_basis_is_the_definition_in_angles(degree: int) -> None:
    at = directions(50)
    expected = np.stack([oracles.spherical_harmonics(direction, degree) for direction in at.numpy()])
    np.testing.assert_allclose(sh.basis(at, degree).numpy(), expected, atol=1e-13)


def test_basis_is_orthonormal_on_the_sphere() -> None:
    # Gauss-Legendre in z and equal steps around it integrate polynomials of degree 6 exactly.
    z, weights = np.polynomial.legendre.leggauss(4)
    angles = 2 * math.pi * np.arange(8) / 8
    radius = np.sqrt(1 - z**2)[:, None]
    points = np.stack([radius * np.cos(angles), radius * np.sin(angles), np.tile(z[:, None], 8)], axis=-1)
    values = sh.basis(torch.from_numpy(points), 3).numpy()
    products = np.einsum("z,zak,zal->kl", weights * 2 * math.pi / 8, values, values)
    np.testing.assert_allclose(products, np.eye(16), atol=1e-13)


@DEGREES
def test_evaluate_reads_only_the_asked_degree(degree: int) -> None:
    at, coefficients = directions(20), torch.randn(20, 16, 3, dtype=torch.float64)
    low = coefficients.clone()
    low[:, (degree + 1) ** 2 :] = float("nan")
    expected = (sh.basis(at, degree)[:, :, None] * coefficients[:, : (degree + 1) ** 2]).sum(1)
    torch.testing.assert_close(sh.evaluate(low, at, degree), expected)


def test_evaluate_is_differentiable_to_coefficients_and_directions() -> None:
    at, coefficients = (
        directions(4).requires_grad_(),
        torch.randn(4, 16, 3, dtype=torch.float64, requires_grad=True),
    )
    assert torch.autograd.gradcheck(lambda c, d: sh.evaluate(c, d, 3), (coefficients, at))


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3))
def test_colours_survive_the_round_trip(rgb: list[float]) -> None:
    colour = torch.tensor(rgb, dtype=torch.float64)
    dc = sh.rgb_to_dc(colour)
    seen = sh.evaluate(dc[None, None], directions(1), 0)[0] + 0.5
    torch.testing.assert_close(seen, colour)


@pytest.mark.parametrize("degree", [-1, 4])
def test_other_degrees_are_refused(degree: int) -> None:
    with pytest.raises(ValueError, match=f"got degree {degree}"):
        sh.basis(directions(1), degree)


def test_too_few_coefficients_are_refused() -> None:
    with pytest.raises(ValueError, match="degree 2 needs 9 coefficients a Gaussian, sh holds 4"):
        sh.evaluate(torch.zeros(1, 4, 3), torch.ones(1, 3), 2)
