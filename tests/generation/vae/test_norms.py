"""Gradients of instance normalisation against its formula, for every order that gradients come in."""

import itertools

import pytest
import torch
from torch import Tensor

from generation.vae.norms import InstanceNorm2d, InstanceNorm3d


def by_formula(features: Tensor) -> Tensor:
    dims = tuple(range(2, features.dim()))
    centred = features - features.mean(dims, keepdim=True)
    return centred / (centred.square().mean(dims, keepdim=True) + 1e-5).sqrt()


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("extra", [(), (5,)], ids=["2d", "3d"])
def test_gradients_are_those_of_the_formula_whatever_their_strides(
    samples: int, extra: tuple[int, ...]
) -> None:
    norm = InstanceNorm3d(2) if extra else InstanceNorm2d(2)
    features = torch.randn(samples, 2, 4, 6, *extra, dtype=torch.float64)
    incoming = torch.randn(features.shape, dtype=torch.float64)
    for order in itertools.permutations(range(features.dim())):
        back = tuple(order.index(dim) for dim in range(features.dim()))
        strided = incoming.permute(order).contiguous().permute(back)
        found, expected = features.clone().requires_grad_(), features.clone().requires_grad_()
        norm(found).backward(strided)
        by_formula(expected).backward(strided)
        torch.testing.assert_close(found.grad, expected.grad, msg=f"gradients in the order {order}")


def test_an_affine_norm_learns_by_right_gradients() -> None:
    norm = InstanceNorm2d(2, affine=True).double()
    features = torch.randn(3, 2, 4, 6, dtype=torch.float64)
    incoming = torch.randn(4, 6, 3, 2, dtype=torch.float64).permute(2, 3, 0, 1)
    norm(features).backward(incoming)
    torch.testing.assert_close(norm.weight.grad, (incoming * by_formula(features)).sum((0, 2, 3)))
    torch.testing.assert_close(norm.bias.grad, incoming.sum((0, 2, 3)))


def test_values_are_torchs() -> None:
    features = torch.randn(2, 3, 4, 5, 2)
    assert torch.equal(InstanceNorm3d(3)(features), torch.nn.InstanceNorm3d(3)(features))
