"""Presets of the diffusion transformer.

`carlasc` is DynamicCity's recipe, for 8 GPUs with 16 windows each: `torchrun --nproc-per-node 8 train.py dit
--preset carlasc ...`. `tiny` learns the latents of small towns on a processor.
"""

from collections.abc import Mapping
from dataclasses import replace

from generation.dit import DIT_DC_1, DIT_DC_2, DitConfig
from training.dit import DitTraining
from training.network_fit import NetworkFitConfig

_CARLASC = DitTraining()

PRESETS: Mapping[str, DitTraining] = {
    "carlasc": _CARLASC,
    "carlasc-large": replace(_CARLASC, model=DIT_DC_1),
    # With all conditions, latents at unit scale, and commands that mean something.
    "carlasc-conditional": replace(
        _CARLASC,
        model=replace(
            DIT_DC_2, hexplane=True, layout=True, trajectory=True, command=True, cross_attention=True
        ),
        normalize=True,
        legacy_driving=False,
    ),
    "occ3d": replace(_CARLASC, normalize=True, legacy_driving=False),
    "tiny": DitTraining(
        model=DitConfig(depth=6, width=256, heads=4, patch=4, command=True, predicts="velocity"),
        normalize=True,
        legacy_driving=False,
        balance_planes=True,
        evaluation_epochs=3.0,
        fit=NetworkFitConfig(
            iterations=4000,
            batch_size=16,
            learning_rate=1e-3,
            warmup_steps=100,
            clip_gradient=1.0,
            rate_schedule="cosine",
            precision="bfloat16",
            ema_decay=0.999,
            ema_warmup=True,
        ),
    ),
}
