"""Presets of the static method.

`default` is what we recommend. The others reproduce published recipes, which were tuned for 30,000 iterations
on a GPU.
"""

from collections.abc import Mapping
from dataclasses import replace

from core.schedules import ScheduleConfig
from scene.densification import DefaultConfig, DensificationConfig
from training.loop import LoopConfig
from training.static import ModelConfig, OptimizerConfig, RenderConfig, StaticConfig

_INRIA = StaticConfig(
    optimizer=OptimizerConfig(optimizer="dense", opacity_lr=0.025),
    render=RenderConfig(coarse_to_fine=0),
    densification=DensificationConfig(
        default=DefaultConfig(densify_grad_threshold=2e-4, short_run_power=0.0)
    ),
)

PRESETS: Mapping[str, StaticConfig] = {
    "default": StaticConfig(),
    # Inria's code since October 2024.
    "inria": _INRIA,
    # Inria's code as published with the paper.
    "inria-classic": replace(_INRIA, optimizer=replace(_INRIA.optimizer, opacity_lr=0.05)),
    # Kheradmand et al. 2024.
    "mcmc": StaticConfig(
        model=ModelConfig(init_opacity=0.5, init_scale=0.1),
        optimizer=OptimizerConfig(optimizer="dense", opacity_lr=0.05),
        densification=DensificationConfig(strategy="mcmc"),
    ),
    # Ye et al. 2024.
    "absgs": StaticConfig(
        densification=DensificationConfig(default=DefaultConfig(absgrad=True, densify_grad_threshold=8e-4)),
    ),
    # Seconds on any CPU; for tests.
    "static-tiny": StaticConfig(
        schedule=ScheduleConfig(iterations=60),
        model=ModelConfig(sh_degree=1),
        densification=DensificationConfig(
            max_gaussians=200, default=DefaultConfig(densification_min_steps=5)
        ),
        loop=LoopConfig(log_interval=10),
    ),
}
