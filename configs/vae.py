"""Presets of the autoencoder of occupancy.

`carlasc` is DynamicCity's recipe, for 8 GPUs: `torchrun --nproc-per-node 8 train.py vae --preset carlasc`.
`tiny` learns small towns in minutes on a processor.
"""

from collections.abc import Mapping
from dataclasses import replace

from generation.vae.config import HexplaneVaeConfig
from generation.vae.losses import VaeLossConfig
from training.hexplane_vae import VaeTraining, WindowConfig
from training.loop import LoopConfig
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
    # Short windows, one frame encoder, one layer of attention, of which one token is computed. Planes as fine
    # as voxels and frames, for what is thin and what moves; they are added, which learns faster than their
    # product. Rare classes weigh more. For two processes of one thread each, which are faster than two
    # threads: `OMP_NUM_THREADS=1 torchrun --nproc-per-node 2 train.py vae --preset tiny`.
    "tiny": VaeTraining(
        model=HexplaneVaeConfig(
            frames=4,
            spatial_size=(48, 48, 8),
            query_channels=32,
            down=(0, 0, 1),
            hex_down_t=0,
            hidden_low=32,
            transformer_depth=1,
            separate_t_encoder=False,
            one_hot_time=False,
            dropout=0.0,
            hadamard=False,
        ),
        windows=WindowConfig(skip=1, test_windows=64),
        class_weights="counted",
        class_weight_power=0.5,
        fit=NetworkFitConfig(
            iterations=1100,
            batch_size=2,
            learning_rate=7e-3,
            warmup_steps=50,
            rate_schedule="cosine",
            clip_gradient=1.0,
        ),
        loss=VaeLossConfig(kl_warmup_steps=600),
        loop=LoopConfig(test_iterations=(500, 1000), save_iterations=(), log_interval=50),
    ),
}
