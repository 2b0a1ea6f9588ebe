"""Training the diffusion transformer: latents in, the noise in them out.

Source: Bian et al., "DynamicCity", 2025, section 4.3; W. Peebles and S. Xie, "Scalable diffusion models with
transformers", 2023.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from core.distributed import Team
from core.randomness import generator
from core.schedules import Schedule
from generation.diffusion import SamplingConfig, diffusion_losses, linear_schedule
from generation.dit import Conditions, Dit, DitConfig
from generation.latents import LatentSplit
from generation.normalization import Normalization
from generation.driving_conditions import ConditionRules, condition_of, stacked
from generation.rollout import cell_mask
from generation.scene_sampler import SceneSampler
from scene.occupancy.pictures import bird_eye
from training.loop import LoopConfig
from training.network_fit import NetworkFit, NetworkFitConfig
from training.sample_batches import Part, SampleLoader
from training.task import Evaluation, Stepper, StepReport
