"""How the number of Gaussians changes during training.

A strategy is thresholds (a frozen dataclass), explicit state, and hooks that the training step calls in this
order: `regularization`, `observe` (after backward), `refine` (after the update). Every `*_iter` and
`*_interval` is in steps of the 30,000-step recipe; `core.schedules.Schedule` maps the run's steps to them.
"""

from scene.densification.default import DefaultConfig, DefaultDensification
from scene.densification.mcmc import MCMCConfig, MCMCDensification
from scene.densification.strategy import Densification, DensificationConfig, make_densification

__all__ = [
    "DefaultConfig",
    "DefaultDensification",
    "Densification",
    "DensificationConfig",
    "MCMCConfig",
    "MCMCDensification",
    "make_densification",
]
