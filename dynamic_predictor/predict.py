"""The one question that is asked of a video, whoever answers it."""

from collections.abc import Sequence

from jaxtyping import UInt8
from torch import Tensor

from dynamic_predictor.config import PredictorConfig
from dynamic_predictor.working_video import prepare_video
from scene.cameras import Cameras
from scene.prediction import Prediction


def predict(
    frames: Sequence[UInt8[Tensor, "H W 3"]],
    frame_names: Sequence[str],
    config: PredictorConfig,
    known_cameras: Cameras | None = None,
) -> Prediction:
    """Cameras, moving things and depth of a video.

    Args:
        frames: of one size, in the order of time; at least one.
        frame_names: their file names.
        config: who answers, and what is known already.
        known_cameras: what `read_user_poses` says of `config.user_poses`: one a frame, of the frames' size.

    Raises:
        UserError: weights or masks are missing or do not fit.
        ValueError: the configuration names poses and no cameras are given.
    """
    if config.predictor != "classical":
        # The network is large, and those who do without it do not load its code.
        from dynamic_predictor.neural import predict_with_network  # noqa: PLC0415

        return predict_with_network(frames, frame_names, config, known_cameras=known_cameras)
    from dynamic_predictor.classical.predict import predict_classically  # noqa: PLC0415

    return predict_classically(prepare_video(frames, frame_names, config, known_cameras), config)
