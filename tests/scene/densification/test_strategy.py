"""The configuration chooses the strategy."""

import pytest
import torch

from core.schedules import Schedule
from scene.densification import (
    DefaultDensification,
    DensificationConfig,
    MCMCDensification,
    make_densification,
)
from tests.scene.densification.tables import make_optimizer


def test_names_choose() -> None:
    default = make_densification(DensificationConfig(max_gaussians=7), extent=2.0, seed=1)
    assert isinstance(default, DefaultDensification)
    assert default.max_gaussians == 7
    mcmc = make_densification(DensificationConfig(strategy="mcmc", max_gaussians=7), extent=2.0, seed=1)
    assert isinstance(mcmc, MCMCDensification)
    assert mcmc.cap == 7
    assert isinstance(
        make_densification(DensificationConfig(strategy="mcmc"), extent=1.0, seed=0), MCMCDensification
    )


def test_a_fixed_number_stays() -> None:
    fixed = make_densification(DensificationConfig(strategy="none"), extent=1.0, seed=0)
    optimizer = make_optimizer(3, opacity=0.001)
    before = {name: table.detach().clone() for name, table in optimizer.parameters.items()}
    schedule = Schedule(30_000, scaled=False)
    assert not fixed.wants_gradients(schedule, 600)
    fixed.refine(optimizer, schedule, 600, means_lr=1.0)
    assert all(torch.equal(before[name], table) for name, table in optimizer.parameters.items())


def test_a_cap_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        DensificationConfig(max_gaussians=0)
