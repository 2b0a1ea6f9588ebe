"""The diffusion transformer over padded rollouts: its configuration, conditions, network and checkpoints."""

from generation.dit.conditions import COMMANDS, Conditions, kept_at_random
from generation.dit.config import DIT_DC_1, DIT_DC_2, SIZES, DitConfig
from generation.dit.model import Dit

__all__ = ["COMMANDS", "DIT_DC_1", "DIT_DC_2", "SIZES", "Conditions", "Dit", "DitConfig", "kept_at_random"]
