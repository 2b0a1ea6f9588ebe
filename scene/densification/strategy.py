"""What a training step expects of a strategy, and which one a configuration asks for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor

from core.optimizers import RowAdam
from core.schedules import Schedule
from scene.densification.default import DefaultConfig, DefaultDensification
from scene.densification.mcmc import MCMCConfig, MCMCDensification


@dataclass(frozen=True)
class DensificationConfig:
    """How the number of Gaussians changes."""

    strategy: Literal["default", "mcmc", "none"] = "default"
    """Clone, split and prune; or relocation up to a cap; or a fixed number."""
    max_gaussians: int | None = None
    """Never have more than this many Gaussians."""
    default: DefaultConfig = DefaultConfig()
    """Settings of the `default` strategy."""
    mcmc: MCMCConfig = MCMCConfig()
    """Settings of the `mcmc` strategy."""

    def __post_init__(self) -> None:
        if self.max_gaussians is not None and self.max_gaussians < 1:
            raise ValueError(f"max_gaussians: at least 1 was expected, got {self.max_gaussians}")


@runtime_checkable
class Densification(Protocol):
    """A strategy; `DefaultDensification` documents the arguments."""

    def wants_gradients(self, schedule: Schedule, step: int) -> bool:
        """Whether `observe` must be called with this step's screen-space gradients."""
        ...

    def regularization(self, parameters: Mapping[str, Tensor]) -> Tensor | None:
        """A term to be added to the loss."""
        ...

    def observe(
        self, gradients: Float[Tensor, "N 2"], radii: Int[Tensor, "N 2"], width: int, height: int
    ) -> None:
        """Take in one view, after its backward pass."""
        ...

    def refine(self, optimizer: RowAdam, schedule: Schedule, step: int, means_lr: float) -> None:
        """Change the Gaussians if the schedule says so, after the update."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """What must survive a pause."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        ...


class FixedNumber:
    """The strategy that changes nothing."""

    def wants_gradients(self, schedule: Schedule, step: int) -> bool:
        """Never."""
        return False

    def regularization(self, parameters: Mapping[str, Tensor]) -> Tensor | None:
        """None."""
        return None

    def observe(
        self, gradients: Float[Tensor, "N 2"], radii: Int[Tensor, "N 2"], width: int, height: int
    ) -> None:
        """Nothing."""

    def refine(self, optimizer: RowAdam, schedule: Schedule, step: int, means_lr: float) -> None:
        """Nothing."""

    def state_dict(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Nothing."""


def make_densification(
    config: DensificationConfig, *, extent: float, seed: int, white_background: bool = False
) -> Densification:
    """The strategy that a configuration asks for.

    Args:
        config: which one, and its settings.
        extent: radius of the cameras' volume, world units.
        seed: of its draws.
        white_background: whether the run has one.
    """
    if config.strategy == "mcmc":
        return MCMCDensification(config.mcmc, max_gaussians=config.max_gaussians, seed=seed)
    if config.strategy == "default":
        return DefaultDensification(
            config.default,
            extent=extent,
            max_gaussians=config.max_gaussians,
            seed=seed,
            white_background=white_background,
        )
    return FixedNumber()
