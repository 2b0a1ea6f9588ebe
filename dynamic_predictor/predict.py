"""The one question that is asked of a video, whoever answers it."""

from collections.abc import Sequence

from jaxtyping import UInt8
from torch import Tensor

from dynamic_predictor.config import PredictorConfig
from dynamic_predictor.user_poses import read_user_poses
from dynamic_predictor.working_video import prepare_video
from scene.prediction import Prediction


def predict(
    frames: Sequence[UInt8[Tensor, "H W 3"]], frame_names: Sequence[str], config: PredictorConfig
) -> Prediction:
    """Cameras, moving things and depth of a video.

    Args:
        frames: of one size, in the order of time; at least one.
        frame_names: their file names.
        config: who answers, and what is known already.

    Raises:
        UserError: weights, masks or poses are missing or do not fit.
    """
    known_cameras, known = None, None
    if config.user_poses is not None:
        known_cameras, known = read_user_poses(config.user_poses, frames[0], frame_names, config.focal_px)
    if config.predictor != "classical":
        # The network is large, and those who do without it do not load its code.
        from dynamic_predictor.neural import predict_with_network  # noqa: PLC0415

        return predict_with_network(frames, frame_names, config, known_cameras=known_cameras, known=known)
    from dynamic_predictor.classical.predict import predict_classically  # noqa: PLC0415

    return predict_classically(prepare_video(frames, frame_names, config, known_cameras, known), config)
