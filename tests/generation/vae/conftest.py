"""The autoencoder of the reference numbers, and what it makes of their voxels, once for all tests."""

from dataclasses import dataclass

import pytest
import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from generation.vae.model import HexplaneVae, Posterior
from tests.generation.vae.golden import golden_vae, golden_voxels


@dataclass(frozen=True)
class GoldenPass:
    """One pass; tests do not change it."""

    network: HexplaneVae
    voxels: Int64[Tensor, "B T X Y Z"]
    planes: dict[str, Tensor]
    posterior: Posterior
    scores: Float64[Tensor, "B T K X Y Z"]


@pytest.fixture(scope="session")
def golden_pass() -> GoldenPass:
    network, voxels = golden_vae(), golden_voxels()
    with torch.no_grad():
        planes = network.encoder(voxels)
        posterior = network.encode(voxels)
        return GoldenPass(network, voxels, planes, posterior, network.decode(posterior.mean))
