"""Presets of the predictor's training.

`das3r` is the published recipe. `tiny` trains a small network, which begins with nothing, on procedural
videos in minutes on a processor.
"""

from collections.abc import Mapping
from dataclasses import replace

from scene.motion_pairs import PairRule
from scene.pair_augmentation import Augmentation
from training.loop import LoopConfig
from training.predictor import PredictorTraining, TrainingLengthConfig
from training.predictor_batches import PairDataConfig
from training.predictor_losses import PredictorLossConfig

# Xu et al. 2024: MonST3R's trunk frozen, 50 epochs of 10,000 pairs of PointOdyssey.
_DAS3R = PredictorTraining()

PRESETS: Mapping[str, PredictorTraining] = {
    "das3r": _DAS3R,
    # The same with every pixel counting alike.
    "das3r-unweighted": replace(_DAS3R, loss=PredictorLossConfig(confidence_weighting=False)),
    "tiny": PredictorTraining(
        network="tiny",
        trained="all",
        amp=False,
        length=TrainingLengthConfig(
            epochs=10.0,
            pairs_per_epoch=112,
            batch_size=4,
            learning_rate=1e-3,
            min_learning_rate=1e-5,
            warmup_epochs=0.5,
            clip_gradient=1.0,
        ),
        data=PairDataConfig(
            resolutions=((192, 96),),
            test_resolution=(192, 96),
            test_pairs=48,
            pairs=PairRule(largest_stride=4, clip_step=1),
            augmentation=Augmentation(
                resize_margin_px=8, brightness=0.3, contrast=0.3, saturation=0.3, hue=0.05
            ),
            loaders=1,
        ),
        loss=PredictorLossConfig(pointmap_weight=0.5, confidence_weighting=False, moving_weight=3.0),
        loop=LoopConfig(test_iterations=(), save_iterations=(), log_interval=20),
    ),
}
