"""Presets of the autoencoder of occupancy.

`carlasc` is DynamicCity's recipe, for 8 GPUs: `torchrun --nproc-per-node 8 train.py vae --preset carlasc ...`.
`tiny` learns small towns in minutes on a processor.
"""

from collections.abc import Mapping
from dataclasses import replace

from generation.vae.config import HexplaneVaeConfig
from training.hexplane_vae import VaeTraining, WindowConfig
from training.network_fit import NetworkFitConfig

_CARLASC = VaeTraining()

_OCC3D = replace(
    _CARLASC,
    # One halving more in the plane: 200 x 200 x 16 voxels become 50 x 50 x 8 cells.
    model=HexplaneVaeConfig(num_classes=18, spatial_size=(200, 200, 16), down=(2, 2, 1)),
    class_weights="counted",
)

PRESETS: Mapping[str, VaeTraining] = {
    "carlasc": _CARLASC,
    "occ3d-nuscenes": _OCC3D,
    "occ3d-waymo": replace(_OCC3D, model=replace(_OCC3D.model, num_classes=16)),
    "tiny": VaeTraining(
        model=HexplaneVaeConfig(
            frames=8,
            spatial_size=(64, 64, 8),
            query_channels=32,
            hidden_low=64,
            hidden_high=32,
            transformer_depth=1,
            dropout=0.0,
        ),
        windows=WindowConfig(test_windows=48),
        class_weights="counted",
        fit=NetworkFitConfig(
            epochs=1.0,
            batch_size=2,
            learning_rate=3e-3,
            warmup_steps=50,
            rate_schedule="cosine",
            clip_gradient=1.0,
        ),
    ),
}
